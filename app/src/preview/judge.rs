//! Renders what a device would get and compares it with what it has.

use bytes::Bytes;
use domain::{
    DeviceId, Document, OrganizationId,
    configuration::{ArchiveRendered, Backend},
};

use super::Previews;
use crate::{
    Failure, FilesDiff, Refusal,
    configurations::{Computation, Configurations, adding},
    key_mask::KeyMask,
};

/// Devices that one thread renders before others get their turn.
const TURN: usize = 20;

/// A device whose archive may change.
pub(super) struct Candidate {
    pub(super) device: DeviceId,
    pub(super) organization: OrganizationId,
    pub(super) name: String,
    /// What the device downloads at present.
    pub(super) held: Option<ArchiveRendered>,
    /// Why the inputs of the last rendering made no archive.
    pub(super) failure: Option<String>,
    /// Where an input changed since the last rendering: its own change is not the effect of this one.
    pub(super) present: Option<Computation>,
    /// With the change.
    pub(super) after: Computation,
    /// What the use case checks before it decides.
    pub(super) check: Option<Box<Check>>,
}

/// Contents that must fit the generator's schema, alone and with the templates.
pub(super) struct Check {
    pub(super) backend: Backend,
    pub(super) config: Document,
    /// Without the change, where values that a device reads as more than they are must not become more.
    pub(super) before: Option<Computation>,
}

/// What comes of a change for one device.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The same bytes.
    Unchanged,
    /// Other files.
    Changed { name: String, md5: String, diff: FilesDiff },
    /// None any more, or the change is refused.
    Failed { reason: String, already: bool },
}

/// A verdict that lacks the difference.
enum Judged {
    Unchanged,
    Changed { before: Before, after: Bytes, md5: String },
    Failed { reason: String, already: bool },
}

enum Before {
    Computed(Bytes),
    /// As it was stored.
    Held(Option<ArchiveRendered>),
}

impl Previews<'_> {
    /// Verdicts in the order of the candidates.
    pub(super) async fn judge(
        &self,
        candidates: Vec<Candidate>,
    ) -> Result<Vec<(DeviceId, Verdict)>, Failure> {
        let mut waiting = candidates.into_iter();
        let mut turns = Vec::new();
        loop {
            let turn: Vec<Candidate> = waiting.by_ref().take(TURN).collect();
            if turn.is_empty() {
                break;
            }
            let permit = self.0.render_permits().acquire_owned().await;
            turns.push(tokio::task::spawn_blocking(move || {
                let _permit = permit;
                turn.into_iter()
                    .map(|candidate| {
                        let judged = candidate.judge();
                        (candidate, judged)
                    })
                    .collect::<Vec<_>>()
            }));
        }
        let mut compared = Vec::new();
        for turn in turns {
            let judged = turn.await.map_err(|error| Failure::Broken(Box::new(error)))?;
            let mut pairs = Vec::with_capacity(judged.len());
            for (candidate, judged) in judged {
                pairs.push(self.with_bytes(candidate, judged).await?);
            }
            let permit = self.0.render_permits().acquire_owned().await;
            compared.push(tokio::task::spawn_blocking(move || {
                let _permit = permit;
                pairs.into_iter().map(Pair::compare).collect::<Result<Vec<_>, _>>()
            }));
        }
        let mut verdicts = Vec::new();
        for turn in compared {
            let turn = turn.await.map_err(|error| Failure::Broken(Box::new(error)))?;
            verdicts.extend(turn?);
        }
        Ok(verdicts)
    }

    async fn with_bytes(&self, candidate: Candidate, judged: Judged) -> Result<Pair, Failure> {
        let key = candidate.after.context().get("key").and_then(serde_json::Value::as_str);
        let mask = KeyMask::of(key.map(Into::into));
        let Candidate { device, organization, name, .. } = candidate;
        let outcome = match judged {
            Judged::Unchanged => Outcome::Settled(Verdict::Unchanged),
            Judged::Failed { reason, already } => {
                Outcome::Settled(Verdict::Failed { reason, already })
            }
            Judged::Changed { before, after, md5 } => {
                let before = match before {
                    Before::Computed(bytes) => Some(bytes),
                    Before::Held(None) => None,
                    Before::Held(Some(held)) => {
                        let configurations = self.0.configurations();
                        let held = configurations
                            .archive(organization, &name, &held.sha256, &held.md5)
                            .await?;
                        Some(held.bytes)
                    }
                };
                Outcome::Differs { name, md5, before, after, mask }
            }
        };
        Ok(Pair { device, outcome })
    }
}

/// A device with both archives at hand.
struct Pair {
    device: DeviceId,
    outcome: Outcome,
}

enum Outcome {
    Settled(Verdict),
    Differs { name: String, md5: String, before: Option<Bytes>, after: Bytes, mask: KeyMask },
}

impl Pair {
    fn compare(self) -> Result<(DeviceId, Verdict), Failure> {
        let verdict = match self.outcome {
            Outcome::Settled(verdict) => verdict,
            Outcome::Differs { name, md5, before, after, mask } => {
                let diff = crate::files_diff::without_key(before.as_deref(), Some(&after), &mask)
                    .map_err(|error| Failure::Broken(Box::new(error)))?;
                Verdict::Changed { name, md5, diff }
            }
        };
        Ok((self.device, verdict))
    }
}

impl Candidate {
    fn judge(&self) -> Judged {
        let present = self.present.as_ref().map(Computation::rendering);
        let after = match &self.check {
            None => self.after.rendering(),
            Some(check) => match check.of(&self.after) {
                Ok(after) => Ok(after),
                Err(failure) => {
                    return Judged::Failed { reason: failure.to_string(), already: false };
                }
            },
        };
        let after = match after {
            Ok(after) => after,
            Err(reason) => {
                let failing = match &present {
                    Some(present) => present.as_ref().err(),
                    None => self.failure.as_ref(),
                };
                let already = failing == Some(&reason);
                return Judged::Failed { reason, already };
            }
        };
        if let Some(Ok(present)) = &present {
            if present.files() == after.files() {
                return Judged::Unchanged;
            }
            let (before, after) = (present.archive(), after.archive());
            let before = Before::Computed(before.bytes.into());
            return Judged::Changed { before, after: after.bytes.into(), md5: after.md5 };
        }
        let archive = after.archive();
        if self.held.as_ref().is_some_and(|held| held.sha256 == archive.sha256) {
            return Judged::Unchanged;
        }
        let before = Before::Held(self.held.clone());
        Judged::Changed { before, after: archive.bytes.into(), md5: archive.md5 }
    }
}

impl Check {
    /// The rendering, if the use case does not refuse it.
    fn of(&self, after: &Computation) -> Result<netjson::Rendering, Failure> {
        Configurations::validate(&self.backend, "config.config", &self.config, after.context())?;
        let conflict = |message| Failure::Refused(Refusal::TemplateConflict { message });
        let rendering = after.rendering().map_err(conflict)?;
        if let Some(before) = &self.before {
            after.refuse_beyond("config.context", Some(before), &adding(&rendering))?;
        }
        Ok(rendering)
    }
}
