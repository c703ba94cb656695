//! The scripts with which OpenWISP Firmware 1.x applies a configuration.
//!
//! This firmware does not know what to do with UCI packages: it unpacks the archive somewhere, runs
//! `install.sh` in it, and `uninstall.sh` before the next one comes. Every value that comes from the
//! configuration is quoted for the shell.

mod shell;
mod traffic;

use serde_json::{Map, Value};

use self::shell::{Script, quoted};
use crate::File;
use crate::openwrt::Package;
use crate::openwrt::section::{Options, given, text, uci_name};

/// What a device without a host name is called.
const HOSTNAME: &str = "OpenWISP1";

/// Where the firmware looks whether it is to restart soon, because a tunnel stays down.
const RESTART_MARKER: &str = "/tmp/will_reboot";

/// Packages that the scripts hand over to the system; what else there is stays in the archive.
const IMPORTED: [&str; 3] = ["network", "wireless", "openvpn"];

/// The scripts that follow from a configuration, in their order in the archive.
pub(crate) fn scripts(netjson: &Map<String, Value>, packages: &[Package]) -> Vec<File> {
    let device = Device::of(netjson);
    let mut scripts = vec![
        file("install.sh", install(&device)),
        file("uninstall.sh", uninstall(&device, packages)),
    ];
    for tunnel in &device.tunnels {
        for (key, command) in [("up", "rm -f"), ("down", "touch")] {
            let path = text(tunnel, key);
            if path.is_empty() {
                continue;
            }
            let name = path.rsplit('/').next().unwrap_or(path);
            let mut script = Script::default();
            script.line(&[command, RESTART_MARKER]);
            scripts.push(file(&format!("openvpn/{name}"), script));
        }
    }
    scripts.push(file("tc_script.sh", traffic::script(netjson)));
    scripts
}

fn file(path: &str, script: Script) -> File {
    File { path: path.to_owned(), mode: 0o755, contents: script.into_text().into_bytes() }
}

/// What the scripts have to know.
struct Device<'a> {
    hostname: &'a str,
    /// `OpenVPN` instances of layer 2.
    tunnels: Vec<&'a Options>,
    bridges: Vec<Bridge<'a>>,
    radios: Vec<&'a str>,
    has_crontabs: bool,
}

struct Bridge<'a> {
    /// As `ifup` knows it.
    logical: String,
    /// As the system knows it.
    device: String,
    /// The address that says that it is there.
    address: Option<&'a str>,
}

impl<'a> Device<'a> {
    fn of(netjson: &'a Map<String, Value>) -> Self {
        let objects = |key: &str| {
            let items = netjson.get(key).and_then(Value::as_array).into_iter().flatten();
            items.filter_map(Value::as_object)
        };
        let general = netjson.get("general").and_then(Value::as_object);
        let hostname = general.map(|general| text(general, "hostname")).unwrap_or_default();
        Self {
            hostname: if hostname.is_empty() { HOSTNAME } else { hostname },
            tunnels: objects("openvpn").filter(|vpn| text(vpn, "dev_type") == "tap").collect(),
            bridges: objects("interfaces")
                .filter(|interface| text(interface, "type") == "bridge")
                .map(Bridge::of)
                .collect(),
            radios: objects("radios").map(|radio| text(radio, "name")).collect(),
            has_crontabs: objects("files").any(|file| {
                let path = text(file, "path");
                path.strip_prefix('/').unwrap_or(path).starts_with("crontabs")
            }),
        }
    }
}

impl<'a> Bridge<'a> {
    fn of(interface: &'a Options) -> Self {
        let name = text(interface, "name");
        let network = Some(text(interface, "network")).filter(|network| !network.is_empty());
        let addresses = interface.get("addresses").and_then(Value::as_array).into_iter().flatten();
        let mut fixed = addresses
            .filter(|address| address.get("proto").and_then(Value::as_str) == Some("static"))
            .filter_map(|address| address.get("address").and_then(Value::as_str));
        Self {
            logical: uci_name(network.unwrap_or(name)),
            device: if name.starts_with("br-") { name.to_owned() } else { format!("br-{name}") },
            address: fixed.next(),
        }
    }
}

