//! `wisptrail users import`: accounts from a CSV file, as `users export` and `export_users` (manual 03, "Management Commands")
//! write it. Each row is an account of its own: what one is refused for does not concern the others, and a repetition finds those
//! that are there.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use ::csv::{ReaderBuilder, StringRecord, Terminator};
use anyhow::{Context as _, bail};
use app::{App, By, Failure, NewMembership, NewUser};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use domain::{UserId, accounts::ProfileField, kind};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{act, csv};

/// Rows that are asked for at a time.
const ROWS: usize = 500;
/// Bytes of their cells; a request to a server is twice as long at most, as JSON, in all but absurd cases.
const BYTES: usize = 256 << 10;
/// Since when the password is theirs, for those who export it: a day or a moment.
const PASSWORD_UPDATED: &str = "password_updated";

/// An account as it stands in a file.
#[derive(Serialize, Deserialize)]
pub struct ImportedRow {
    /// Where it begins, for people.
    line: u64,
    /// What it says, by field; empty cells say nothing.
    cells: BTreeMap<String, String>,
}

/// What became of a row.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) line: u64,
    pub(super) outcome: Outcome,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    /// The account is new.
    Made,
    /// It was there already, and stays as it is.
    There,
    /// It cannot be made, and why.
    Refused(String),
}

/// Rows of a file, a bearable number at a time.
pub(super) struct Rows {
    reader: ::csv::Reader<std::fs::File>,
    columns: Vec<String>,
    /// Where what is one account's alone stood first, by field and value.
    seen: HashMap<(&'static str, String), u64>,
}

impl Rows {
    pub(super) fn open(file: &Path) -> anyhow::Result<Self> {
        let shown = file.display();
        // Lines are counted where they end, which a carriage return before that would hide.
        let mut reader = ReaderBuilder::new()
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_path(file)
            .with_context(|| format!("cannot read {shown}"))?;
        let head = reader.headers().with_context(|| format!("cannot read {shown}"))?;
        let columns: Vec<String> =
            head.iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        let known = |name: &str| csv::FIELDS.contains(&name) || name == PASSWORD_UPDATED;
        if let Some(unknown) = columns.iter().find(|name| !known(name)) {
            bail!(
                "{shown}: `{}` is no field of accounts: take the column out, or call it one of {}, {PASSWORD_UPDATED}",
                act::plain(unknown),
                csv::FIELDS.join(", ")
            );
        }
        if !columns.iter().any(|name| name == "username") {
            bail!("{shown}: a column `username` is needed");
        }
        Ok(Self { reader, columns, seen: HashMap::new() })
    }

    /// The next rows, and what of the file is none; nothing at its end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<(Vec<ImportedRow>, Vec<Told>)>> {
        let (mut rows, mut refused, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut record = StringRecord::new();
        while rows.len() + refused.len() < ROWS && bytes < BYTES {
            let line = self.reader.position().line();
            match self.reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) if rows.is_empty() && refused.is_empty() => return Ok(None),
                Ok(false) => break,
                Err(error) if error.is_io_error() => {
                    return Err(error).context("cannot read the file");
                }
                Err(error) => {
                    let line = error.position().map_or(line, ::csv::Position::line);
                    refused.push(Told { line, outcome: Outcome::Refused(unreadable(&error)) });
                    continue;
                }
            }
            let line = record.position().map_or(line, ::csv::Position::line);
            let last = record.len().saturating_sub(1);
            let cell = |(at, cell): (usize, &str)| {
                let ended = if at == last { cell.strip_suffix('\r') } else { None };
                csv::undefused(ended.unwrap_or(cell))
            };
            let read: Vec<String> = record.iter().enumerate().map(cell).collect();
            if read.iter().all(String::is_empty) {
                continue;
            }
            if read.len() != self.columns.len() {
                let (has, wanted) = (read.len(), self.columns.len());
                let outcome = Outcome::Refused(format!("has {has} cells instead of {wanted}"));
                refused.push(Told { line, outcome });
                continue;
            }
            let cells: BTreeMap<String, String> = self
                .columns
                .iter()
                .cloned()
                .zip(read)
                .filter(|(_, cell)| !cell.is_empty())
                .collect();
            if let Some(outcome) = self.twice(line, &cells) {
                refused.push(Told { line, outcome });
                continue;
            }
            bytes += cells.values().map(String::len).sum::<usize>();
            rows.push(ImportedRow { line, cells });
        }
        Ok(Some((rows, refused)))
    }

    /// What belongs to one account stands in one row.
    fn twice(&mut self, line: u64, cells: &BTreeMap<String, String>) -> Option<Outcome> {
        for field in ["id", "username", "email"] {
            let Some(cell) = cells.get(field) else { continue };
            let value = if field == "username" { cell.clone() } else { cell.to_lowercase() };
            if let Some(first) = self.seen.insert((field, value), line) {
                let sentence = format!("{field} stands in line {first} already");
                return Some(Outcome::Refused(sentence));
            }
        }
        None
    }
}

/// Why a row cannot be read, without its contents.
fn unreadable(error: &::csv::Error) -> String {
    match error.kind() {
        ::csv::ErrorKind::Utf8 { .. } => "is not UTF-8".to_owned(),
        _ => "cannot be read".to_owned(),
    }
}

