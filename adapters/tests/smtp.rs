//! Mails by SMTP, spoken with a small server of its own.

use std::time::Duration;

use app::Letter;
use chrono::DateTime;
use tokio::net::TcpListener;
use uuid::Uuid;
use wisptrail_adapters::mail::{Folder, Sender, Smtp, SmtpServer, Tls};
use wisptrail_tests::smtp::{Does, Peer, Protection, Step};
use workers::{MailError, Postman as _};

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

const HERE: &str = "127.0.0.1";

fn letter() -> Letter {
    Letter {
        id: Uuid::from_u128(7),
        date: DateTime::UNIX_EPOCH,
        sender: "Wi-Fi für alle".to_owned(),
        to: "rita@example.org".into(),
        subject: "Größe".to_owned(),
        text: "Link:\nhttps://wifi.example.org/accounts/x/\n.\nend\n".into(),
        html: Some("<p>Link</p>".into()),
    }
}

fn server(port: u16, tls: Tls) -> SmtpServer {
    SmtpServer {
        host: HERE.to_owned(),
        port,
        tls,
        certificate: None,
        credentials: Some(("post".to_owned(), "a-long-secret-word".into())),
        patience: Duration::from_secs(20),
    }
}

fn smtp(server: SmtpServer) -> Smtp {
    Smtp::new(server, Sender::new("wifi@example.org").expect("an address")).expect("TLS")
}

async fn hand_over(server: SmtpServer) -> Result<(), MailError> {
    let letter = letter();
    let delivery = smtp(server).call(&letter.to).await?;
    delivery.hand_over(&letter).await
}

async fn send(peer: &Peer) -> Result<(), MailError> {
    hand_over(server(peer.port(), Tls::None)).await
}

#[tokio::test]
async fn a_mail_is_taken_over_as_a_whole() -> Outcome {
    let peer = Peer::listen(Protection::None, HERE).await?;
    send(&peer).await?;
    let taken = peer.taken();
    assert_eq!(taken.len(), 1);
    let (commands, mail) = (&taken[0].commands, &taken[0].text);
    assert!(commands.contains(&"MAIL FROM:<wifi@example.org>".to_owned()), "{commands:?}");
    assert!(commands.contains(&"RCPT TO:<rita@example.org>".to_owned()), "{commands:?}");
    for part in [
        "To: rita@example.org",
        "<wifi@example.org>",
        "Date: Thu, 01 Jan 1970 00:00:00 +0000",
        "Message-ID: <00000000-0000-0000-0000-000000000007@example.org>",
        "Auto-Submitted: auto-generated",
        "multipart/alternative",
        "https://wifi.example.org/accounts/x/",
        "<p>Link</p>",
    ] {
        assert!(mail.contains(part), "{part}\n{mail}");
    }
    assert!(taken[0].whole && mail.is_ascii() && mail.contains("end"), "{mail}");
    Ok(())
}

