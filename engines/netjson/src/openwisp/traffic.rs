//! `tc_options`: how much an interface may send and receive, see `tc(8)`.

use serde_json::{Map, Value};

use super::shell::{Script, quoted};
use crate::openwrt::section::text;

/// A script that is called with `start` or `stop`.
pub(super) fn script(netjson: &Map<String, Value>) -> Script {
    let entries = netjson.get("tc_options").and_then(Value::as_array).into_iter().flatten();
    let entries: Vec<_> = entries.filter_map(Value::as_object).collect();
    let mut script = Script::default();
    script.text(
        "\nstop() {\n\t# What is not limited cannot be freed; that is no error.\n\texec 2>/dev/null\n",
    );
    for entry in &entries {
        let device = quoted(text(entry, "name"));
        script.line(&["\ttc qdisc del dev", &device, "root"]);
        script.line(&["\ttc qdisc del dev", &device, "ingress"]);
    }
    script.text("\treturn 0\n}\n\nstart() {\n");
    script.text(
        "\tfor module in sch_htb sch_ingress cls_u32 act_police; do\n\t\tinsmod \"$module\" \
         2>/dev/null\n\tdone\n",
    );
    for entry in entries {
        let device = quoted(text(entry, "name"));
        let rate = |key: &str| entry.get(key).and_then(Value::as_u64).filter(|rate| *rate > 0);
        if let Some(rate) = rate("output_bandwidth") {
            send(&mut script, &device, rate);
        }
        if let Some(rate) = rate("input_bandwidth") {
            receive(&mut script, &device, rate);
        }
    }
    script.text("\treturn 0\n}\n\n");
    script.text(
        "case \"$1\" in\n\tstart) (stop); start ;;\n\tstop) stop ;;\n\t*) echo \"usage: $0 \
         start|stop\"; exit 1 ;;\nesac\n",
    );
    script
}

/// What an interface sends is queued: by default at half the rate, lending the rest while it is free.
fn send(script: &mut Script, device: &str, rate: u64) {
    let (full, half) = (format!("{rate}kbit"), format!("{}kbit", (rate / 2).max(1)));
    let burst = burst(rate);
    script.line(&["\ttc qdisc add dev", device, "root handle 1: htb default 2"]);
    script.line(&[
        "\ttc class add dev",
        device,
        "parent 1: classid 1:1 htb rate",
        &full,
        "burst",
        &burst,
    ]);
    script.line(&[
        "\ttc class add dev",
        device,
        "parent 1:1 classid 1:2 htb rate",
        &half,
        "ceil",
        &full,
        "burst",
        &burst,
    ]);
}

/// What it receives beyond the rate is dropped.
fn receive(script: &mut Script, device: &str, rate: u64) {
    script.line(&["\ttc qdisc add dev", device, "handle ffff: ingress"]);
    script.line(&[
        "\ttc filter add dev",
        device,
        "parent ffff: protocol ip prio 50 u32 match ip src 0.0.0.0/0 police rate",
        &format!("{rate}kbit"),
        "burst",
        &burst(rate),
        "drop flowid :1",
    ]);
}

/// A burst of a second and a half at the rate in kilobits per second, in kilobytes.
fn burst(rate: u64) -> String {
    let thousandths = u128::from(rate) * 187;
    format!("{}k", (thousandths + 500) / 1000)
}

#[cfg(test)]
mod tests {
    use super::burst;

    #[test]
    fn bursts_are_rounded() {
        assert_eq!((burst(1024), burst(1000), burst(u64::MAX)).0, "191k");
        assert_eq!(burst(2048), "383k");
    }
}
