use std::net::IpAddr;

use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::{
    Claim, ClaimChange, Fact, FieldError, Problem, Sealed,
    device::{HardwareId, MacAddress},
    kind,
    sample::{device, group, organization, sealed},
};

#[test]
fn a_registered_device_has_what_it_was_registered_with() {
    nothing().when(register("ap-1")).then_expect_events(vec![registered("ap-1")]);
}

#[test]
fn what_a_device_says_about_itself_is_bounded() {
    for (field, max, information) in [
        ("model", 64, Information { model: "m".repeat(65), ..Information::default() }),
        ("os", 128, Information { os: "o".repeat(129), ..Information::default() }),
        ("system", 128, Information { system: "s".repeat(129), ..Information::default() }),
    ] {
        let problem = Problem::TooLong { max, length: max + 1 };
        let DeviceCommand::Register(mut new) = register("ap-1") else { unreachable!() };
        new.information = information;
        nothing()
            .when(DeviceCommand::Register(new))
            .then_expect_error(FieldError::new(field, problem).into());
    }
}

#[test]
fn limits_count_characters_and_not_bytes() {
    let model = "ä".repeat(64);
    given(vec![registered("ap-1")])
        .when(inform(Some(&model), None))
        .then_expect_events(vec![informed(&model, "OpenWrt 24.10")]);
}

#[test]
fn the_null_character_is_refused() {
    let refused = |field| DeviceError::from(FieldError::new(field, Problem::NullCharacter));
    given(vec![registered("ap-1")])
        .when(inform(Some("a\0b"), None))
        .then_expect_error(refused("model"));
    given(vec![registered("ap-1")])
        .when(DeviceCommand::ChangeNotes("a\0b".to_owned()))
        .then_expect_error(refused("notes"));
}

#[test]
fn notes_are_bounded() {
    let problem = Problem::TooLong { max: 100_000, length: 100_001 };
    given(vec![registered("ap-1")])
        .when(DeviceCommand::ChangeNotes("n".repeat(100_001)))
        .then_expect_error(FieldError::new("notes", problem).into());
}

#[test]
fn a_device_cannot_be_registered_twice() {
    given(vec![registered("ap-1")])
        .when(register("ap-2"))
        .then_expect_error(DeviceError::AlreadyRegistered);
    given(vec![registered("ap-1"), deactivated()])
        .when(register("ap-2"))
        .then_expect_error(DeviceError::AlreadyRegistered);
}

#[test]
fn what_does_not_exist_cannot_be_changed() {
    for command in [
        again(Some("ap-2"), None),
        rename("ap-2"),
        DeviceCommand::Activate,
        DeviceCommand::Deactivate,
        DeviceCommand::ChangeManagementAddress(None),
        move_to(9),
    ] {
        nothing().when(command).then_expect_error(DeviceError::Unknown);
    }
}

#[test]
fn removing_what_does_not_exist_is_a_success_without_events() {
    nothing().when(remove(false, false)).then_expect_events(vec![]);
}

#[test]
fn registering_again_is_noted_even_when_nothing_changed() {
    given(vec![registered("ap-1")])
        .when(again(Some("ap-1"), Some("OpenWrt 24.10")))
        .then_expect_events(vec![registered_again()]);
}

#[test]
fn registering_again_takes_over_name_and_information() {
    given(vec![registered("ap-1")])
        .when(again(Some("ap-2"), Some("OpenWrt 25.12")))
        .then_expect_events(vec![
            registered_again(),
            renamed("ap-1", "ap-2"),
            informed("C7", "OpenWrt 25.12"),
        ]);
}

#[test]
fn registering_again_leaves_what_was_not_sent() {
    given(vec![registered("ap-1")])
        .when(again(None, None))
        .then_expect_events(vec![registered_again()]);
}

#[test]
fn registering_again_empties_what_was_sent_empty() {
    given(vec![registered("ap-1")])
        .when(again(None, Some("")))
        .then_expect_events(vec![registered_again(), informed("C7", "")]);
}