#[tokio::test]
async fn the_server_decides_whether_another_attempt_is_made() -> Outcome {
    let peer = Peer::listen(Protection::None, HERE).await?;
    for (step, answer, later) in [
        (Step::To, "450 no <rita@example.org> here", true),
        (Step::To, "550 no <rita@example.org> here", false),
        (Step::Data, "451 no <rita@example.org> here", true),
        (Step::Data, "554 no <rita@example.org> here", false),
        (Step::End, "451 no <rita@example.org> here", true),
        (Step::End, "554 no <rita@example.org> here", false),
        (Step::From, "550 no <wifi@example.org> here", true),
        (Step::Auth, "535 not with a-long-secret-word", true),
        (Step::Hello, "421 not for <rita@example.org>", true),
    ] {
        let before = peer.count();
        peer.calm();
        peer.when("", step, Does::Says(answer));
        let error = send(&peer).await.expect_err(answer);
        assert_eq!(matches!(error, MailError::Later(_)), later, "{step:?} {answer}: {error:?}");
        assert!(!matches!(error, MailError::Doubtful(_)), "{step:?} {answer}: {error:?}");
        let said = error.to_string();
        assert!(!said.contains("rita") && !said.contains("secret"), "{said}");
        assert!(said.contains(&answer[..3]), "{said}");
        assert_eq!(peer.count() - before, usize::from(step == Step::End), "{step:?} {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_ends_before_the_content_may_be_tried_again() -> Outcome {
    let peer = Peer::listen(Protection::None, HERE).await?;
    for step in [Step::Hello, Step::Auth, Step::From, Step::To, Step::Data] {
        peer.calm();
        peer.when("", step, Does::HangsUp);
        let error = send(&peer).await.expect_err("it hung up");
        assert!(matches!(error, MailError::Later(_)), "{step:?}: {error:?}");
    }
    assert_eq!(peer.count(), 0);
    peer.calm();
    send(&peer).await?;
    assert_eq!(peer.count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_connection_that_ends_later_leaves_doubt() -> Outcome {
    let peer = Peer::listen(Protection::None, HERE).await?;
    for (step, whole) in [(Step::Middle, false), (Step::End, true)] {
        peer.calm();
        peer.when("", step, Does::HangsUp);
        let error = send(&peer).await.expect_err("it hung up");
        assert!(matches!(error, MailError::Doubtful(_)), "{step:?}: {error:?}");
        assert_eq!(peer.taken().last().map(|mail| mail.whole), Some(whole), "{step:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_waited_for() -> Outcome {
    let peer = Peer::listen(Protection::None, HERE).await?;
    let hurried = |patience| SmtpServer { patience, ..server(peer.port(), Tls::None) };
    peer.when("", Step::To, Does::Silent);
    let error = hand_over(hurried(Duration::from_millis(200))).await.expect_err("it is silent");
    assert!(matches!(error, MailError::Later(_)), "{error:?}");
    peer.calm();
    peer.when("", Step::End, Does::Silent);
    // On a machine that is slow enough, time is over before anything has left.
    for doubling in 0..8 {
        let patience = Duration::from_millis(200 << doubling);
        match hand_over(hurried(patience)).await {
            Err(MailError::Doubtful(_)) => return Ok(()),
            Err(MailError::Later(reason)) => assert_eq!(peer.count(), 0, "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    panic!("nothing ever leaves");
}

#[tokio::test]
async fn passwords_do_not_go_to_a_server_without_tls() -> Outcome {
    let peer = Peer::listen(Protection::None, HERE).await?;
    let error = hand_over(server(peer.port(), Tls::StartTls)).await.expect_err("it offers none");
    assert!(error.to_string().contains("STARTTLS") && matches!(error, MailError::Later(_)));
    let error = hand_over(server(peer.port(), Tls::Implicit)).await.expect_err("in clear");
    assert!(matches!(error, MailError::Later(_)), "{error:?}");
    assert_eq!(peer.count(), 0);
    Ok(())
}

/// A server whose certificate is signed by an authority that is trusted.
async fn known(
    protection: Protection,
    tls: Tls,
) -> Result<(Peer, SmtpServer), Box<dyn std::error::Error + Send + Sync>> {
    let peer = Peer::listen(protection, HERE).await?;
    let certificate = Some(peer.authority().as_bytes().to_vec());
    let server = SmtpServer { certificate, ..server(peer.port(), tls) };
    Ok((peer, server))
}

#[tokio::test]
async fn nothing_that_matters_is_said_before_tls() -> Outcome {
    for (protection, tls) in
        [(Protection::StartTls, Tls::StartTls), (Protection::Implicit, Tls::Implicit)]
    {
        let (peer, server) = known(protection, tls).await?;
        hand_over(server).await?;
        let taken = peer.taken();
        assert_eq!(taken.len(), 1, "{tls:?}");
        assert!(taken[0].secured && taken[0].whole, "{tls:?}");
        // What was said after the connection was protected.
        let said = taken[0].commands.join("\n");
        assert!(said.contains("AUTH PLAIN") && said.contains("RCPT TO"), "{tls:?}: {said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_server_that_cannot_prove_its_name_gets_nothing() -> Outcome {
    for (protection, tls) in
        [(Protection::StartTls, Tls::StartTls), (Protection::Implicit, Tls::Implicit)]
    {
        let (peer, server) = known(protection, tls).await?;
        let untrusted = SmtpServer { certificate: None, ..server.clone() };
        let other = Peer::listen(Protection::None, HERE).await?.authority().as_bytes().to_vec();
        let unrelated = SmtpServer { certificate: Some(other), ..server };
        let elsewhere = Peer::listen(protection, "mail.example.org").await?;
        let misnamed = SmtpServer {
            certificate: Some(elsewhere.authority().as_bytes().to_vec()),
            port: elsewhere.port(),
            ..unrelated.clone()
        };
        for server in [untrusted, unrelated, misnamed] {
            let error = hand_over(server).await.expect_err("it is somebody else");
            assert!(matches!(error, MailError::Later(_)), "{tls:?}: {error:?}");
            assert!(error.to_string().contains("TLS"), "{tls:?}: {error}");
        }
        assert_eq!(peer.count() + elsewhere.count(), 0, "{tls:?}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_there_is_no_reason_to_give_up() -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    drop(listener);
    let called = smtp(server(port, Tls::None)).call(&letter().to).await;
    let Err(MailError::Later(reason)) = called.map(drop) else { panic!("another attempt may do") };
    assert!(reason.contains("refused"), "{reason}");
    Ok(())
}

#[tokio::test]
async fn an_address_that_cannot_be_one_is_given_up() {
    for to in ["nobody", "a@b\r\nRCPT TO:<eve@example.org>", ""] {
        let called = smtp(server(1, Tls::None)).call(&to.into()).await;
        assert!(matches!(called.map(drop), Err(MailError::Never(_))), "{to}");
    }
}

#[tokio::test]
async fn a_folder_has_one_file_for_each_mail_however_often_it_is_written() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("mails");
    let post = Folder::open(path.clone(), Sender::new("wifi@example.org")?)?;
    let letter = letter();
    for _ in 0..2 {
        post.call(&letter.to).await?.hand_over(&letter).await?;
    }
    let files: Vec<_> = std::fs::read_dir(&path)?.collect::<Result<_, _>>()?;
    assert_eq!(files.len(), 1);
    let mail = std::fs::read_to_string(files[0].path())?;
    assert!(mail.contains("To: rita@example.org\r\n"), "{mail}");
    assert!(Folder::open(files[0].path(), Sender::new("wifi@example.org")?).is_err());
    Ok(())
}

#[test]
fn mails_come_from_an_address() {
    for wrong in ["", "wifi", "@example.org", "wifi@", "a@b\r\nc"] {
        assert!(Sender::new(wrong).is_err(), "{wrong}");
    }
}
