//! Which devices, and what is done with them.

use app::{Failure, Operation, Selection};
use async_graphql::{Context, ID, InputObject, OneofObject, Result};
use domain::{DeviceId, FieldError, GroupId, TemplateId};

use crate::graphql::{
    device::DeviceFilterInput,
    request::app,
    scalar::{JsonObject, uuid, uuids},
};

/// What is to be done with which devices.
#[derive(InputObject)]
pub(in crate::graphql) struct StartBulkOperationInput {
    /// Repeating the request with the same id never starts a second operation. 1 to 200 characters.
    pub(super) client_mutation_id: String,
    /// Which devices.
    selection: DeviceSelectionInput,
    /// What is done with each of them.
    operation: DeviceOperationInput,
}

/// Some devices. Those that the viewer does not manage are not among them, whatever is selected.
#[derive(OneofObject)]
enum DeviceSelectionInput {
    /// These, at most 1000.
    Ids(Vec<ID>),
    /// All that pass the filter when their turn comes. Times that are told from now on are told from the start.
    Filter(Box<DeviceFilterInput>),
}

/// What is done with each device. A device for which it is so already is left as it is.
#[derive(OneofObject)]
enum DeviceOperationInput {
    /// Let it be in a group, or in none.
    SetGroup(SetGroupInput),
    /// Append these templates to its list, those that are not in it; at most 100.
    AddTemplates(Vec<ID>),
    /// Take these templates out of its list; at most 100, none of them required.
    RemoveTemplates(Vec<ID>),
    /// Give variables of its own these values; others stay.
    MergeVariables(JsonObject),
    /// Take its own variables of these names away; at most 100.
    RemoveVariables(Vec<String>),
    /// True serves it again, false stops serving it.
    SetActive(bool),
}

/// A group.
#[derive(InputObject)]
struct SetGroupInput {
    /// A group of the devices' organization; null, or left out, is none.
    group_id: Option<ID>,
}

impl StartBulkOperationInput {
    /// Moments of a filter are told from now on.
    pub(in crate::graphql) fn read(self, ctx: &Context<'_>) -> Result<(Selection, Operation)> {
        let selection = match self.selection {
            DeviceSelectionInput::Ids(ids) => {
                let ids = uuids("selection.ids", &ids)?;
                Selection::Ids(ids.into_iter().map(DeviceId::from_uuid).collect())
            }
            DeviceSelectionInput::Filter(filter) => {
                Selection::filter(filter.read(app(ctx)?.world().now())?)
            }
        };
        let templates = |field, ids: &[ID]| {
            let ids = uuids(field, ids)?;
            Ok::<_, async_graphql::Error>(ids.into_iter().map(TemplateId::from_uuid).collect())
        };
        let operation = match self.operation {
            DeviceOperationInput::SetGroup(SetGroupInput { group_id }) => {
                let field = "operation.setGroup.groupId";
                let id = group_id.map(|id| uuid(field, &id)).transpose()?;
                Operation::SetGroup(id.map(GroupId::from_uuid))
            }
            DeviceOperationInput::AddTemplates(ids) => {
                Operation::AddTemplates(templates("operation.addTemplates", &ids)?)
            }
            DeviceOperationInput::RemoveTemplates(ids) => {
                Operation::RemoveTemplates(templates("operation.removeTemplates", &ids)?)
            }
            DeviceOperationInput::MergeVariables(variables) => {
                Operation::MergeVariables(variables.0)
            }
            DeviceOperationInput::RemoveVariables(names) => Operation::RemoveVariables(names),
            DeviceOperationInput::SetActive(true) => Operation::Activate,
            DeviceOperationInput::SetActive(false) => Operation::Deactivate,
        };
        Ok((selection, operation))
    }
}

/// What the fields of a use case are called in the input.
#[derive(Clone, Copy, Debug)]
pub(in crate::graphql) struct InputNames {
    devices: &'static str,
    operation: &'static str,
}

impl InputNames {
    pub(in crate::graphql) fn of(selection: &Selection, operation: &Operation) -> Self {
        let devices = match selection {
            Selection::Ids(_) => "selection.ids",
            Selection::Filter(_) => "filter.ids",
        };
        let operation = match operation {
            Operation::SetGroup(_) => "operation.setGroup.groupId",
            Operation::AddTemplates(_) => "operation.addTemplates",
            Operation::RemoveTemplates(_) => "operation.removeTemplates",
            Operation::MergeVariables(_) => "operation.mergeVariables",
            Operation::RemoveVariables(_) => "operation.removeVariables",
            Operation::Activate | Operation::Deactivate => "operation.setActive",
        };
        Self { devices, operation }
    }

    /// The failure, told by these names.
    pub(in crate::graphql) fn tell(self, failure: Failure) -> Failure {
        let Failure::Invalid(errors) = failure else { return failure };
        let name = |field| match field {
            "id" => "clientMutationId",
            "devices" => self.devices,
            "group" | "templates" | "variables" => self.operation,
            other => other,
        };
        let named = |error: FieldError| FieldError::new(name(error.field), error.problem);
        Failure::Invalid(errors.into_iter().map(named).collect())
    }
}
