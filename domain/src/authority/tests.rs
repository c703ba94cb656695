use super::*;
use crate::{
    accounts::Membership,
    sample::{device, organization, user},
};

const ALL: &[Permission] = Permission::ALL;

/// What reaches shared objects, too.
const READS: [Permission; 10] = [
    Permission::ViewDevice,
    Permission::ViewTemplate,
    Permission::ViewGroup,
    Permission::ViewOrganization,
    Permission::ViewUser,
    Permission::FindUser,
    Permission::ViewPermissionGroup,
    Permission::ViewEmailAddress,
    Permission::ViewMembership,
    Permission::ViewOrganizationSettings,
];

/// What nobody but a superuser does, unless somebody is given it.
const RESERVED: [Permission; 7] = [
    Permission::AddOrganization,
    Permission::DeleteOrganization,
    Permission::AddPermissionGroup,
    Permission::ChangePermissionGroup,
    Permission::DeletePermissionGroup,
    Permission::AddEmailAddress,
    Permission::ViewLog,
];

/// What an administrator does and an operator does not.
const ADMINISTRATION: [Permission; 20] = [
    Permission::ChangeOrganization,
    Permission::ChangeOrganizationSettings,
    Permission::ViewUser,
    Permission::AddUser,
    Permission::ChangeUser,
    Permission::DeleteUser,
    Permission::FindUser,
    Permission::ViewPermissionGroup,
    Permission::ViewEmailAddress,
    Permission::ChangeEmailAddress,
    Permission::DeleteEmailAddress,
    Permission::ViewMembership,
    Permission::AddMembership,
    Permission::ChangeMembership,
    Permission::DeleteMembership,
    Permission::ChangeOwner,
    Permission::ViewWebhook,
    Permission::AddWebhook,
    Permission::ChangeWebhook,
    Permission::DeleteWebhook,
];

const OWN: OrganizationId = organization(1);
const FOREIGN: OrganizationId = organization(2);
/// One that the user belongs to without managing it.
const CLUB: OrganizationId = organization(3);
/// The place of shared objects.
const SHARED: Option<OrganizationId> = None;

#[test]
fn permissions_are_told_apart_by_name_and_number() {
    let names: std::collections::HashSet<_> = ALL.iter().map(|one| one.name()).collect();
    assert_eq!(names.len(), ALL.len());
    for (at, permission) in ALL.iter().enumerate() {
        assert_eq!(usize::from(permission.number()), at + 1, "numbers stay what they are");
        assert_eq!(Permission::from_number(permission.number().into()), Some(*permission));
        assert_eq!(permission.name().parse(), Ok(*permission));
        assert!(permission.name().is_ascii() && permission.text().starts_with("Can "));
    }
    assert_eq!(Permission::from_number(0), None);
    assert_eq!(Permission::from_number(256 + 1), None);
    assert!("fly".parse::<Permission>().is_err());
}