#[test]
fn registering_again_under_its_address_does_not_rename_a_device() {
    for name in ["00:11:22:AA:BB:CC", "00-11-22-aa-bb-cc", "001122aabbcc", "001122AABBCC"] {
        given(vec![registered("ap-1")])
            .when(again(Some(name), None))
            .then_expect_events(vec![registered_again()]);
    }
}

#[test]
fn registering_again_under_a_foreign_address_renames_a_device() {
    given(vec![registered("ap-1")])
        .when(again(Some("00:11:22:AA:BB:CD"), None))
        .then_expect_events(vec![registered_again(), renamed("ap-1", "00:11:22:AA:BB:CD")]);
}

#[test]
fn registering_again_with_a_wrong_value_changes_nothing() {
    given(vec![registered("ap-1")])
        .when(again(Some("ap-2"), Some(&"o".repeat(129))))
        .then_expect_error(
            FieldError::new("os", Problem::TooLong { max: 128, length: 129 }).into(),
        );
}

#[test]
fn an_operator_may_name_a_device_after_its_address() {
    given(vec![registered("ap-1")])
        .when(rename("00:11:22:AA:BB:CC"))
        .then_expect_events(vec![renamed("ap-1", "00:11:22:AA:BB:CC")]);
}

#[test]
fn another_case_is_another_name() {
    given(vec![registered("ap-1")])
        .when(rename("AP-1"))
        .then_expect_events(vec![renamed("ap-1", "AP-1")]);
}

#[test]
fn every_change_is_one_event() {
    for (command, event) in changes() {
        given(vec![registered("ap-1")]).when(command).then_expect_events(vec![event]);
    }
}

#[test]
fn a_repeated_change_is_no_event() {
    for (command, event) in changes() {
        given(vec![registered("ap-1"), event]).when(command).then_expect_events(vec![]);
    }
}

#[test]
fn the_same_key_under_another_nonce_is_no_change() {
    given(vec![registered("ap-1")])
        .when(DeviceCommand::ChangeKey(sealed("key", "another nonce")))
        .then_expect_events(vec![]);
}

#[test]
fn a_deactivated_device_is_not_changed() {
    let commands = changes().into_iter().map(|(command, _)| command);
    let gains_address = DeviceCommand::ChangeManagementAddress(Some(address(1)));
    for command in
        commands.chain([gains_address, again(None, None), move_to(9), DeviceCommand::Deactivate])
    {
        given(vec![registered("ap-1"), deactivated()])
            .when(command)
            .then_expect_error(DeviceError::Deactivated);
    }
}

#[test]
fn a_deactivated_device_loses_its_management_address() {
    let lost = DeviceEvent::ManagementAddressChanged {
        organization_id: organization(1),
        from: Some(address(1)),
        to: None,
    };
    let history = vec![registered("ap-1"), reached_at(1), deactivated()];
    given(history.clone())
        .when(DeviceCommand::ChangeManagementAddress(None))
        .then_expect_events(vec![lost.clone()]);
    given(history)
        .and(vec![lost])
        .when(DeviceCommand::ChangeManagementAddress(None))
        .then_expect_events(vec![]);
}

#[test]
fn deactivation_and_activation_take_turns() {
    let activated = DeviceEvent::Activated { organization_id: organization(1) };
    given(vec![registered("ap-1")])
        .when(DeviceCommand::Deactivate)
        .then_expect_events(vec![deactivated()]);
    given(vec![registered("ap-1"), deactivated()])
        .when(DeviceCommand::Activate)
        .then_expect_events(vec![activated.clone()]);
    given(vec![registered("ap-1"), deactivated(), activated])
        .when(rename("ap-2"))
        .then_expect_events(vec![renamed("ap-1", "ap-2")]);
    given(vec![registered("ap-1")])
        .when(DeviceCommand::Activate)
        .then_expect_error(DeviceError::AlreadyActive);
}

