//! Webhooks: signed as the reference library wants them, sent at least once, tried for a day, given up, sent again.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use easel_outbound::{Client, Limits, OutboundError, Policy, Reason, header};
use easel_platform::{
    Context, PlatformError, SystemClock,
    accounts::Actor,
    jobs::{Jobs, NewJob},
    keyring::Keyring,
    webhooks::{EndpointWords, Sent, Settings, Webhooks},
};
use easel_store::{mails, users::User, webhook_deliveries::Which};
use easel_testing::on_both_engines;
use standardwebhooks::Webhook;

use crate::{
    common::{Outcome, World, job_for},
    receiver::{Received, Receiver, status},
    sixty::{ADDRESSES, HOSTS, Wanted},
};

const HOUR: Duration = Duration::from_secs(3600);

/// A client that may reach this receiver and nothing else on this machine.
pub fn client(receivers: &[&Receiver]) -> Client {
    let internal_hosts = receivers.iter().map(|receiver| receiver.address.to_string().parse().expect("a host")).collect();
    // The machine may be busy; what is tested is what comes, not when.
    let limits = Limits { connect: HOUR, first_byte: HOUR, idle: HOUR, total: HOUR, ..Limits::default() };
    Client::new(Policy { internal_hosts, limits, ..Policy::default() }).expect("a client")
}

pub fn webhooks(world: &World, client: Client) -> Webhooks {
    let settings = Settings { answer_max: HOUR, ..Settings::default() };
    Webhooks::new(world.context.clone(), Keyring::generate(&*world.context.secrets), client, settings)
}

/// One job that is done, and its event passed on.
async fn one_job(world: &World, user: &User, webhooks: &Webhooks) -> Outcome<String> {
    let submitted = world.jobs.submit(job_for(&user.id, 1)).await?.job;
    let job = world.jobs.claim("w", None, 1).await?.remove(0);
    assert_eq!(job.id, submitted.id);
    world.jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &world.draw(&job, 1).await?).await?;
    assert_eq!(webhooks.fan_out().await?, 1);
    Ok(job.id)
}

/// Signed by the reference library as by us: its own check compares the time with the machine's, and the story's is another.
fn verify(secret: &str, request: &Received) -> Result<(), String> {
    let webhook = Webhook::new(secret).map_err(|error| error.to_string())?;
    let header = |name: &str| request.headers.get(name).cloned().ok_or_else(|| format!("no {name}"));
    let (id, timestamp) = (header("webhook-id")?, header("webhook-timestamp")?);
    let signed = webhook.sign(&id, timestamp.parse().map_err(|_| "a time")?, request.body.as_bytes());
    let signed = signed.map_err(|error| error.to_string())?;
    let fits = header("webhook-signature")?.split(' ').any(|signature| signature == signed);
    fits.then_some(()).ok_or_else(|| "the signature is wrong".to_owned())
}

