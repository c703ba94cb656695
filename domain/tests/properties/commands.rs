//! Lives of aggregates: few ids and few values, so that commands meet.

use super::{values::document, *};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_life_of_a_device_can_be_lived(commands in lives(device_command())) {
        live::<Device>(commands, |command| !matches!(
            command,
            // It is noted each time; a second one is refused; a new registration of a device is refused.
            DeviceCommand::RegisterAgain { .. }
                | DeviceCommand::Activate
                | DeviceCommand::Deactivate
                | DeviceCommand::Register(_)
        ));
    }

    #[test]
    fn any_life_of_a_group_can_be_lived(commands in lives(group_command())) {
        live::<Group>(commands, |command| !matches!(command, GroupCommand::Create(_)));
    }

    #[test]
    fn any_life_of_a_template_can_be_lived(commands in lives(template_command())) {
        live::<Template>(commands, |command| !matches!(command, TemplateCommand::Create(_)));
    }

    #[test]
    fn any_life_of_a_configuration_can_be_lived(commands in lives(configuration_command())) {
        live::<Configuration>(commands, |command| {
            !matches!(command, ConfigurationCommand::Create(_))
        });
    }

    #[test]
    fn any_life_of_an_organization_can_be_lived(commands in lives(organization_command())) {
        live::<Organization>(commands, |command| {
            !matches!(command, OrganizationCommand::Create(_))
        });
    }

    #[test]
    fn any_life_of_a_user_can_be_lived(commands in lives(user_command())) {
        live::<User>(commands, |command| !matches!(
            command,
            // The hash of a password is another one each time, and tokens can always end once more.
            UserCommand::Create(_) | UserCommand::ChangePassword(_) | UserCommand::EndTokens
        ));
    }
}

fn lives<C: std::fmt::Debug>(command: impl Strategy<Value = C>) -> impl Strategy<Value = Vec<C>> {
    vec(command, 0..24)
}

fn device_command() -> impl Strategy<Value = DeviceCommand> {
    let information = || {
        (option::of(text()), option::of(text()), option::of(text()))
            .prop_map(|(model, os, system)| ChangeInformation { model, os, system })
    };
    let register = (organization(), name(), mac(), sealed(), text()).prop_map(
        |(organization_id, name, mac_address, key, notes)| {
            DeviceCommand::Register(Box::new(RegisterDevice {
                id: DeviceId::from_uuid(Uuid::from_u128(2)),
                organization_id,
                name,
                mac_address,
                key,
                hardware_id: None,
                information: Information::default(),
                notes,
                group_id: None,
            }))
        },
    );
    prop_oneof![
        3 => register,
        1 => (option::of(name()), information())
            .prop_map(|(name, information)| DeviceCommand::RegisterAgain { name, information }),
        1 => name().prop_map(DeviceCommand::Rename),
        1 => mac().prop_map(DeviceCommand::ChangeMacAddress),
        1 => sealed().prop_map(DeviceCommand::ChangeKey),
        1 => option::of("[a-b]{1,2}").prop_map(|id| DeviceCommand::ChangeHardwareId(
            id.map(|id| id.parse::<HardwareId>().expect("a hardware id"))
        )),
        1 => information().prop_map(DeviceCommand::ChangeInformation),
        1 => text().prop_map(DeviceCommand::ChangeNotes),
        1 => option::of(number()).prop_map(|group| DeviceCommand::ChangeGroup(group.map(GroupId::from_uuid))),
        1 => option::of(any::<bool>()).prop_map(|last| DeviceCommand::ChangeManagementAddress(
            last.map(|last| [10, 0, 0, u8::from(last)].into())
        )),
        1 => (organization(), sealed()).prop_map(|(to, key)| DeviceCommand::Move { to, key }),
        1 => Just(DeviceCommand::Deactivate),
        1 => Just(DeviceCommand::Activate),
        1 => any::<(bool, bool)>().prop_map(|(configuration_ended, force)| {
            DeviceCommand::Remove { configuration_ended, force }
        }),
    ]
}

fn group_command() -> impl Strategy<Value = GroupCommand> {
    let create = (organization(), text(), templates(), document(), document()).prop_map(
        |(organization_id, name, templates, variables, meta_data)| {
            GroupCommand::Create(CreateGroup {
                id: GroupId::from_uuid(Uuid::from_u128(4)),
                organization_id,
                name,
                description: String::new(),
                templates,
                variables,
                meta_data,
            })
        },
    );
    prop_oneof![
        3 => create,
        1 => text().prop_map(GroupCommand::Rename),
        1 => text().prop_map(GroupCommand::ChangeDescription),
        1 => document().prop_map(GroupCommand::ChangeVariables),
        1 => document().prop_map(GroupCommand::ChangeMetaData),
        1 => templates().prop_map(GroupCommand::ChangeTemplates),
        1 => Just(GroupCommand::Remove),
    ]
}

