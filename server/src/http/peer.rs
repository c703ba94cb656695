//! Who asked: the peer, or whom a trusted proxy names.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use api::{PeerAddr, Secure};
use axum::{
    extract::{ConnectInfo, Request},
    http::HeaderMap,
};
use ipnet::IpNet;

/// Networks whose word is taken.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Arc<Vec<IpNet>>);

impl Proxies {
    /// From the settings.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(Arc::new(networks))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client: the chain of `X-Forwarded-For` from the right, up to the first address that is no trusted proxy.
    /// What an untrusted peer says counts nothing.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let said: Vec<&str> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .collect();
        for address in said.into_iter().rev() {
            let Some(address) = parse(address) else { break };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    fn secure(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        self.trusts(peer.to_canonical())
            && headers
                .get("x-forwarded-proto")
                .is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
    }
}

/// An address, perhaps with a port or in brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>().ok();
    address
        .or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address| address.to_canonical())
}

/// Tells endpoints who asked.
pub(super) fn resolve(proxies: &Proxies, request: &mut Request) {
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied()
    {
        let client = proxies.client(peer.ip(), request.headers());
        let secure = proxies.secure(peer.ip(), request.headers());
        request.extensions_mut().insert(PeerAddr(client));
        request.extensions_mut().insert(Secure(secure));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", value.parse().expect("a header"));
        headers
    }

    fn client(peer: &str, said: &str) -> String {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().expect("a network")]);
        proxies.client(peer.parse().expect("an address"), &headers(said)).to_string()
    }

    #[test]
    fn an_untrusted_peer_cannot_name_another() {
        assert_eq!(client("192.0.2.1", "198.51.100.7"), "192.0.2.1");
    }

    #[test]
    fn the_first_untrusted_from_the_right_is_the_client() {
        assert_eq!(client("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.1.1.1"), "198.51.100.7");
        assert_eq!(client("10.0.0.1", "10.2.2.2"), "10.2.2.2");
        assert_eq!(client("10.0.0.1", "[2001:db8::1]:443"), "2001:db8::1");
        assert_eq!(client("10.0.0.1", "198.51.100.7, nonsense"), "10.0.0.1");
    }
}