/// Makes the accounts that are not there, or says what would come of it, row by row.
pub(super) async fn import(
    app: &App,
    by: &By,
    (rows, dry_run): (&[ImportedRow], bool),
    tell: &mpsc::Sender<String>,
) -> anyhow::Result<()> {
    for row in rows {
        let outcome = match account(app, by, row).await {
            Err(error) => Outcome::Refused(act::plain(&format!("{error:#}"))),
            Ok((new, by_name)) => match app.accounts().bring(by, new, by_name, dry_run).await {
                Ok(true) => Outcome::Made,
                Ok(false) => Outcome::There,
                Err(failure) => Outcome::Refused(refusal(failure)?),
            },
        };
        let told = serde_json::to_string(&Told { line: row.line, outcome })?;
        if tell.send(told).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Why the rules refuse a row; other failures concern all of them.
fn refusal(failure: Failure) -> anyhow::Result<String> {
    let sentence = match &failure {
        Failure::Taken(values) => {
            let field = |kind: &str| match kind {
                kind::USER_NAME => "username",
                kind::USER_PHONE => "phone_number",
                kind::USER_EMAIL | kind::USER_EMAIL_ADDRESS => "email",
                _ => "a value",
            };
            let fields: Vec<_> = values.iter().map(|value| field(&value.kind)).collect();
            format!("{} belongs to another account", fields.join(" and "))
        }
        Failure::Invalid(_) | Failure::Refused(_) | Failure::NotFound(_) => failure.to_string(),
        _ => return Err(failure.into()),
    };
    Ok(act::plain(&sentence))
}

/// The account that a row describes, and whether it is known by its name alone.
async fn account(app: &App, by: &By, row: &ImportedRow) -> anyhow::Result<(NewUser, bool)> {
    let cell = |field: &str| row.cells.get(field).map(String::as_str);
    let text = |field: &str| cell(field).map(str::to_owned);
    let id = cell("id").map(|id| id.parse().context("id must be a UUID")).transpose()?;
    let by_name = id.is_none();
    let id = id.unwrap_or_else(|| app.new_id());
    // Django's mark of an account without password.
    let hash = text(csv::PASSWORD).filter(|hash| !hash.starts_with('!'));
    let profile = ProfileField::ALL.into_iter();
    let new = NewUser {
        email_verified: cell("email").map(|_| true),
        email: text("email"),
        phone: text("phone_number"),
        password_since: hash.as_ref().and(cell(PASSWORD_UPDATED)).map(moment).transpose()?,
        password_hash: hash.map(Into::into),
        superuser: flag(cell("is_superuser"), false).context("is_superuser")?,
        staff: flag(cell("is_staff"), false).context("is_staff")?,
        inactive: !flag(cell("is_active"), true).context("is_active")?,
        memberships: memberships(app, by, cell("organizations").unwrap_or_default()).await?,
        profile: profile.filter_map(|field| Some((field, text(field.as_str())?))).collect(),
        language: text("language").unwrap_or_default(),
        time_zone: text("time_zone").unwrap_or_default(),
        expires_on: cell("expiration_date")
            .map(|day| day.parse().context("expiration_date must be a day such as 2030-01-31"))
            .transpose()?,
        ..NewUser::new(UserId::from_uuid(id), text("username").unwrap_or_default())
    };
    Ok((new, by_name))
}

/// As Python writes it, and others.
fn flag(cell: Option<&str>, otherwise: bool) -> anyhow::Result<bool> {
    match cell.map(str::to_ascii_lowercase).as_deref() {
        None => Ok(otherwise),
        Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(_) => bail!("must be True or False"),
    }
}

/// A day, or a moment as `export_users` writes it.
fn moment(cell: &str) -> anyhow::Result<DateTime<Utc>> {
    if let Ok(day) = cell.parse::<NaiveDate>() {
        return Ok(day.and_time(NaiveTime::MIN).and_utc());
    }
    let moment = DateTime::parse_from_str(cell, "%Y-%m-%d %H:%M:%S%.f%:z")
        .or_else(|_| DateTime::parse_from_rfc3339(cell));
    let moment = moment.with_context(|| format!("{PASSWORD_UPDATED} must be a day or a moment"))?;
    Ok(moment.with_timezone(&Utc))
}

/// `(<id>,True)` for one that is managed, `(<id>,False)` for one that is belonged to, a line each; a slug will do, too.
async fn memberships(app: &App, by: &By, cell: &str) -> anyhow::Result<Vec<NewMembership>> {
    let mut all = Vec::new();
    for line in cell.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let place = line.strip_prefix('(').and_then(|line| line.strip_suffix(')'));
        let (organization, manager) = place
            .and_then(|place| place.rsplit_once(','))
            .context("organizations must be lines such as (<id>,True)")?;
        let organization_id = act::organization(app, by, organization.trim()).await?;
        let manager = flag(Some(manager.trim()), false).context("organizations")?;
        all.push(NewMembership { organization_id, manager });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_as_python_writes_them() {
        for (cell, otherwise, read) in [
            (None, true, Some(true)),
            (Some("False"), true, Some(false)),
            (Some("True"), false, Some(true)),
            (Some("0"), true, Some(false)),
            (Some("maybe"), true, None),
        ] {
            assert_eq!(flag(cell, otherwise).ok(), read, "{cell:?}");
        }
    }

    #[test]
    fn passwords_are_theirs_since_a_day_or_a_moment() {
        let day = moment("2024-01-31").unwrap();
        assert_eq!(day.to_rfc3339(), "2024-01-31T00:00:00+00:00");
        assert_eq!(
            moment("2024-01-31 02:00:00.5+02:00").unwrap() - day,
            chrono::TimeDelta::milliseconds(500)
        );
        assert_eq!(moment("2024-01-31T00:00:00Z").unwrap(), day);
        assert!(moment("31.1.2024").is_err());
    }
}