fn install(device: &Device<'_>) -> Script {
    let mut script = Script::default();
    script.text(
        r#"here="$(cd -P -- "$(dirname -- "$0")" && pwd -P)"

# Lays one of our packages over that of the system.
import() {
	[ -f "$here/uci/$1.conf" ] || return 0
	uci -m -f "$here/uci/$1.conf" import "$1" || echo "package $1 was not taken"
}

# Waits until a bridge has its address, half a minute at most.
await() {
	left=30
	while [ "$left" -gt 0 ] && ! ip -o addr show dev "$1" 2>/dev/null | grep -qF " $2/"; do
		left=$((left - 1))
		sleep 1
	done
}
"#,
    );
    script.comment("Name");
    script.line(&["echo", &quoted(device.hostname), "> /proc/sys/kernel/hostname"]);
    script.comment("Tunnels");
    for tunnel in &device.tunnels {
        script.line(&["openvpn --mktun --dev-type tap --dev", &quoted(text(tunnel, "dev"))]);
    }
    script.comment("Network");
    script.line(&["import network"]);
    for bridge in &device.bridges {
        script.line(&["ifup", &quoted(&bridge.logical)]);
        if let Some(address) = bridge.address {
            script.line(&["await", &quoted(&bridge.device), &quoted(address)]);
        }
    }
    script.comment("Wi-Fi");
    script.line(&["import wireless"]);
    for radio in &device.radios {
        script.line(&["wifi up", &quoted(radio)]);
    }
    if !device.tunnels.is_empty() {
        script.comment("VPN");
        script.line(&["import openvpn"]);
        script.line(&["/etc/init.d/openvpn start"]);
    }
    script.comment("Traffic control");
    script.line(&[r#""$here/tc_script.sh" start"#]);
    if device.has_crontabs {
        script.comment("Recurring commands");
        script.line(&[r#"crond -c "$here/crontabs""#]);
    }
    script
}

fn uninstall(device: &Device<'_>, packages: &[Package]) -> Script {
    let mut script = Script::default();
    script.text("here=\"$(cd -P -- \"$(dirname -- \"$0\")\" && pwd -P)\"\n");
    if device.has_crontabs {
        script.comment("Recurring commands");
        script.line(&[r#"for pid in $(pgrep -f "crond -c $here/crontabs"); do kill "$pid"; done"#]);
    }
    script.comment("Traffic control");
    script.line(&[r#""$here/tc_script.sh" stop"#]);
    if !device.tunnels.is_empty() {
        script.comment("VPN");
        script.line(&["/etc/init.d/openvpn stop"]);
    }
    script.comment("Wi-Fi");
    for radio in &device.radios {
        script.line(&["wifi down", &quoted(radio)]);
    }
    script.comment("Network");
    for bridge in &device.bridges {
        script.line(&["ifdown", &quoted(&bridge.logical)]);
    }
    for tunnel in &device.tunnels {
        script.line(&["openvpn --rmtun --dev-type tap --dev", &quoted(text(tunnel, "dev"))]);
    }
    script.comment("Packages");
    for name in IMPORTED {
        if name == "openvpn" && device.tunnels.is_empty() {
            continue;
        }
        let Some(package) = packages.iter().find(|package| package.name == name) else { continue };
        for section in package.sections.iter().filter_map(Value::as_object) {
            let section = section.get(".name").filter(|name| given(name)).and_then(Value::as_str);
            if let Some(section) = section {
                script.line(&["uci -q delete", &quoted(&format!("{name}.{section}"))]);
            }
        }
        script.line(&["uci commit", name]);
    }
    script.comment("Name");
    script.line(&["uci -q get 'system.@system[0].hostname' > /proc/sys/kernel/hostname"]);
    script
}
