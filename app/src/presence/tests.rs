use uuid::Uuid;

use super::*;

const HARBOUR: OrganizationId = OrganizationId::from_uuid(Uuid::from_u128(1));
const HILLS: OrganizationId = OrganizationId::from_uuid(Uuid::from_u128(2));

#[test]
fn a_checksum_takes_addresses_from_others_wherever_they_had_them_from() {
    for kind in [ContactKind::Register, ContactKind::Download, ContactKind::Checksum] {
        let book = book(true);
        book.note(contact(1, HARBOUR, kind, "10.0.0.1", Some("10.9.0.1")));
        book.note(contact(2, HILLS, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
        assert_eq!(addresses(&book, 1), (None, None), "{kind:?}");
        assert_eq!(addresses(&book, 2), (ip("10.0.0.1"), ip("10.9.0.1")));
    }
    let book = book(true);
    book.set_last_ip(device(1), HARBOUR, ip("10.0.0.1"));
    book.set_management(device(1), HARBOUR, ip("10.9.0.1"));
    book.note(contact(2, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    assert_eq!(addresses(&book, 1), (None, None));
}

#[test]
fn other_requests_take_nothing() {
    let book = book(true);
    book.note(contact(1, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    book.note(contact(2, HARBOUR, ContactKind::Download, "10.0.0.1", Some("10.9.0.1")));
    book.note(contact(3, HARBOUR, ContactKind::Register, "10.0.0.1", None));
    for number in 1..=2 {
        assert_eq!(addresses(&book, number), (ip("10.0.0.1"), ip("10.9.0.1")));
    }
    book.note(contact(3, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    assert_eq!((addresses(&book, 1), addresses(&book, 2)), ((None, None), (None, None)));
}

#[test]
fn who_polls_from_where_it_was_takes_nothing() {
    let book = book(true);
    for number in 1..=2 {
        book.note(contact(number, HARBOUR, ContactKind::Register, "10.0.0.1", None));
    }
    book.note(contact(2, HARBOUR, ContactKind::Checksum, "10.0.0.1", None));
    assert_eq!(addresses(&book, 1), (ip("10.0.0.1"), None));
    // One new address is enough: then both are taken from others.
    book.note(contact(2, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    assert_eq!(addresses(&book, 1), (None, None));
    book.note(contact(1, HARBOUR, ContactKind::Checksum, "10.0.0.1", None));
    assert_eq!(addresses(&book, 2), (None, ip("10.9.0.1")));
}

#[test]
fn a_public_address_may_be_that_of_many() {
    let book = book(true);
    for number in 1..=2 {
        book.note(contact(number, HARBOUR, ContactKind::Checksum, "203.0.113.9", None));
    }
    assert_eq!(addresses(&book, 1).0, ip("203.0.113.9"));
}

#[test]
fn organizations_are_apart_where_addresses_are_not_shared() {
    let book = book(false);
    book.note(contact(1, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    book.note(contact(2, HILLS, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    assert_eq!(addresses(&book, 1), (ip("10.0.0.1"), ip("10.9.0.1")));

    // Whoever moves takes its addresses along.
    book.moved(device(1), HILLS);
    book.note(contact(3, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    assert_eq!(addresses(&book, 1), (ip("10.0.0.1"), ip("10.9.0.1")));
    book.note(contact(4, HILLS, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    assert_eq!(addresses(&book, 1), (None, None));
}

#[test]
fn a_changed_address_is_due_at_most_once_per_interval() {
    let book = book(true);
    let interval = std::time::Duration::from_mins(1);
    let due = |at: i64| book.addresses_to_record(moment(at), interval);
    book.note(contact(1, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    assert_eq!(due(0), [(device(1), ip("10.9.0.1"))]);
    assert_eq!(due(1), []);
    book.note(contact(1, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.2")));
    assert_eq!(due(59), []);
    assert_eq!(due(60), [(device(1), ip("10.9.0.2"))]);
    book.record_again(device(1));
    assert_eq!(due(120), [(device(1), ip("10.9.0.2"))]);
}

#[test]
fn nothing_is_left_of_a_device_that_is_gone() {
    let book = book(true);
    book.note(contact(1, HARBOUR, ContactKind::Checksum, "10.0.0.1", Some("10.9.0.1")));
    book.forget(device(1));
    let pages = book.pages.lock();
    assert!(
        pages.entries.is_empty() && pages.management.0.is_empty() && pages.private.0.is_empty()
    );
}

// What the stories above are made of.

fn book(shared: bool) -> PresenceBook {
    PresenceBook { shared, pages: Mutex::default() }
}

fn device(number: u128) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(number))
}

#[expect(clippy::unnecessary_wraps, reason = "as presence has it")]
fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn addresses(book: &PresenceBook, number: u128) -> (Option<IpAddr>, Option<IpAddr>) {
    let presence = book.of(device(number)).unwrap_or_default();
    (presence.last_ip, presence.management_ip)
}

fn contact(
    number: u128,
    organization: OrganizationId,
    kind: ContactKind,
    address: &str,
    management: Option<&str>,
) -> Contact {
    Contact {
        device: device(number),
        organization,
        at: moment(0),
        address: address.parse().unwrap(),
        management: management.map(|address| address.parse().unwrap()),
        kind,
    }
}
