//! What happens, as it happens: the log for those who listen.
//!
//! Whoever listens pulls: nothing is read ahead of what was taken, so that a listener who is slow costs a page of memory
//! and no more. A listener's token is read again while it listens; what it may see is decided for each event.

mod devices;
mod events;
mod jobs;
mod listener;
mod scan;
mod told;

use domain::{Permission, Problem};

pub use devices::{ChangedNow, DeviceSelection, DevicesLive};
pub use events::{EventsLive, EventsPage, EventsSelection};
pub use jobs::JobLive;
pub use listener::{Ended, Listener};
pub use told::{Confidential, LiveEvent};

use self::scan::Scan;
use crate::{App, Failure, JobId, Moment};

/// Use cases of those who listen; see [`App::live`].
pub struct Live<'a>(pub(crate) &'a App);

impl Live<'_> {
    /// Whoever this token belongs to, for as long as it does.
    pub async fn listener(
        &self,
        token: &str,
        correlation_id: Option<uuid::Uuid>,
    ) -> Result<Listener, Failure> {
        // The head first: what changes while the account is read is looked at again.
        let head = self.0.store().head();
        let known = self.0.accounts().known_now(token).await?;
        let until = known.until;
        let by = known.by(correlation_id);
        Ok(Listener::new(self.0.clone(), token.to_owned().into(), by, head, until))
    }

    /// The events of a selection after a position, in order and without a gap; without a position from now on. Whoever
    /// comes back gives the position of the last page that was had.
    ///
    /// Only events of organizations that the listener may see now; events that belong to none (accounts, shared
    /// templates) are for superusers. What is confidential is masked, unless it is asked for by who may see it.
    pub async fn events(
        &self,
        listener: &Listener,
        selection: EventsSelection,
        after: Option<i64>,
        confidential: Confidential,
    ) -> Result<EventsLive, Failure> {
        let authority = &listener.by().authority;
        require_any(authority)?;
        let sees_secrets = authority.require_anywhere(Permission::SeeSecrets).is_ok();
        if (confidential.sensitive && !authority.is_unlimited())
            || (confidential.secrets && !sees_secrets)
        {
            return Err(Failure::Forbidden);
        }
        let mut wanted = selection.resolve(authority)?;
        wanted.account = listener.account();
        let position = self.position(after).await?;
        let scan = Scan::new(self.0.store().clone(), wanted, position);
        Ok(EventsLive::new(listener.clone(), scan, confidential))
    }

    /// The devices of a selection that change after a position, each as it is when it is told; without a position from
    /// now on.
    pub async fn devices(
        &self,
        listener: &Listener,
        selection: DeviceSelection,
        after: Option<i64>,
    ) -> Result<DevicesLive, Failure> {
        let by = listener.by();
        by.authority
            .require_anywhere(Permission::ViewDevice)
            .map_err(|denied| Failure::denied(denied, crate::devices::MODEL))?;
        if let Some(id) = selection.device {
            self.0.devices().row(by, id).await?;
        }
        let position = self.position(after).await?;
        Ok(DevicesLive::new(self.0.clone(), listener.clone(), selection, position))
    }

    /// A job on many devices each time that it changed, until it has ended.
    pub async fn job(&self, listener: &Listener, id: JobId) -> Result<JobLive, Failure> {
        self.0.bulk().job(listener.by(), id).await?;
        Ok(JobLive::new(self.0.clone(), listener.clone(), id))
    }

    async fn position(&self, after: Option<i64>) -> Result<i64, Failure> {
        let moment = after.map_or(Moment::Now, Moment::Position);
        moment.resolve(self.0.store(), "after").await
    }
}

/// Members that manage nothing have nothing to listen to.
fn require_any(authority: &domain::Authority) -> Result<(), Failure> {
    let permissions = [
        Permission::ViewDevice,
        Permission::ViewGroup,
        Permission::ViewTemplate,
        Permission::ViewOrganization,
    ];
    let any =
        permissions.into_iter().any(|permission| authority.require_anywhere(permission).is_ok());
    if any { Ok(()) } else { Err(Failure::Forbidden) }
}

/// A value of a selection that cannot be used.
fn refused(field: &'static str, rule: String) -> Failure {
    Failure::field(field, Problem::Rule(rule))
}
