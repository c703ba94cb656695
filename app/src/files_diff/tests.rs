use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};

use netjson::{ContentsDiff, FileChange, FilesDiff};

use super::{Malformed, without_key};
use crate::key_mask::KeyMask;

/// Bytes and lines of the largest file that is compared line by line.
const MAX_TEXT: usize = 1 << 20;
const MAX_LINES: usize = 10_000;

fn between(before: Option<&[u8]>, after: Option<&[u8]>) -> Result<FilesDiff, Malformed> {
    without_key(before, after, &KeyMask::default())
}

#[test]
fn equal_archives_differ_in_nothing() {
    let one = archive(&[("etc/a", 0o644, b"x\n")]);
    let diff = between(Some(&one), Some(&one)).unwrap();
    assert_eq!(diff, FilesDiff::default());
    assert!(between(None, None).unwrap().is_empty());
}

#[test]
fn changed_lines_are_told_in_the_unified_format() {
    let before = archive(&[("etc/a", 0o644, b"1\n2\n3\n"), ("etc/same", 0o644, b"s\n")]);
    let after = archive(&[("etc/a", 0o644, b"1\n3\n4\n5\n"), ("etc/same", 0o644, b"s\n")]);
    let diff = between(Some(&before), Some(&after)).unwrap();
    let [file] = &diff.files[..] else { panic!("{diff:?}") };
    assert_eq!((file.path.as_str(), file.change), ("etc/a", FileChange::Changed));
    assert_eq!(file.lines(), (2, 1));
    let ContentsDiff::Text { unified, cut: false, .. } = &file.contents else { panic!("{file:?}") };
    assert_eq!(unified, "--- a/etc/a\n+++ b/etc/a\n@@ -1,3 +1,4 @@\n 1\n-2\n 3\n+4\n+5\n");
}

#[test]
fn files_come_and_go_and_change_their_mode() {
    let before = archive(&[("gone", 0o644, b"g\n"), ("mode", 0o644, b"m\n")]);
    let after = archive(&[("came", 0o644, b"c\n"), ("mode", 0o755, b"m\n")]);
    let diff = between(Some(&before), Some(&after)).unwrap();
    let told: Vec<_> =
        diff.files.iter().map(|file| (file.path.as_str(), file.change, file.lines())).collect();
    assert_eq!(
        told,
        [
            ("came", FileChange::Added, (1, 0)),
            ("gone", FileChange::Removed, (0, 1)),
            ("mode", FileChange::Changed, (0, 0)),
        ]
    );
    assert_eq!(diff.files[0].modes, (None, Some(0o644)));
    assert_eq!(diff.files[2].contents, ContentsDiff::Same);
    assert_eq!(diff.files[2].modes, (Some(0o644), Some(0o755)));

    let all = between(None, Some(&after)).unwrap();
    assert!(all.files.iter().all(|file| file.change == FileChange::Added));
}

#[test]
fn what_is_not_text_or_too_long_is_told_by_size_and_hash() {
    let long = "x\n".repeat(MAX_LINES + 1);
    let large = vec![b'x'; MAX_TEXT + 1];
    let before = archive(&[("binary", 0o644, b"\0\x01"), ("large", 0o644, &large)]);
    let after = archive(&[("binary", 0o644, b"\xff\xfe"), ("long", 0o644, long.as_bytes())]);
    let diff = between(Some(&before), Some(&after)).unwrap();
    assert_eq!(diff.files.len(), 3);
    for file in &diff.files {
        let ContentsDiff::Opaque { before, after } = &file.contents else { panic!("{file:?}") };
        let sizes = (before.as_ref().map(|o| o.size), after.as_ref().map(|o| o.size));
        match file.path.as_str() {
            "binary" => assert_eq!(sizes, (Some(2), Some(2))),
            "large" => assert_eq!(sizes, (Some(MAX_TEXT + 1), None)),
            _ => assert_eq!(sizes, (None, Some(2 * MAX_LINES + 2))),
        }
    }
    assert!(!diff.cut);
}

#[test]
fn differences_end_at_ten_thousand_lines_and_say_so() {
    let text =
        |letter: &str| (0..6000).map(|n| format!("{letter}{n}\n")).collect::<Vec<_>>().concat();
    let (one, other) = (text("a"), text("b"));
    let before = archive(&[("1", 0o644, one.as_bytes()), ("2", 0o644, b"x\n")]);
    let after = archive(&[("1", 0o644, other.as_bytes()), ("2", 0o644, b"y\n")]);
    let diff = between(Some(&before), Some(&after)).unwrap();
    assert!(diff.cut);
    let told: usize = diff
        .files
        .iter()
        .map(|file| match &file.contents {
            ContentsDiff::Text { unified, cut: true, .. } => unified.lines().count(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(told, MAX_LINES);
    assert_eq!(diff.files[0].lines(), (6000, 6000), "counts are whole");
}

#[test]
fn what_is_no_archive_is_refused() {
    let whole = archive(&[("etc/a", 0o644, b"x\n")]);
    assert!(between(None, Some(b"no archive")).is_err());
    assert!(between(None, Some(&whole[..whole.len() / 2])).is_err());
}

fn archive(files: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, contents) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(contents.len() as u64);
        header.set_mode(*mode);
        header.set_cksum();
        tar.append_data(&mut header, path, *contents).unwrap();
    }
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&tar.into_inner().unwrap()).unwrap();
    gzip.finish().unwrap()
}
