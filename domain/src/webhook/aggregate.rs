use serde::{Deserialize, Serialize};

use super::{
    CreateWebhook, WebhookCommand, WebhookCreated, WebhookError, WebhookEvent, WebhookSelection,
};
use crate::{FieldError, OrganizationId, Problem, Sealed, fact::aggregate, field};

/// Characters of an address.
const LONGEST_URL: usize = 2000;

/// Just enough state to decide the next command.
#[derive(Debug, Default, Serialize, Deserialize)]
pub enum Webhook {
    /// No event yet.
    #[default]
    Unknown,
    /// A webhook.
    Known(Box<Endpoint>),
    /// It existed once.
    Removed,
}

/// What the rules remember of a webhook.
#[derive(Debug, Serialize, Deserialize)]
pub struct Endpoint {
    organization_id: Option<OrganizationId>,
    name: String,
    url: String,
    selection: WebhookSelection,
    secret: Sealed,
    state: State,
}

/// Is anything delivered?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Active,
    Paused,
    Disabled,
}

aggregate!(Webhook, "webhook", WebhookCommand, WebhookEvent, WebhookError);

impl Webhook {
    /// The rules. An empty answer means "nothing to do", which is a success.
    fn decide(&self, command: WebhookCommand) -> Result<Vec<WebhookEvent>, WebhookError> {
        match (self, command) {
            (Self::Unknown, WebhookCommand::Create(new)) => create(new),
            (Self::Removed, WebhookCommand::Remove) => Ok(vec![]),
            (Self::Known(_) | Self::Removed, WebhookCommand::Create(_)) => {
                Err(WebhookError::Exists)
            }
            (Self::Unknown | Self::Removed, _) => Err(WebhookError::Unknown),
            (Self::Known(endpoint), command) => endpoint.decide(command),
        }
    }

    fn evolve(&mut self, event: WebhookEvent) {
        match (&mut *self, event) {
            (Self::Unknown, WebhookEvent::Created(created)) => {
                *self = Self::Known(Box::new(Endpoint {
                    organization_id: created.organization_id,
                    name: created.name,
                    url: created.url,
                    selection: created.selection,
                    secret: created.secret,
                    state: State::Active,
                }));
            }
            (Self::Known(_), WebhookEvent::Removed { .. }) => *self = Self::Removed,
            (Self::Known(endpoint), event) => endpoint.evolve(event),
            (Self::Unknown | Self::Removed, _) => {}
        }
    }
}

fn create(new: CreateWebhook) -> Result<Vec<WebhookEvent>, WebhookError> {
    let CreateWebhook { id, organization_id, name, url, selection, secret } = new;
    Ok(vec![WebhookEvent::Created(Box::new(WebhookCreated {
        webhook_id: id,
        organization_id,
        name: checked_name(&name)?,
        url: checked_url(&url)?,
        selection: checked_selection(selection, organization_id)?,
        secret,
    }))])
}

impl Endpoint {
    fn decide(&self, command: WebhookCommand) -> Result<Vec<WebhookEvent>, WebhookError> {
        let organization_id = self.organization_id;
        let event = match command {
            WebhookCommand::Create(_) => return Err(WebhookError::Exists),
            WebhookCommand::Rename(name) => {
                let to = checked_name(&name)?;
                (to != self.name).then(|| WebhookEvent::Renamed {
                    organization_id,
                    from: self.name.clone(),
                    to,
                })
            }
            WebhookCommand::ChangeUrl(url) => {
                let url = checked_url(&url)?;
                (url != self.url).then_some(WebhookEvent::UrlChanged { organization_id, url })
            }
            WebhookCommand::ChangeSelection(selection) => {
                let selection = checked_selection(selection, organization_id)?;
                (selection != self.selection)
                    .then_some(WebhookEvent::SelectionChanged { organization_id, selection })
            }
            WebhookCommand::RotateSecret { secret, previous_until } => (secret != self.secret)
                .then_some(WebhookEvent::SecretRotated { organization_id, secret, previous_until }),
            WebhookCommand::Pause => {
                (self.state == State::Active).then_some(WebhookEvent::Paused { organization_id })
            }
            WebhookCommand::Resume => {
                (self.state != State::Active).then_some(WebhookEvent::Resumed { organization_id })
            }
            WebhookCommand::Disable { since, why } => (self.state == State::Active)
                .then_some(WebhookEvent::Disabled { organization_id, since, why }),
            WebhookCommand::Remove => Some(WebhookEvent::Removed { organization_id }),
        };
        Ok(event.into_iter().collect())
    }

    fn evolve(&mut self, event: WebhookEvent) {
        match event {
            WebhookEvent::Renamed { to, .. } => self.name = to,
            WebhookEvent::UrlChanged { url, .. } => self.url = url,
            WebhookEvent::SelectionChanged { selection, .. } => self.selection = selection,
            WebhookEvent::SecretRotated { secret, .. } => self.secret = secret,
            WebhookEvent::Paused { .. } => self.state = State::Paused,
            WebhookEvent::Resumed { .. } => self.state = State::Active,
            WebhookEvent::Disabled { .. } => self.state = State::Disabled,
            WebhookEvent::Created(_) | WebhookEvent::Removed { .. } => {}
        }
    }
}

fn checked_name(name: &str) -> Result<String, FieldError> {
    field::name(name, 64).map_err(|problem| FieldError::new("name", problem))
}

fn checked_url(url: &str) -> Result<String, FieldError> {
    field::name(url, LONGEST_URL).map_err(|problem| FieldError::new("url", problem))
}

fn checked_selection(
    selection: WebhookSelection,
    owner: Option<OrganizationId>,
) -> Result<WebhookSelection, FieldError> {
    if owner.is_some() && !selection.organizations.is_empty() {
        let rule = "cannot be chosen: the webhook gets events of its own organization".to_owned();
        return Err(FieldError::new("selection.organization_ids", Problem::Rule(rule)));
    }
    selection.checked()
}