#[test]
fn several_permissions_are_a_set() {
    let one = Permissions::NONE.with(Permission::ViewDevice).with(Permission::ViewLog);
    let other = Permissions::NONE.with(Permission::ViewDevice).with(Permission::AddDevice);
    assert!(one.holds(Permission::ViewLog) && !one.holds(Permission::AddDevice));
    assert_eq!(one.intersection(other), Permissions::NONE.with(Permission::ViewDevice));
    assert_eq!(one.without(other), Permissions::NONE.with(Permission::ViewLog));
    assert!(one.union(other).include(one) && !one.include(other));
    assert!(Permissions::all().include(one.union(other)) && Permissions::NONE.is_empty());
    let written = serde_json::to_string(&one).expect("a list");
    assert_eq!(written, r#"["view_device","replay_log"]"#);
    assert_eq!(serde_json::from_str::<Permissions>(&written).expect("the same"), one);
    assert!(serde_json::from_str::<Permissions>(r#"["fly"]"#).is_err());
}

#[test]
fn who_changes_reads_and_who_reads_finds() {
    let effective = Permissions::NONE.with(Permission::ChangeUser).effective();
    assert!(effective.holds(Permission::ViewUser) && effective.holds(Permission::FindUser));
    assert!(!effective.holds(Permission::AddUser));
    assert_eq!(Permissions::NONE.with(Permission::AddUser).effective().iter().count(), 1);
}

#[test]
fn superusers_the_program_and_people_on_the_machine_may_everything() {
    let superuser = Authority { actor: Actor::User(user(7)), scope: Scope::Everything };
    let local = Authority { actor: Actor::Local("root".to_owned()), scope: Scope::Everything };
    for authority in [superuser, Authority::system("render"), local] {
        for &permission in ALL {
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
    for &permission in ALL {
        let allowed = !RESERVED.contains(&permission) && !ADMINISTRATION.contains(&permission);
        expect(&operator, permission, allowed);
    }
}

#[test]
fn an_administrator_changes_accounts_and_the_organization_too() {
    let administrator = member(&[Role::Administrator]);
    for &permission in ALL {
        expect(&administrator, permission, !RESERVED.contains(&permission));
    }
}

#[test]
fn roles_add_up() {
    for roles in [[Role::Operator, Role::Administrator], [Role::Administrator, Role::Operator]] {
        for &permission in ALL {
            expect(&member(&roles), permission, !RESERVED.contains(&permission));
        }
    }
}

#[test]
fn a_manager_without_role_may_nothing() {
    for &permission in ALL {
        expect(&member(&[]), permission, false);
    }
}

#[test]
fn belonging_to_an_organization_is_not_managing_it() {
    for &permission in ALL {
        for role in [Role::Operator, Role::Administrator] {
            assert_ne!(member(&[role]).require(permission, Some(CLUB)), Ok(()));
        }
    }
    let only_belongs = Authority {
        actor: Actor::User(user(7)),
        scope: Scope::Member {
            permissions: Role::Administrator.permissions(),
            manages: vec![],
            owns: vec![],
            belongs: vec![CLUB],
        },
    };
    for &permission in ALL {
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
    for &permission in ALL {
        let allowed = matches!(permission, Permission::AddDevice | Permission::ChangeDevice);
        only_here(&agent, permission, allowed);
    }
}

#[test]
fn a_device_reads_and_changes_devices_of_its_organization_and_nothing_else() {
    let agent = Authority { actor: Actor::Device(device(5)), scope: Scope::Device(device(5), OWN) };
    for &permission in ALL {
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
            permissions: roles
                .iter()
                .fold(Permissions::NONE, |all, role| all.union(role.permissions())),
            manages: vec![OWN],
            owns: vec![],
            belongs: vec![OWN, CLUB],
        },
    }
}

#[test]
fn a_person_is_there_for_managers_of_a_common_organization() {
    let administrator = member(&[Role::Administrator]);
    let view = |memberships: &[Membership], superuser| {
        let person = Person { id: user(8), superuser, memberships };
        administrator.require_person(Permission::ViewUser, person)
    };
    assert_eq!(view(&[belonging(OWN)], false), Ok(()));
    assert_eq!(view(&[belonging(OWN), belonging(FOREIGN)], false), Ok(()));
    for hidden in [&[][..], &[belonging(FOREIGN)], &[belonging(CLUB)]] {
        assert_eq!(view(hidden, false), Err(Denied::Hidden));
    }
    assert_eq!(view(&[belonging(OWN)], true), Err(Denied::Hidden), "a superuser");
    let person = Person { id: user(8), superuser: false, memberships: &[belonging(OWN)] };
    for stranger in [member(&[Role::Operator]), member(&[])] {
        assert_eq!(stranger.require_person(Permission::ViewUser, person), Err(Denied::Forbidden));
    }
}

#[test]
fn an_account_is_changed_by_who_manages_all_its_organizations() {
    let administrator = member(&[Role::Administrator]);
    let change = |id, memberships: &[Membership]| {
        let person = Person { id, superuser: false, memberships };
        administrator.require_account(Permission::ChangeUser, person)
    };
    assert_eq!(change(user(8), &[belonging(OWN)]), Ok(()));
    let elsewhere = [belonging(OWN), belonging(FOREIGN)];
    assert_eq!(change(user(8), &elsewhere), Err(Denied::Forbidden));
    assert_eq!(change(user(8), &[belonging(FOREIGN)]), Err(Denied::Hidden));
    assert_eq!(change(user(8), &[owning(OWN)]), Err(Denied::Forbidden), "an owner");
    assert_eq!(change(user(7), &[owning(OWN)]), Ok(()), "oneself");

    let in_own = |memberships: &[Membership]| {
        let person = Person { id: user(8), superuser: false, memberships };
        administrator.require_membership(Permission::ChangeMembership, person, OWN)
    };
    assert_eq!(in_own(&elsewhere), Ok(()), "the membership is the organization's");
    assert_eq!(in_own(&[owning(OWN)]), Err(Denied::Forbidden));
}

#[test]
fn an_organization_is_handed_over_by_its_owner() {
    let mut owner = member(&[Role::Administrator]);
    assert_eq!(owner.require_ownership(OWN), Err(Denied::Forbidden));
    assert_eq!(owner.require_ownership(FOREIGN), Err(Denied::Hidden));
    if let Scope::Member { owns, .. } = &mut owner.scope {
        owns.push(OWN);
    }
    assert_eq!(owner.require_ownership(OWN), Ok(()));
    assert_eq!(Authority::system("test").require_ownership(FOREIGN), Ok(()));
}

#[test]
fn nobody_gives_what_they_do_not_hold() {
    let operator = member(&[Role::Operator]);
    assert_eq!(operator.require_holding(Role::Operator.permissions()), Ok(()));
    let more = Role::Administrator.permissions();
    assert_eq!(operator.require_holding(more), Err(Denied::Forbidden));
    assert_eq!(Authority::system("test").require_holding(Permissions::all()), Ok(()));
}

fn belonging(organization_id: OrganizationId) -> Membership {
    Membership { organization_id, manager: false, owner: false }
}

fn owning(organization_id: OrganizationId) -> Membership {
    Membership { organization_id, manager: true, owner: true }
}

#[test]
fn presets_are_what_their_jobs_need_and_no_more() {
    for preset in Preset::ALL {
        let allowed = preset.permissions();
        assert!(allowed.holds(Permission::FindUser), "{preset:?}");
        assert_eq!(allowed, allowed.effective());
        let browses = matches!(preset, Preset::HelpDesk2 | Preset::Boss);
        assert_eq!(allowed.holds(Permission::ViewUser), browses, "{preset:?}");
        let registers = matches!(preset, Preset::HelpDesk2 | Preset::Registrant);
        assert_eq!(allowed.holds(Permission::AddUser), registers, "{preset:?}");
        assert!(!allowed.holds(Permission::SeeSecrets) && !allowed.holds(Permission::DeleteUser));
    }
}

#[test]
fn a_scope_reaches_what_is_visible() {
    let operator = member(&[Role::Operator]);
    let scope = operator.scope(Permission::ViewDevice).expect("it may");
    assert_eq!(scope.organizations(), Some(&[OWN][..]));
    assert_eq!(scope.within(Some(&[FOREIGN, OWN])), Some(vec![OWN]));
    assert_eq!(scope.within(None), Some(vec![OWN]));
    assert_eq!(operator.scope(Permission::ViewUser), Err(Denied::Forbidden));
    assert_eq!(member(&[]).reach().organizations(), Some(&[OWN][..]));
    let all = Authority::system("test").scope(Permission::ViewUser).expect("it may");
    assert_eq!((all.organizations(), all.within(None)), (None, None));
    assert_eq!(all, ReadScope::of_rules());
}
