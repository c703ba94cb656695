//! Configurations on the command line, without a server.

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Database, Finished, Home, program};

/// Runs `wisptrail config` beside files that it is given.
async fn config<C: AsRef<[u8]>>(
    files: &[(&str, C)],
    arguments: &[&str],
) -> anyhow::Result<Finished> {
    let home = Home::new(&Database::Sqlite).await?;
    std::fs::create_dir_all(home.data())?;
    for (name, contents) in files {
        std::fs::write(home.data().join(name), contents)?;
    }
    let place = |name: &&str| home.data().join(name).to_str().map(str::to_owned);
    let mut all = vec!["config".to_owned()];
    for argument in arguments {
        let is_file =
            files.iter().any(|(name, _)| name == argument) || argument.starts_with("out.");
        all.push(if is_file { place(argument).context("a path")? } else { (*argument).to_owned() });
    }
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let mut finished = program(&home, &all).await?;
    let folder = format!("{}/", home.data().display());
    finished.stderr = finished.stderr.replace(&folder, "");
    if let Ok(archive) = std::fs::read(home.data().join("out.tar.gz")) {
        finished.stdout = format!("{:?}", &archive[..10]);
    }
    Ok(finished)
}

const NONE: &[(&str, &str)] = &[];
const AP: &str = r#"{
  "general": {"hostname": "{{ name }}"},
  "interfaces": [
    {"name": "eth0", "type": "ethernet", "mtu": 1400}
  ]
}
"#;
const BASE: &str = r#"{
  "interfaces": [
    {"name": "lan0", "type": "ethernet"},
    {"name": "eth0", "type": "ethernet", "mtu": 1500}
  ],
  "ntp": {"enabled": true}
}
"#;

