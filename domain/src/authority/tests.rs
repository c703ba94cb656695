use super::*;
use crate::sample::{device, organization, user};

const ALL: [Permission; 17] = [
    Permission::ViewDevice,
    Permission::AddDevice,
    Permission::ChangeDevice,
    Permission::DeleteDevice,
    Permission::ViewTemplate,
    Permission::AddTemplate,
    Permission::ChangeTemplate,
    Permission::DeleteTemplate,
    Permission::ViewGroup,
    Permission::AddGroup,
    Permission::ChangeGroup,
    Permission::DeleteGroup,
    Permission::ViewOrganization,
    Permission::AddOrganization,
    Permission::ChangeOrganization,
    Permission::ChangeUser,
    Permission::ViewLog,
];

const READS: [Permission; 4] = [
    Permission::ViewDevice,
    Permission::ViewTemplate,
    Permission::ViewGroup,
    Permission::ViewOrganization,
];

/// What nobody but a superuser does.
const RESERVED: [Permission; 2] = [Permission::AddOrganization, Permission::ViewLog];

/// What an administrator does and an operator does not.
const ADMINISTRATION: [Permission; 2] = [Permission::ChangeOrganization, Permission::ChangeUser];

const OWN: OrganizationId = organization(1);
const FOREIGN: OrganizationId = organization(2);
/// One that the user belongs to without managing it.
const CLUB: OrganizationId = organization(3);
/// The place of shared objects.
const SHARED: Option<OrganizationId> = None;

#[test]
fn every_permission_is_in_the_table() {
    let distinct: std::collections::HashSet<_> = ALL.into_iter().collect();
    assert_eq!(distinct.len(), ALL.len());
    // A new permission makes this match incomplete, and so reminds of the table.
    for permission in ALL {
        match permission {
            Permission::ViewDevice
            | Permission::AddDevice
            | Permission::ChangeDevice
            | Permission::DeleteDevice
            | Permission::ViewTemplate
            | Permission::AddTemplate
            | Permission::ChangeTemplate
            | Permission::DeleteTemplate
            | Permission::ViewGroup
            | Permission::AddGroup
            | Permission::ChangeGroup
            | Permission::DeleteGroup
            | Permission::ViewOrganization
            | Permission::AddOrganization
            | Permission::ChangeOrganization
            | Permission::ChangeUser
            | Permission::ViewLog => {}
        }
    }
}

#[test]
fn superusers_the_program_and_people_on_the_machine_may_everything() {
    let superuser = Authority { actor: Actor::User(user(7)), scope: Scope::Everything };
    let local = Authority { actor: Actor::Local("root".to_owned()), scope: Scope::Everything };
    for authority in [superuser, Authority::system("render"), local] {
        for permission in ALL {
            for place in [Some(OWN), Some(FOREIGN), SHARED] {
                assert_eq!(authority.require(permission, place), Ok(()));
            }
            assert_eq!(authority.require_anywhere(permission), Ok(()));
        }
        assert!(authority.is_unlimited());
        assert_eq!(authority.visible(), None);
    }
}

#[test]
fn an_operator_works_in_the_organizations_that_they_manage() {
    let operator = member(&[Role::Operator]);
    for permission in ALL {
        let allowed = !RESERVED.contains(&permission) && !ADMINISTRATION.contains(&permission);
        expect(&operator, permission, allowed);
    }
}

#[test]
fn an_administrator_changes_accounts_and_the_organization_too() {
    let administrator = member(&[Role::Administrator]);
    for permission in ALL {
        expect(&administrator, permission, !RESERVED.contains(&permission));
    }
}

#[test]
fn roles_add_up() {
    for roles in [[Role::Operator, Role::Administrator], [Role::Administrator, Role::Operator]] {
        for permission in ALL {
            expect(&member(&roles), permission, !RESERVED.contains(&permission));
        }
    }
}

#[test]
fn a_manager_without_role_may_nothing() {
    for permission in ALL {
        expect(&member(&[]), permission, false);
    }
}

