//! Who tried to log in.

use app::{LogInSelection, LogInTry};
use async_graphql::{Context, Enum, ID, Object, Result};
use chrono::{DateTime, Utc};
use domain::{
    UserId,
    accounts::{LogInMethod, LogInOutcome},
};

use crate::graphql::{
    connection::{Listed, Window, cost, page},
    error::failure,
    request::{app, by},
    scalar::uuid,
};

/// How a try to log in ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "LogInOutcome")]
pub(super) enum LoginOutcome {
    /// They are who they say.
    Succeeded,
    /// The account is another one's, or the password is wrong.
    WrongPassword,
    /// There is no such account.
    UnknownAccount,
    /// The account does not work, or not any more.
    Inactive,
    /// There were too many before: nothing was looked at.
    Limited,
}

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "LogInMethod")]
pub(super) enum LoginMethod {
    /// With the password, for a token.
    Password,
    /// With the present password, to have another one.
    PasswordChange,
    /// With a link that was sent by mail.
    Link,
}

/// A try to log in.
pub(super) struct Login(LogInTry);

#[Object]
impl Login {
    /// Opaque and stable.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// When.
    async fn at(&self) -> DateTime<Utc> {
        self.0.at
    }

    /// Whose account; null where there is none.
    async fn user_id(&self) -> Option<ID> {
        self.0.user_id.map(|id| id.to_string().into())
    }

    /// How it ended.
    async fn outcome(&self) -> LoginOutcome {
        self.0.outcome.into()
    }

    /// How they showed who they are.
    async fn method(&self) -> LoginMethod {
        self.0.method.into()
    }

    /// The address that it came from; null on the machine itself.
    async fn address(&self) -> Option<String> {
        self.0.address.map(|address| address.to_string())
    }

    /// How many it stands for: those that nobody looked at are counted together.
    async fn times(&self) -> u32 {
        self.0.times
    }
}

#[derive(Default)]
pub(in crate::graphql) struct LoginQuery;

const ORDER: &str = "logIns:at";

#[Object]
impl LoginQuery {
    /// Tries to log in, the newest first: one's own, those of people in organizations that the viewer manages, and for superusers all,
    /// also of accounts that nobody has. They are kept as long as `retention.facts` says.
    #[graphql(complexity = "cost(first, last, child_complexity)")]
    #[expect(clippy::too_many_arguments, reason = "of the field")]
    async fn log_ins(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only of this account.")] user_id: Option<ID>,
        #[graphql(desc = "Only those that ended so.")] outcome: Option<LoginOutcome>,
        #[graphql(desc = "Only at or after this.")] since: Option<DateTime<Utc>>,
        #[graphql(desc = "Only before this.")] until: Option<DateTime<Utc>>,
        #[graphql(desc = "Rows of the page from its start: 20 if left out, 100 at most.")]
        first: Option<i32>,
        #[graphql(desc = "A cursor: only rows after it.")] after: Option<String>,
        #[graphql(desc = "Rows of the page from the list's end, 100 at most.")] last: Option<i32>,
        #[graphql(desc = "A cursor: only rows before it.")] before: Option<String>,
    ) -> Result<Listed<Login>> {
        let user = user_id.map(|id| uuid("userId", &id).map(UserId::from_uuid)).transpose()?;
        let selection = LogInSelection { user, outcome: outcome.map(Into::into), since, until };
        let window = Window { first, after, last, before };
        let stretch = window.stretch(ORDER)?;
        let found = app(ctx)?.accounts().log_ins(by(ctx)?, selection, stretch).await;
        Ok(page(found.map_err(failure)?, ORDER, &window, Login))
    }
}
