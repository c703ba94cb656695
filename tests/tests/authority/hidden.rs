//! What a request was told, and what it asked the database for.

use regex::Regex;
use serde_json::Value;
use wisptrail_tests::{Server, patience};

use crate::{
    people::Person,
    table::Line,
    targets::{Side, Targets},
    tries::Tries,
};

/// An answer without what differs from request to request, and the texts of the statements behind it.
#[derive(Debug, PartialEq)]
pub(crate) struct Told {
    code: String,
    text: String,
    statements: Vec<String>,
}

pub(crate) async fn told(
    server: &Server,
    tries: &Tries<'_>,
    line: &Line,
    person: Person,
    targets: &mut Targets,
    side: Side,
) -> anyhow::Result<Told> {
    let answer = tries.of(line, person, targets, side).await?;
    let statements = match answer.request_id.as_str() {
        // Connections with subscriptions are no requests that end.
        "" => Vec::new(),
        id => statements(server, id).await?,
    };
    let ids = Regex::new("[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")?;
    let numbers = Regex::new(
        r#"made-[0-9]+|02:00:00:[0-9A-F:]{8}|"position":"?[0-9]+"?|At":"[^"]+"|"state":"[A-Z]+"|"progress":[0-9.]+"#,
    )?;
    // Fields that are answered at once come in any order.
    let text =
        serde_json::from_str(&answer.text).map_or(answer.text, |json| sorted(json).to_string());
    let text = ids.replace_all(&text, "ID");
    let text = numbers.replace_all(&text, "…").into_owned();
    Ok(Told { code: answer.code, text, statements })
}

/// The same with the fields of every object in the order of their names.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(fields.into_iter().collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The texts of the statements that a request made. They are sorted: what does not depend on another is asked at once.
async fn statements(server: &Server, id: &str) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    patience("the request is in the log", async || {
        found.clear();
        let output = server.output();
        // The line of the request itself comes last.
        let lines = output.lines().rev().filter(|line| line.contains(id));
        let lines: Vec<Value> = lines.filter_map(|line| serde_json::from_str(line).ok()).collect();
        if lines.first().is_none_or(|last| last["target"] != "access") {
            return Ok(false);
        }
        let told = lines.iter().rev().filter(|line| line["target"] == "statement");
        let told = told.map(|line| line["fields"]["message"].to_string());
        // Whose token it is is known for a few seconds: that it is looked up again is not about what is asked for.
        found.extend(told.filter(|text| !text.contains("FROM user_tokens t JOIN users u")));
        Ok(true)
    })
    .await?;
    found.sort_unstable();
    Ok(found)
}
