use std::collections::BTreeSet;

use chrono::DateTime;
use proptest::prelude::*;
use rusqlite::Connection;
use uuid::Uuid;

use super::{
    EventLine, Line, RowLine, STATE,
    line::{self, BlobLine},
};
use crate::{Recorded, Retention, Row, Value, chain, event::Decoded, migrations::MIGRATIONS};

fn migrated() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    for migration in MIGRATIONS {
        connection.execute_batch(migration.sqlite).unwrap();
    }
    connection
}

fn column(connection: &Connection, text: &str) -> BTreeSet<String> {
    let mut statement = connection.prepare(text).unwrap();
    let found = statement.query_map([], |row| row.get(0)).unwrap();
    found.collect::<rusqlite::Result<_>>().unwrap()
}

/// Whoever adds a column decides whether it travels.
#[test]
fn carried_rows_are_whole() {
    let connection = migrated();
    for table in STATE {
        let text = format!("SELECT name FROM pragma_table_info('{}')", table.name);
        let mut there = column(&connection, &text);
        // Leases end with the process that held them.
        there.retain(|name| !["lease_owner", "lease_until"].contains(&name.as_str()));
        let carried = table.names().map(str::to_owned).collect();
        assert_eq!(there, carried, "{}", table.name);
    }
}

#[test]
fn a_row_that_is_none_is_refused() {
    let keys = &STATE[0];
    let line = |text: &str| serde_json::from_str::<RowLine>(text).unwrap();
    let whole = r#"{"table":"subject_keys","columns":{"subject_id":"00000000-0000-0000-0000-000000000007","kind":"person","created_at":"2026-01-02T03:04:05.000006Z"}}"#;
    assert!(keys.args(line(whole)).is_some());
    for (right, wrong) in [
        ("000000000007", "00000000000"),
        (r#""person""#, "7"),
        ("2026-01-02T", "2026-13-02T"),
        (r#""kind""#, r#""kindness""#),
    ] {
        assert_eq!(keys.args(line(&whole.replace(right, wrong))), None, "{wrong}");
    }
}

fn text() -> impl Strategy<Value = String> {
    // U+0000 is in no text of the log.
    "[^\u{0}]{0,40}".prop_union("[\"\\\\\n\r\u{2028}é{}]{0,8}")
}

prop_compose! {
    fn event()(
        (position, sequence, micros, retention) in (1..i64::MAX, 1..i64::MAX, 0..4_000_000_000_000_000_i64, 0..3_i16),
        (id, organization, correlation) in (any::<u128>(), any::<Option<u128>>(), any::<Option<u128>>()),
        (kind, stream, name, version) in (text(), text(), text(), text()),
        (actor, causation) in (proptest::option::of(text()), proptest::option::of(text())),
        (payload, metadata, removed) in (text(), text(), any::<bool>()),
    ) -> Recorded {
        let payload_hash = if removed { vec![7; 32] } else { chain::payload_hash(&payload) };
        let mut event = Recorded {
            position,
            event_id: Uuid::from_u128(id),
            aggregate_type: kind,
            aggregate_id: stream,
            sequence,
            event_type: name,
            event_version: version,
            organization_id: organization.map(Uuid::from_u128),
            actor,
            correlation_id: correlation.map(Uuid::from_u128),
            causation,
            recorded_at: DateTime::from_timestamp_micros(micros).unwrap(),
            retention: Retention(retention),
            payload_hash: Some(payload_hash),
            payload,
            metadata,
            hash: None,
            decoded: Decoded::default(),
        };
        event.hash = Some(chain::link(&[], &event));
        event
    }
}

proptest! {
    #[test]
    fn an_event_is_the_same_behind_its_line(event in event()) {
        let mut bytes = Vec::new();
        line::write("event", &EventLine::of(&event).unwrap(), &mut bytes).unwrap();
        prop_assert_eq!(bytes.iter().position(|byte| *byte == b'\n'), Some(bytes.len() - 1));
        let Line::Event(read) = serde_json::from_slice(&bytes).unwrap() else { panic!("an event") };
        let read = read.recorded();
        // The chain covers everything but payloads, and these their hash.
        prop_assert_eq!(chain::link(&[], &read), event.hash.clone().unwrap());
        prop_assert_eq!((read.payload, read.payload_hash, read.hash), (event.payload, event.payload_hash, event.hash));
    }

    #[test]
    fn a_blob_is_the_same_behind_its_line(organization in any::<u128>(), size in any::<i64>(), sha256: [u8; 32], body: Vec<u8>) {
        let blob = BlobLine { organization: Uuid::from_u128(organization), sha256: sha256.to_vec(), size, body };
        let mut bytes = Vec::new();
        line::write("blob", &blob, &mut bytes).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Line>(&bytes).unwrap(), Line::Blob(blob));
    }

    #[test]
    fn a_row_is_the_same_behind_its_line(id in any::<u128>(), key: Option<Vec<u8>>, kind in text(), micros in 0..4_000_000_000_000_000_i64) {
        let created = DateTime::from_timestamp_micros(micros).unwrap();
        let bytes = |key: &Option<Vec<u8>>| key.clone().map_or(Value::Null, Value::Bytes);
        // As the two databases give it.
        let rows = [
            Row(vec![Value::Uuid(Uuid::from_u128(id)), Value::Text(kind.clone()), bytes(&key), Value::Time(created), Value::Null]),
            Row(vec![Value::Text(Uuid::from_u128(id).to_string()), Value::Text(kind.clone()), bytes(&key), Value::Int(micros), Value::Null]),
        ];
        for row in rows {
            let mut line = Vec::new();
            line::write("row", &STATE[0].line(&row).unwrap(), &mut line).unwrap();
            let Line::Row(read) = serde_json::from_slice(&line).unwrap() else { panic!("a row") };
            let expected = crate::args![Uuid::from_u128(id), &kind, key.clone(), created, None::<DateTime<chrono::Utc>>];
            prop_assert_eq!(STATE[0].args(read), Some(expected));
        }
    }
}