fn template_command() -> impl Strategy<Value = TemplateCommand> {
    let flags = || {
        any::<(bool, bool)>().prop_map(|(default, required)| TemplateFlags::new(default, required))
    };
    let create = (option::of(organization()), text(), document(), vec(text(), 0..3), flags())
        .prop_map(|(organization_id, name, config, tags, flags)| {
            TemplateCommand::Create(Box::new(CreateTemplate {
                id: TemplateId::from_uuid(Uuid::from_u128(3)),
                organization_id,
                name,
                backend: openwrt(),
                config,
                default_values: Document::new(),
                tags,
                flags,
                notes: String::new(),
            }))
        });
    prop_oneof![
        3 => create,
        1 => text().prop_map(TemplateCommand::Rename),
        1 => document().prop_map(TemplateCommand::ChangeContents),
        1 => document().prop_map(TemplateCommand::ChangeDefaultValues),
        1 => vec(text(), 0..3).prop_map(TemplateCommand::ChangeTags),
        1 => flags().prop_map(TemplateCommand::ChangeFlags),
        1 => text().prop_map(TemplateCommand::ChangeNotes),
        1 => backend().prop_map(TemplateCommand::ChangeBackend),
        1 => Just(TemplateCommand::Remove),
    ]
}

fn configuration_command() -> impl Strategy<Value = ConfigurationCommand> {
    let create = (organization(), backend(), document(), document(), templates()).prop_map(
        |(organization_id, backend, config, variables, templates)| {
            ConfigurationCommand::Create(Box::new(CreateConfiguration {
                device_id: DeviceId::from_uuid(Uuid::from_u128(2)),
                organization_id,
                backend,
                config,
                variables,
                templates,
                defaults_position: 1,
            }))
        },
    );
    let content = || prop_oneof![Just("a"), Just("b")];
    let rendering = (content(), 0..100_i64).prop_map(|(content, inputs_position)| {
        ConfigurationCommand::AcceptRendering(ArchiveRendered {
            sha256: content.repeat(64),
            md5: content.repeat(32),
            size: 100,
            inputs_position,
            renderer: 1,
        })
    });
    let status = prop_oneof![
        Just(ReportedStatus::Applied),
        Just(ReportedStatus::Modified),
        option::of(any::<String>()).prop_map(ReportedStatus::Error),
        Just(ReportedStatus::Error(Some("ü".repeat(2000)))),
    ];
    let report = (status, option::of(content())).prop_map(|(status, downloaded)| {
        let archive = match downloaded {
            Some(content) => DownloadedArchive::Known(content.repeat(32)),
            None => DownloadedArchive::Unknown,
        };
        ConfigurationCommand::Report { status, archive }
    });
    prop_oneof![
        3 => create,
        1 => document().prop_map(ConfigurationCommand::ChangeContents),
        1 => document().prop_map(ConfigurationCommand::ChangeVariables),
        1 => backend().prop_map(ConfigurationCommand::ChangeBackend),
        1 => templates().prop_map(ConfigurationCommand::AssignTemplates),
        3 => rendering,
        1 => "[a-b]".prop_map(|reason| {
            ConfigurationCommand::AcceptFailure { inputs_position: 1, reason }
        }),
        1 => Just(ConfigurationCommand::RequireConfirmation("device_renamed")),
        3 => report,
        1 => Just(ConfigurationCommand::Deactivate),
        1 => templates().prop_map(|templates| {
            ConfigurationCommand::Activate { templates, defaults_position: 1 }
        }),
        1 => (organization(), templates())
            .prop_map(|(to, templates)| ConfigurationCommand::Move { to, templates }),
        1 => Just(ConfigurationCommand::Remove),
    ]
}

fn organization_command() -> impl Strategy<Value = OrganizationCommand> {
    let limit = || {
        prop_oneof![
            Just(DeviceLimit::Unlimited),
            (1..5_u32).prop_map(DeviceLimit::AtMost),
            Just(DeviceLimit::NoDevices),
        ]
    };
    let details = || {
        (text(), text(), text()).prop_map(|(description, email, url)| OrganizationDetails {
            description,
            email,
            url,
        })
    };
    let create = (organization(), text(), "[a-b]", details(), sealed(), document(), limit())
        .prop_map(|(id, name, slug, details, secret, variables, limit)| {
            OrganizationCommand::Create(Box::new(CreateOrganization {
                id,
                name,
                slug,
                details,
                active: true,
                registration_open: true,
                secret,
                variables,
                limit,
            }))
        });
    prop_oneof![
        3 => create,
        1 => text().prop_map(OrganizationCommand::Rename),
        1 => text().prop_map(OrganizationCommand::ChangeSlug),
        1 => details().prop_map(OrganizationCommand::ChangeDetails),
        1 => any::<bool>().prop_map(OrganizationCommand::SetActive),
        1 => any::<bool>().prop_map(OrganizationCommand::SetRegistration),
        1 => sealed().prop_map(OrganizationCommand::ChangeSharedSecret),
        1 => document().prop_map(OrganizationCommand::ChangeVariables),
        1 => (limit(), 0..5_u64).prop_map(|(limit, devices)| {
            OrganizationCommand::ChangeDeviceLimit { limit, devices }
        }),
    ]
}