#[test]
fn belonging_to_an_organization_is_not_managing_it() {
    for permission in ALL {
        for role in [Role::Operator, Role::Administrator] {
            assert_ne!(member(&[role]).require(permission, Some(CLUB)), Ok(()));
        }
    }
    let only_belongs = Authority {
        actor: Actor::User(user(7)),
        scope: Scope::Member {
            roles: vec![Role::Administrator],
            manages: vec![],
            belongs: vec![CLUB],
        },
    };
    for permission in ALL {
        for place in [Some(CLUB), Some(FOREIGN), SHARED] {
            assert_eq!(only_belongs.require(permission, place), Err(Denied::Forbidden));
        }
        assert_eq!(only_belongs.require_anywhere(permission), Err(Denied::Forbidden));
    }
    assert_eq!(only_belongs.visible(), Some(vec![]));
}

#[test]
fn members_see_the_organizations_that_they_manage() {
    let authority = member(&[Role::Operator]);
    assert_eq!(authority.visible(), Some(vec![OWN]));
    assert!(!authority.is_unlimited());
}

#[test]
fn an_agent_registers_devices_of_its_organization_and_nothing_else() {
    let agent = Authority { actor: Actor::Agent(OWN), scope: Scope::Registration(OWN) };
    for permission in ALL {
        let allowed = matches!(permission, Permission::AddDevice | Permission::ChangeDevice);
        only_here(&agent, permission, allowed);
    }
}

#[test]
fn a_device_reads_and_changes_devices_of_its_organization_and_nothing_else() {
    let agent = Authority { actor: Actor::Device(device(5)), scope: Scope::Device(device(5), OWN) };
    for permission in ALL {
        let allowed = matches!(permission, Permission::ViewDevice | Permission::ChangeDevice);
        only_here(&agent, permission, allowed);
    }
}

#[test]
fn actors_are_written_as_the_log_keeps_them() {
    let id = "00000000-0000-0000-0000-000000000005";
    for (actor, written) in [
        (Actor::User(user(5)), format!("user:{id}")),
        (Actor::Device(device(5)), format!("device:{id}")),
        (Actor::Agent(organization(5)), format!("agent:{id}")),
        (Actor::System("render"), "system:render".to_owned()),
        (Actor::Local("root".to_owned()), "local:root".to_owned()),
    ] {
        assert_eq!(actor.to_string(), written);
    }
}

/// What a manager of their own organization gets for a permission that their roles allow, or not.
fn expect(authority: &Authority, permission: Permission, allowed: bool) {
    let (here, elsewhere, of_all) = if allowed {
        let of_all = if READS.contains(&permission) { Ok(()) } else { Err(Denied::Forbidden) };
        (Ok(()), Err(Denied::Hidden), of_all)
    } else {
        (Err(Denied::Forbidden), Err(Denied::Forbidden), Err(Denied::Forbidden))
    };
    assert_eq!(authority.require(permission, Some(OWN)), here, "{permission:?}, own");
    assert_eq!(authority.require(permission, Some(FOREIGN)), elsewhere, "{permission:?}, foreign");
    assert_eq!(authority.require(permission, SHARED), of_all, "{permission:?}, shared");
    assert_eq!(authority.require_anywhere(permission), here, "{permission:?}, anywhere");
}

/// What agents and devices get: they must not learn what exists elsewhere, and see no lists.
fn only_here(authority: &Authority, permission: Permission, allowed: bool) {
    let here = if allowed { Ok(()) } else { Err(Denied::Hidden) };
    assert_eq!(authority.require(permission, Some(OWN)), here, "{permission:?}, own");
    assert_eq!(authority.require(permission, Some(FOREIGN)), Err(Denied::Hidden), "{permission:?}");
    assert_eq!(authority.require(permission, SHARED), Err(Denied::Hidden), "{permission:?}");
    assert_eq!(authority.require_anywhere(permission), Err(Denied::Hidden), "{permission:?}");
}

fn member(roles: &[Role]) -> Authority {
    Authority {
        actor: Actor::User(user(7)),
        scope: Scope::Member {
            roles: roles.to_vec(),
            manages: vec![OWN],
            belongs: vec![OWN, CLUB],
        },
    }
}
