//! Who may do what, on the real program: one table of expected answers (`table.txt`), tried with every kind of person.

mod hidden;
mod listed;
mod people;
mod schema;
mod second_net;
mod secrets;
#[expect(dead_code, reason = "other stories have more to say")]
#[path = "../graphql/live/socket.rs"]
mod socket;
mod sql;
mod table;
mod targets;
mod tries;

use std::fmt::Write as _;

use people::Person;
use schema::Schema;
use table::{Expected, Line, Operation, Table};
use targets::{Side, Targets};
use tries::Tries;
use wisptrail_tests::{Database, on_bounded_database, on_each_database};

on_each_database!(everybody_gets_the_answers_of_the_table, what_others_own_is_not_there);
// A second net: where it gives other answers, the first one has a hole.
on_bounded_database!(everybody_gets_the_answers_of_the_table, what_others_own_is_not_there);

/// Tries every operation as everybody, and tells all answers that are others than the table says.
async fn everybody_gets_the_answers_of_the_table(database: Database) -> anyhow::Result<()> {
    let table = Table::read()?;
    let server = people::start(&database, &table, false).await?;
    let schema = Schema::of(&server.admin()).await?;
    let missing = listed::missing(&table, &schema)?;
    assert!(missing.is_empty(), "not in tests/tests/authority/table.txt:\n{}", missing.join("\n"));

    let mut targets = Targets::new(&server).await?;
    let tries = Tries::new(&server, &schema, &table);
    let (mut asked, mut wrong) = (0, String::new());
    for line in &table.lines {
        for person in Person::ALL {
            let expected = line.expected[person as usize];
            if expected == Expected::NotAsked {
                continue;
            }
            let answer = tries.of(line, person, &mut targets, Side::Own).await?;
            asked += 1;
            if !answer.is(expected) {
                writeln!(
                    wrong,
                    "{line} as {person:?}: {} instead of {expected:?}: {}",
                    answer.code,
                    answer.text.chars().take(300).collect::<String>()
                )?;
            } else if let Some(leak) = answer.leaks(person, expected) {
                writeln!(wrong, "{line} as {person:?}: {leak}")?;
            }
            if answer.code == "ok" && line.changes() {
                targets.forget();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    let operations = table.operations().len();
    let use_cases = table.use_cases().len();
    println_table(operations, use_cases, table.lines.len(), asked);
    assert!(operations >= 100 && asked >= 1000, "{operations} operations, {asked} tries");
    Ok(())
}

/// What line 12 of a closing note counts.
#[expect(clippy::print_stdout, reason = "figures that are asked for")]
fn println_table(operations: usize, use_cases: usize, lines: usize, asked: usize) {
    println!(
        "authority: {operations} operations and {use_cases} use cases in {lines} lines, {asked} tries as {} people",
        Person::ALL.len()
    );
}

/// Agents have a protocol of their own, which tells a wrong key from an unknown device (docs/security.md).
fn is_asked_by_people(line: &Line) -> bool {
    match &line.operation {
        Operation::Http(_, path) => !path.starts_with("/controller/"),
        Operation::Control(_) => false,
        Operation::Root(..) | Operation::Field(..) => true,
    }
}

/// What another organization owns and what nobody owns: the same answers, and the same statements to the database.
async fn what_others_own_is_not_there(database: Database) -> anyhow::Result<()> {
    let table = Table::read()?;
    let server = people::start(&database, &table, true).await?;
    let schema = Schema::of(&server.admin()).await?;
    let mut targets = Targets::new(&server).await?;
    let tries = Tries::new(&server, &schema, &table);
    let (mut compared, mut wrong) = (0, String::new());
    for line in table.lines.iter().filter(|line| is_asked_by_people(line)) {
        for hole in line.holes() {
            for person in [Person::With, Person::Manager] {
                if [Expected::Status(403), Expected::NotAsked]
                    .contains(&line.expected[person as usize])
                {
                    continue;
                }
                let mut answers = Vec::new();
                // Twice: the first time may load what is remembered afterwards.
                for side in [Side::Foreign(hole), Side::Unknown(hole)] {
                    tries.of(line, person, &mut targets, side).await?;
                    answers.push(
                        hidden::told(&server, &tries, line, person, &mut targets, side).await?,
                    );
                }
                compared += 1;
                if let [foreign, unknown] = &answers[..]
                    && foreign != unknown
                {
                    writeln!(
                        wrong,
                        "{line}, {hole} as {person:?}:\n  foreign: {foreign:#?}\n  unknown: {unknown:#?}"
                    )?;
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(compared >= 100, "{compared} pairs");
    Ok(())
}
