//! A device as clients send it.

#![expect(
    clippy::option_option,
    reason = "absent, null and a value are three things, and use cases take them as these"
)]

use std::net::IpAddr;

use app::App;
use domain::{
    Document, TemplateId,
    device::{DeviceName, HardwareId, MacAddress, key_problems},
};
use uuid::Uuid;

use super::super::{
    caller::Caller,
    failure::{Errors, RestError},
    fields::{Fields, Text},
    references,
    sentences::{self, NOT_AN_OBJECT},
};

/// What clients may say about a device; what they leave out stays as it is.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) name: Option<String>,
    pub(super) organization: Option<Uuid>,
    /// `Some(None)` is no group.
    pub(super) group: Option<Option<Uuid>>,
    pub(super) mac_address: Option<String>,
    pub(super) hardware_id: Option<String>,
    pub(super) key: Option<String>,
    pub(super) last_ip: Option<Option<IpAddr>>,
    pub(super) management_ip: Option<Option<IpAddr>>,
    pub(super) model: Option<String>,
    pub(super) os: Option<String>,
    pub(super) system: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) configuration: Option<Configuration>,
}

/// What clients may say about a configuration; what they leave out stays as it is.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    pub(super) backend: Option<String>,
    pub(super) templates: Option<Vec<TemplateId>>,
    pub(super) context: Option<Document>,
    pub(super) config: Option<Document>,
}

impl Configuration {
    /// Does it say more than the defaults do?
    pub(super) fn says_something(&self, default_backend: &str) -> bool {
        let filled = |document: &Option<Document>| document.as_ref().is_some_and(|d| !d.is_empty());
        self.backend.as_ref().is_some_and(|backend| backend != default_backend)
            || self.templates.as_ref().is_some_and(|templates| !templates.is_empty())
            || filled(&self.context)
            || filled(&self.config)
    }
}

impl Sent {
    /// Reads and checks everything that can be checked without asking for a change.
    pub(super) async fn read(
        mut fields: Fields<'_>,
        app: &App,
        caller: &Caller,
    ) -> Result<Self, RestError> {
        let hardware_ids = app.settings().controller.hardware_id_enabled;
        let mut sent = Self {
            name: fields.judged("name", Text::NAME, DeviceName::problems),
            organization: fields.reference("organization", true, false).flatten(),
            group: fields.reference("group", false, true),
            mac_address: fields.judged("mac_address", Text::NAME, MacAddress::problems),
            hardware_id: None,
            key: fields.judged("key", Text::FREE, key_problems),
            last_ip: fields.address("last_ip"),
            management_ip: fields.address("management_ip"),
            model: fields.short("model", Text::FREE, 64),
            os: fields.short("os", Text::FREE, 128),
            system: fields.short("system", Text::FREE, 128),
            notes: fields.text("notes", Text::FREE),
            configuration: None,
        };
        if hardware_ids {
            let judge = |id: &str| id.parse::<HardwareId>().err().into_iter().collect();
            sent.hardware_id = fields.judged("hardware_id", Text::NAME, judge);
        }
        references::check_organization(&mut fields, app, caller, sent.organization).await?;
        references::check_group(&mut fields, app, caller, sent.group.flatten()).await?;
        sent.configuration = configuration(&mut fields, app, caller).await?;
        fields.check()?;
        Ok(sent)
    }
}

/// Where all of a device is replaced, its configuration must be said; a new device may come without.
async fn configuration(
    fields: &mut Fields<'_>,
    app: &App,
    caller: &Caller,
) -> Result<Option<Configuration>, RestError> {
    let Some(Some(input)) = fields.nested("config", false) else { return Ok(None) };
    let errors: Errors = std::mem::take(&mut fields.errors);
    let mut inside = Fields::inside(&input, "config.", fields.is_partial(), errors);
    let backends = &app.settings().controller.backends;
    let ids = |ids: Vec<Uuid>| ids.into_iter().map(TemplateId::from_uuid).collect::<Vec<_>>();
    let sent = Configuration {
        backend: inside.choice("backend", true, backends),
        templates: inside.references("templates", true).map(ids),
        context: inside.document("context", true, NOT_AN_OBJECT),
        config: inside.document("config", true, "Unexpected configuration format."),
    };
    let templates = sent.templates.as_deref().unwrap_or_default();
    references::check_templates(&mut inside, app, caller, templates, |_| true).await?;
    fields.errors = inside.errors;
    Ok(Some(sent))
}

/// Refuses a replacement that does not say what becomes of the configuration.
pub(super) fn must_have_configuration(fields: &mut Fields<'_>) {
    if !fields.has("config") {
        fields.refuse("config", sentences::REQUIRED);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_say_nothing() {
        let default = "netjsonconfig.OpenWrt";
        let mut sent = Configuration {
            backend: Some(default.to_owned()),
            templates: Some(Vec::new()),
            context: Some(Document::new()),
            config: Some(Document::new()),
        };
        assert!(!sent.says_something(default));
        assert!(sent.says_something("netjsonconfig.OpenWisp"));
        sent.context = json!({"a": "1"}).as_object().cloned();
        assert!(sent.says_something(default));
    }
}
