//! `GET /controller/vpn/…/{id}/`: there are no VPN servers yet, so none is found.

use axum::response::Response;

use crate::page;

pub(super) async fn handle() -> Response {
    page::not_found().await
}
