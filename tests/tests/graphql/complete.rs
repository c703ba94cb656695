//! Everything that can be done can be done over GraphQL: two tables, and the sources that they are held against.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use regex::Regex;

/// Use cases, as their spans are named, and the mutations that reach them.
const USE_CASES: &[(&str, &[&str])] = &[
    ("bulk.cancel", &["cancelBulkOperation"]),
    ("bulk.pause", &["pauseBulkOperation"]),
    ("bulk.resume", &["resumeBulkOperation"]),
    ("bulk.start", &["startBulkOperation"]),
    ("device.activate", &["activateDevice"]),
    ("device.change", &["changeDevice"]),
    ("device.create", &["createDevice"]),
    ("device.deactivate", &["deactivateDevice"]),
    ("device.remove", &["removeDevice"]),
    ("device.revert", &["revertDevice"]),
    ("device_group.change", &["changeDeviceGroup"]),
    ("device_group.create", &["createDeviceGroup"]),
    ("device_group.remove", &["removeDeviceGroup"]),
    ("organization.change", &["changeOrganization"]),
    ("organization.create", &["createOrganization"]),
    ("organization.hand_over", &["handOverOrganization"]),
    ("organization.remove", &["removeOrganization"]),
    ("permission_group.change", &["changePermissionGroup"]),
    ("permission_group.create", &["createPermissionGroup"]),
    ("permission_group.remove", &["removePermissionGroup"]),
    ("template.change", &["changeTemplate"]),
    ("template.create", &["createTemplate"]),
    ("template.remove", &["removeTemplate"]),
    ("user.add_address", &["addEmailAddress"]),
    ("user.bring", &["createUser"]),
    ("user.change", &["changeUser"]),
    ("user.change_address", &["changeEmailAddress"]),
    ("user.change_password", &["changePassword"]),
    ("user.confirm_address", &["confirmEmail"]),
    ("user.create", &["createUser"]),
    ("user.create_token", &["createToken"]),
    ("user.erase", &["eraseUser"]),
    ("user.leave", &["leaveOrganization"]),
    ("user.log_in", &["logIn"]),
    ("user.log_in_by_link", &["logInByLink"]),
    ("user.remove", &["removeUser"]),
    ("user.remove_address", &["removeEmailAddress"]),
    ("user.request_log_in_link", &["requestMagicLink"]),
    ("user.request_password_reset", &["requestPasswordReset"]),
    ("user.resend_confirmation", &["resendConfirmation"]),
    ("user.reset_password", &["resetPassword"]),
    ("user.revoke_token", &["revokeToken"]),
    ("user.revoke_tokens", &["revokeTokens"]),
    ("webhook.change", &["changeWebhook"]),
    ("webhook.create", &["createWebhook"]),
    ("webhook.pause", &["pauseWebhook"]),
    ("webhook.redeliver", &["redeliverWebhook"]),
    ("webhook.remove", &["removeWebhook"]),
    ("webhook.resume", &["resumeWebhook"]),
    ("webhook.rotate_secret", &["rotateWebhookSecret"]),
    ("webhook.skip_delivery", &["skipWebhookDelivery"]),
    ("webhook.test", &["testWebhook"]),
];

/// What changes nothing, or is for agents only.
const NO_MUTATIONS: &[&str] =
    &["change.dry_run", "device.preview", "device.preview_new", "device.register"];