fn user_command() -> impl Strategy<Value = UserCommand> {
    let create = (number(), sealed(), option::of(sealed())).prop_map(|(id, username, email)| {
        UserCommand::Create(Box::new(CreateUser {
            id: UserId::from_uuid(id),
            username,
            email,
            password: None,
            password_since: None,
            superuser: false,
            staff: true,
            active: true,
            groups: vec![],
            permissions: Permissions::NONE,
            memberships: vec![],
            phone: None,
            profile: Profile::new(),
            language: String::new(),
            time_zone: String::new(),
            expires_on: None,
            addresses: vec![],
        }))
    });
    prop_oneof![
        3 => create,
        1 => sealed().prop_map(UserCommand::ChangePassword),
        1 => "[a-c]".prop_map(UserCommand::IssueToken),
        1 => "[a-c]".prop_map(UserCommand::RevokeToken),
        1 => any::<bool>().prop_map(UserCommand::SetActive),
        1 => Just(UserCommand::EndTokens),
        1 => sealed().prop_map(UserCommand::Rename),
        1 => option::of(sealed()).prop_map(UserCommand::ChangeEmail),
        1 => option::of(sealed()).prop_map(UserCommand::ChangePhone),
        1 => option::of(sealed())
            .prop_map(|bio| UserCommand::ChangeProfile([(ProfileField::Bio, bio)].into())),
        1 => any::<bool>().prop_map(UserCommand::SetStaff),
        1 => any::<bool>().prop_map(UserCommand::SetSuperuser),
        2 => (organization(), any::<bool>(), any::<bool>()).prop_map(
            |(organization_id, manager, owner)| {
                UserCommand::Join(Membership { organization_id, manager, owner })
            },
        ),
        1 => (organization(), any::<bool>()).prop_map(|(organization_id, manager)| {
            UserCommand::SetManager { organization_id, manager }
        }),
        1 => organization().prop_map(UserCommand::Leave),
        1 => organization().prop_map(UserCommand::TakeOwnership),
        1 => organization().prop_map(UserCommand::GiveUpOwnership),
        2 => (1..5_u32, sealed(), any::<bool>(), any::<bool>()).prop_map(
            |(number, address, verified, primary)| {
                let address = EmailAddress { number, address, verified, primary };
                UserCommand::AddEmailAddress(address)
            },
        ),
        1 => (1..5_u32, sealed())
            .prop_map(|(number, address)| UserCommand::ChangeEmailAddress { number, address }),
        1 => (1..5_u32).prop_map(UserCommand::VerifyEmailAddress),
        1 => (1..5_u32, any::<bool>())
            .prop_map(|(number, primary)| UserCommand::SetPrimaryEmailAddress { number, primary }),
        1 => (1..5_u32).prop_map(UserCommand::RemoveEmailAddress),
        1 => Just(UserCommand::Remove),
    ]
}

fn number() -> impl Strategy<Value = Uuid> {
    (1..4_u128).prop_map(Uuid::from_u128)
}

fn organization() -> impl Strategy<Value = OrganizationId> {
    number().prop_map(OrganizationId::from_uuid)
}

fn templates() -> impl Strategy<Value = Vec<TemplateId>> {
    vec(number().prop_map(TemplateId::from_uuid), 0..3)
}

fn name() -> impl Strategy<Value = DeviceName> {
    prop_oneof!["[a-b]", Just("00-11-22-aa-bb-c0".to_owned())]
        .prop_map(|name| name.parse().expect("a name"))
}

fn mac() -> impl Strategy<Value = MacAddress> {
    "00[:-]11:22:aa:bb:c[01]".prop_map(|address| address.parse().expect("an address"))
}

/// Mostly short and acceptable.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-b]{0,1}", 1 => any::<String>(), 1 => "x{60,70}"]
}

/// Few values, each under many nonces.
fn sealed() -> impl Strategy<Value = Sealed> {
    ("[a-b]", any::<u32>()).prop_map(|(fingerprint, nonce)| Sealed {
        envelope: serde_json::json!({ "$enc": { "n": nonce } }),
        fingerprint,
    })
}

fn backend() -> impl Strategy<Value = Backend> {
    prop_oneof![Just("netjsonconfig.OpenWrt"), Just("netjsonconfig.OpenWisp")]
        .prop_map(|name| name.parse().expect("a backend"))
}

fn openwrt() -> Backend {
    "netjsonconfig.OpenWrt".parse().expect("a backend")
}
