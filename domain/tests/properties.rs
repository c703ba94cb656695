//! What holds whatever comes in: nothing panics, what was parsed is written and read again as it is, and a
//! command that was carried out has nothing left to do.

use std::str::FromStr;

use cqrs_es::{Aggregate, DomainEvent, test::TestFramework};
use proptest::{collection::vec, option, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use uuid::Uuid;
use wisptrail_domain::{
    DeviceId, Document, Event, GroupId, OrganizationId, Permissions, Problem, Sealed, TemplateId,
    UserId,
    accounts::{
        CreateOrganization, CreateUser, DeviceLimit, EmailAddress, Membership, Organization,
        OrganizationCommand, OrganizationDetails, Profile, ProfileField, User, UserCommand,
    },
    configuration::{
        ArchiveRendered, Backend, Configuration, ConfigurationCommand, CreateConfiguration,
        CreateTemplate, DownloadedArchive, ReportedStatus, Template, TemplateCommand,
        TemplateFlags,
    },
    device::{
        ChangeInformation, CreateGroup, Device, DeviceCommand, DeviceName, Group, GroupCommand,
        HardwareId, Information, MacAddress, RegisterDevice, key_problems,
    },
    field,
};

#[path = "properties/commands.rs"]
mod commands;
#[path = "properties/values.rs"]
mod values;

/// Runs commands one after the other, as the log would: each sees the events of those before it.
/// `repeats` says for which commands a second time has to be no event.
fn live<A>(commands: Vec<A::Command>, repeats: impl Fn(&A::Command) -> bool)
where
    A: Aggregate<Services = ()>,
    A::Command: Clone,
    A::Event: Clone + PartialEq + Serialize,
{
    let mut history: Vec<A::Event> = Vec::new();
    for command in commands {
        let run = |history: &[A::Event]| {
            TestFramework::<A>::with(())
                .given(history.to_vec())
                .when(command.clone())
                .inspect_result()
        };
        let Ok(events) = run(&history) else { continue };
        for event in &events {
            let payload = serde_json::to_string(event).expect("events serialize");
            let read = Event::decode(&event.event_type(), &event.event_version(), &payload);
            assert_eq!(read.expect("what is written can be read").event_type(), event.event_type());
        }
        history.extend(events);
        if repeats(&command) {
            let again = run(&history).expect("what was carried out is not refused");
            assert!(again.is_empty(), "a second time makes {} events", again.len());
        }
    }
}
