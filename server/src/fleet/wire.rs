//! The requests of an agent and the way it reads the answers: line by line, headers included.

use std::{fmt::Write, time::Duration};

use anyhow::Context;
use reqwest::{Client, Method, RequestBuilder, Url, redirect};
use tokio::{sync::Semaphore, time::Instant};

use super::measure::{Measures, Request};

/// One HTTP client for the whole fleet.
pub(super) struct Wire {
    client: Client,
    controller: Url,
    slots: Semaphore,
}

/// How the client behaves.
#[derive(Clone, Copy, Debug)]
pub(super) struct WireOptions {
    /// Requests at a time.
    pub(super) concurrency: u16,
    /// A connection for every request, as curl makes one, instead of a pool.
    pub(super) fresh_connections: bool,
    /// Any certificate is believed (`verify_ssl 0`).
    pub(super) insecure: bool,
}

/// The agents' own limits.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// More than any device has room for.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Why there is no answer at all; what curl ends with an error for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    Connect,
    Timeout,
    Broken,
    TooLarge,
}

impl Silence {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken answer",
            Self::TooLarge => "answer too large",
        }
    }

    fn of(error: &reqwest::Error) -> Self {
        if error.is_timeout() {
            Self::Timeout
        } else if error.is_connect() {
            Self::Connect
        } else {
            Self::Broken
        }
    }
}

impl Wire {
    pub(super) fn new(base: &str, options: WireOptions) -> anyhow::Result<Self> {
        let controller: Url = format!("{}/controller/", base.trim_end_matches('/'))
            .parse()
            .with_context(|| format!("`{base}` is not an address such as https://example.org"))?;
        anyhow::ensure!(
            matches!(controller.scheme(), "http" | "https"),
            "`{base}` must begin with http:// or https://"
        );
        // Whoever came first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = Client::builder()
            .user_agent(concat!("wisptrail-fleet/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .tls_danger_accept_invalid_certs(options.insecure)
            .no_proxy();
        if controller.scheme() == "http" {
            // Without TLS the machine needs no certificates; looking for them may fail.
            client = client.tls_certs_only([]);
        }
        if options.fresh_connections {
            client = client.pool_max_idle_per_host(0);
        }
        Ok(Self {
            client: client.build().context("failed to set up the HTTP client")?,
            controller,
            slots: Semaphore::new(usize::from(options.concurrency.max(1))),
        })
    }

    /// A GET below `/controller/`.
    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    /// A POST below `/controller/`.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut url = self.controller.clone();
        url.set_path(&format!("{}{path}", self.controller.path()));
        self.client.request(method, url)
    }

    /// Sends a request and reads the whole answer; both are measured.
    pub(super) async fn exchange(
        &self,
        kind: Request,
        request: RequestBuilder,
        measures: &Measures,
    ) -> Result<Answer, Silence> {
        let Ok(_slot) = self.slots.acquire().await else { return Err(Silence::Connect) };
        let sent = Instant::now();
        let answer = Answer::receive(request).await;
        measures.took(kind, sent.elapsed());
        match &answer {
            Err(silence) => measures.error(silence.name().to_owned()),
            Ok(answer) if answer.status >= 300 => {
                measures.error(format!("status {}", answer.status));
            }
            Ok(_) => {}
        }
        answer
    }
}

/// An answer as an agent saves it.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    async fn receive(request: RequestBuilder) -> Result<Self, Silence> {
        let mut response = request.send().await.map_err(|error| Silence::of(&error))?;
        let mut head = String::new();
        for (name, value) in response.headers() {
            // Writing to a string cannot fail.
            let _ = writeln!(head, "{name}: {}", String::from_utf8_lossy(value.as_bytes()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| Silence::of(&error))? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Silence::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self { status: response.status().as_u16(), head, body })
    }

    /// Whether the answer comes from a controller and not from a captive portal.
    pub(super) fn is_from_controller(&self) -> bool {
        self.text().to_lowercase().contains("x-openwisp-controller: true")
    }

    /// What `grep` finds for `name: `: the following word of the only line that has one.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        let label = format!("{name}: ");
        let text = self.text();
        let mut found = text.lines().filter_map(|line| line.split_once(&label));
        let (_, rest) = found.next()?;
        if found.next().is_some() {
            return None;
        }
        rest.split(' ').next().filter(|word| !word.is_empty()).map(str::to_owned)
    }

    /// The last line of the answer, where an agent looks for a checksum.
    pub(super) fn last_line(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        body.strip_suffix('\n').unwrap_or(&body).rsplit('\n').next().unwrap_or_default().to_owned()
    }

    fn text(&self) -> String {
        format!("{}\n{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(head: &str, body: &str) -> Answer {
        Answer { status: 201, head: head.to_owned(), body: body.as_bytes().to_vec() }
    }

    #[test]
    fn words_are_found_behind_their_labels() {
        let answer = answer(
            "content-type: text/plain\nx-openwisp-controller: true\n",
            "registration-result: success\nuuid: 31c4\nkey: 648a\nhostname: r 1\nis-new: 1\n",
        );
        assert_eq!(answer.word("uuid").as_deref(), Some("31c4"));
        assert_eq!(answer.word("key").as_deref(), Some("648a"));
        assert_eq!(answer.word("is-new").as_deref(), Some("1"));
        assert_eq!(answer.word("nothing"), None);
        assert!(answer.is_from_controller());
    }

    #[test]
    fn a_header_that_looks_like_an_answer_spoils_it() {
        let answer = answer("x-request-key: 5\n", "key: 648a\n");
        assert_eq!(answer.word("key"), None);
        assert!(!answer.is_from_controller());
    }

    #[test]
    fn the_last_line_counts_and_one_line_end_after_it_does_not() {
        assert_eq!(answer("", "abc").last_line(), "abc");
        assert_eq!(answer("", "hello\nabc\n").last_line(), "abc");
        assert_eq!(answer("", "abc\n\n").last_line(), "");
    }

    #[test]
    fn an_address_without_a_scheme_is_refused() {
        let options = WireOptions { concurrency: 1, fresh_connections: false, insecure: false };
        for base in ["example.org", "ftp://example.org", ""] {
            assert!(Wire::new(base, options).is_err(), "{base}");
        }
        let wire = Wire::new("http://example.org/site/", options).expect("accepted");
        let request = wire.get("checksum/1/").build().expect("built");
        assert_eq!(request.url().as_str(), "http://example.org/site/controller/checksum/1/");
    }
}