#[test]
fn only_a_device_that_ended_is_removed_without_force() {
    let removed = vec![DeviceEvent::Removed { organization_id: organization(1) }];
    let active = || given(vec![registered("ap-1")]);
    let ended = || given(vec![registered("ap-1"), deactivated()]);

    active().when(remove(false, false)).then_expect_error(DeviceError::StillActive);
    active().when(remove(true, false)).then_expect_error(DeviceError::StillActive);
    active().when(remove(false, true)).then_expect_events(removed.clone());
    ended().when(remove(false, false)).then_expect_error(DeviceError::StillActive);
    ended().when(remove(true, false)).then_expect_events(removed.clone());
    ended().when(remove(false, true)).then_expect_events(removed);
}

#[test]
fn a_removed_device_is_unknown() {
    let history =
        || vec![registered("ap-1"), DeviceEvent::Removed { organization_id: organization(1) }];
    for command in [register("ap-1"), rename("ap-2"), DeviceCommand::Activate, move_to(9)] {
        given(history()).when(command).then_expect_error(DeviceError::Unknown);
    }
    given(history()).when(remove(false, false)).then_expect_events(vec![]);
}

#[test]
fn a_moved_device_leaves_its_group_and_belongs_to_the_new_owner() {
    let regrouped = DeviceEvent::GroupChanged {
        organization_id: organization(1),
        from: None,
        to: Some(group(4)),
    };
    given(vec![registered("ap-1"), regrouped.clone()])
        .when(move_to(9))
        .then_expect_events(vec![moved()]);
    given(vec![registered("ap-1"), regrouped, moved()])
        .when(DeviceCommand::ChangeGroup(Some(group(4))))
        .then_expect_events(vec![DeviceEvent::GroupChanged {
            organization_id: organization(9),
            from: None,
            to: Some(group(4)),
        }]);
}

#[test]
fn moving_to_the_present_owner_changes_nothing() {
    given(vec![registered("ap-1")]).when(move_to(1)).then_expect_events(vec![]);
    given(vec![registered("ap-1"), moved()]).when(move_to(9)).then_expect_events(vec![]);
}

#[test]
fn registration_takes_all_that_is_unique_and_a_place() {
    assert_eq!(
        registered("AP-1").claims(stream()),
        settled(1).into_iter().map(ClaimChange::Take).collect::<Vec<_>>()
    );
}

#[test]
fn a_device_without_hardware_id_claims_none() {
    let DeviceEvent::Registered(mut device) = registered("ap-1") else { unreachable!() };
    device.hardware_id = None;
    let claims = DeviceEvent::Registered(device).claims(stream());
    assert_eq!(claims, settled(1).into_iter().take(4).map(ClaimChange::Take).collect::<Vec<_>>());
}

#[test]
fn a_move_releases_everything_before_it_takes_it_elsewhere() {
    let takes = settled(9).into_iter().map(ClaimChange::Take);
    let expected: Vec<_> = std::iter::once(ClaimChange::ReleaseAll).chain(takes).collect();
    assert_eq!(moved().claims(stream()), expected);
    assert_eq!(moved().organization(), Some(organization(9)));
}

#[test]
fn a_removal_releases_everything() {
    let removed = DeviceEvent::Removed { organization_id: organization(1) };
    assert_eq!(removed.claims(stream()), [ClaimChange::ReleaseAll]);
}

