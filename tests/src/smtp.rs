//! A mail server for stories (RFC 5321): it takes mails, or does what a story wants, and writes down what it was given.

mod certificates;

use std::{io, sync::Arc};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// How connections are protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// Not at all.
    #[default]
    None,
    /// After `STARTTLS`.
    StartTls,
    /// From the first byte.
    Implicit,
}

/// A step of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// `EHLO`
    Hello,
    /// `AUTH`
    Auth,
    /// `MAIL`
    From,
    /// `RCPT`
    To,
    /// `DATA`
    Data,
    /// In the middle of the content.
    Middle,
    /// The content is there.
    End,
}

/// What the server does instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Answers this.
    Says(&'static str),
    /// Ends the connection.
    HangsUp,
    /// Nothing, for ever.
    Silent,
}

/// A mail, or what came of it.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Where it goes.
    pub to: String,
    /// What was said before.
    pub commands: Vec<String>,
    /// The content, with line ends of Unix.
    pub text: String,
    /// Was its end there?
    pub whole: bool,
    /// Was it protected?
    pub secured: bool,
}

/// A mail server. A clone is the same one.
#[derive(Clone)]
pub struct Peer(Arc<Inner>);

struct Inner {
    port: u16,
    protection: Protection,
    acceptor: TlsAcceptor,
    authority: String,
    moods: Mutex<Vec<(String, Step, Does)>>,
    taken: Mutex<Vec<Taken>>,
    /// Recipients, each time that one was named.
    named: Mutex<Vec<String>>,
}

impl Peer {
    /// Listens, under this name in its certificate.
    ///
    /// # Errors
    ///
    /// There is no port, or no certificate can be made.
    pub async fn listen(protection: Protection, name: &str) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (acceptor, authority) = certificates::made_for(name)?;
        let peer = Self(Arc::new(Inner {
            port: listener.local_addr()?.port(),
            protection,
            acceptor,
            authority,
            moods: Mutex::default(),
            taken: Mutex::default(),
            named: Mutex::default(),
        }));
        let serving = peer.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the story's runtime")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let peer = serving.clone();
                #[expect(clippy::disallowed_methods, reason = "ends with the story's runtime")]
                // Whoever hangs up has a reason.
                tokio::spawn(async move { drop(peer.serve(stream).await) });
            }
        });
        Ok(peer)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The certificate that its own one was signed with (PEM).
    pub fn authority(&self) -> &str {
        &self.0.authority
    }

    /// What it does with mails to somebody, from now on; an empty name is everybody.
    pub fn when(&self, to: &str, step: Step, does: Does) {
        self.0.moods.lock().push((to.to_owned(), step, does));
    }

    /// It does everything that it should, from now on.
    pub fn calm(&self) {
        self.0.moods.lock().clear();
    }

    /// All mails of which any content came.
    pub fn taken(&self) -> Vec<Taken> {
        self.0.taken.lock().clone()
    }

    /// How many of them.
    pub fn count(&self) -> usize {
        self.0.taken.lock().len()
    }

    /// How often content for somebody came.
    pub fn count_to(&self, to: &str) -> usize {
        self.0.taken.lock().iter().filter(|one| one.to == to).count()
    }

    /// How often somebody was named as the recipient.
    pub fn named(&self, to: &str) -> usize {
        self.0.named.lock().iter().filter(|one| *one == to).count()
    }

    fn mood(&self, to: &str, step: Step) -> Option<Does> {
        let moods = self.0.moods.lock();
        let fits = |(whose, when, _): &&(String, Step, Does)| {
            *when == step && (whose.is_empty() || whose == to)
        };
        moods.iter().rev().find(fits).map(|(.., does)| *does)
    }

    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        if self.0.protection == Protection::Implicit {
            let secured = self.0.acceptor.accept(stream).await?;
            self.talk(&mut BufStream::new(secured), true, true).await?;
            return Ok(());
        }
        let mut plain = BufStream::new(stream);
        if self.talk(&mut plain, true, false).await? {
            let secured = self.0.acceptor.accept(plain.into_inner()).await?;
            self.talk(&mut BufStream::new(secured), false, true).await?;
        }
        Ok(())
    }

    /// Speaks until the other side has enough. Yes is the answer where it wants to go on with TLS.
    async fn talk<S>(
        &self,
        stream: &mut BufStream<S>,
        greets: bool,
        secured: bool,
    ) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        if greets {
            say(stream, "220 test").await?;
        }
        let offers = self.0.protection == Protection::StartTls && !secured;
        let mut mail = Taken { secured, ..Taken::default() };
        while let Some(line) = hear(stream).await? {
            mail.commands.push(line.clone());
            let (step, answer) = match line.split([' ', ':']).next().unwrap_or_default() {
                "EHLO" if offers => (Some(Step::Hello), "250-test\r\n250 STARTTLS"),
                "EHLO" => (Some(Step::Hello), "250-test\r\n250 AUTH PLAIN"),
                "STARTTLS" if offers => {
                    say(stream, "220 go on").await?;
                    return Ok(true);
                }
                "AUTH" => (Some(Step::Auth), "235 welcome"),
                "MAIL" => (Some(Step::From), "250 fine"),
                "RCPT" => {
                    let to = line.split(['<', '>']).nth(1).unwrap_or_default();
                    to.clone_into(&mut mail.to);
                    self.0.named.lock().push(mail.to.clone());
                    (Some(Step::To), "250 fine")
                }
                "DATA" => (Some(Step::Data), "354 go on"),
                "QUIT" => (None, "221 bye"),
                _ => (None, "250 fine"),
            };
            let does = step.and_then(|step| self.mood(&mail.to, step));
            if !self.act(stream, does, answer).await? {
                return Ok(false);
            }
            if step == Some(Step::Data) && does.is_none() {
                let goes_on = self.content(stream, &mut mail).await?;
                if !goes_on {
                    return Ok(false);
                }
                mail = Taken { secured, ..Taken::default() };
            }
        }
        Ok(false)
    }

    /// Takes the content of a mail. No is the answer where the conversation is over.
    async fn content<S>(&self, stream: &mut BufStream<S>, mail: &mut Taken) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let middle = self.mood(&mail.to, Step::Middle);
        while let Some(line) = hear(stream).await? {
            if line == "." {
                mail.whole = true;
                break;
            }
            mail.text.push_str(&line);
            mail.text.push('\n');
            if middle.is_some() {
                break;
            }
        }
        self.0.taken.lock().push(mail.clone());
        let does = middle.or_else(|| self.mood(&mail.to, Step::End));
        self.act(stream, does, "250 taken").await
    }

    /// Answers, or does something else. No is the answer where the conversation is over.
    async fn act<S>(
        &self,
        stream: &mut BufStream<S>,
        does: Option<Does>,
        answer: &str,
    ) -> io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match does {
            None => say(stream, answer).await?,
            Some(Does::Says(other)) => say(stream, other).await?,
            Some(Does::HangsUp) => return Ok(false),
            Some(Does::Silent) => std::future::pending().await,
        }
        Ok(true)
    }
}

async fn say<S>(stream: &mut BufStream<S>, line: &str) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

/// A line without its end; nothing where the other side has hung up.
async fn hear<S>(stream: &mut BufStream<S>) -> io::Result<Option<String>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut line = String::new();
    let read = stream.read_line(&mut line).await?;
    Ok((read > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}