/// Commands of the rules, by the file of their enumeration, and a mutation that gives each.
const COMMANDS: &[(&str, &[(&str, &str)])] = &[
    (
        "accounts/organization",
        &[
            ("Create", "createOrganization"),
            ("Rename", "changeOrganization"),
            ("ChangeSlug", "changeOrganization"),
            ("ChangeDetails", "changeOrganization"),
            ("SetActive", "changeOrganization"),
            ("SetRegistration", "changeOrganization"),
            ("ChangeSharedSecret", "changeOrganization"),
            ("ChangeVariables", "changeOrganization"),
            ("ChangeDeviceLimit", "changeOrganization"),
            ("StartRemoval", "removeOrganization"),
            // By the program itself, when nothing is left.
            ("Remove", ""),
        ],
    ),
    (
        "accounts/user",
        &[
            ("Create", "createUser"),
            ("Rename", "changeUser"),
            ("ChangeEmail", "changeUser"),
            ("ChangePhone", "changeUser"),
            ("ChangeProfile", "changeUser"),
            ("ChangePreferences", "changeUser"),
            ("SetStaff", "changeUser"),
            ("SetSuperuser", "changeUser"),
            ("ChangeGroups", "changeUser"),
            ("ChangePassword", "changePassword"),
            ("IssueToken", "logIn"),
            // The worker that mails it.
            ("IssueLink", ""),
            ("IssueNamedToken", "createToken"),
            ("RevokeNamedToken", "revokeToken"),
            ("EndTokens", "changePassword"),
            ("EndAllTokens", "revokeTokens"),
            ("SetActive", "changeUser"),
            ("Join", "changeUser"),
            ("SetManager", "changeUser"),
            ("Leave", "leaveOrganization"),
            ("TakeOwnership", "handOverOrganization"),
            ("GiveUpOwnership", "handOverOrganization"),
            ("AddEmailAddress", "addEmailAddress"),
            ("ChangeEmailAddress", "changeEmailAddress"),
            ("SetPrimaryEmailAddress", "changeEmailAddress"),
            ("RemoveEmailAddress", "removeEmailAddress"),
            ("Remove", "removeUser"),
            ("Erase", "eraseUser"),
            ("ChangePermissions", "changeUser"),
            ("VerifyEmailAddress", "changeEmailAddress"),
            ("SetExpiry", "changeUser"),
            // By the program itself: at log-in, by the link of a mail, and of tokens one by one.
            ("RehashPassword", ""),
            ("UseLink", "resetPassword"),
            ("RevokeToken", ""),
        ],
    ),
    (
        "accounts/permission_group",
        &[
            ("Create", "createPermissionGroup"),
            ("Rename", "changePermissionGroup"),
            ("ChangePermissions", "changePermissionGroup"),
            ("Remove", "removePermissionGroup"),
            // By the program itself, at its start.
            ("Introduce", ""),
        ],
    ),
    (
        "configuration/configuration",
        &[
            ("Create", "createDevice"),
            ("ChangeContents", "changeDevice"),
            ("ChangeVariables", "changeDevice"),
            ("ChangeBackend", "changeDevice"),
            ("AssignTemplates", "changeDevice"),
            ("RequireConfirmation", "changeDevice"),
            ("Deactivate", "deactivateDevice"),
            ("Activate", "activateDevice"),
            ("Move", "changeDevice"),
            ("Remove", "removeDevice"),
            // By rendering, and by agents.
            ("AcceptRendering", ""),
            ("AcceptFailure", ""),
            ("Report", ""),
        ],
    ),
    (
        "configuration/template",
        &[
            ("Create", "createTemplate"),
            ("Rename", "changeTemplate"),
            ("ChangeContents", "changeTemplate"),
            ("ChangeDefaultValues", "changeTemplate"),
            ("ChangeTags", "changeTemplate"),
            ("ChangeFlags", "changeTemplate"),
            ("ChangeNotes", "changeTemplate"),
            ("ChangeBackend", "changeTemplate"),
            ("Remove", "removeTemplate"),
            ("Move", "changeTemplate"),
        ],
    ),
    (
        "device/device",
        &[
            ("Register", "createDevice"),
            // By agents.
            ("RegisterAgain", ""),
            ("Rename", "changeDevice"),
            ("ChangeMacAddress", "changeDevice"),
            ("ChangeKey", "changeDevice"),
            ("ChangeHardwareId", "changeDevice"),
            ("ChangeInformation", "changeDevice"),
            ("ChangeNotes", "changeDevice"),
            ("ChangeGroup", "changeDevice"),
            ("ChangeManagementAddress", "changeDevice"),
            ("Move", "changeDevice"),
            ("Deactivate", "deactivateDevice"),
            ("Activate", "activateDevice"),
            ("Remove", "removeDevice"),
        ],
    ),
    (
        "device/group",
        &[
            ("Create", "createDeviceGroup"),
            ("Rename", "changeDeviceGroup"),
            ("ChangeDescription", "changeDeviceGroup"),
            ("ChangeVariables", "changeDeviceGroup"),
            ("ChangeMetaData", "changeDeviceGroup"),
            ("ChangeTemplates", "changeDeviceGroup"),
            ("Remove", "removeDeviceGroup"),
        ],
    ),
    (
        "webhook",
        &[
            ("Create", "createWebhook"),
            ("Rename", "changeWebhook"),
            ("ChangeUrl", "changeWebhook"),
            ("ChangeSelection", "changeWebhook"),
            ("RotateSecret", "rotateWebhookSecret"),
            ("Pause", "pauseWebhook"),
            ("Resume", "resumeWebhook"),
            // By the program itself, when nothing can be delivered.
            ("Disable", ""),
            ("Remove", "removeWebhook"),
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The Rust files below a folder.
fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}

fn mutations() -> anyhow::Result<BTreeSet<String>> {
    let schema = std::fs::read_to_string(root().join("schema.graphql"))?;
    let (_, after) = schema.split_once("\ntype Mutation {").context("mutations")?;
    let (inside, _) = after.split_once("\n}").context("an end")?;
    let name = Regex::new(r"(?m)^  ([a-z]\w*)\(")?;
    Ok(name.captures_iter(inside).map(|found| found[1].to_owned()).collect())
}

#[test]
fn every_use_case_has_its_mutation() -> anyhow::Result<()> {
    let span = Regex::new(r#"instrument\(name = "([a-z_.]+)""#)?;
    let mut named = BTreeSet::new();
    for path in sources(&root().join("app/src"))? {
        let text = std::fs::read_to_string(path)?;
        named.extend(span.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    let known = USE_CASES.iter().map(|(name, _)| *name).chain(NO_MUTATIONS.iter().copied());
    assert_eq!(named, known.map(str::to_owned).collect::<BTreeSet<_>>());

    // Nor is there a mutation that nobody knows of.
    let reached = USE_CASES.iter().flat_map(|(_, mutations)| mutations.iter());
    assert_eq!(mutations()?, reached.map(ToString::to_string).collect::<BTreeSet<_>>());
    Ok(())
}

#[test]
fn every_command_is_given_by_a_mutation() -> anyhow::Result<()> {
    let (mutations, variant) = (mutations()?, Regex::new(r"(?m)^    ([A-Z]\w*)(?:,|\(| \{)")?);
    let mut files = 0;
    for path in sources(&root().join("domain/src"))? {
        if !path.ends_with("command.rs") {
            continue;
        }
        files += 1;
        let text = std::fs::read_to_string(&path)?;
        let (_, after) = text.split_once("Command {").context("an enumeration")?;
        let (inside, _) = after.split_once("\n}").context("its end")?;
        let commands: Vec<&str> = variant
            .captures_iter(inside)
            .filter_map(|found| found.get(1).map(|name| name.as_str()))
            .collect();
        let folder = path.parent().context("a folder")?;
        let (_, known) =
            COMMANDS.iter().find(|(name, _)| folder.ends_with(name)).context("unknown")?;
        let given: BTreeSet<&str> = known.iter().map(|(command, _)| *command).collect();
        assert_eq!(commands.into_iter().collect::<BTreeSet<_>>(), given, "{}", path.display());
        for (command, mutation) in *known {
            assert!(mutation.is_empty() || mutations.contains(*mutation), "{command}: {mutation}");
        }
    }
    assert_eq!(files, COMMANDS.len());
    Ok(())
}
