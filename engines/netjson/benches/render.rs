//! How long one rendering takes, and how often it asks for memory.

mod inputs;

use divan::{AllocProfiler, Bencher};
use serde_json::Value;
use wisptrail_netjson::{
    Backend, Templates, evaluate_vars, merge, render, render_unvalidated, validate,
};

use self::inputs::Case;

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

/// The same without validation.
#[divan::bench(args = inputs::all())]
fn trusted(bencher: Bencher<'_, '_>, case: &Case) {
    let templates = case.templates();
    let input = case.input(&templates);
    bencher.bench(|| render_unvalidated(Backend::OpenWrt, &Templates::default(), &input));
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
