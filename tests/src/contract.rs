//! What the program says of its REST interface, held against what it answers.

use std::{collections::BTreeMap, sync::OnceLock};

use anyhow::Context;
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value};

use crate::Answer;

/// The description that a server serves, ready to judge its answers.
pub struct Contract {
    operations: Vec<Operation>,
}

struct Operation {
    method: String,
    /// In parts; parameters are [`HOLE`]s.
    path: Vec<String>,
    /// What may be answered, by status; nothing where it is no JSON.
    answers: BTreeMap<String, Option<Schema>>,
}

/// Made ready when the first answer is judged by it: most never are.
struct Schema {
    text: Value,
    validator: OnceLock<Validator>,
}

impl std::fmt::Debug for Contract {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contract").field("operations", &self.operations.len()).finish()
    }
}

impl Contract {
    /// Out of an `OpenAPI` 3.1 document.
    ///
    /// # Errors
    ///
    /// It is none, or refers to what is not there.
    pub fn new(document: &Value) -> anyhow::Result<Self> {
        let paths = document["paths"].as_object().context("no paths")?;
        let mut operations = Vec::new();
        for (path, item) in paths {
            for (method, operation) in item.as_object().into_iter().flatten() {
                let responses = operation["responses"].as_object().context("no responses")?;
                let answers = responses
                    .iter()
                    .map(|(status, response)| Ok((status.clone(), schema(document, response)?)));
                operations.push(Operation {
                    method: method.to_uppercase(),
                    path: path.split('/').map(hole).collect(),
                    answers: answers.collect::<anyhow::Result<_>>()?,
                });
            }
        }
        Ok(Self { operations })
    }

    /// What is wrong with an answer, if it was given by what is described. Answers that are no JSON are pages for people, or
    /// files.
    pub fn broken(&self, method: &str, path: &str, answer: &Answer) -> Option<String> {
        let asked: Vec<&str> = path.split('?').next().unwrap_or_default().split('/').collect();
        let asked_for = self.operations.iter().filter(|operation| operation.is(method, &asked));
        let operation = asked_for.min_by_key(|operation| operation.holes())?;
        let status = answer.status.to_string();
        let schema = operation.answers.get(&status).or_else(|| operation.answers.get("default"));
        let Some(schema) = schema else {
            return Some(format!("{method} {path} is not said to answer {status}"));
        };
        let json = answer.header("content-type").is_some_and(|kind| kind == "application/json");
        match (schema, json) {
            (None, true) => {
                Some(format!("{method} {path} is not said to answer JSON with {status}"))
            }
            (None, false) => None,
            (Some(_), false) if !answer.body.is_empty() => None,
            (Some(schema), _) => {
                let validator = match schema.ready() {
                    Ok(validator) => validator,
                    Err(error) => return Some(format!("{method} {path}: {error:#}")),
                };
                let value = answer.json().unwrap_or_default();
                let wrong: Vec<String> = validator
                    .iter_errors(&value)
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                let told = wrong.join("; ");
                (!wrong.is_empty()).then(|| {
                    format!("{method} {path} answers {status} otherwise than it says: {told}")
                })
            }
        }
    }
}

impl Operation {
    fn holes(&self) -> usize {
        self.path.iter().filter(|part| *part == HOLE).count()
    }

    fn is(&self, method: &str, asked: &[&str]) -> bool {
        let same =
            |(known, asked): (&String, &&str)| known == asked || known == HOLE && !asked.is_empty();
        self.method == method
            && self.path.len() == asked.len()
            && self.path.iter().zip(asked).all(same)
    }
}

fn hole(part: &str) -> String {
    if part.starts_with('{') { HOLE.to_owned() } else { part.to_owned() }
}

const HOLE: &str = "{}";

impl Schema {
    fn ready(&self) -> anyhow::Result<&Validator> {
        if let Some(validator) = self.validator.get() {
            return Ok(validator);
        }
        let options = jsonschema::options().with_draft(Draft::Draft202012);
        let made = options.should_validate_formats(true).build(&self.text);
        let made = made.map_err(|error| anyhow::anyhow!("no schema: {error}"))?;
        Ok(self.validator.get_or_init(|| made))
    }
}

/// What a response holds, with everything that it may refer to.
fn schema(document: &Value, response: &Value) -> anyhow::Result<Option<Schema>> {
    let response = match response["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
        Some(place) => document.pointer(place).with_context(|| format!("no {place}"))?,
        None => response,
    };
    let Some(content) = response["content"].get("application/json") else { return Ok(None) };
    let mut text: Map<String, Value> =
        content["schema"].as_object().cloned().context("no schema")?;
    text.insert("components".to_owned(), document["components"].clone());
    Ok(Some(Schema { text: Value::Object(text), validator: OnceLock::new() }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn broken(status: u16, body: &Value) -> Option<String> {
        let thing = json!({
            "type": "object",
            "required": ["id"],
            "properties": { "id": { "type": "string", "format": "uuid" } },
        });
        let json = |schema: &str| json!({ "content": { "application/json": { "schema": { "$ref": schema } } } });
        let contract = Contract::new(&json!({
            "paths": { "/a/{id}/": { "get": { "responses": {
                "200": json("#/components/schemas/Thing"),
                "404": { "$ref": "#/components/responses/NotFound" },
            } } } },
            "components": {
                "schemas": { "Thing": thing },
                "responses": { "NotFound": { "description": "" } },
            },
        }));
        let answer = Answer::told(status, "application/json", &body.to_string());
        contract.expect("a contract").broken("GET", "/a/1/?b", &answer)
    }

    #[test]
    fn answers_are_what_is_said_of_them() {
        let id = "1b671a64-40d5-491e-99b0-da01ff1f3341";
        assert_eq!(broken(200, &json!({ "id": id, "more": 1 })), None);
        for wrong in [json!({}), json!({ "id": 1 }), json!({ "id": "x" }), json!([])] {
            assert!(broken(200, &wrong).is_some(), "{wrong}");
        }
        assert!(broken(201, &json!({ "id": id })).is_some(), "no such status");
        assert!(broken(404, &json!({})).is_some(), "no JSON there");
    }
}
