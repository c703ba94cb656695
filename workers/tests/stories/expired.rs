//! An expired password, as every edge answers it.

use api::{ApiState, Audience, DocsSettings, GraphqlLimits, SocketLimits, Sockets};
use app::{NewUser, Settings};
use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use chrono::TimeDelta;
use domain::UserId;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::{
    mail::{OTHER, PASSWORD},
    world::{Outcome, World, with_settings},
};

const THIRD: &str = "Third-Word-9";
const FOURTH: &str = "Fourth-Word-1";

async fn ask(
    router: &Router,
    (method, path): (&str, &str),
    token: &str,
    body: &Value,
) -> Outcome<(StatusCode, Value)> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))?;
    let answer = router.clone().oneshot(request).await?;
    let status = answer.status();
    let bytes = answer.into_body().collect().await?.to_bytes();
    Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
}

fn is_expired(answer: &(StatusCode, Value)) -> bool {
    answer.0 == StatusCode::FORBIDDEN
        && answer.1["code"] == "password_expired"
        && answer.1["detail"].is_string()
}

#[test]
fn nothing_but_choosing_another_password_is_answered() -> Outcome {
    let mut settings = Settings::default();
    settings.accounts.password_days = 30;
    with_settings(&settings, async |world| {
        let id = UserId::from_uuid(Uuid::from_u128(9 << 64));
        let accounts = world.app.accounts();
        let root = NewUser {
            superuser: true,
            password: Some(PASSWORD.into()),
            ..NewUser::new(id, "root")
        };
        accounts.create(&World::by(), root).await?;
        let token = accounts.log_in("root", PASSWORD).await?;
        world.later(TimeDelta::days(31));
        let router = api::router(ApiState {
            app: world.app.clone(),
            graphql: GraphqlLimits::default(),
            sockets: Sockets::new(SocketLimits::default()),
            docs: DocsSettings::default(),
            streams: Sockets::new(SocketLimits::default()),
        });

        let mut tried = 0;
        for route in api::routes()
            .iter()
            .filter(|route| route.audience == Audience::Accounts && route.path.starts_with("/api/"))
        {
            let own = Uuid::from_u128(1);
            let path = route.path.replace("{number}", "1");
            let path = ["{id}", "{inner}"]
                .iter()
                .fold(path, |path, hole| path.replace(hole, &own.to_string()));
            assert!(!path.contains('{'), "{path}");
            for method in route.methods.split(", ").filter(|it| !["HEAD", "OPTIONS"].contains(it)) {
                if path.ends_with("/password/change/") {
                    continue;
                }
                let answer = ask(&router, (method, &path), &token, &json!({})).await?;
                assert!(is_expired(&answer), "{method} {path}: {answer:?}");
                tried += 1;
            }
        }
        assert!(tried > 30, "{tried}");

        let graphql = async |query: &str| {
            ask(&router, ("POST", "/graphql"), &token, &json!({ "query": query })).await
        };
        for query in [
            "{ viewer { actor } }",
            "{ devices(first: 1) { totalCount } }",
            "mutation { revokeTokens(input: {id: \"00000000-0000-0000-0000-000000000001\"}) { position } }",
            "{ __schema { types { name } } }",
        ] {
            let (status, answer) = graphql(query).await?;
            assert!(
                answer["errors"].is_array() || answer["data"]["__schema"].is_null(),
                "{answer}"
            );
            if !query.contains("__schema") {
                let extensions = &answer["errors"][0]["extensions"];
                assert_eq!(status, StatusCode::FORBIDDEN, "{query}: {answer}");
                assert_eq!(extensions["code"], "FORBIDDEN", "{answer}");
                assert_eq!(extensions["reason"], "password_expired", "{answer}");
            }
        }

        let change = format!(
            "mutation {{ changePassword(input: {{id: \"{id}\", currentPassword: \"{PASSWORD}\", password: \"{OTHER}\"}}) {{ user {{ username }} }} }}"
        );
        let (status, answer) = graphql(&change).await?;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(answer["data"]["changePassword"]["user"]["username"], "root", "{answer}");

        let token = accounts.log_in("root", OTHER).await?;
        let path = format!("/api/v1/users/user/{id}/");
        let (status, _) = ask(&router, ("GET", &path), &token, &json!({})).await?;
        assert_eq!(status, StatusCode::OK);

        world.later(TimeDelta::days(31));
        let path = format!("/api/v1/users/user/{id}/password/");
        let sent = json!({
            "current_password": OTHER,
            "new_password": THIRD,
            "confirm_password": THIRD,
        });
        let (status, answer) = ask(&router, ("PUT", &path), &token, &sent).await?;
        assert_eq!(status, StatusCode::OK, "{answer}");

        let token = accounts.log_in("root", THIRD).await?;
        world.later(TimeDelta::days(31));
        let sent = json!({
            "old_password": THIRD,
            "new_password1": FOURTH,
            "new_password2": FOURTH,
        });
        let path = "/api/v1/users/user/password/change/";
        let (status, answer) = ask(&router, ("POST", path), &token, &sent).await?;
        assert_eq!(status, StatusCode::OK, "{answer}");
        Ok(())
    })
}
