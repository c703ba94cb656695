//! Any text and any archive is read or refused; what was read is a valid configuration.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wisptrail_netjson::{Backend, Native, parse, validate};

fuzz_target!(|bytes: &[u8]| {
    for dsa in [true, false] {
        let text = str::from_utf8(bytes).ok().map(Native::Text);
        for native in text.into_iter().chain([Native::Archive(bytes)]) {
            // On its own a configuration is checked for the syntax of its generator only.
            if let Ok(parsed) = parse(Backend::OpenWrt, native, dsa)
                && dsa
            {
                validate(Backend::OpenWrt, parsed.netjson()).expect("a valid configuration");
            }
        }
    }
});
