//! How long one rendering takes, and how often it asks for memory.

mod inputs;

use divan::{AllocProfiler, Bencher};
use serde_json::Value;
use wisptrail_netjson::{
    Backend, Input, TemplateCache, TemplateHash, evaluate_vars, merge, render, render_over,
    validate,
};

use self::inputs::{Case, Document};

#[global_allocator]
static COUNTED: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Merging, variables, validation, text and files.
#[divan::bench(args = inputs::all())]
fn text(bencher: Bencher<'_, '_>, case: &Case) {
    let templates = case.templates();
    let input = case.input(&templates);
    assert!(render(Backend::OpenWrt, &input).is_ok());
    bencher.bench(|| render(Backend::OpenWrt, &input));
}

/// The same, packed as the device downloads it.
#[divan::bench(args = inputs::all())]
fn archive(bencher: Bencher<'_, '_>, case: &Case) {
    let templates = case.templates();
    let input = case.input(&templates);
    bencher.bench(|| render(Backend::OpenWrt, &input).map(|rendering| rendering.archive()));
}

#[divan::bench(args = inputs::all())]
fn validation(bencher: Bencher<'_, '_>, case: &Case) {
    let templates = case.templates();
    let input = case.input(&templates);
    let rendering = render(Backend::OpenWrt, &input).expect("a valid configuration");
    let Value::Object(evaluated) = rendering.netjson() else { return };
    bencher.bench(|| validate(Backend::OpenWrt, evaluated));
}

#[divan::bench(args = inputs::all())]
fn variables(bencher: Bencher<'_, '_>, case: &Case) {
    let config = Value::Object(case.config.clone());
    bencher.bench(|| evaluate_vars(&config, &case.context));
}

#[divan::bench(args = inputs::all())]
fn merging(bencher: Bencher<'_, '_>, case: &Case) {
    bencher.bench(|| {
        case.templates.iter().try_fold(case.config.clone(), |merged, template| {
            merge(&merged, template, &["name", "config_value", "id"])
        })
    });
}

/// As many renderings as a fleet of 10,000 devices with five templates in common needs; one device stands for
/// all of them.
mod fleet {
    use super::{
        Backend, Bencher, Document, Input, TemplateCache, TemplateHash, inputs, render, render_over,
    };

    const DEVICES: u32 = 10_000;

    /// What device `n` does not share.
    fn own(n: u32) -> (Document, Document) {
        let config = inputs::small().config;
        let mut context = inputs::large().context;
        context.insert("name".into(), format!("ap-{n}").into());
        context.insert("lan_ip".into(), format!("10.1.{}.{}", n / 250, n % 250 + 1).into());
        (config, context)
    }

    fn input<'a>(
        (config, context): &'a (Document, Document),
        templates: &'a [&'a Document],
    ) -> Input<'a> {
        Input { config, templates, context, hostname: None, dsa: true }
    }

    /// Each device merges all of its templates.
    #[divan::bench(sample_count = 3, sample_size = 1)]
    fn each_on_its_own(bencher: Bencher<'_, '_>) {
        let templates = inputs::large().templates;
        let templates: Vec<&Document> = templates.iter().take(5).collect();
        let device = own(7);
        assert!(render(Backend::OpenWrt, &input(&device, &templates)).is_ok());
        bencher.bench(|| {
            (0..DEVICES)
                .filter(|_| render(Backend::OpenWrt, &input(&device, &templates)).is_ok())
                .count()
        });
    }

    /// Templates are hashed once for twenty devices, as the worker does, and merged once for all.
    #[divan::bench(sample_count = 3, sample_size = 1)]
    fn templates_cached(bencher: Bencher<'_, '_>) {
        let templates = inputs::large().templates;
        let templates: Vec<&Document> = templates.iter().take(5).collect();
        let device = own(7);
        bencher.bench(|| {
            let cache = TemplateCache::new(64);
            (0..DEVICES / 20)
                .filter(|_| {
                    let hashes: Vec<_> = templates.iter().copied().map(TemplateHash::of).collect();
                    let Ok(merged) = cache.merged(Backend::OpenWrt, &hashes, &templates) else {
                        return false;
                    };
                    let input = input(&device, &[]);
                    (0..20).all(|_| render_over(Backend::OpenWrt, &merged, &input).is_ok())
                })
                .count()
        });
    }
}
