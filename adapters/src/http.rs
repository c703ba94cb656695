//! Requests to receivers of webhooks.
//!
//! Whoever may make a webhook must not reach what only this machine can reach. Names are resolved here, once for each
//! connection; what they stand for is looked at, and connected to is what was looked at. Redirects are not followed, proxies of
//! the environment not asked, and of an answer nothing but its status is told to anybody.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::OnceLock,
    time::Duration,
};

use app::{Outgoing, is_public};
use async_trait::async_trait;
use reqwest::{
    Client, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::RETRY_AFTER,
    redirect,
};
use workers::{Answer, Courier};

/// Bytes of an answer that are read so that its connection can be used again.
const ANSWER: usize = 16 * 1024;
/// Connections that are kept for a receiver.
const KEPT: usize = 8;

/// Sends requests over HTTP.
pub struct Http {
    /// Made when it is needed: it reads the machine's certificates.
    client: OnceLock<Result<Client, String>>,
    patience: Duration,
    /// Are addresses allowed that only this machine and its neighbours can reach?
    private: bool,
}

impl Http {
    /// Nothing is connected yet. `patience` is the longest time that a request takes.
    pub fn new(patience: Duration, private: bool) -> Self {
        Self { client: OnceLock::new(), patience, private }
    }

    fn client(&self) -> Result<&Client, String> {
        let made = self.client.get_or_init(|| {
            let client = Client::builder()
                .user_agent(concat!("Wisptrail/", env!("CARGO_PKG_VERSION")))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(self.patience)
                .timeout(self.patience)
                .pool_max_idle_per_host(KEPT)
                .dns_resolver(Looked { private: self.private })
                .build();
            client.map_err(|_| "TLS cannot be used: are certificates installed?".to_owned())
        });
        made.as_ref().map_err(Clone::clone)
    }
}

#[async_trait]
impl Courier for Http {
    async fn send(&self, outgoing: Outgoing) -> Answer {
        let sent = tokio::time::timeout(self.patience, self.sent(outgoing)).await;
        match sent {
            Ok(Ok(answer)) => answer,
            Ok(Err(reason)) => Answer::Nothing(reason),
            Err(_) => Answer::Nothing(LATE.to_owned()),
        }
    }

    fn patience(&self) -> Duration {
        self.patience
    }
}

const LATE: &str = "the receiver did not answer in time";

impl Http {
    async fn sent(&self, outgoing: Outgoing) -> Result<Answer, String> {
        let Outgoing { url, headers, body } = outgoing;
        let url = Url::parse(&url).map_err(|_| "its address is none".to_owned())?;
        // Names go through the resolver, addresses do not.
        if let Some(address) = literal(&url)
            && !self.private
            && !is_public(address)
        {
            return Err(Inside.to_string());
        }
        let mut request = self.client()?.post(url).body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let mut answer = request.send().await.map_err(|error| reason(&error))?;
        let status = answer.status().as_u16();
        let later = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let later = later.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let mut read = 0;
        while read < ANSWER {
            match answer.chunk().await {
                Ok(Some(chunk)) => read += chunk.len(),
                // It has answered; the rest is of no interest.
                Ok(None) | Err(_) => break,
            }
        }
        Ok(Answer::Status { status, later })
    }
}

/// The address that stands in the place of a name.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Resolves names to addresses that may be connected to.
struct Looked {
    private: bool,
}

impl Resolve for Looked {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let found = found.map_err(|_| Box::new(Unknown) as Box<dyn Error + Send + Sync>)?;
            let addresses: Vec<SocketAddr> =
                found.filter(|address| private || is_public(address.ip())).collect();
            if addresses.is_empty() {
                return Err(Box::new(Inside) as Box<dyn Error + Send + Sync>);
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// A name that stands for nothing.
#[derive(Debug)]
struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver's name cannot be resolved")
    }
}

impl Error for Unknown {}

/// A name that leads inside.
#[derive(Debug)]
struct Inside;

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the receiver's address is a private one, which is not delivered to (setting webhooks.allow_private)")
    }
}

impl Error for Inside {}

/// What went wrong, without the address, which may hold secrets.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if inner.is::<Inside>() || inner.is::<Unknown>() {
            return inner.to_string();
        }
        if let Some(failed) = inner.downcast_ref::<std::io::Error>()
            // TLS fails with errors of this kind.
            && failed.kind() == std::io::ErrorKind::InvalidData
        {
            return "the receiver's certificate is not trusted, or it speaks no TLS".to_owned();
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        LATE.to_owned()
    } else if error.is_connect() {
        "the receiver cannot be connected to".to_owned()
    } else {
        "the connection to the receiver broke".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_however_they_are_written() {
        for (url, address) in [
            ("https://127.0.0.1:9/", Some("127.0.0.1")),
            ("https://2130706433/", Some("127.0.0.1")),
            ("https://[::1]/", Some("::1")),
            ("https://example.org/", None),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(literal(&url), address.map(|it| it.parse().unwrap()), "{url}");
        }
    }

    #[tokio::test]
    async fn names_that_lead_inside_are_not_resolved() {
        let looked = |private| Looked { private }.resolve("localhost".parse().unwrap());
        let inside = looked(false).await.err().expect("it leads inside");
        assert!(inside.is::<Inside>(), "{inside}");
        assert!(looked(true).await.is_ok());
    }
}
