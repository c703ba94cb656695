//! What it gives to merge shared templates once: CPU time of rendering 10,000 devices, each with contents and variables of
//! its own, that share five templates.
//!
//! `cargo bench -p wisptrail-netjson --bench fleet`

#![expect(clippy::print_stdout, reason = "a program for people")]

#[expect(dead_code, reason = "other benches use the rest")]
mod inputs;

use std::error::Error;
use std::hint::black_box;

use serde_json::json;
use wisptrail_netjson::{
    Backend, Input, Rendering, TemplateCache, TemplateHash, Templates, render_over,
};

use self::inputs::Document;

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DEVICES: usize = 10_000;
/// As many as the program renders in one turn.
const TURN: usize = 20;
/// Each way is gone so often, in turns; the best time counts.
const ROUNDS: usize = 3;

/// What a device does not share.
struct Device {
    config: Document,
    context: Document,
}

impl Device {
    fn of(n: usize) -> Self {
        let (high, low) = (n / 250, n % 250 + 1);
        let mut config = inputs::small().config;
        config
            .insert("general".into(), json!({"hostname": format!("mast-{n}"), "timezone": "UTC"}));
        config.insert("dns_servers".into(), json!([format!("10.2.{high}.{low}")]));
        let mut context = inputs::large().context;
        for (number, (_, value)) in context.iter_mut().enumerate().skip(2) {
            *value = format!("{} {n} {number}", value.as_str().unwrap_or_default()).into();
        }
        context.insert("lan_ip".into(), format!("10.1.{high}.{low}").into());
        for gateway in 0..100 {
            let name = format!("gateway_{gateway}");
            if context.contains_key(&name) {
                context.insert(name, format!("10.{gateway}.{high}.{low}").into());
            }
        }
        Self { config, context }
    }

    fn render(&self, templates: &Templates) -> Rendering {
        let (config, context) = (&self.config, &self.context);
        let input = Input { config, templates: &[], context, hostname: None, dsa: true };
        render_over(Backend::OpenWrt, templates, &input).expect("a valid configuration")
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let templates = inputs::large().templates;
    let templates: Vec<&Document> = templates.iter().take(5).collect();
    let devices: Vec<Device> = (0..DEVICES).map(Device::of).collect();
    let merge = || Templates::of(Backend::OpenWrt, &templates).expect("templates that fit");

    let each = || devices.iter().map(|device| device.render(&merge()).text().len()).sum::<usize>();
    let cached = || {
        let cache = TemplateCache::new(64);
        let turn = |devices: &[Device]| {
            // Whoever renders a turn hashes what it read once.
            let hashes: Vec<_> = templates.iter().copied().map(TemplateHash::of).collect();
            let merged = cache.merged(Backend::OpenWrt, &hashes, &templates);
            let merged = merged.expect("templates that fit");
            devices.iter().map(|device| device.render(&merged).text().len()).sum::<usize>()
        };
        devices.chunks(TURN).map(turn).sum::<usize>()
    };
    assert_eq!(each(), cached(), "both write the same");

    let mut best = [f64::MAX; 3];
    for _ in 0..ROUNDS {
        let spent = [
            seconds(|| _ = black_box(each()))?,
            seconds(|| _ = black_box(cached()))?,
            seconds(|| (0..DEVICES).for_each(|_| _ = black_box(merge())))?,
        ];
        for (best, spent) in best.iter_mut().zip(spent) {
            *best = best.min(spent);
        }
    }
    let [each, cached, merging] = best;
    println!("CPU time for {DEVICES} devices, best of {ROUNDS}");
    println!("every device merges its templates  {each:.2} s");
    println!("templates merged once              {cached:.2} s, {:.2} times less", each / cached);
    println!("merging the templates alone        {merging:.2} s");
    Ok(())
}

/// CPU time of one `run`.
fn seconds(run: impl FnOnce()) -> Result<f64, Box<dyn Error>> {
    let started = cpu()?;
    run();
    Ok(std::time::Duration::from_nanos(cpu()? - started).as_secs_f64())
}

/// Nanoseconds that this thread has been on a processor (proc(5), `schedstat`).
fn cpu() -> Result<u64, Box<dyn Error>> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(times.split(' ').next().unwrap_or_default().parse()?)
}
