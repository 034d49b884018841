//! Mail reaches a mail server, or a folder; what does not is tried again and given up one day.

use std::{fs, time::Duration};

use crate::common::{Outcome, World, job_for};
use easel_platform::{
    PlatformError,
    jobs::{Failure, Jobs, NewJob},
    mail::{Mailer, Outgoing, Sent, SmtpSettings},
};
use easel_store::mails;
use easel_testing::on_both_engines;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// Takes one mail as RFC 5321 says and returns what it was told.
async fn receive(stream: TcpStream) -> std::io::Result<(Vec<String>, String)> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let (mut commands, mut data) = (Vec::new(), String::new());
    write.write_all(b"220 test ESMTP\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let verb = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        commands.push(line);
        match verb.as_str() {
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    data.push_str(&line);
                    data.push('\n');
                }
                write.write_all(b"250 taken\r\n").await?;
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                break;
            }
            _ => write.write_all(b"250 fine\r\n").await?,
        }
        if !data.is_empty() {
            break;
        }
    }
    Ok((commands, data))
}

async fn send_over_smtp(world: &World) -> Outcome {
    let server = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("smtp://127.0.0.1:{}", server.local_addr()?.port());
    let outgoing = Outgoing::smtp(&SmtpSettings { url, from: "Easel <easel@example.org>".to_owned() })?;
    let mailer = Mailer::new(world.context.clone(), outgoing);
    let receiving = tokio::spawn(async move { receive(server.accept().await?.0).await });
    assert_eq!(mailer.send_due().await?, Sent { sent: 1, postponed: 0, dead: 0 });
    let (commands, data) = receiving.await??;
    let told = commands.join("\n");
    assert!(told.contains("MAIL FROM:<easel@example.org>") && told.contains("RCPT TO:<ada@example.org>"), "{told}");
    assert!(data.contains("Subject: Please prove your address") && data.contains("verify-email#token=3Dem_"), "{data}");
    assert_eq!(mailer.send_due().await?, Sent::default());
    let kept = mails::newest(&world.context.db, 1).await?.remove(0);
    assert!(kept.sent_at.is_some() && kept.body.is_empty(), "the token is not kept: {kept:?}");
    Ok(())
}

