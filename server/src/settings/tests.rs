use super::*;

fn sources(text: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Sources {
    Sources {
        demo: false,
        file: Some((PathBuf::from("w.toml"), text.to_owned())),
        environment: environment
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        flags: flags.iter().map(|&(name, value)| (name, value.to_owned())).collect(),
    }
}

fn refused(text: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> String {
    sources(text, environment, flags).load().expect_err("refused").to_string()
}

#[test]
fn the_defaults_are_a_file_of_settings() {
    let silent = Sources::default().load().expect("defaults are complete").settings;
    assert_eq!(silent.http.listen.to_string(), "127.0.0.1:8000");
    let printed = sources(&defaults_text(), &[], &[]).load();
    let printed = printed.expect("what --defaults prints can be read").settings;
    assert_eq!(format!("{printed:?}"), format!("{silent:?}"));
}

#[test]
fn the_demo_has_a_folder_of_its_own() {
    let loaded = Sources { demo: true, ..Sources::default() }.load().expect("settings");
    assert_eq!(loaded.settings.data.folder, Path::new("wisptrail-demo"));
}

#[test]
fn each_source_wins_over_the_ones_before_and_is_told() {
    let text =
        "[http]\nlisten = \"127.0.0.1:1\"\nbody_limit = \"1MiB\"\nrequest_timeout = \"1s\"\n";
    let environment =
        [("WISPTRAIL_HTTP__LISTEN", "127.0.0.1:2"), ("WISPTRAIL_HTTP__BODY_LIMIT", "3MiB")];
    let loaded = sources(text, &environment, &[("http.listen", "127.0.0.1:3")]).load();
    let loaded = loaded.expect("settings");
    let http = &loaded.settings.http;
    assert_eq!(http.listen.to_string(), "127.0.0.1:3");
    assert_eq!(http.body_limit, Size(3 << 20));
    assert_eq!(http.request_timeout, Duration(std::time::Duration::from_secs(1)));
    let origin = |name: &str| loaded.origins[name].1.as_str();
    assert_eq!(origin("http.listen"), "flag");
    assert_eq!(origin("http.body_limit"), "environment WISPTRAIL_HTTP__BODY_LIMIT");
    assert_eq!(origin("http.request_timeout"), "w.toml:4");
    assert_eq!(origin("http.header_timeout"), "default");
}

#[test]
fn variables_have_the_types_of_their_settings() {
    let environment = [
        ("WISPTRAIL_HTTP__TRUSTED_PROXIES", "[\"10.0.0.0/8\", \"::1/128\"]"),
        ("WISPTRAIL_CONTROLLER__REGISTRATION_ENABLED", "false"),
        ("WISPTRAIL_CONTROLLER__REGISTRATION_BURST", "7"),
        ("WISPTRAIL_CONTROLLER__CONTEXT", "{ssid=\"Harbour\"}"),
        ("WISPTRAIL_METRICS__TOKEN", "0123456789"),
        ("WISPTRAIL_DATA__FOLDER", "2026"),
    ];
    let settings = sources("", &environment, &[]).load().expect("settings").settings;
    assert_eq!(settings.http.trusted_proxies.len(), 2);
    assert!(!settings.controller.registration_enabled);
    assert_eq!(settings.controller.registration_burst, 7);
    assert_eq!(settings.controller.context["ssid"], "Harbour");
    assert_eq!(settings.metrics.token.expose_secret(), "0123456789");
    assert_eq!(settings.data.folder, Path::new("2026"));
}

#[test]
fn a_wrong_value_is_told_with_its_place() {
    let said = refused("[log]\n\n[http]\nmax_connections = \"many\"\n", &[], &[]);
    assert!(said.starts_with("w.toml:4: setting `http.max_connections`: "), "{said}");
    let said = refused("", &[("WISPTRAIL_HTTP__REQUEST_TIMEOUT", "30")], &[]);
    let place = "environment WISPTRAIL_HTTP__REQUEST_TIMEOUT: setting `http.request_timeout`: ";
    assert!(said.starts_with(place), "{said}");
    assert!(said.contains("30s"), "what would fit? {said}");
    let said = refused("[log]\nformat = \"xml\"\n", &[], &[]);
    assert!(said.starts_with("w.toml:2: setting `log.format`: "), "{said}");
    let said = refused("[log]\nlevel = \"a=b=c\"\n", &[], &[]);
    assert!(said.starts_with("w.toml:2: setting `log.level`: "), "{said}");
    let said = refused("[controller]\nbackends = [\"x\"]\n", &[], &[]);
    assert!(said.starts_with("w.toml:2: setting `controller.backends`: "), "{said}");
    let said = refused("[http\nlisten = 1\n", &[], &[]);
    assert!(said.starts_with("w.toml:1: "), "{said}");
    let said = refused("", &[("WISPTRAIL_LOG__LEVEL", "verbose")], &[]);
    let place = "environment WISPTRAIL_LOG__LEVEL: setting `log.level`: `verbose` is no level";
    assert!(said.starts_with(place), "{said}");
    let said = refused("", &[], &[("database.url", "mysql://x:hidden-word@z/w")]);
    assert!(said.starts_with("flag: setting `database.url`: "), "{said}");
    assert!(said.contains("postgres://") && !said.contains("hidden-word"), "{said}");
}

#[test]
fn what_could_serve_nobody_is_told_with_the_least_that_could() {
    for (section, setting, zero, least) in [
        ("http", "max_connections", "0", "1"),
        ("http", "body_limit", "\"0\"", "4KiB"),
        ("http", "request_timeout", "\"0s\"", "100ms"),
        ("http", "header_timeout", "\"0ms\"", "100ms"),
        ("graphql", "max_depth", "0", "1"),
        ("graphql", "max_complexity", "0", "1"),
        ("graphql", "slow_client", "\"0s\"", "100ms"),
        ("graphql", "keep_alive", "\"0s\"", "100ms"),
        ("events", "slow_client", "\"0s\"", "100ms"),
        ("events", "heartbeat", "\"0s\"", "100ms"),
        ("controller", "registrations_per_minute", "0", "1"),
        ("controller", "registration_burst", "0", "1"),
        ("controller", "operations_per_account", "0", "1"),
    ] {
        let said = refused(&format!("[{section}]\n{setting} = {zero}\n"), &[], &[]);
        let expected =
            format!("w.toml:2: setting `{section}.{setting}`: at least {least} is needed");
        assert_eq!(said, expected);
        let enough = if zero.starts_with('"') { format!("\"{least}\"") } else { least.to_owned() };
        let enough = sources(&format!("[{section}]\n{setting} = {enough}\n"), &[], &[]).load();
        enough.expect("that is enough");
    }
}

#[test]
fn a_secret_is_not_in_an_empty_file() {
    let place = tempfile::tempdir().expect("a folder");
    let path = place.path().join("secret");
    let read = || secret_or_file("metrics.token", &SecretString::default(), Some(&path));
    std::fs::write(&path, " \n").expect("a file");
    let said = read().expect_err("it is empty").to_string();
    assert!(said.contains(&path.display().to_string()), "{said}");
    std::fs::write(&path, "0123456789\n").expect("a file");
    let secret = read().expect("a secret").expect("a secret");
    assert_eq!(secret.expose_secret(), "0123456789");
}

#[test]
fn secrets_are_in_no_text() {
    let text = "[database]\nurl = \"postgres://user:hidden-word@host/name\"\n";
    let loaded = sources(text, &[("WISPTRAIL_METRICS__TOKEN", "hidden-word-2")], &[]).load();
    let loaded = loaded.expect("settings");
    assert!(effective_text(&loaded).contains("database.url"), "it is told that there is one");
    assert!(!effective_text(&loaded).contains("hidden-word"));
    assert!(!format!("{loaded:?}").contains("hidden-word"));
    let said = refused("[database]\nurl = [\"hidden-word\"]\n", &[], &[]);
    assert!(said.starts_with("w.toml:2: setting `database.url`: "), "{said}");
    assert!(!said.contains("hidden-word"), "{said}");
}