on_both_engines! {
    async fn what_happens_is_told_signed_and_once(database: &Database) {
        let (world, receiver) = (World::open(database).await?, Receiver::start(|_| status(204)).await);
        let (ada, bob) = (world.user("ada", 0).await?, world.user("bob", 0).await?);
        let webhooks = webhooks(&world, client(&[&receiver]));
        let url = receiver.url("/hook");
        let all = webhooks.create(&Actor::user(&ada), EndpointWords { url: &url, ..EndpointWords::default() }).await?;
        let failures = EndpointWords { url: &url, topics: &["job.failed"], ..EndpointWords::default() };
        webhooks.create(&Actor::user(&ada), failures).await?;
        webhooks.create(&Actor::user(&bob), EndpointWords { url: &url, ..EndpointWords::default() }).await?;

        let job_id = one_job(&world, &ada, &webhooks).await?;
        assert_eq!(webhooks.send_due().await?, Sent { delivered: 1, ..Sent::default() });
        assert_eq!(webhooks.send_due().await?, Sent::default());
        let request = receiver.received().remove(0);
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/hook"));
        assert_eq!(request.headers["content-type"], "application/json");
        verify(&all.secret, &request)?;
        let body: serde_json::Value = serde_json::from_str(&request.body)?;
        assert_eq!((&body["type"], &body["data"]["job_id"]), (&"job.completed".into(), &job_id.clone().into()));
        assert_eq!(body["timestamp"], "2096-10-02T07:06:40.000000Z");
        assert_eq!(receiver.received().len(), 1, "not the one for failures, and nobody else's");
        assert!(world.fsck.check().await?.is_clean());

        // What is stored tells no secret.
        assert!(!all.endpoint.secret.contains(&all.secret) && !format!("{all:?}").contains(&all.secret));
        let export = world.privacy.document(&ada.id).await?.to_string();
        assert!(export.contains(&url) && !export.contains(&all.endpoint.secret));
    }

    async fn the_reference_library_takes_it(database: &Database) {
        let (world, receiver) = (World::open(database).await?, Receiver::start(|_| status(200)).await);
        let ada = world.user("ada", 0).await?;
        // It compares the time with the machine's.
        let context = Context { clock: Arc::new(SystemClock), ..world.context.clone() };
        let ring = Keyring::generate(&*context.secrets);
        let webhooks = Webhooks::new(context, ring, client(&[&receiver]), Settings::default());
        let url = receiver.url("/");
        let words = EndpointWords { url: &url, ..EndpointWords::default() };
        let shown = webhooks.create(&Actor::user(&ada), words).await?;
        webhooks.test(&ada.id, &shown.endpoint.id).await?;
        assert_eq!(webhooks.send_due().await?.delivered, 1);
        let request = receiver.received().remove(0);
        let mut headers = header::HeaderMap::new();
        for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
            headers.insert(name, request.headers[name].parse()?);
        }
        Webhook::new(&shown.secret)?.verify(request.body.as_bytes(), &headers)?;
        assert!(Webhook::new(&shown.secret)?.verify(format!("{} ", request.body).as_bytes(), &headers).is_err());
        headers.insert("webhook-id", "another".parse()?);
        assert!(Webhook::new(&shown.secret)?.verify(request.body.as_bytes(), &headers).is_err());
    }

    async fn a_new_secret_and_the_old_one_are_good_for_a_day(database: &Database) {
        let (world, receiver) = (World::open(database).await?, Receiver::start(|_| status(200)).await);
        let ada = world.user("ada", 0).await?;
        let (webhooks, actor, url) = (webhooks(&world, client(&[&receiver])), Actor::user(&ada), receiver.url("/"));
        let old = webhooks.create(&actor, EndpointWords { url: &url, ..EndpointWords::default() }).await?;
        let new = webhooks.rotate_secret(&actor, &old.endpoint.id).await?;
        assert_ne!(old.secret, new.secret);
        webhooks.test(&ada.id, &old.endpoint.id).await?;
        webhooks.send_due().await?;
        world.clock.advance(HOUR * 24);
        webhooks.test(&ada.id, &old.endpoint.id).await?;
        webhooks.send_due().await?;
        let [during, after] = &receiver.received()[..] else { return Err("two requests".into()) };
        assert_eq!((verify(&old.secret, during), verify(&new.secret, during)), (Ok(()), Ok(())));
        assert_eq!((verify(&new.secret, after), verify(&old.secret, after).is_err()), (Ok(()), true));
        assert_ne!(during.headers["webhook-id"], after.headers["webhook-id"]);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&after.body)?["type"], "webhook.test");
    }

    async fn what_fails_is_tried_for_a_day_under_one_id_and_can_be_sent_again(database: &Database) {
        let answer = Arc::new(AtomicU16::new(500));
        let told = answer.clone();
        let receiver = Receiver::start(move |_| status(told.load(Ordering::SeqCst))).await;
        let (world, begun) = (World::open(database).await?, crate::common::START);
        let ada = world.user("ada", 0).await?;
        let (webhooks, actor, url) = (webhooks(&world, client(&[&receiver])), Actor::user(&ada), receiver.url("/"));
        let endpoint = webhooks.create(&actor, EndpointWords { url: &url, ..EndpointWords::default() }).await?.endpoint;
        one_job(&world, &ada, &webhooks).await?;
        for attempt in 1_i64.. {
            let sent = webhooks.send_due().await?;
            let delivery = webhooks.deliveries(&ada.id, &endpoint.id, Which::All, None, 10).await?.remove(0);
            assert_eq!((delivery.attempts, delivery.last_status), (attempt, Some(500)));
            assert_eq!(webhooks.send_due().await?, Sent::default(), "not before its time");
            if sent.dead == 1 {
                break;
            }
            assert_eq!(sent, Sent { postponed: 1, ..Sent::default() });
            world.clock.advance(world.context.now().until(delivery.due_at));
        }
        let hours = begun.until(world.context.now()).as_secs() / 3600;
        assert!((24..40).contains(&hours), "{hours}");
        let received = receiver.received();
        assert_eq!(received.len(), 9);
        assert!(received.iter().all(|request| request.headers["webhook-id"] == received[0].headers["webhook-id"]));
        assert!(received.iter().all(|request| request.body == received[0].body));

        let dead = webhooks.deliveries(&ada.id, &endpoint.id, Which::Dead, None, 10).await?.remove(0);
        let bob = world.user("bob", 0).await?;
        assert!(matches!(webhooks.resend(&bob.id, &endpoint.id, &dead.id).await, Err(PlatformError::NotFound(_))));
        answer.store(200, Ordering::SeqCst);
        webhooks.resend(&ada.id, &endpoint.id, &dead.id).await?;
        assert_eq!(webhooks.send_due().await?, Sent { delivered: 1, ..Sent::default() });
        assert!(webhooks.deliveries(&ada.id, &endpoint.id, Which::Dead, None, 10).await?.is_empty());
        assert_eq!(receiver.received()[9].headers["webhook-id"], dead.event_id);
        assert_eq!(webhooks.get(&ada.id, &endpoint.id).await?.failing_since, None);
    }

    async fn an_endpoint_that_fails_for_days_or_is_gone_is_disabled_and_its_owner_told(database: &Database) {
        let (world, receiver) =
            (World::open(database).await?, Receiver::start(|request| status(if request.target == "/gone" { 410 } else { 503 })).await);
        let ada = world.user("ada", 0).await?;
        let (webhooks, actor) = (webhooks(&world, client(&[&receiver])), Actor::user(&ada));
        let (failing, gone) = (receiver.url("/failing"), receiver.url("/gone"));
        let failing = webhooks.create(&actor, EndpointWords { url: &failing, ..EndpointWords::default() }).await?.endpoint.id;
        let gone = webhooks.create(&actor, EndpointWords { url: &gone, ..EndpointWords::default() }).await?.endpoint.id;
        one_job(&world, &ada, &webhooks).await?;
        assert_eq!(webhooks.send_due().await?, Sent { postponed: 1, dead: 1, ..Sent::default() });
        let reason = async |id: &str| Ok::<_, PlatformError>(webhooks.get(&ada.id, id).await?.disabled_reason);
        assert_eq!((reason(&gone).await?, reason(&failing).await?), (Some("gone".to_owned()), None));

        world.clock.advance(HOUR * 24 * 5 - Duration::from_secs(1));
        webhooks.send_due().await?;
        assert_eq!(reason(&failing).await?, None);
        world.clock.advance(HOUR);
        one_job(&world, &ada, &webhooks).await?;
        assert_eq!(webhooks.send_due().await?.dead, 2, "what waited for it too");
        assert_eq!(reason(&failing).await?, Some("failing".to_owned()));
        let subjects = mails::newest(&world.context.db, 10).await?.into_iter().filter(|mail| mail.subject == "A webhook was disabled");
        assert_eq!(subjects.count(), 2);
        one_job(&world, &ada, &webhooks).await?;
        assert_eq!(webhooks.send_due().await?, Sent::default(), "nothing is sent there any more");
        assert!(webhooks.test(&ada.id, &failing).await.is_err());

        webhooks.set_enabled(&actor, &failing, true).await?;
        webhooks.test(&ada.id, &failing).await?;
        assert_eq!(webhooks.send_due().await?.postponed, 1);
        assert_eq!(reason(&failing).await?, None, "it has days again");
        world.assert_clean().await?;
    }

    async fn addresses_that_lead_inside_are_refused_when_named_and_when_sent_to(database: &Database) {
        let (world, canary) = (World::open(database).await?, Receiver::start(|_| status(200)).await);
        let ada = world.user("ada", 0).await?;
        let actor = Actor::user(&ada);
        let strict = webhooks(&world, client(&[]));
        for url in [
            canary.url("/"),
            "https://127.0.0.1/".to_owned(),
            "https://[::1]/".to_owned(),
            "https://localhost/".to_owned(),
            "https://169.254.169.254/latest/".to_owned(),
            "https://2130706433/".to_owned(),
            "https://10.0.0.1/".to_owned(),
            "ftp://example.com/".to_owned(),
            "https://user:password@example.com/".to_owned(),
            String::new(),
        ] {
            let refused = strict.create(&actor, EndpointWords { url: &url, ..EndpointWords::default() }).await;
            assert!(matches!(refused, Err(PlatformError::Outbound(OutboundError::NotAllowed(_)))), "{url}: {refused:?}");
        }
        // Allowed when it was named, and no more: the same database, another policy.
        let lax = webhooks_of_ring(&world, &canary, true)?;
        let endpoint = lax.create(&actor, EndpointWords { url: &canary.url("/"), ..EndpointWords::default() }).await?.endpoint;
        lax.test(&ada.id, &endpoint.id).await?;
        let strict = webhooks_of_ring(&world, &canary, false)?;
        assert_eq!(strict.send_due().await?.postponed, 1);
        let delivery = strict.deliveries(&ada.id, &endpoint.id, Which::All, None, 1).await?.remove(0);
        assert_eq!(delivery.last_error, Some(OutboundError::NotAllowed(Reason::InternalAddress).to_string()));
        assert_eq!(canary.connections(), 0);
    }

    async fn none_of_the_sixty_addresses_is_told_of_anything(database: &Database) {
        let (world, canary) = (World::open(database).await?, Receiver::start(|_| status(200)).await);
        let actor = Actor::user(&world.user("ada", 0).await?);
        let (strict, port) = (webhooks(&world, client(&[])), canary.address.port().to_string());
        let hosts = HOSTS.iter().flat_map(|(host, wanted)| {
            ["http", "https"].map(|scheme| (format!("{scheme}://{host}:{port}/"), *wanted))
        });
        let whole = ADDRESSES.iter().map(|(url, wanted)| (url.replace("PORT", &port), *wanted));
        // Names that are refused when they are resolved need a resolver of one's own: `outbound` tries them.
        let urls: Vec<_> = hosts.chain(whole).filter(|(_, wanted)| matches!(wanted, Wanted::Refused(_))).map(|(url, _)| url).collect();
        assert_eq!(urls.len(), 2 * HOSTS.len() + ADDRESSES.len() - 2);
        for url in urls {
            let named = strict.create(&actor, EndpointWords { url: &url, ..EndpointWords::default() }).await.map(drop);
            // What a job may name for its end.
            for refused in [named, strict.check_address(&url).await] {
                assert!(matches!(refused, Err(PlatformError::Outbound(OutboundError::NotAllowed(_)))), "{url}: {refused:?}");
            }
        }
        assert_eq!(canary.connections(), 0);
    }

    async fn redirects_are_failures(database: &Database) {
        let (world, canary) = (World::open(database).await?, Receiver::start(|_| status(200)).await);
        let to = canary.url("/");
        let receiver = Receiver::start(move |_| Some((307, vec![("location", to.clone())], String::new()))).await;
        let ada = world.user("ada", 0).await?;
        let webhooks = webhooks(&world, client(&[&receiver, &canary]));
        let url = receiver.url("/");
        let endpoint = webhooks.create(&Actor::user(&ada), EndpointWords { url: &url, ..EndpointWords::default() }).await?.endpoint;
        webhooks.test(&ada.id, &endpoint.id).await?;
        assert_eq!(webhooks.send_due().await?.postponed, 1);
        assert_eq!((receiver.connections(), canary.connections()), (1, 0));
    }

    async fn a_job_is_told_of_where_it_says(database: &Database) {
        let receiver = Receiver::start(|request| status(if request.target == "/gone" { 410 } else { 200 })).await;
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        let (webhooks, actor) = (webhooks(&world, client(&[&receiver])), Actor::user(&ada));
        let (done, gone) = (receiver.url("/done"), receiver.url("/gone"));
        // Nothing is told that its owner could not know to be ours.
        let unsigned = world.jobs.submit(NewJob { callback_url: Some(&done), ..job_for(&ada.id, 1) }).await;
        assert!(matches!(unsigned, Err(PlatformError::Invalid { field: "callback_url", .. })), "{unsigned:?}");
        assert_eq!(world.balance(&ada.id).await?, (100, 0), "nothing is set aside for it");
        let words = EndpointWords { callbacks: true, ..EndpointWords::default() };
        let odd = webhooks.create(&actor, EndpointWords { url: &done, ..words }).await;
        assert!(matches!(odd, Err(PlatformError::Invalid { field: "url", .. })), "{odd:?}");
        let shown = webhooks.create(&actor, words).await?;
        assert!(matches!(webhooks.create(&actor, words).await, Err(PlatformError::Taken(_))));
        assert!(matches!(webhooks.test(&ada.id, &shown.endpoint.id).await, Err(PlatformError::Forbidden(_))));
        for inside in ["http://169.254.169.254/latest", "https://localhost/", "file:///etc/passwd"] {
            assert!(matches!(webhooks.check_address(inside).await, Err(PlatformError::Outbound(_))), "{inside}");
        }
        webhooks.check_address(&done).await?;
        let mut ids = Vec::new();
        for url in [Some(done.as_str()), Some(gone.as_str()), None] {
            let new = NewJob { idempotency_key: url, callback_url: url, ..job_for(&ada.id, 1) };
            let job = world.jobs.submit(new).await?.job;
            assert_eq!(job.callback_url.as_deref(), url);
            let claimed = world.jobs.claim("w", None, 1).await?.remove(0);
            world.jobs.finish(&Jobs::lease_of(&claimed).ok_or("a lease")?, &world.draw(&claimed, 1).await?).await?;
            ids.push(job.id);
        }
        let other = NewJob { idempotency_key: Some(&done), callback_url: Some(&gone), ..job_for(&ada.id, 1) };
        assert!(matches!(world.jobs.submit(other).await, Err(PlatformError::KeyReused)), "it is a part of what is asked for");
        assert_eq!(webhooks.fan_out().await?, 3);
        assert_eq!(webhooks.send_due().await?, Sent { delivered: 1, dead: 1, ..Sent::default() });
        assert_eq!(webhooks.send_due().await?, Sent::default());
        let received = receiver.received();
        assert_eq!(received.len(), 2, "one that names nothing is told of nowhere");
        let request = received.iter().find(|request| request.target == "/done").ok_or("a request")?;
        verify(&shown.secret, request)?;
        let body: serde_json::Value = serde_json::from_str(&request.body)?;
        assert_eq!((&body["type"], &body["data"]["job_id"]), (&"job.completed".into(), &ids[0].clone().into()));
        // One address that is gone is not the others' trouble.
        let endpoint = webhooks.get(&ada.id, &shown.endpoint.id).await?;
        assert!(endpoint.disabled_at.is_none() && endpoint.failing_since.is_none());
        let dead = webhooks.deliveries(&ada.id, &endpoint.id, Which::Dead, None, 10).await?;
        assert_eq!((dead.len(), dead[0].url.as_deref(), dead[0].last_status), (1, Some(gone.as_str()), Some(410)));
        world.assert_clean().await?;
    }

    async fn what_is_not_ones_own_is_not_there(database: &Database) {
        let (world, receiver) = (World::open(database).await?, Receiver::start(|_| status(200)).await);
        let (ada, bob) = (world.user("ada", 0).await?, world.user("bob", 0).await?);
        let (webhooks, url) = (webhooks(&world, client(&[&receiver])), receiver.url("/"));
        let words = EndpointWords { url: &url, ..EndpointWords::default() };
        let id = webhooks.create(&Actor::user(&ada), words).await?.endpoint.id;
        let bobs = Actor::user(&bob);
        let not_found = |result: Result<(), PlatformError>| assert!(matches!(result, Err(PlatformError::NotFound(_))), "{result:?}");
        not_found(webhooks.get(&bob.id, &id).await.map(drop));
        not_found(webhooks.change(&bobs, &id, words).await.map(drop));
        not_found(webhooks.rotate_secret(&bobs, &id).await.map(drop));
        not_found(webhooks.set_enabled(&bobs, &id, false).await.map(drop));
        not_found(webhooks.test(&bob.id, &id).await.map(drop));
        not_found(webhooks.deliveries(&bob.id, &id, Which::All, None, 1).await.map(drop));
        not_found(webhooks.delete(&bobs, &id).await);
        assert!(webhooks.list(&bob.id).await?.is_empty());
        for _ in 1..20 {
            webhooks.create(&Actor::user(&ada), words).await?;
        }
        let one_more = webhooks.create(&Actor::user(&ada), words).await;
        assert!(matches!(one_more, Err(PlatformError::Limit { code: "too_many_webhooks", .. })));
        let odd = EndpointWords { topics: &["job.exploded"], ..words };
        assert!(matches!(webhooks.change(&Actor::user(&ada), &id, odd).await, Err(PlatformError::Invalid { .. })));
        webhooks.delete(&Actor::user(&ada), &id).await?;
        not_found(webhooks.get(&ada.id, &id).await.map(drop));
    }
}

/// Two policies under one key ring.
fn webhooks_of_ring(world: &World, receiver: &Receiver, allowed: bool) -> Outcome<Webhooks> {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let ring = Keyring::parse(&format!("k1 {}", BASE64_STANDARD.encode([1, 2].repeat(16))))?;
    let client = if allowed { client(&[receiver]) } else { client(&[]) };
    // Not for its port, which only the address is to be refused for.
    Ok(Webhooks::new(world.context.clone(), ring, client, Settings::default()))
}
