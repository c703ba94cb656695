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
    failure::RestError,
    fields::{Extent, Fields, Text},
    references,
    sent::{self, Reader},
    sentences::NOT_AN_OBJECT,
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

impl sent::Sent for Sent {
    const NAME: &'static str = "Device";

    /// Where all of a device is replaced, its configuration must be said; a new device may come without.
    fn read(fields: &mut Fields<'_>, reader: Reader<'_>) -> Self {
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
        if reader.controller.hardware_id_enabled {
            let judge = |id: &str| id.parse::<HardwareId>().err().into_iter().collect();
            sent.hardware_id = fields.judged("hardware_id", Text::NAME, judge);
        }
        let extent = fields.extent();
        if extent == Extent::Whole {
            fields.require("config");
        }
        let read = |inside: &mut Fields<'_>| configuration(inside, reader);
        sent.configuration = fields.inside("config", extent, read).flatten();
        sent
    }
}

fn configuration(fields: &mut Fields<'_>, reader: Reader<'_>) -> Configuration {
    let ids = |ids: Vec<Uuid>| ids.into_iter().map(TemplateId::from_uuid).collect::<Vec<_>>();
    Configuration {
        backend: fields.choice("backend", true, &reader.controller.backends),
        templates: fields.references("templates", true).map(ids),
        context: fields.document("context", true, NOT_AN_OBJECT),
        config: fields.document("config", true, "Unexpected configuration format."),
    }
}

impl Sent {
    /// Fine when nothing was found wrong and everything that is referred to exists.
    pub(super) async fn check(
        &self,
        mut fields: Fields<'_>,
        app: &App,
        caller: &Caller,
    ) -> Result<(), RestError> {
        references::check_organization(&mut fields, app, caller, self.organization).await?;
        references::check_group(&mut fields, app, caller, self.group.flatten()).await?;
        let configuration = self.configuration.as_ref();
        let templates = configuration.and_then(|sent| sent.templates.as_deref());
        let named = ("config.templates", templates.unwrap_or_default());
        references::check_templates(&mut fields, app, caller, named, |_| true).await?;
        fields.check()
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