#[tokio::test]
async fn a_configuration_is_rendered_over_its_templates() -> anyhow::Result<()> {
    let files = [("ap.json", AP), ("base.json", BASE), ("vars.json", r#"{"name": "file"}"#)];
    let arguments = ["render", "ap.json", "--template", "base.json", "--context", "vars.json"];
    let text = config(&files, &arguments).await?.success()?;
    assert!(
        text.contains("option hostname 'file'") && text.contains("config device 'device_eth0'")
    );
    assert!(text.contains("option mtu '1400'") && text.contains("'lan0'"), "{text}");

    let mut more = arguments.to_vec();
    more.extend(["--var", "name=flag", "--no-dsa"]);
    let text = config(&files, &more).await?.success()?;
    assert!(
        text.contains("option hostname 'flag'") && text.contains("option ifname 'eth0'"),
        "{text}"
    );

    more.extend(["--format", "json"]);
    let told: Value = serde_json::from_str(&config(&files, &more).await?.success()?)?;
    assert_eq!(told["general"]["hostname"], "flag");
    assert_eq!(told["type"], "DeviceConfiguration");

    let list = config(&files, &["render", "ap.json", "--var", "name=ap", "--format", "files"])
        .await?
        .success()?;
    assert!(list.starts_with("0644 ") && list.contains(" etc/config/network\n"), "{list}");
    let archive =
        ["render", "ap.json", "--var", "name=ap", "--format", "archive", "-o", "out.tar.gz"];
    let begin = config(&files, &archive).await?.success()?;
    assert_eq!(begin, format!("{:?}", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff]));
    Ok(())
}

#[tokio::test]
async fn errors_name_the_file_the_line_and_the_column() -> anyhow::Result<()> {
    let broken = "{\n  \"general\": {\n    \"hostname\": ap\n  }\n}\n";
    let finished = config(&[("ap.json", broken)], &["validate", "ap.json"]).await?;
    assert_eq!(finished.code, 2, "{finished:?}");
    assert!(finished.stderr.contains("ap.json:3:"), "{finished:?}");
    let finished = config(NONE, &["validate", "nowhere.json"]).await?;
    assert_eq!(finished.code, 2, "{finished:?}");
    let finished = config(&[("ap.json", "[]")], &["validate", "ap.json"]).await?;
    assert_eq!(
        (finished.code, finished.stderr.contains("ap.json:1:1: ")),
        (2, true),
        "{finished:?}"
    );

    // What is wrong stands in a template, in an element that the configuration only puts elsewhere.
    let wrong = BASE.replace("1500", "\"many\"").replace("\"lan0\"", "\"lan1\"");
    let files = [
        ("ap.json", r#"{"interfaces": [{"name": "wan", "type": "ethernet"}]}"#),
        ("base.json", &wrong),
    ];
    let finished = config(&files, &["validate", "ap.json", "--template", "base.json"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    assert!(
        finished.stderr.contains("base.json:4:5: invalid at \"#/interfaces/1\""),
        "{finished:?}"
    );

    // Everything that is wrong is told at once.
    let wrong = "{\"general\": {\"hostname\": \"x\"},\n \"ntp\": {\"enabled\": \"yes\"}}";
    let finished = config(&[("ap.json", wrong)], &["validate", "ap.json"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    for place in [
        "ap.json:1:26: invalid at \"#/general/hostname\"",
        "ap.json:2:21: invalid at \"#/ntp/enabled\"",
    ] {
        assert!(finished.stderr.contains(place), "{finished:?}");
    }

    let wrong = AP.replace(
        "{\"hostname\": \"{{ name }}\"}",
        "{\"hostname\": \"ap\",\n    \"timezone\": \"Nowhere\"}",
    );
    let finished = config(&[("ap.json", &wrong)], &["render", "ap.json"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    assert!(finished.stderr.contains("ap.json:3:17: "), "{finished:?}");
    Ok(())
}

#[tokio::test]
async fn values_that_bring_options_in_are_named() -> anyhow::Result<()> {
    let evil = json!({ "general": { "hostname": "ap", "description": "x'\n\toption evil '1" } });
    let files = [("ap.json", &*evil.to_string())];
    let finished = config(&files, &["validate", "ap.json"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    assert!(finished.stderr.contains("error: ap.json:1:") && finished.stderr.contains("evil"));
    let finished = config(&files, &["validate", "ap.json", "--allow-findings"]).await?;
    assert_eq!((finished.code, finished.stderr.contains("warning: ")), (0, true), "{finished:?}");
    let fine = json!({ "general": { "hostname": "ap", "description": "it''s" } }).to_string();
    let finished = config(&[("ap.json", &fine)], &["validate", "ap.json"]).await?;
    assert_eq!((finished.code, &*finished.stderr), (0, ""), "{finished:?}");
    Ok(())
}

#[tokio::test]
async fn differences_are_told_by_option_and_by_line() -> anyhow::Result<()> {
    let after = AP.replace("1400", "1300");
    let files = [("ap.json", AP), ("after.json", &after)];
    let finished = config(&files, &["diff", "--var", "name=ap", "ap.json", "after.json"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    assert_eq!(
        finished.stdout,
        "~ package network\n  ~ config device \"device_eth0\"\n    ~ mtu \"1400\" -> \"1300\"\n"
    );
    let finished =
        config(&files, &["diff", "--var", "name=ap", "ap.json", "after.json", "--format", "json"])
            .await?;
    let told: Value = serde_json::from_str(&finished.stdout)?;
    let option = &told["packages"][0]["sections"][0]["options"][0];
    assert_eq!((&option["before"], &option["after"]), (&json!("1400"), &json!("1300")));
    let finished = config(
        &files,
        &["diff", "--var", "name=ap", "ap.json", "after.json", "--format", "unified"],
    )
    .await?;
    assert!(
        finished.stdout.contains("\n-\toption mtu '1400'\n+\toption mtu '1300'\n"),
        "{finished:?}"
    );
    let finished = config(&files, &["diff", "--var", "name=ap", "ap.json", "ap.json"]).await?;
    assert_eq!((finished.code, &*finished.stdout), (0, ""), "{finished:?}");
    // What cannot be compared is no difference; and what a file says has its place in a line.
    let invalid = json!({ "general": { "de\nwisptrail: fine": 1, "hostname": 1 } }).to_string();
    let files = [("ap.json", AP), ("bad.json", &invalid)];
    let finished = config(&files, &["diff", "--var", "name=ap", "ap.json", "bad.json"]).await?;
    assert_eq!((finished.code, &*finished.stdout), (2, ""), "{finished:?}");
    assert!(!finished.stderr.contains("\nwisptrail: fine"), "{finished:?}");
    Ok(())
}

#[tokio::test]
async fn what_a_device_has_is_read_and_schemas_are_printed() -> anyhow::Result<()> {
    let text = "package network\n\nconfig interface 'lan'\n\toption device 'eth0'\n\toption proto 'dhcp'\n";
    let parsed = config(&[("network.uci", text)], &["parse", "network.uci"]).await?.success()?;
    let parsed: Value = serde_json::from_str(&parsed)?;
    assert_eq!(parsed["interfaces"][0]["network"], "lan");
    assert_eq!(parsed["interfaces"][0]["addresses"][0]["proto"], "dhcp");
    let finished = config(NONE, &["parse", "--backend", "wireguard", "/dev/null"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");

    for name in [
        "openwrt",
        "openwisp",
        "openvpn",
        "wireguard",
        "vxlan-wireguard",
        "zerotier",
        "netjsonconfig.OpenWrt",
    ] {
        let schema = config(NONE, &["schema", "--backend", name]).await?.success()?;
        let schema: Value = serde_json::from_str(&schema)?;
        assert!(schema["properties"].is_object(), "{name}");
    }
    let server = config(NONE, &["schema", "--backend", "openvpn", "--server"]).await?.success()?;
    assert!(serde_json::from_str::<Value>(&server)?.is_object());
    assert_eq!(config(NONE, &["schema", "--server"]).await?.code, 2);
    assert_eq!(config(NONE, &["schema", "--backend", "nothing"]).await?.code, 2);
    Ok(())
}

#[tokio::test]
async fn files_of_a_device_belong_to_the_package_they_are_called_after() -> anyhow::Result<()> {
    let text = "# mine\nconfig interface 'lan'\n\toption device 'eth0'\n\toption proto 'dhcp'\n";
    let expected = json!({"interfaces": [{"addresses": [{"proto": "dhcp", "family": "ipv4"}],
        "network": "lan", "name": "eth0", "type": "ethernet"}]});
    for (name, package) in [("network", None), ("lan.bak", Some("network")), ("x", Some("network"))]
    {
        let mut arguments = vec!["parse", name];
        arguments.extend(package.iter().flat_map(|package| ["--package", package]));
        let parsed = config(&[(name, text)], &arguments).await?.success()?;
        assert_eq!(serde_json::from_str::<Value>(&parsed)?, expected, "{name}");
    }
    let parsed = config(&[("dhcp", text)], &["parse", "dhcp"]).await?.success()?;
    assert!(serde_json::from_str::<Value>(&parsed)?["dhcp"].is_array(), "{parsed}");

    let several = format!("{text}\npackage system\n");
    let broken = format!("{text}\toption x 'y\n");
    let wrong = format!("{text}\noption mtu 1500\nconfig interface much_too_long_for_it\n");
    for (text, arguments, code, said) in [
        (
            text,
            &["parse", "lan.bak"][..],
            2,
            "lan.bak:2: the section belongs to no package: say which",
        ),
        (text, &["parse", "lan.bak", "--package", "a.b"], 2, "\"a.b\" is no name of a package"),
        (&several, &["parse", "lan.bak"], 1, "lan.bak:2: the section belongs to no package"),
        (
            &several,
            &["parse", "lan.bak", "--package", "network"],
            2,
            "lan.bak:6: the text says itself",
        ),
        (
            &broken,
            &["parse", "lan.bak", "--package", "network"],
            1,
            "lan.bak:5: the quote is never",
        ),
        // What the schema refuses is where its section is.
        (
            &wrong,
            &["parse", "lan.bak", "--package", "network"],
            1,
            "lan.bak:7: invalid at \"#/interfaces/1\": ",
        ),
        (
            "{}",
            &["parse", "lan.bak", "--backend", "zerotier", "--package", "a"],
            2,
            "--package is for UCI",
        ),
    ] {
        let finished = config(&[("lan.bak", text)], arguments).await?;
        assert_eq!(
            (finished.code, finished.stderr.contains(said)),
            (code, true),
            "{said}: {finished:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn archives_are_read_and_never_shown_to_a_terminal() -> anyhow::Result<()> {
    let home = Home::new(&Database::Sqlite).await?;
    std::fs::create_dir_all(home.data())?;
    let place = |name: &str| home.data().join(name).display().to_string();
    let config = json!({"general": {"hostname": "roof"}, "dns_servers": ["10.0.0.1"]});
    std::fs::write(home.data().join("ap.json"), config.to_string())?;
    let render = ["config", "render", &place("ap.json"), "--format", "archive"];
    let mut written = render.to_vec();
    let archive = place("ap.tar.gz");
    written.extend(["-o", &archive]);
    program(&home, &written).await?.success()?;
    let parsed = program(&home, &["config", "parse", &archive]).await?.success()?;
    assert_eq!(serde_json::from_str::<Value>(&parsed)?, json!({"general": {"hostname": "roof"}}));
    std::fs::write(home.data().join("cut.tar.gz"), &std::fs::read(&archive)?[..40])?;
    let refused = program(&home, &["config", "parse", &place("cut.tar.gz")]).await?;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("cut.tar.gz:1: no tar archive: "), "{refused:?}");

    // A terminal of nobody.
    let terminal = rustix::pty::openpt(rustix::pty::OpenptFlags::RDWR)?;
    rustix::pty::grantpt(&terminal)?;
    rustix::pty::unlockpt(&terminal)?;
    let name = rustix::pty::ptsname(&terminal, Vec::new())?.into_string()?;
    let shown = std::fs::File::options().write(true).open(name)?;
    let mut command = home.command();
    command.args(render).stdout(shown.try_clone()?).stderr(std::process::Stdio::piped());
    let refused = tokio::task::spawn_blocking(move || command.output()).await??;
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8(refused.stderr)?;
    assert!(said.contains("an archive is not for a terminal: name a file with -o"), "{said}");
    drop(shown);
    let mut read = [0; 16];
    // Nothing was written: with nobody on the other side any more, reading fails or ends.
    assert!(!matches!(rustix::io::read(&terminal, &mut read), Ok(1..)));
    Ok(())
}

#[tokio::test]
async fn what_a_file_says_otherwise_than_meant_is_told() -> anyhow::Result<()> {
    // Only one thing can come from standard input.
    for (arguments, both) in [
        (&["render", "--template", "-"][..], "both the configuration and a template"),
        (&["validate", "-", "--context", "-"], "both the configuration and the variables"),
        (
            &["render", "ap.json", "--template", "-", "--template", "-"],
            "both a template and a template",
        ),
        (&["diff", "-", "-"], "both the configuration before and that after"),
    ] {
        let finished = config(&[("ap.json", AP)], arguments).await?;
        assert_eq!((finished.code, finished.stderr.contains(both)), (2, true), "{finished:?}");
    }

    let marked = format!("\u{feff}{AP}");
    let text = config(&[("ap.json", &marked)], &["render", "ap.json", "--var", "name=ap"])
        .await?
        .success()?;
    assert!(text.contains("option mtu '1400'"), "{text}");
    let wrong = marked.replace("{\n  \"general\": {\"hostname\"", "{\"general\": {\"timezone\"");
    let finished = config(&[("ap.json", &wrong)], &["render", "ap.json"]).await?;
    assert!(finished.stderr.contains("ap.json:1:26: invalid"), "{finished:?}");
    let wide: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let finished = config(&[("ap.json", &wide)], &["render", "ap.json"]).await?;
    assert_eq!(finished.code, 2, "{finished:?}");
    assert!(finished.stderr.contains("ap.json:1:1: the text is UTF-16"), "{finished:?}");
    let uci = "\u{feff}package system\n\nconfig system 'system'\n\toption hostname 'roof'\n";
    let parsed = config(&[("ap.uci", uci)], &["parse", "ap.uci"]).await?.success()?;
    assert_eq!(serde_json::from_str::<Value>(&parsed)?, json!({"general": {"hostname": "roof"}}));
    let wide: Vec<u8> = uci.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let finished = config(&[("ap.uci", &wide)], &["parse", "ap.uci"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    assert!(finished.stderr.contains("ap.uci:1: the text is UTF-16"), "{finished:?}");
    let finished =
        config(&[("ap.json", b"{\n \"a\": \"caf\xe9\"}")], &["render", "ap.json"]).await?;
    assert!(finished.stderr.contains("ap.json:2:11: no UTF-8 text"), "{finished:?}");

    let twice = "{\"general\": {\"hostname\": \"ap\",\n  \"hostname\": \"bp\"}}";
    let stated = "ap.json:2:3: \"#/general/hostname\" is stated again: only the last one counts";
    for (command, code, kind) in [("render", 0, "warning"), ("validate", 1, "error")] {
        let finished = config(&[("ap.json", twice)], &[command, "ap.json"]).await?;
        assert_eq!(finished.code, code, "{finished:?}");
        assert!(finished.stderr.contains(&format!("{kind}: {stated}")), "{finished:?}");
    }

    let large = r#"{"x": [{"config_name": "t", "n": 18446744073709551616}]}"#;
    let finished = config(&[("ap.json", large)], &["render", "ap.json"]).await?;
    assert_eq!(finished.code, 1, "{finished:?}");
    let place = "ap.json:1:34: whole numbers of more than 64 bits";
    assert!(finished.stderr.contains(place), "{finished:?}");
    let zeros = large.replace("18446744073709551616", "[-0, -0.0, 1e-7, 18446744073709551615]");
    let text = config(&[("ap.json", &zeros)], &["render", "ap.json"]).await?.success()?;
    for value in ["'0'", "'-0.0'", "'1e-07'", "'18446744073709551615'"] {
        assert!(text.contains(&format!("\tlist n {value}\n")), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn errors_of_the_whole_stand_where_they_are() -> anyhow::Result<()> {
    let radios = r#"{"radios": [
  {"name": "radio0", "phy": "phy0", "driver": "mac80211", "channel_width": 20, "protocol": "802.11n",
   "channel": 0}
]}"#;
    let port = r#"{"ifname": "lan1", "tagging": "u", "primary_vid": true}"#;
    let bridge = format!(
        r#"{{"interfaces": [{{"name": "br-lan", "type": "bridge", "bridge_members": [], "vlan_filtering": [
 {{"vlan": 1, "ports": [{port}]}},
 {{"vlan": 2, "ports": [
   {port}]}}]}}]}}"#
    );
    for (wrong, place) in [
        (radios, "ap.json:3:15: invalid at \"#/\""),
        (&*bridge, "ap.json:4:4: invalid at \"#/\""),
        (r#"{"../x": [{"config_name": "t"}]}"#, "ap.json:1:10: invalid at \"#/../x\""),
    ] {
        let finished = config(&[("ap.json", wrong)], &["render", "ap.json"]).await?;
        assert_eq!(finished.code, 1, "{finished:?}");
        assert!(finished.stderr.contains(place), "{finished:?}");
    }
    // Layers that do not fit together.
    let base = "{\"general\": {},\n \"interfaces\": [{\"name\": \"a\", \"l\": {}}]}";
    for (over, place) in [
        ("{\n \"general\": []}", "ap.json:2:13: invalid at \"#/\": Incompatible type"),
        (
            "{\"interfaces\": [{\"name\": \"b\"},\n{\"name\": \"a\", \"l\": []}]}",
            "ap.json:2:20: invalid",
        ),
        ("{\"interfaces\": [\n{\"name\": {}}]}", "ap.json:2:1: invalid"),
    ] {
        let files = [("ap.json", over), ("base.json", base)];
        let finished = config(&files, &["render", "ap.json", "--template", "base.json"]).await?;
        assert_eq!(finished.code, 1, "{finished:?}");
        assert!(finished.stderr.contains(place), "{finished:?}");
    }
    Ok(())
}
