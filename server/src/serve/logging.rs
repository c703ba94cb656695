//! Log lines go to standard error; standard output is for what people asked for.

use std::io::IsTerminal as _;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Starts logging; a second call changes nothing.
pub fn start(level: &str, json: bool) {
    let registry = tracing_subscriber::registry().with(filter(level));
    let started = if json {
        registry.with(fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        let colours = std::io::stderr().is_terminal();
        registry.with(fmt::layer().with_ansi(colours).with_writer(std::io::stderr)).try_init()
    };
    // Only tests start twice.
    drop(started);
}

/// The GraphQL engine logs the text of every error, which quotes what clients sent: configurations with their secrets. The libraries
/// of relays log what other servers say; what matters of it is told in our words.
const QUIET: &str = "async_graphql::graphql=off,async_nats=off,eventstore=off";

fn filter(level: &str) -> EnvFilter {
    EnvFilter::try_new(format!("{level},{QUIET}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("info,{QUIET}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_sent_is_not_logged_by_libraries() {
        for level in ["info", "trace", "debug,hyper=warn", "???", ""] {
            let filter = filter(level).to_string();
            for quiet in QUIET.split(',') {
                assert!(filter.split(',').any(|directive| directive == quiet), "{level}: {quiet}");
            }
        }
    }
}
