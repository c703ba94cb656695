//! Accounts that another system had.

use domain::kind;
use projections::accounts;
use tracing::instrument;

use super::{Accounts, NewUser, account, fields};
use crate::{By, Failure, Refusal, TakenValue, sealing::Place, work::Rehearsal};

impl Accounts<'_> {
    /// Opens an account unless it is there; the answer is whether it was opened. It is the same by its id and name, or, where the
    /// id was made for this, by its name alone; what is there stays as it is. A dry run opens nothing and answers, or fails, as if
    /// it did. For those who may do everything.
    #[instrument(name = "user.bring", skip_all, fields(user.id = %new.id))]
    pub async fn bring(
        &self,
        by: &By,
        new: NewUser,
        by_name: bool,
        dry_run: bool,
    ) -> Result<bool, Failure> {
        if !by.authority.is_unlimited() {
            return Err(Failure::Forbidden);
        }
        let (store, sealing) = (self.0.store(), self.0.sealing());
        let name = sealing.username(fields::spelt(&new.username).trim());
        if let Some(there) = accounts::by_id(store, new.id).await? {
            let held = account::open(self.0, Place::Username(there.id), &there.username).await?;
            let same = sealing.username(&fields::spelt(&held)) == name;
            return if same { Ok(false) } else { Err(Failure::Refused(Refusal::Exists)) };
        }
        let called =
            accounts::by_login(store, &[], None, std::slice::from_ref(&name)).await?.is_some();
        if called && by_name {
            return Ok(false);
        }
        if !dry_run {
            return self.create(by, new).await.map(|_| true);
        }
        let mut taken = Vec::new();
        let mut holds = |kind: &str, value: &str, held: bool| {
            if held {
                taken.push(TakenValue { kind: kind.to_owned(), value: value.to_owned() });
            }
        };
        holds(kind::USER_NAME, &name, called);
        if let Some(email) = new.email.as_deref().map(str::trim) {
            let email = sealing.email(email);
            let held = accounts::by_login(store, &[], Some(&email), &[]).await?.is_some();
            holds(kind::USER_EMAIL, &email, held);
        }
        if let Ok(Some(phone)) = super::phone::checked(new.phone.as_deref().unwrap_or_default()) {
            let phone = sealing.phone(&phone);
            let held = accounts::by_login(store, std::slice::from_ref(&phone), None, &[]).await?;
            holds(kind::USER_PHONE, &phone, held.is_some());
        }
        let rehearsal = Rehearsal::default();
        let outcome = self.create(&by.rehearsing(&rehearsal), new).await;
        match (rehearsal.events()?, outcome) {
            (None, Err(failure)) => Err(failure),
            _ if !taken.is_empty() => Err(Failure::Taken(taken)),
            _ => Ok(true),
        }
    }
}
