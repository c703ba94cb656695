//! `wisptrail fleet` on the command line.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;

use super::{Course, Options, Pace};

/// Simulates devices that speak the agents' protocol, from outside, and says how it went.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct Args {
    /// Address of the controller, such as `https://example.org`.
    #[arg(long)]
    pub url: String,
    /// Shared secret of the organization to register with.
    #[arg(long, env = "WISPTRAIL_FLEET_SECRET", hide_env_values = true, value_parser = secret)]
    pub secret: SecretString,
    /// How many devices.
    #[arg(long, default_value_t = 10)]
    pub devices: u32,
    /// The same seed gives the same devices.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Ends after this time.
    #[arg(long, default_value = "60s", value_parser = duration)]
    pub duration: Duration,
    /// Between two polls of a device; `fast`: half a second, and all other pauses a hundredth of
    /// the agents' own.
    #[arg(long, default_value = "120s", value_parser = pace)]
    pub interval: Pace,
    /// Which part of the applied configurations fails, from 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    pub failing_share: f64,
    /// After half of the duration all devices lose power at once.
    #[arg(long)]
    pub reboot_storm: bool,
    /// Template tags sent at registration, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub tags: Vec<String>,
    /// Requests at a time.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u16).range(1..))]
    pub concurrency: u16,
    /// Time over which the devices are switched on.
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub ramp: Duration,
    /// Ends as soon as every device has its configuration or has given up; exit status 1 when none has one.
    #[arg(long)]
    pub until_settled: bool,
    /// Makes a connection for every request, as real agents do.
    #[arg(long)]
    pub fresh_connections: bool,
    /// Believes any TLS certificate.
    #[arg(long)]
    pub insecure: bool,
    /// Keeps ids, keys and checksums of the devices in this file, for the next start.
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// Writes the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

impl Args {
    /// The fleet that is asked for.
    pub fn options(&self) -> Options {
        Options {
            devices: self.devices,
            seed: self.seed,
            pace: self.interval,
            failing_share: self.failing_share,
            tags: self.tags.clone(),
            concurrency: self.concurrency,
            ramp: self.ramp,
            fresh_connections: self.fresh_connections,
            insecure: self.insecure,
            state: self.state.clone(),
            ..Options::new(self.url.clone(), self.secret.clone())
        }
    }

    /// What happens to it.
    pub fn course(&self) -> Course {
        Course {
            duration: Some(self.duration),
            reboot_storm: self.reboot_storm.then(|| self.duration / 2),
            until_settled: self.until_settled,
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the form that clap asks for")]
fn secret(text: &str) -> Result<SecretString, String> {
    Ok(SecretString::from(text))
}

fn pace(text: &str) -> Result<Pace, String> {
    if text == "fast" { Ok(Pace::fast()) } else { duration(text).map(Pace::real) }
}

/// A number and a unit: `250ms`, `60s`, `5m`, `2h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 =
        number.parse().map_err(|_| format!("`{text}` is not a duration such as 60s"))?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        _ => return Err(format!("`{text}` has no unit; write 250ms, 60s, 5m or 2h")),
    };
    milliseconds
        .filter(|milliseconds| *milliseconds <= 30 * 24 * 3_600_000)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is longer than 30 days"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Program::try_parse_from(line.split(' ')).map(|program| program.args)
    }

    #[test]
    fn durations_have_units_and_bounds() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for wrong in ["", "60", "s", "1.5s", "60 s", "-1s", "99999999999999999999s", "800h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_line_of_the_manual_is_understood() {
        let args = parse(
            "fleet --url http://127.0.0.1:1 --secret hush --devices 500 --seed 9 --interval fast \
             --failing-share 0.02 --reboot-storm --tags mesh,wds --duration 20s",
        )
        .expect("understood");
        let (options, course) = (args.options(), args.course());
        assert_eq!((options.devices, options.seed, options.pace), (500, 9, Pace::fast()));
        assert_eq!(options.tags, ["mesh", "wds"]);
        assert_eq!(course.reboot_storm, Some(Duration::from_secs(10)));
        assert!(!format!("{args:?}").contains("hush"), "the secret is not in debug output");
    }

    #[test]
    fn an_interval_is_the_real_pace_with_that_interval() {
        let args = parse("fleet --url http://x --secret s --interval 30s").expect("understood");
        assert_eq!(args.interval, Pace::real(Duration::from_secs(30)));
        assert!(parse("fleet --url http://x --secret s --concurrency 0").is_err());
    }
}