#[test]
fn a_changed_value_is_released_and_the_other_taken() {
    let scope = Some(organization(1).as_uuid());
    for (event, kind, scope, from, to) in [
        (renamed("AP-1", "Ap-2"), kind::DEVICE_NAME, scope, "ap-1", "ap-2"),
        (
            readdressed("00-11-22-aa-bb-cc", "02-11-22-aa-bb-cc"),
            kind::DEVICE_MAC_ADDRESS,
            scope,
            "00:11:22:AA:BB:CC",
            "02:11:22:AA:BB:CC",
        ),
        (rekeyed(), kind::DEVICE_KEY, None, "key-print", "other-print"),
        (renumbered(Some("S-1"), Some("S-2")), kind::DEVICE_HARDWARE_ID, scope, "S-1", "S-2"),
    ] {
        assert_eq!(
            event.claims(stream()),
            [
                ClaimChange::Release(Claim::new(kind, scope, from)),
                ClaimChange::Take(Claim::new(kind, scope, to)),
            ]
        );
    }
}

#[test]
fn a_hardware_id_may_come_and_go() {
    let claim = || Claim::new(kind::DEVICE_HARDWARE_ID, Some(organization(1).as_uuid()), "S-1");
    assert_eq!(renumbered(None, Some("S-1")).claims(stream()), [ClaimChange::Take(claim())]);
    assert_eq!(renumbered(Some("S-1"), None).claims(stream()), [ClaimChange::Release(claim())]);
}

#[test]
fn what_is_not_unique_claims_nothing() {
    for event in [
        registered_again(),
        informed("C7", ""),
        reached_at(1),
        deactivated(),
        DeviceEvent::Activated { organization_id: organization(1) },
    ] {
        assert_eq!(event.claims(stream()), []);
        assert_eq!(event.organization(), Some(organization(1)));
    }
}

// What the stories above are made of.

fn nothing() -> AggregateTestExecutor<Device> {
    TestFramework::with(()).given_no_previous_events()
}

fn given(events: Vec<DeviceEvent>) -> AggregateTestExecutor<Device> {
    TestFramework::with(()).given(events)
}

/// A command for every value that can be changed by itself, and what comes of it on [`registered`] `ap-1`.
fn changes() -> Vec<(DeviceCommand, DeviceEvent)> {
    let organization_id = organization(1);
    vec![
        (rename("ap-2"), renamed("ap-1", "ap-2")),
        (
            DeviceCommand::ChangeMacAddress(mac("00-11-22-aa-bb-cc")),
            readdressed("00:11:22:aa:bb:cc", "00-11-22-aa-bb-cc"),
        ),
        (DeviceCommand::ChangeKey(sealed("other", "n")), rekeyed()),
        (DeviceCommand::ChangeHardwareId(None), renumbered(Some("S-1"), None)),
        (inform(None, Some("OpenWrt 25.12")), informed("C7", "OpenWrt 25.12")),
        (
            DeviceCommand::ChangeNotes("on the roof".to_owned()),
            DeviceEvent::NotesChanged { organization_id, notes: "on the roof".to_owned() },
        ),
        (
            DeviceCommand::ChangeGroup(Some(group(3))),
            DeviceEvent::GroupChanged { organization_id, from: None, to: Some(group(3)) },
        ),
        (DeviceCommand::ChangeManagementAddress(Some(address(1))), reached_at(1)),
    ]
}

fn stream() -> Uuid {
    device(2).as_uuid()
}

/// What a device named `ap-1` in whatever case holds in an organization.
fn settled(owner: u128) -> [Claim; 5] {
    let scope = Some(organization(owner).as_uuid());
    [
        Claim::new(kind::DEVICE_NAME, scope, "ap-1"),
        Claim::new(kind::DEVICE_MAC_ADDRESS, scope, "00:11:22:AA:BB:CC"),
        Claim::new(kind::DEVICE_KEY, None, "key-print"),
        Claim { counts_for: scope, ..Claim::new(kind::DEVICE_PLACE, scope, stream().to_string()) },
        Claim::new(kind::DEVICE_HARDWARE_ID, scope, "S-1"),
    ]
}

fn register(name: &str) -> DeviceCommand {
    let DeviceEvent::Registered(device) = registered(name) else { unreachable!() };
    DeviceCommand::Register(Box::new(RegisterDevice {
        id: device.device_id,
        organization_id: device.organization_id,
        name: device.name,
        mac_address: device.mac_address,
        key: device.key,
        hardware_id: device.hardware_id,
        information: device.information,
        notes: device.notes,
        group_id: device.group_id,
    }))
}

