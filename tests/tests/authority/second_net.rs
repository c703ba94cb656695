//! That the second net is there: what the database does not show, nobody is told, whatever the program asks for.

use anyhow::Context as _;
use sqlx::{Connection as _, PgConnection};
use wisptrail_tests::{Client, Database, Server, Start, on_bounded_database, register, secret_of};

on_bounded_database!(nobody_is_told_what_the_database_does_not_show);

const MANAGER: &str = "0000000000000000000000000000000000000mgr";

async fn count(client: &Client) -> anyhow::Result<[u64; 2]> {
    let path = "/api/v1/controller/device/";
    let rest = client.get(path).await?.expect(200)?.json().context("JSON")?;
    let query = "{ devices { totalCount } }";
    let graphql = client.graphql_data(query, serde_json::json!({})).await?;
    Ok([
        rest["count"].as_u64().context("a count")?,
        graphql["devices"]["totalCount"].as_u64().context("a count")?,
    ])
}

async fn nobody_is_told_what_the_database_does_not_show(database: Database) -> anyhow::Result<()> {
    let server = Server::start(&database, Start::with_fixture()?).await?;
    let agent = server.client();
    let device = register(&agent, &secret_of("alpha")?, "ap-1", "02:00:00:00:00:01").await?;
    let manager = server.client().with_token(MANAGER);
    assert_eq!(count(&manager).await?, [1, 1]);

    let address = server.home().database().context("PostgreSQL")?;
    let mut connection = PgConnection::connect(&address).await?;
    let hide = "ALTER POLICY wisptrail_reach ON devices USING (false)";
    sqlx::raw_sql(hide).execute(&mut connection).await?;

    assert_eq!(count(&manager).await?, [0, 0]);
    manager.get(&format!("/api/v1/controller/device/{}/", device.dashed())).await?.expect(404)?;
    assert_eq!(count(&server.admin()).await?, [1, 1], "superusers reach everything");
    agent.get(&device.checksum_path()).await?.expect(200)?;
    connection.close().await?;
    Ok(())
}
