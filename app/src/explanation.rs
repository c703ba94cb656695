//! Why a device is as it is, in a sentence for the person who wonders.

use chrono::{DateTime, TimeDelta, Utc};
use domain::configuration::ConfigurationStatus;
use projections::{configuration::ConfigurationRow, device::DeviceRow};

use crate::Presence;

/// What stands between a device and its configuration at present, and how old that knowledge is.
pub fn explanation(
    device: &DeviceRow,
    configuration: Option<&ConfigurationRow>,
    presence: &Presence,
    now: DateTime<Utc>,
) -> String {
    let ago = |moment: DateTime<Utc>| age(now - moment);
    let heard = match presence.last_contact {
        Some(moment) => format!("it was heard {}", ago(moment)),
        None => "it was never heard".to_owned(),
    };
    let Some(configuration) = configuration else {
        return "has no configuration, and without one agents are not served: give it contents or templates"
            .to_owned();
    };
    if let (Some(failure), true) = (&configuration.failure, device.active) {
        return format!(
            "its contents, templates and variables make no archive, so it keeps the one before: {failure}"
        );
    }
    let archive = configuration.archive.as_ref().map(|archive| &archive.md5);
    let fetched = presence.downloaded_md5.is_some() && presence.downloaded_md5.as_ref() == archive;
    match configuration.status {
        ConfigurationStatus::Deactivated => "is deactivated and not served".to_owned(),
        ConfigurationStatus::Deactivating => {
            format!("is deactivated and has not yet said that it emptied itself; {heard}")
        }
        ConfigurationStatus::Error if configuration.error_reason.is_empty() => {
            format!("could not apply its configuration and did not say why; {heard}")
        }
        ConfigurationStatus::Error => {
            format!("could not apply its configuration: {}", configuration.error_reason)
        }
        ConfigurationStatus::Applied => format!("runs its configuration; {heard}"),
        ConfigurationStatus::Modified if archive.is_none() => {
            "its first archive has not been made yet".to_owned()
        }
        ConfigurationStatus::Modified if fetched => {
            let moment = presence.last_download;
            let when = moment.map_or_else(|| "at a time unknown".to_owned(), ago);
            format!(
                "fetched its configuration {when} and has not yet said what became of it; {heard}"
            )
        }
        ConfigurationStatus::Modified => {
            format!("has not yet fetched its newest configuration; {heard}")
        }
    }
}

/// A time that has passed, in the largest unit that fits.
fn age(passed: TimeDelta) -> String {
    let seconds = passed.num_seconds().max(0);
    let (count, unit) = match seconds {
        0..60 => (seconds, "second"),
        60..3600 => (seconds / 60, "minute"),
        3600..86_400 => (seconds / 3600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{} ago", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_largest_unit() {
        for (seconds, told) in [
            (-5, "0 seconds ago"),
            (1, "1 second ago"),
            (59, "59 seconds ago"),
            (60, "1 minute ago"),
            (7_199, "1 hour ago"),
            (86_400 * 3, "3 days ago"),
        ] {
            assert_eq!(age(TimeDelta::seconds(seconds)), told);
        }
    }
}
