//! The past: objects as they were, what happened to them, how moments differ, and the way back.

mod causes;
mod lists;
mod moments;
mod reverting;
mod tenancy;
mod then;

use anyhow::Context as _;
use serde_json::{Value, json};
use wisptrail_tests::{Client, Device, Server, patience, register, secret_of};

use crate::ALPHA;

pub(crate) const CHANGE_DEVICE: &str =
    "mutation ($input: ChangeDeviceInput!) { changeDevice(input: $input) { position } }";
pub(crate) const CHANGE_TEMPLATE: &str =
    "mutation ($input: ChangeTemplateInput!) { changeTemplate(input: $input) { position } }";
pub(crate) const CHANGE_GROUP: &str =
    "mutation ($input: ChangeDeviceGroupInput!) { changeDeviceGroup(input: $input) { position } }";

/// An agent's device of Alpha in a group, with a template that makes a file.
pub(crate) struct Scene {
    pub(crate) device: Device,
    pub(crate) id: String,
    pub(crate) template: String,
    pub(crate) group: String,
}

impl Scene {
    pub(crate) async fn new(server: &Server) -> anyhow::Result<Self> {
        let admin = server.admin();
        let data = admin
            .graphql_data(
                "mutation ($template: CreateTemplateInput!, $group: CreateDeviceGroupInput!) {
                    createTemplate(input: $template) { template { id } }
                    createDeviceGroup(input: $group) { deviceGroup { id } }
                }",
                json!({
                    "template": { "organizationId": ALPHA, "name": "words", "config": word("first"), "tags": ["words"] },
                    "group": { "organizationId": ALPHA, "name": "masts", "variables": { "place": "hill" } },
                }),
            )
            .await?;
        let id = |value: &Value| value.as_str().map(str::to_owned).context("an id");
        let template = id(&data["createTemplate"]["template"]["id"])?;
        let group = id(&data["createDeviceGroup"]["deviceGroup"]["id"])?;
        let device =
            register(&server.client(), &secret_of("alpha")?, "ap-then", "02:00:00:00:0A:01")
                .await?;
        let id = device.dashed();
        let scene = Self { device, id, template, group };
        scene
            .change(
                &admin,
                json!({
                    "groupId": scene.group, "notes": "on the hill",
                    "configuration": {
                        "templateIds": [scene.template],
                        "config": { "general": { "timezone": "UTC" } },
                        "variables": { "own": "yes" },
                    },
                }),
            )
            .await?;
        Ok(scene)
    }

    /// Changes the device, and answers with the position.
    pub(crate) async fn change(&self, client: &Client, mut input: Value) -> anyhow::Result<i64> {
        input["id"] = json!(self.id);
        let data = client.graphql_data(CHANGE_DEVICE, json!({ "input": input })).await?;
        data["changeDevice"]["position"].as_i64().context("a position")
    }

    /// Changes the template, and waits until the device has another archive.
    pub(crate) async fn change_words(&self, server: &Server, to: &str) -> anyhow::Result<()> {
        let admin = server.admin();
        let before = self.checksum(server).await?;
        let input = json!({ "id": self.template, "config": word(to) });
        admin.graphql_data(CHANGE_TEMPLATE, json!({ "input": input })).await?;
        patience("the device has another archive", async || {
            Ok(self.checksum(server).await? != before)
        })
        .await
    }

    pub(crate) async fn checksum(&self, server: &Server) -> anyhow::Result<String> {
        Ok(server.client().get(&self.device.checksum_path()).await?.expect(200)?.text())
    }

    /// What the agent downloads.
    pub(crate) async fn download(&self, server: &Server) -> anyhow::Result<Vec<u8>> {
        Ok(server.client().get(&self.device.download_path()).await?.expect(200)?.body)
    }

    /// The last event of the device.
    pub(crate) async fn newest(&self, client: &Client) -> anyhow::Result<Value> {
        let query =
            "query ($id: ID!) { history(objectId: $id, first: 1) { nodes { position at type } } }";
        let mut data = client.graphql_data(query, json!({ "id": self.id })).await?;
        Ok(data["history"]["nodes"][0].take())
    }
}

/// Contents that make a file with one word and the place of the group.
pub(crate) fn word(word: &str) -> Value {
    json!({ "files": [{ "path": "/etc/word", "mode": "0644", "contents": format!("{word}\n{{{{ place }}}}\n") }] })
}

/// The names of the inputs that an answer's first error is about.
pub(crate) fn fields(answer: &Value) -> Vec<&str> {
    let fields = answer["errors"][0]["extensions"]["fields"].as_object();
    fields.map(|fields| fields.keys().map(String::as_str).collect()).unwrap_or_default()
}
