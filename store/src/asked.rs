//! Who makes the database work: requests that somebody waits for, or what runs beside them.

tokio::task_local! {
    static REQUEST: ();
}

/// Runs a request's work. What it asks of a [`Store`](crate::Store) is counted apart, see
/// [`Store::asked_by_requests`](crate::Store::asked_by_requests); tasks that it spawns are no part of it.
pub async fn on_request<F: Future>(work: F) -> F::Output {
    REQUEST.scope((), work).await
}

/// Is this a request's work?
pub(crate) fn by_request() -> bool {
    REQUEST.try_with(|()| ()).is_ok()
}
