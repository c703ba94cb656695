//! Messages of `graphql-transport-ws`.

use async_graphql::{Request, Response, ServerError};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The subprotocol's name.
pub(super) const NAME: &str = "graphql-transport-ws";

/// What clients say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Said {
    /// The first message.
    ConnectionInit {
        /// Where the token is.
        payload: Option<Value>,
    },
    /// An operation begins.
    Subscribe {
        /// Chosen by the client.
        id: String,
        /// The operation.
        payload: Box<Request>,
    },
    /// The client wants no more of an operation.
    Complete {
        /// Which.
        id: String,
    },
    /// Is anybody there?
    Ping {
        /// Comes back with the answer.
        payload: Option<Value>,
    },
    /// Somebody is there.
    Pong {},
}

/// What the server says.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Say<'a> {
    /// The client is known.
    ConnectionAck,
    /// An answer of an operation.
    Next {
        /// Which.
        id: &'a str,
        /// The answer.
        payload: &'a Response,
    },
    /// An operation ended because of this; there is no `complete`.
    Error {
        /// Which.
        id: &'a str,
        /// Why.
        payload: &'a [ServerError],
    },
    /// An operation ended.
    Complete {
        /// Which.
        id: &'a str,
    },
    /// Somebody is there.
    Pong {
        /// Of the ping.
        #[serde(skip_serializing_if = "Option::is_none")]
        payload: Option<Value>,
    },
}

/// The token in the payload of `connection_init`: `{"Authorization": "Bearer <token>"}` or `{"token": "<token>"}`.
pub(super) fn token(payload: Option<&Value>) -> Option<SecretString> {
    let fields = payload?.as_object()?;
    let named = |name: &str| {
        let field = fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.and_then(|(_, value)| value.as_str())
    };
    let bearer = named("authorization").and_then(|value| {
        let (scheme, token) = value.trim().split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let token = bearer.or_else(|| named("token"))?.trim();
    (!token.is_empty() && token.len() <= 1000).then(|| token.to_owned().into())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_come_in_two_shapes() {
        let of =
            |payload: Value| token(Some(&payload)).map(|token| token.expose_secret().to_owned());
        for payload in [
            json!({ "Authorization": "Bearer word" }),
            json!({ "authorization": " bearer  word " }),
            json!({ "token": "word" }),
        ] {
            assert_eq!(of(payload.clone()).as_deref(), Some("word"), "{payload}");
        }
        for payload in [
            json!({}),
            json!([]),
            json!("word"),
            json!({ "token": "" }),
            json!({ "token": 7 }),
            json!({ "Authorization": "word" }),
            json!({ "Authorization": "Basic word" }),
            json!({ "token": "x".repeat(1001) }),
        ] {
            assert_eq!(of(payload.clone()), None, "{payload}");
        }
        assert!(token(None).is_none());
    }

    #[test]
    fn messages_are_those_of_the_protocol() {
        let said = |text: &str| serde_json::from_str::<Said>(text);
        assert!(matches!(
            said(r#"{"type":"connection_init"}"#),
            Ok(Said::ConnectionInit { payload: None })
        ));
        assert!(matches!(
            said(r#"{"type":"ping","payload":{"a":1}}"#),
            Ok(Said::Ping { payload: Some(_) })
        ));
        assert!(matches!(said(r#"{"type":"pong"}"#), Ok(Said::Pong {})));
        let subscribe = said(r#"{"type":"subscribe","id":"1","payload":{"query":"{ a }"}}"#);
        assert!(matches!(subscribe, Ok(Said::Subscribe { .. })));
        for wrong in [r#"{"type":"start","id":"1","payload":{}}"#, r#"{"id":"1"}"#, "[]", ""] {
            assert!(said(wrong).is_err(), "{wrong}");
        }
        let say = |message: Say<'_>| serde_json::to_string(&message).unwrap();
        assert_eq!(say(Say::ConnectionAck), r#"{"type":"connection_ack"}"#);
        assert_eq!(say(Say::Complete { id: "1" }), r#"{"type":"complete","id":"1"}"#);
        assert_eq!(say(Say::Pong { payload: None }), r#"{"type":"pong"}"#);
    }
}
