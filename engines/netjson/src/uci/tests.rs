use super::{Document, Reason, Section, Setting};

/// The only section of a package with `lines`.
fn section(lines: &str) -> Section {
    let mut document = Document::read_package("p", &format!("config t\n{lines}")).unwrap();
    document.packages.remove(0).sections.remove(0)
}

fn option(line: &str) -> Option<String> {
    match section(&format!("option o {line}")).get("o")?.setting.clone() {
        Setting::Option(value) => Some(value),
        Setting::List(_) => None,
    }
}

/// Line and reason of what is refused first.
fn refused(text: &str) -> (usize, Reason) {
    let error = Document::read(text).unwrap_err();
    (error.line, error.reason)
}

#[test]
fn quotes_join_escape_and_span_lines() {
    for (line, value) in [
        ("plain", "plain"),
        ("'single \\ \"quoted\" # ;'", "single \\ \"quoted\" # ;"),
        ("\"double \\\" \\\\ 'quoted'\"", "double \" \\ 'quoted'"),
        ("'it'\\''s'", "it's"),
        ("a\"b\"'c'd", "abcd"),
        ("back\\ slash", "back slash"),
        ("cut#comment", "cut"),
        ("'two\nlines'", "two\nlines"),
        ("\"two\\\nlines\"", "twolines"),
        ("two\\\nlines", "twolines"),
        ("é'ü'", "éü"),
        ("cr\\\r\nlf\r\n", "crlf"),
        ("'  '", "  "),
    ] {
        assert_eq!(option(line).as_deref(), Some(value), "{line}");
    }
}

#[test]
fn empty_values_unset() {
    assert_eq!(option("''"), None);
    assert_eq!(option("# nothing"), None);
    assert_eq!(option("a\noption o ''"), None);
    let list = section("list l ''\nlist l 'a'");
    assert_eq!(list.get("l").unwrap().setting, Setting::List(vec![String::new(), "a".into()]));
}

#[test]
fn a_name_said_again_replaces_or_becomes_a_list() {
    let section = section("option a 1\noption b 1\nlist a 2\noption b 2\nlist c 1\noption c 2");
    let said: Vec<_> = section.options().map(|(name, entry)| (name, entry.line)).collect();
    assert_eq!(said, [("a", 4), ("b", 5), ("c", 7)]);
    assert_eq!(section.get("a").unwrap().setting, Setting::List(vec!["1".into(), "2".into()]));
    assert_eq!(section.get("b").unwrap().setting, Setting::Option("2".into()));
    assert_eq!(section.get("c").unwrap().setting, Setting::Option("2".into()));
}

#[test]
fn commands_have_short_names_and_share_lines() {
    let document = Document::read("p x\nc t 'n'; o a '1'; l b \"2\" # end\n\n  \t\no c 3;o d 4\n");
    let document = document.unwrap();
    let section = document.package("x").unwrap().section("n").unwrap();
    let names: Vec<_> = section.options().map(|(name, _)| name).collect();
    // A bare value hides what follows it.
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn sections_of_one_name_continue() {
    let text = "package x\nconfig t a\noption k 1\nconfig t\nconfig t a\noption l 2\nconfig t\n";
    let document = Document::read(text).unwrap();
    let lines: Vec<_> = document.packages[0].sections.iter().map(|section| section.line).collect();
    assert_eq!(lines, [2, 4, 7]);
    assert_eq!(document.packages[0].section("a").unwrap().options().len(), 2);
}

#[test]
fn errors_name_the_line() {
    for (text, expected) in [
        ("package x\nfoo", (2, Reason::UnknownCommand)),
        ("package x\nconfig\n", (2, Reason::UnknownCommand)),
        ("package x\nconfig \n", (2, Reason::Incomplete)),
        ("package\t", (1, Reason::Incomplete)),
        ("package a.b", (1, Reason::Name)),
        ("package x\nconfig t a-b", (2, Reason::Name)),
        ("package x\nconfig 't u'", (2, Reason::Type)),
        ("package x\nconfig t a b", (2, Reason::TooManyArguments)),
        ("package x\nconfig t\noption a 'b' c", (3, Reason::TooManyArguments)),
        ("package x\nconfig t\noption a-b c", (3, Reason::Name)),
        ("package x\nconfig t\n\noption a 'b\n\n", (4, Reason::OpenQuote)),
        ("config t", (1, Reason::NoPackage)),
        ("package x\noption a b", (2, Reason::NoSection)),
        ("package x\nconfig t a\nconfig u a", (3, Reason::TypeChanged)),
        ("package x\n\npackage x", (3, Reason::RepeatedPackage)),
        ("package x\nconfig t\noption a 'b\0'", (3, Reason::Zero)),
    ] {
        assert_eq!(refused(text), expected, "{text:?}");
    }
}

#[test]
fn reading_on_keeps_the_rest() {
    let (document, errors) =
        Document::read_leniently("package x\nconfig t a\nfoo\noption a b c\noption d e\n");
    assert_eq!(errors.iter().map(|error| error.line).collect::<Vec<_>>(), [3, 4]);
    let names: Vec<_> = document.packages[0].sections[0].options().map(|(name, _)| name).collect();
    assert_eq!(names, ["a", "d"]);
}

#[test]
fn reading_on_takes_what_only_strict_readers_refuse() {
    let text = "config t a\noption k 'v' more option evil 1\nconfig u a\noption l 2\n\
                config t 'b c'\noption m 3\n";
    let (document, errors) = Document::read_package_leniently("p", text);
    let reasons: Vec<_> = errors.iter().map(|error| error.reason).collect();
    assert_eq!(reasons, [Reason::TooManyArguments, Reason::TypeChanged, Reason::Name]);
    let [section] = &document.packages[0].sections[..] else { panic!("{document:?}") };
    assert_eq!(section.kind, "u");
    // A section that is left out leaves its options to the one before.
    let names: Vec<_> = section.options().map(|(name, _)| name).collect();
    assert_eq!(names, ["k", "evil", "l", "m"]);
}

#[test]
fn a_file_is_one_package() {
    let document = Document::read_package("network", "package other\n\nconfig a\n").unwrap();
    assert_eq!(document.packages.len(), 1);
    assert_eq!(document.packages[0].name, "network");
    assert!(Document::read("").unwrap().packages.is_empty());
}
