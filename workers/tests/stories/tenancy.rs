//! What another organization owns does not exist; what is not allowed is refused.

use app::{
    By, DeviceChange, Failure, GroupChange, NewGroup, NewMembership, NewUser, TemplateChange,
};
use domain::{Document, GroupId, OrganizationId, UserId, authority::Role};
use projections::{
    Order, Page, device::DeviceFilter, group::GroupFilter, organization::OrganizationFilter,
    template::TemplateFilter,
};
use uuid::Uuid;

use crate::world::{HARBOUR, HILLS, Outcome, World, on_each_database};

const ALL: Page = Page { limit: 100, offset: 0 };

#[test]
fn every_use_case_refuses_the_wrong_organization() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let device = world.register(HARBOUR, 1).await?.device_id;
        let template = world.template(11, Some(HARBOUR), "x\n", (false, false)).await?;
        let shared = world.template(12, None, "shared\n", (false, false)).await?;
        let group = GroupId::from_uuid(Uuid::from_u128(30));
        app.groups().create(&World::by(), new_group(group, HARBOUR)).await?;

        let stranger = account(world, 1, &[Role::Administrator], &[(HILLS, true)]).await?;
        let hidden = |failure: Failure| matches!(failure, Failure::NotFound(_));
        let by = &stranger;
        assert!(hidden(app.devices().get(by, device).await.unwrap_err()));
        assert!(hidden(
            app.devices().change(by, device, DeviceChange::default()).await.unwrap_err()
        ));
        assert!(hidden(app.devices().deactivate(by, device).await.unwrap_err()));
        assert!(hidden(app.devices().activate(by, device).await.unwrap_err()));
        assert!(hidden(app.devices().remove(by, device, true).await.unwrap_err()));
        assert!(hidden(app.configurations().archive_of(by, device).await.unwrap_err()));
        assert!(hidden(app.templates().get(by, template).await.unwrap_err()));
        assert!(hidden(
            app.templates().change(by, template, TemplateChange::default()).await.unwrap_err()
        ));
        assert!(hidden(app.templates().remove(by, template).await.unwrap_err()));
        assert!(hidden(app.templates().archive_of(by, template).await.unwrap_err()));
        assert!(hidden(app.groups().get(by, group).await.unwrap_err()));
        assert!(hidden(app.groups().change(by, group, GroupChange::default()).await.unwrap_err()));
        assert!(hidden(app.groups().remove(by, group).await.unwrap_err()));
        assert!(hidden(app.organizations().get(by, HARBOUR).await.unwrap_err()));

        let devices = app.devices().list(by, DeviceFilter::default(), Order::Name, ALL).await?;
        let groups = app.groups().list(by, GroupFilter::default(), Order::Name, ALL).await?;
        assert_eq!((devices.count, groups.count), (0, 0));
        let templates =
            app.templates().list(by, TemplateFilter::default(), Order::Name, ALL).await?;
        assert_eq!(templates.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [shared]);
        let own =
            app.organizations().list(by, OrganizationFilter::default(), Order::Name, ALL).await?;
        assert_eq!(own.rows.iter().map(|row| row.id).collect::<Vec<_>>(), [HILLS]);

        // Making something in another organization names it as unknown; shared objects are known, and not theirs.
        let made = app
            .groups()
            .create(by, new_group(GroupId::from_uuid(Uuid::from_u128(31)), HARBOUR))
            .await;
        assert!(matches!(made.unwrap_err(), Failure::Invalid(_)));
        let forbidden = app.templates().change(by, shared, TemplateChange::default()).await;
        assert!(matches!(forbidden.unwrap_err(), Failure::Forbidden));
        Ok(())
    })
}

#[test]
fn people_without_a_role_are_refused_everywhere() -> Outcome {
    on_each_database(async |world| {
        let app = &world.app;
        let device = world.register(HARBOUR, 1).await?.device_id;
        let member = account(world, 1, &[], &[(HARBOUR, false)]).await?;
        let manager_without_group = account(world, 2, &[], &[(HARBOUR, true)]).await?;
        for by in [&member, &manager_without_group] {
            let refused = |failure: Failure| matches!(failure, Failure::Forbidden);
            assert!(refused(app.devices().get(by, device).await.unwrap_err()));
            assert!(refused(
                app.devices()
                    .list(by, DeviceFilter::default(), Order::Name, ALL)
                    .await
                    .unwrap_err()
            ));
            assert!(refused(app.devices().remove(by, device, true).await.unwrap_err()));
            assert!(refused(app.devices().refusals(by, 10).await.unwrap_err()));
        }
        let operator = account(world, 3, &[Role::Operator], &[(HARBOUR, true)]).await?;
        app.devices().get(&operator, device).await?;
        let change = app::OrganizationChange::default();
        let refused = app.organizations().change(&operator, HARBOUR, change).await;
        assert!(matches!(refused.unwrap_err(), Failure::Forbidden));
        Ok(())
    })
}

pub(crate) fn new_group(id: GroupId, organization_id: OrganizationId) -> NewGroup {
    NewGroup {
        id,
        organization_id,
        name: format!("group {}", id.as_uuid().as_u128()),
        description: String::new(),
        templates: Vec::new(),
        context: Document::new(),
        meta_data: Document::new(),
    }
}

/// An account with a token, and what that token is worth.
pub(crate) async fn account(
    world: &World,
    number: u128,
    roles: &[Role],
    memberships: &[(OrganizationId, bool)],
) -> Outcome<By> {
    let token = format!("token-of-account-number-{number:016}");
    let new = NewUser {
        token: Some(token.clone().into()),
        staff: true,
        groups: roles.iter().map(|role| role.number()).collect(),
        memberships: memberships
            .iter()
            .map(|(organization_id, manager)| NewMembership {
                organization_id: *organization_id,
                manager: *manager,
            })
            .collect(),
        ..NewUser::new(
            UserId::from_uuid(Uuid::from_u128(100 + number)),
            format!("account-{number}"),
        )
    };
    world.app.permission_groups().found(&World::by()).await?;
    world.app.accounts().create(&World::by(), new).await?;
    Ok(By::new(world.app.accounts().authenticate(&token).await?, None))
}
