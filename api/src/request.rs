//! What the server says about a request.

use std::{
    convert::Infallible,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{header, request::Parts, uri::Authority},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Where a request came from, behind trusted proxies the address that they vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddr(pub IpAddr);

/// The id of a request; what it causes carries it as correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub Uuid);

/// Did the client speak TLS, here or with a trusted proxy? Decides the scheme of links; absent means no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secure(pub bool);

/// Ends the connection that a request came over, whatever is on its way: for clients that take nothing.
#[derive(Clone, Debug)]
pub struct HangUp(CancellationToken);

impl HangUp {
    /// Whoever serves the connection drops it when the token is cancelled.
    pub fn new(token: CancellationToken) -> Self {
        Self(token)
    }

    pub(crate) fn now(&self) {
        self.0.cancel();
    }
}

/// Who sent a request, as use cases want it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(crate) address: IpAddr,
    pub(crate) correlation_id: Option<Uuid>,
}

impl Sender {
    /// As use cases of people and agents take it.
    pub(crate) fn peer(self) -> app::Peer {
        app::Peer { address: self.address, correlation_id: self.correlation_id }
    }

    /// From the extensions. Where nobody knows the address it is the unspecified one: never loopback, which may be
    /// trusted somewhere.
    pub(crate) fn of(parts: &Parts) -> Self {
        let extensions = &parts.extensions;
        let address = extensions
            .get::<PeerAddr>()
            .map(|peer| peer.0)
            .or_else(|| extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip()))
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Self {
            address: address.to_canonical(),
            correlation_id: extensions.get::<RequestId>().map(|id| id.0),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Sender {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// Scheme and host as the client wrote them, for absolute links.
pub(crate) fn base_url(parts: &Parts) -> String {
    let scheme = match parts.extensions.get::<Secure>() {
        Some(Secure(true)) => "https",
        Some(Secure(false)) => "http",
        None => parts.uri.scheme_str().unwrap_or("http"),
    };
    let host = parts.uri.authority().map(ToString::to_string).or_else(|| {
        let host = parts.headers.get(header::HOST)?.to_str().ok()?;
        host.parse::<Authority>().ok().map(|host| host.to_string())
    });
    format!("{scheme}://{}", host.as_deref().unwrap_or("localhost"))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(request: axum::http::request::Builder) -> Parts {
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn an_unknown_sender_is_nobody() {
        let parts = parts(Request::builder());
        assert_eq!(Sender::of(&parts).address, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    }

    #[test]
    fn the_servers_word_beats_the_connection() {
        let connection: SocketAddr = "127.0.0.1:4000".parse().unwrap();
        let request = Request::builder().extension(ConnectInfo(connection));
        assert_eq!(Sender::of(&parts(request)).address, connection.ip());
        let peer: IpAddr = "::ffff:203.0.113.9".parse().unwrap();
        let request =
            Request::builder().extension(ConnectInfo(connection)).extension(PeerAddr(peer));
        let plain: IpAddr = "203.0.113.9".parse().unwrap();
        assert_eq!(Sender::of(&parts(request)).address, plain);
    }

    #[test]
    fn links_use_the_host_of_the_request() {
        let request = Request::builder().uri("/x").header("host", "wisp.example:8000");
        assert_eq!(base_url(&parts(request)), "http://wisp.example:8000");
        let request =
            Request::builder().uri("/x").header("host", "wisp.example").extension(Secure(true));
        assert_eq!(base_url(&parts(request)), "https://wisp.example");
        let request = Request::builder().uri("/x").header("host", "a b\"c");
        assert_eq!(base_url(&parts(request)), "http://localhost");
    }
}