on_both_engines! {
    async fn the_end_of_a_job_is_mailed_once_to_a_proved_address(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 10).await?;
        let request = "{\"prompt\":\"a canary prompt\"}";
        let told = NewJob { mail_at_end: true, request, ..job_for(&ada.id, 2) };
        let refused = world.jobs.submit(told).await;
        assert!(matches!(refused, Err(PlatformError::Invalid { field: "notify", .. })), "{refused:?}");
        let prove = async || -> Outcome {
            let mut tx = world.context.db.begin().await?;
            assert!(easel_store::users::set_verified(&mut tx, &ada.id, world.context.now(), &ada.email).await?);
            Ok(tx.commit().await?)
        };
        prove().await?;
        let subjects = async || -> Outcome<Vec<String>> {
            let mails = mails::newest(&world.context.db, 20).await?;
            let prompt = mails.iter().any(|mail| mail.body.contains("canary") || mail.subject.contains("canary"));
            assert!(!prompt, "mail is read by many");
            Ok(mails.into_iter().map(|mail| mail.subject).filter(|subject| !subject.contains("prove")).collect())
        };

        // Nobody is told who has not asked for it, nor of what they have cancelled.
        world.jobs.submit(job_for(&ada.id, 1)).await?;
        let quiet = world.jobs.claim("w", None, 1).await?.remove(0);
        let results = world.draw(&quiet, 1).await?;
        world.jobs.finish(&Jobs::lease_of(&quiet).ok_or("a lease")?, &results).await?;
        let cancelled = world.jobs.submit(told).await?.job;
        world.jobs.cancel(&ada.id, &cancelled.id).await?;
        assert!(subjects().await?.is_empty());

        let keyed = NewJob { idempotency_key: Some("k"), ..told };
        let job = world.jobs.submit(keyed).await?.job;
        assert!(job.mail_at_end && world.jobs.submit(keyed).await?.repeated);
        let other = world.jobs.submit(NewJob { mail_at_end: false, ..keyed }).await;
        assert!(matches!(other, Err(PlatformError::KeyReused)), "{other:?}");
        let claimed = world.jobs.claim("w", None, 1).await?.remove(0);
        let results = world.draw(&claimed, 1).await?;
        let lease = Jobs::lease_of(&claimed).ok_or("a lease")?;
        world.jobs.finish(&lease, &results).await?;
        world.jobs.finish(&lease, &results).await?;
        assert_eq!(subjects().await?, ["Your pictures are ready"]);
        let mail = mails::newest(&world.context.db, 20).await?.into_iter().find(|mail| mail.subject == "Your pictures are ready");
        let mail = mail.ok_or("a mail")?;
        assert!(mail.body.contains(&job.id) && mail.body.contains("1 of 2 pictures"), "{}", mail.body);
        assert_eq!(mail.recipient, "ada@example.org");

        world.jobs.submit(told).await?;
        let claimed = world.jobs.claim("w", None, 1).await?.remove(0);
        let failure = Failure { code: "broken", message: "it is broken", retryable: false };
        world.jobs.fail(&Jobs::lease_of(&claimed).ok_or("a lease")?, failure).await?;
        let mut all = subjects().await?;
        all.sort();
        assert_eq!(all, ["A job of yours has failed", "Your pictures are ready"]);
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn mail_goes_to_a_server(database: &Database) {
        let world = World::open(database).await?;
        world.user("ada", 0).await?;
        send_over_smtp(&world).await?;
    }

    async fn mail_goes_to_a_folder(database: &Database) {
        let world = World::open(database).await?;
        let folder = database.dir().join("mail");
        let mailer = Mailer::new(world.context.clone(), Outgoing::folder(&folder, "easel@example.org")?);
        world.user("ada", 0).await?;
        world.user("bob", 0).await?;
        // Two nodes at once: each mail once.
        let nodes = [mailer.clone(), mailer.clone()].map(|mailer| tokio::spawn(async move { mailer.send_due().await }));
        let mut sent = 0;
        for node in nodes {
            sent += node.await??.sent;
        }
        assert_eq!((sent, fs::read_dir(&folder)?.count()), (2, 2));
        let text = fs::read_dir(&folder)?.map(|entry| fs::read_to_string(entry?.path())).collect::<Result<String, _>>()?;
        assert!(text.contains("To: ada@example.org") && text.contains("To: bob@example.org") && text.contains("Message-ID: <"), "{text}");
    }

    async fn what_is_not_sent_is_tried_again_and_given_up(database: &Database) {
        let world = World::open(database).await?;
        world.user("ada", 0).await?;
        // Nobody listens where somebody just did.
        let port = TcpListener::bind("127.0.0.1:0").await?.local_addr()?.port();
        let settings = SmtpSettings { url: format!("smtp://127.0.0.1:{port}"), from: "easel@example.org".to_owned() };
        let mailer = Mailer::new(world.context.clone(), Outgoing::smtp(&settings)?);
        for attempt in 1..=12 {
            let sent = mailer.send_due().await?;
            let expected = if attempt < 12 { Sent { postponed: 1, ..Sent::default() } } else { Sent { dead: 1, ..Sent::default() } };
            assert_eq!(sent, expected, "attempt {attempt}");
            assert_eq!(mailer.send_due().await?, Sent::default(), "a pause first");
            world.clock.advance(Duration::from_secs(12 * 3600));
        }
        assert_eq!(mailer.send_due().await?, Sent::default());
        assert!(mails::newest(&world.context.db, 1).await?[0].last_error.is_some());
    }
}

#[test]
fn addresses_that_make_no_sense_are_refused_and_not_repeated() {
    let smtp = |url: &str, from: &str| Outgoing::smtp(&SmtpSettings { url: url.to_owned(), from: from.to_owned() });
    let refused = smtp("http://user:secret@host", "easel@example.org").expect_err("not a mail server").to_string();
    assert!(!refused.contains("secret"), "{refused}");
    assert!(smtp("smtp://localhost", "not an address").is_err());
    let shown = format!("{:?}", SmtpSettings { url: "smtp://user:secret@host".to_owned(), from: "a@b.c".to_owned() });
    assert!(!shown.contains("secret"), "{shown}");
}
