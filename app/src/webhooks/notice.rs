//! Who is told that a webhook was given up: those who may change it.

use domain::{Permission, UserId};
use projections::{
    MailJob, Page, WebhookNotice,
    accounts::{self, UserFilter},
    webhook::{self, WebhookRow, WebhookState},
};
use store::{Job, Jobs, NewJob};

use super::WebhookQueues;
use crate::{Failure, accounts::authority};

/// People who are told at most.
const MOST: usize = 100;

impl WebhookQueues<'_> {
    /// Orders the mails that a job stands for, each once, and says how many.
    pub async fn notify(&self, job: &Job) -> Result<u64, Failure> {
        let notice: WebhookNotice =
            serde_json::from_str(&job.payload).map_err(|error| Failure::Broken(Box::new(error)))?;
        if !self.0.settings().mail.enabled {
            return Ok(0);
        }
        let row = webhook::by_id(self.0.store(), crate::RULES, notice.webhook_id).await?;
        // Somebody has looked after it already.
        let Some(row) = row.filter(|row| row.state == WebhookState::Disabled) else { return Ok(0) };
        let now = self.0.world().now();
        let order = |user_id: UserId| {
            let mail = MailJob::WebhookDisabled { user_id, webhook_id: row.id };
            Ok(Jobs::enqueue_op(NewJob {
                kind: MailJob::KIND.to_owned(),
                key: format!("{}:{}:{user_id}", WebhookNotice::KIND, notice.position),
                organization_id: None,
                payload: mail.payload().map_err(|error| Failure::Broken(Box::new(error)))?,
                total: None,
                run_after: now,
                created_at: now,
            }))
        };
        let people = self.responsible(&row).await?;
        let ops = people.into_iter().map(order).collect::<Result<Vec<_>, Failure>>()?;
        Ok(self.0.store().execute(ops).await?.iter().sum())
    }

    async fn responsible(&self, row: &WebhookRow) -> Result<Vec<UserId>, Failure> {
        let store = self.0.store();
        let Some(organization) = row.organization_id else {
            let filter =
                UserFilter { superuser: Some(true), active: Some(true), ..UserFilter::default() };
            let page = Page { limit: u32::try_from(MOST).unwrap_or(u32::MAX), offset: 0 };
            let order = projections::Order::OldestFirst;
            let found = accounts::list(store, crate::RULES, &filter, order, page).await?;
            return Ok(found.rows.into_iter().map(|user| user.id).collect());
        };
        let mut people = Vec::new();
        for id in accounts::managers_of(store, organization).await? {
            let Some(user) = accounts::by_id(store, id).await? else { continue };
            let may = authority(&user).require(Permission::ChangeWebhook, Some(organization));
            if may.is_ok() && people.len() < MOST {
                people.push(id);
            }
        }
        Ok(people)
    }
}
