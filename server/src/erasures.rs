//! Who was erased, outside of the database: a file of ids in the data folder, one a line, written before anybody is erased. A
//! backup that is restored knows nothing of erasures since it was made; whoever is on the list is erased again before anything is
//! served. The ids say nothing about anybody once the rest is gone.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use app::App;
use domain::UserId;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{data_folder::DataFolder, serve::open::open_in, settings::Settings};

/// Name of the file in the data folder.
pub(crate) const FILE: &str = "erasures";
/// Before an id: it did not happen.
const NOT: char = '-';

/// Everybody on the list; nobody where there is none.
pub(crate) fn read(file: &Path) -> anyhow::Result<BTreeSet<Uuid>> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", file.display()));
        }
    };
    let mut people = BTreeSet::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line = line.trim();
        if is_torn(line) {
            tracing::warn!("{}:{}: was cut off, and is left out", file.display(), number + 1);
            continue;
        }
        let id = line.trim_start_matches(NOT).parse().with_context(|| {
            format!(
                "{}:{}: not an id: take the line out, or put the right one there",
                file.display(),
                number + 1
            )
        })?;
        if line.starts_with(NOT) {
            people.remove(&id);
        } else {
            people.insert(id);
        }
    }
    Ok(people)
}

/// The beginning of an id: a crash came before anybody was told that it is there.
fn is_torn(line: &str) -> bool {
    let id = line.trim_start_matches(NOT);
    id.len() < 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// Puts people on the list who are not on it yet, durably.
pub(crate) fn add(file: &Path, people: &[Uuid]) -> anyhow::Result<()> {
    let listed = read(file)?;
    let lines = people.iter().filter(|person| !listed.contains(person));
    let lines: Vec<String> = lines.map(|person| format!("\n{person}\n")).collect();
    write(file, &lines.concat()).with_context(|| format!("cannot write {}", file.display()))
}

/// Takes somebody off the list.
pub(crate) fn take_off(file: &Path, person: Uuid) -> io::Result<()> {
    write(file, &format!("\n{NOT}{person}\n"))
}

/// Lines begin with a line feed: one that was cut off by a crash ends there.
fn write(file: &Path, lines: &str) -> io::Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let mut list = open(file)?;
    list.write_all(lines.as_bytes())?;
    list.sync_all()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.map_or(Ok(()), |folder| fs::File::open(folder)?.sync_all())
}

fn open(file: &Path) -> io::Result<fs::File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(file)
}

/// Erases whoever is on the list and came back, and lists whoever was erased elsewhere. How many came back.
pub(crate) async fn apply(app: &App, file: &Path) -> anyhow::Result<u64> {
    let listed = read(file)?;
    let people: Vec<UserId> = listed.iter().copied().map(UserId::from_uuid).collect();
    let accounts = app.accounts();
    let again = accounts.erase_again(&people).await.context("cannot erase again who was erased")?;
    if again > 0 {
        tracing::warn!("{again} people had come back who were erased: they are erased again");
    }
    let erased = accounts.erased().await.context("cannot read who was erased")?;
    let erased: Vec<Uuid> = erased.into_iter().map(UserId::as_uuid).collect();
    add(file, &erased)?;
    // Whoever copies the list finds one, also where nobody was ever erased.
    open(file).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(again)
}

/// A list that was given for data that come from elsewhere.
pub(crate) fn given(file: Option<&PathBuf>) -> anyhow::Result<Vec<Uuid>> {
    match file {
        Some(file) if !file.exists() => bail!("there is no list of erasures {}", file.display()),
        Some(file) => Ok(read(file)?.into_iter().collect()),
        None => Ok(Vec::new()),
    }
}

/// Erases again, in a data folder that nobody serves, who was erased since its data were copied. How many there were.
pub(crate) async fn apply_alone(
    settings: &Settings,
    folder: &DataFolder,
    given: &[Uuid],
) -> anyhow::Result<u64> {
    let list = folder.path().join(FILE);
    add(&list, given)?;
    if read(&list)?.is_empty() {
        return Ok(0);
    }
    let (app, ..) = open_in(settings, folder).await?;
    let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
    for background in app.background(|| stop.clone().cancelled_owned()) {
        tasks.spawn(background.run);
    }
    let applied = apply(&app, &list).await;
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    app.close().await;
    applied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_as_it_was_written() {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join(FILE);
        assert!(read(&file).expect("no list").is_empty());
        let people: Vec<Uuid> = (1..4).map(Uuid::from_u128).collect();
        add(&file, &people[..2]).expect("written");
        add(&file, &people[1..]).expect("written");
        assert_eq!(read(&file).expect("a list").into_iter().collect::<Vec<_>>(), people);
        take_off(&file, people[0]).expect("written");
        assert_eq!(read(&file).expect("a list").into_iter().collect::<Vec<_>>(), people[1..]);
        add(&file, &people).expect("written");
        assert_eq!(read(&file).expect("a list").len(), 3);
        // Cut off in the middle of a line, which nobody was told to be written.
        let text = fs::read_to_string(&file).expect("a list");
        fs::write(&file, &text[..text.len() - 9]).expect("written");
        assert_eq!(read(&file).expect("a list").len(), 2);
        add(&file, &people).expect("written");
        assert_eq!(read(&file).expect("a list").len(), 3);
        fs::write(&file, "nonsense\n").expect("written");
        assert!(read(&file).expect_err("refused").to_string().contains(":1:"));
    }
}
