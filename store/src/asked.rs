//! Who makes the database work: requests that somebody waits for, or what runs beside them.

use crate::Sql;

tokio::task_local! {
    static REQUEST: ();
}

/// Runs a request's work. What it asks of a [`Store`](crate::Store) is counted apart, see
/// [`Store::asked_by_requests`](crate::Store::asked_by_requests); tasks that it spawns are no part of it.
pub async fn on_request<F: Future>(work: F) -> F::Output {
    REQUEST.scope((), crate::reach::watched(work)).await
}

/// Tells the text of a statement, never its values, to those who read the log at the level `trace`: what a request asks for
/// can be compared.
pub(crate) fn note(sql: &Sql) {
    let (Sql::Both(text) | Sql::Each { sqlite: text, .. }) = sql;
    tracing::trace!(target: "statement", "{text:?}");
}

/// Is this a request's work?
pub(crate) fn by_request() -> bool {
    REQUEST.try_with(|()| ()).is_ok()
}
