//! Values that a device would read as more than they are: a write must not bring in new ones.
//!
//! Values go into files of UCI as they are. What was stored or imported before keeps rendering and saving; only what a write
//! adds is refused, unless the settings allow it.

use domain::{DeviceId, Document};
use netjson::{Effect, Finding};
use projections::configuration::{Inputs, inputs};

use super::{Computation, Configurations, render::without_key};
use crate::{By, Failure, Refusal};

/// Findings that a refusal names.
const NAMED: usize = 3;

impl Computation {
    /// Values that bring in what nobody planned; none where the inputs make no files.
    pub(crate) fn added(&self) -> Vec<Finding> {
        self.rendering().map(|rendering| adding(&rendering)).unwrap_or_default()
    }

    /// Refuses findings of its rendering that `before` does not have.
    pub(crate) fn refuse_beyond(
        &self,
        field: &'static str,
        before: Option<&Self>,
        after: &[Finding],
    ) -> Result<(), Failure> {
        if after.is_empty() {
            return Ok(());
        }
        let before = before.map(Self::added).unwrap_or_default();
        refuse(field, &before, after, self.context())
    }
}

/// Those findings that bring in what nobody planned.
pub(crate) fn adding(rendering: &netjson::Rendering) -> Vec<Finding> {
    let mut findings = rendering.findings();
    findings.retain(Finding::adds);
    findings
}

/// Names in a finding may be values that were put in; the device's key is put back as its variable.
fn told(mut finding: Finding, context: &Document) -> Finding {
    let masked = |text: &mut String| *text = without_key(text, context);
    masked(&mut finding.package);
    for text in [&mut finding.pointer, &mut finding.section, &mut finding.option] {
        text.iter_mut().for_each(masked);
    }
    if let Effect::Adds(extras) = &mut finding.effect {
        for extra in extras {
            extra.option.iter_mut().for_each(masked);
            if let Some((kind, name)) = &mut extra.section {
                masked(kind);
                name.iter_mut().for_each(masked);
            }
        }
    }
    finding
}

/// Refuses findings that are not among those before.
fn refuse(
    field: &'static str,
    before: &[Finding],
    after: &[Finding],
    context: &Document,
) -> Result<(), Failure> {
    let mut new = netjson::beyond(before, after).into_iter();
    let Some(first) = new.next() else { return Ok(()) };
    let mut message = first.message();
    for further in new.take(NAMED - 1) {
        message.push_str("; ");
        message.push_str(&further.to_string());
    }
    let message = without_key(&message, context);
    Err(Failure::Refused(Refusal::AddsOptions { field, path: first.place(), message }))
}

impl Configurations<'_> {
    /// What a device would read of its present inputs otherwise than planned, whether it adds something or only breaks.
    pub async fn findings(&self, by: &By, id: DeviceId) -> Result<Vec<Finding>, Failure> {
        self.0.devices().row(by, id).await?;
        let Some(inputs) = inputs(self.0.store(), id).await? else { return Ok(Vec::new()) };
        self.computed(&inputs, |computation| {
            let found = computation.rendering().map(|rendering| rendering.findings());
            let context = computation.context();
            found.unwrap_or_default().into_iter().map(|one| told(one, context)).collect()
        })
        .await
    }

    /// Refuses findings of inputs that are about to be stored, unless the stored ones have them already.
    pub(crate) async fn refuse_beyond(
        &self,
        field: &'static str,
        stored: &Inputs,
        after: &[Finding],
    ) -> Result<(), Failure> {
        if after.is_empty() || self.allows_findings() {
            return Ok(());
        }
        let before = self.computed(stored, Computation::added).await?;
        refuse(field, &before, after, &Document::new())
    }

    /// The same for a configuration or a template that is not stored yet, or not with inputs of its own.
    pub(crate) async fn refuse_new(
        &self,
        field: &'static str,
        before: Option<Computation>,
        after: Computation,
    ) -> Result<(), Failure> {
        if self.allows_findings() {
            return Ok(());
        }
        self.blocking(move || after.refuse_beyond(field, before.as_ref(), &after.added())).await?
    }

    /// Refuses contents of a new device that make no files where `before`, without them, there are some, and what
    /// [`refuse_new`](Self::refuse_new) refuses.
    pub(crate) async fn refuse_unfit(
        &self,
        field: &'static str,
        before: Computation,
        after: Computation,
    ) -> Result<(), Failure> {
        let allowed = self.allows_findings();
        let judge = move || match after.rendering() {
            Err(message) if before.rendering().is_ok() => {
                Err(Failure::Refused(Refusal::TemplateConflict { message }))
            }
            Ok(rendering) if !allowed => {
                after.refuse_beyond(field, Some(&before), &adding(&rendering))
            }
            _ => Ok(()),
        };
        self.blocking(judge).await?
    }

    async fn blocking<T: Send + 'static>(
        &self,
        judge: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let permit = self.0.render_permits().acquire_owned().await;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            judge()
        })
        .await
        .map_err(|error| Failure::Broken(Box::new(error)))
    }

    /// Refuses changed variables that would add something wherever they are the value of an option. Which devices use them how
    /// is not asked: there may be very many.
    pub(crate) fn refuse_variables(
        &self,
        field: &'static str,
        before: Option<&Document>,
        after: &Document,
    ) -> Result<(), Failure> {
        if self.allows_findings() {
            return Ok(());
        }
        for (name, value) in after {
            if before.and_then(|before| before.get(name)) == Some(value) {
                continue;
            }
            let extras = netjson::lint_variable(value);
            if let Some(extra) = extras.first() {
                let message = format!("a device reads more than this value: {extra}");
                let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
                return Err(Failure::Refused(Refusal::AddsOptions { field, path, message }));
            }
        }
        Ok(())
    }

    pub(crate) fn allows_findings(&self) -> bool {
        self.0.settings().controller.allow_lint_findings
    }
}