fn registered(name: &str) -> DeviceEvent {
    DeviceEvent::Registered(Box::new(DeviceRegistered {
        device_id: device(2),
        organization_id: organization(1),
        name: named(name),
        mac_address: mac("00:11:22:aa:bb:cc"),
        key: key(),
        hardware_id: Some(serial("S-1")),
        information: Information {
            model: "C7".to_owned(),
            os: "OpenWrt 24.10".to_owned(),
            system: "QCA9558".to_owned(),
        },
        notes: String::new(),
        group_id: None,
    }))
}

fn again(name: Option<&str>, os: Option<&str>) -> DeviceCommand {
    let information = ChangeInformation { os: os.map(str::to_owned), ..Default::default() };
    DeviceCommand::RegisterAgain { name: name.map(named), information }
}

fn registered_again() -> DeviceEvent {
    DeviceEvent::RegisteredAgain { organization_id: organization(1) }
}

fn rename(name: &str) -> DeviceCommand {
    DeviceCommand::Rename(named(name))
}

fn renamed(from: &str, to: &str) -> DeviceEvent {
    DeviceEvent::Renamed { organization_id: organization(1), from: named(from), to: named(to) }
}

fn readdressed(from: &str, to: &str) -> DeviceEvent {
    let (from, to) = (mac(from), mac(to));
    DeviceEvent::MacAddressChanged { organization_id: organization(1), from, to }
}

fn rekeyed() -> DeviceEvent {
    DeviceEvent::KeyChanged {
        organization_id: organization(1),
        from: key().fingerprint,
        key: sealed("other", "n"),
    }
}

fn renumbered(from: Option<&str>, to: Option<&str>) -> DeviceEvent {
    let (from, to) = (from.map(serial), to.map(serial));
    DeviceEvent::HardwareIdChanged { organization_id: organization(1), from, to }
}

fn inform(model: Option<&str>, os: Option<&str>) -> DeviceCommand {
    DeviceCommand::ChangeInformation(ChangeInformation {
        model: model.map(str::to_owned),
        os: os.map(str::to_owned),
        system: None,
    })
}

fn informed(model: &str, os: &str) -> DeviceEvent {
    DeviceEvent::InformationChanged {
        organization_id: organization(1),
        information: Information {
            model: model.to_owned(),
            os: os.to_owned(),
            system: "QCA9558".to_owned(),
        },
    }
}

fn reached_at(last: u8) -> DeviceEvent {
    DeviceEvent::ManagementAddressChanged {
        organization_id: organization(1),
        from: None,
        to: Some(address(last)),
    }
}

fn deactivated() -> DeviceEvent {
    DeviceEvent::Deactivated { organization_id: organization(1) }
}

fn remove(configuration_ended: bool, force: bool) -> DeviceCommand {
    DeviceCommand::Remove { configuration_ended, force }
}

fn move_to(owner: u128) -> DeviceCommand {
    DeviceCommand::Move { to: organization(owner), key: sealed("key", "for the new owner") }
}

fn moved() -> DeviceEvent {
    DeviceEvent::Moved(Box::new(DeviceMoved {
        device_id: device(2),
        from: organization(1),
        to: organization(9),
        name: named("ap-1"),
        mac_address: mac("00:11:22:aa:bb:cc"),
        key: key(),
        hardware_id: Some(serial("S-1")),
    }))
}

fn key() -> Sealed {
    sealed("key", "n")
}

fn named(name: &str) -> crate::device::DeviceName {
    name.parse().expect("a device's name")
}

fn mac(address: &str) -> MacAddress {
    address.parse().expect("a MAC address")
}

fn serial(id: &str) -> HardwareId {
    id.parse().expect("a hardware id")
}

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}
