//! Everything about somebody to take away, and nothing left of them afterwards.

use std::{fs, time::Duration};

use crate::{
    common::{Outcome, World, job_for},
    webhooks::{client, webhooks},
};
use bytes::Bytes;
use easel_blobs::{FileKind, Folder, Key};
use easel_platform::{
    PlatformError,
    accounts::{Actor, Caps, NewKey, Origin, Scope},
    backup,
    gallery::{Action, Search},
    jobs::{Jobs, NewJob, Settings},
    moderation::{Category, Decision, Subject},
    subscriptions::NewSubscription,
    webhooks::EndpointWords,
};
use easel_store::{
    Credits, albums,
    api_configs::{self, ApiConfig},
    audit,
    awaited_uploads::{self, Awaited},
    identities::{self, Identity},
    jobs::JobState,
    ledger,
    plan_changes::{self, PlanChange},
    provider_consents::{self, Consent},
    purchases::{self, Purchase},
    sign_ins::{self, SignIn},
    tags, trash,
    uploads::{self, Upload},
    users::User,
};
use easel_testing::{Database, Engine, on_both_engines};
use sha2::{Digest, Sha256};

/// What nothing may hold afterwards: an address, a name, a place, a prompt, a word of it as the search index has it, what was said.
const CANARIES: &[&str] = &[
    "canary-ada",
    "Canary Lovelace",
    "203.0.113.77",
    "canary prompt",
    "zxqvk",
    "canary title",
    "canary-tag",
    "canary comment",
    "canary bio",
    "canary note",
    "canary reason",
    "canary objection",
    "canary-hook",
    "canary-subject",
    "canary-identity",
    "canary-customer",
    "canary-account",
];
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

/// Somebody who has left traces everywhere.
pub async fn settled(world: &World) -> Outcome<User> {
    let registration = easel_platform::accounts::Registration {
        email: "canary-ada@example.org",
        password: "correct horse",
        username: Some("canary-ada"),
        full_name: Some("Canary Lovelace"),
        locale: None,
    };
    let user = world.accounts.register(registration).await?;
    world.accounts.set_plan(&Actor::operator(), &user.id, "pro", None).await?;
    let origin = Origin { ip: "203.0.113.77", user_agent: Some("canary-ada's browser"), request_id: None };
    let (user, _) = world.accounts.login("canary-ada@example.org", "correct horse", origin).await?;
    world
        .accounts
        .create_key(
            &user,
            NewKey { name: "canary-ada's key", scopes: &[Scope::Generate], expires_at: None, caps: Caps::default() },
        )
        .await?;
    let request = "{\"prompt\":\"canary prompt zxqvk\"}";
    for key in ["a", "b", "c"] {
        world.jobs.submit(NewJob { request, idempotency_key: Some(key), ..job_for(&user.id, 1) }).await?;
    }
    for job in world.jobs.claim("w", None, 2).await? {
        let mut results = world.draw(&job, 1).await?;
        results.images[0].prompt = "canary prompt zxqvk".to_owned();
        results.images[0].parameters = request.to_owned();
        world.jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &results).await?;
    }
    let image = easel_store::images::stored_after(&world.context.db, "", 1).await?.remove(0);
    let ids = world.context.ids.clone();
    let moment = easel_store::Moment { now: world.context.now(), ids: &*ids };
    let mut tx = world.context.db.begin().await?;
    let album = albums::insert(&mut tx, &moment, &user.id, "canary title").await?;
    assert!(albums::add(&mut tx, &user.id, &album.id, &image.id, moment.now).await?);
    assert!(tags::set(&mut tx, &user.id, &image.id, &["canary-tag".to_owned()]).await?);
    let change = easel_store::images::Change { title: Some("canary title"), ..Default::default() };
    assert!(easel_store::images::change(&mut tx, &user.id, &image.id, &change).await?);
    easel_store::forgotten_prompts::insert(&mut tx, &user.id, "canary", moment.now).await?;
    tx.commit().await?;
    // Kept apart from the stack: without optimising they are large.
    Box::pin(leave_traces(world, &user, &image.id)).await?;
    Box::pin(connect(world, &user)).await?;
    Ok(user)
}

/// With the world outside: a picture that was sent, a webhook, an identity at a provider, and another that is being linked.
async fn connect(world: &World, user: &User) -> Outcome {
    let now = world.context.now();
    let key = Key::derived(Folder::Input, FileKind::Png, b"test", &user.id);
    let bytes = Bytes::from_static(b"a picture that was sent");
    world.blobs.put(&key, bytes.clone()).await?;
    let upload = Upload {
        id: world.context.ids.next(now),
        user_id: user.id.clone(),
        storage_key: key.as_str().to_owned(),
        sha256: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
        bytes: i64::try_from(bytes.len())?,
        width: 1,
        height: 1,
        format: "png".to_owned(),
        created_at: now,
    };
    // What was sent to an address and not asked for goes too.
    let waiting = Key::derived(Folder::Temp, FileKind::Png, b"test", &user.id);
    world.blobs.put(&waiting, bytes).await?;
    let awaited = Awaited {
        id: world.context.ids.next(now),
        user_id: user.id.clone(),
        storage_key: waiting.as_str().to_owned(),
        bytes: upload.bytes,
        created_at: now,
        expires_at: now.after(MONTH),
    };
    let identity = Identity {
        id: world.context.ids.next(now),
        user_id: user.id.clone(),
        provider: "main".to_owned(),
        issuer: "https://login.example".to_owned(),
        subject: "canary-subject".to_owned(),
        created_at: now,
        last_used_at: now,
        email: Some("canary-identity@example.org".to_owned()),
        name: Some("canary-identity-name".to_owned()),
        picture: Some("https://login.example/canary-picture".to_owned()),
        picture_key: None,
    };
    let sign_in = SignIn {
        state_hash: format!("state of {}", user.id),
        provider: "main".to_owned(),
        browser_hash: String::new(),
        sealed: String::new(),
        user_id: Some(user.id.clone()),
        return_to: "/profile".to_owned(),
        created_at: now,
        expires_at: now.after(MONTH),
    };
    let config = ApiConfig {
        id: world.context.ids.next(now),
        user_id: user.id.clone(),
        name: "canary-account".to_owned(),
        provider: "fal".to_owned(),
        base_url: None,
        secret: String::new(),
        key_hint: "7f3a".to_owned(),
        model: "fal-ai/flux/dev".to_owned(),
        is_active: true,
        created_at: now,
        updated_at: now,
    };
    let consent = Consent { allow_external: true, providers: "fal".to_owned(), regions: String::new(), updated_at: now };
    let mut tx = world.context.db.begin().await?;
    api_configs::insert(&mut tx, &config).await?;
    provider_consents::put(&mut tx, &user.id, &consent).await?;
    easel_store::client_settings::put(&mut tx, now, &user.id, "{\"samples_format\":\"webp\"}").await?;
    let limits = easel_store::user_limits::Limits { images_daily_max: Some(5000), ..Default::default() };
    easel_store::user_limits::put(&mut tx, now, &user.id, limits).await?;
    assert!(easel_store::consents::note(&mut tx, now, &user.id, "terms", "2026-01").await?);
    uploads::insert(&mut tx, &upload).await?;
    awaited_uploads::insert(&mut tx, &awaited).await?;
    identities::insert(&mut tx, &identity).await?;
    sign_ins::insert(&mut tx, &sign_in).await?;
    tx.commit().await?;
    let endpoint = EndpointWords { url: "https://1.1.1.1/canary-hook", ..EndpointWords::default() };
    webhooks(world, client(&[])).create(&Actor::user(user), endpoint).await?;
    world.privacy.request_export(&Actor::user(user)).await?;
    assert_eq!(Box::pin(world.privacy.write_exports()).await?, 1);
    Ok(())
}

/// The archive that lies where somebody's last export says, and what it is called there.
async fn archived(world: &World, user: &User) -> Outcome<(Key, Vec<u8>)> {
    let shown = world.privacy.last_export(&user.id, "http://easel.test/files/").await?.ok_or("an archive")?;
    let key: Key = shown.export.storage_key.ok_or("a key")?.parse()?;
    let bytes = world.blobs.read_all(&key, 1 << 30).await?;
    assert_eq!((shown.export.bytes, shown.export.state.as_str()), (Some(i64::try_from(bytes.len())?), "ready"));
    let address = shown.address.ok_or("an address")?.url;
    let path = address.path().strip_prefix("/files/").ok_or("a key")?.to_owned();
    let query = address.query().unwrap_or_default();
    assert_eq!(world.privacy.addressed_export(&path, query).await?, key);
    Ok((key, bytes.to_vec()))
}

/// Among other people: likes, comments, follows, links, reports, decisions, and what was paid for.
async fn leave_traces(world: &World, user: &User, image_id: &str) -> Outcome {
    let social = &world.social;
    let other = world.user("other", 5).await?;
    let theirs = world.pictures(&other, "a dog", 1).await?.remove(0);
    world.gallery.apply_to(&other.id, &theirs, &Action::Publish { shows_prompt: true }).await?;
    world.gallery.apply_to(&user.id, image_id, &Action::Publish { shows_prompt: true }).await?;
    for (who, whose) in [(user, theirs.as_str()), (&other, image_id)] {
        social.like(&who.id, whose).await?;
        social.comment(who, whose, "canary comment").await?;
    }
    social.follow(&user.id, "other").await?;
    social.follow(&other.id, "canary-ada").await?;
    social.set_bio(&user.id, "canary bio").await?;
    social.share(&user.id, image_id, None, true).await?;
    let moderation = &world.moderation;
    moderation.report(&user.id, Subject::Image(&theirs), Category::Spam, Some("canary note")).await?;
    let case = moderation.open(&Actor::operator(), Subject::Image(image_id), Category::Spam).await?;
    moderation.decide(&Actor::operator(), &case, Decision::Hide, "canary reason").await?;
    moderation.appeal(&user.id, &case, "canary objection").await?;
    let period = (world.context.now(), world.context.now().after(MONTH));
    let new = NewSubscription { user_id: &user.id, plan: "pro", provider: "manual", provider_ref: None, period };
    let subscription = world.subscriptions.begin(&Actor::operator(), new).await?;
    let now = world.context.now();
    let change = PlanChange {
        subscription_id: subscription.id,
        id: world.context.ids.next(now),
        user_id: user.id.clone(),
        plan: "basic".to_owned(),
        paid_for: "month".to_owned(),
        amount_cents: 999,
        created_at: now,
        due_at: now,
    };
    let purchase = Purchase {
        id: world.context.ids.next(now),
        user_id: user.id.clone(),
        kind: "pack".to_owned(),
        product: "credits-100".to_owned(),
        paid_for: None,
        credits: Credits(100_000_000),
        amount_cents: 499,
        currency: "usd".to_owned(),
        provider: "stripe".to_owned(),
        provider_ref: Some("pi_1".to_owned()),
        provider_customer: Some("canary-customer".to_owned()),
        state: "cancelled".to_owned(),
        created_at: now,
        updated_at: now,
        paid_at: None,
        gave_nothing: false,
    };
    let mut tx = world.context.db.begin().await?;
    purchases::insert(&mut tx, &purchase).await?;
    plan_changes::put(&mut tx, &change).await?;
    Ok(tx.commit().await?)
}

/// The canaries that a dump of the whole database still has.
async fn left(world: &World) -> Outcome<Vec<&'static str>> {
    let mut dump = Vec::new();
    easel_store::backup::dump(&world.context.db, &mut dump).await?;
    let text = String::from_utf8(dump)?;
    Ok(CANARIES.iter().copied().filter(|canary| text.contains(canary)).collect())
}

on_both_engines! {
    async fn an_export_has_everything(database: &Database) {
        let world = World::open(database).await?;
        let user = settled(&world).await?;
        let to = database.dir().join("export");
        assert_eq!(world.privacy.export(&user.id, &to).await?, 3);
        let text = fs::read_to_string(to.join("data.json"))?;
        for canary in CANARIES {
            assert!(text.contains(canary), "{canary}");
        }
        assert!(!text.contains("argon2") && !text.contains("\"hash\""), "hashes are of use to nobody");
        assert_eq!(["images", "uploads"].map(|folder| fs::read_dir(to.join(folder)).map_or(0, Iterator::count)), [2, 1]);
        let mut archive = zip::ZipArchive::new(world.privacy.archive(&user.id).await?)?;
        let names: Vec<String> = archive.file_names().map(|name| name.map(std::borrow::Cow::into_owned)).collect::<Result<_, _>>()?;
        assert_eq!((names.len(), names.iter().filter(|name| name.starts_with("images/")).count()), (4, 2), "{names:?}");
        let mut same = String::new();
        std::io::Read::read_to_string(&mut archive.by_name("data.json")?, &mut same)?;
        let without = |text: &str| text.lines().filter(|line| !line.contains("exported_at")).collect::<String>();
        assert_eq!(without(&same), without(&text));
        let data: serde_json::Value = serde_json::from_str(&text)?;
        let count = |name: &str| data[name].as_array().map(Vec::len);
        let counts = ["jobs", "images", "albums", "sessions", "api_keys", "transfers"].map(count);
        // A welcome, a month of the plan, three holds and two captures.
        assert_eq!(counts, [Some(3), Some(2), Some(1), Some(1), Some(1), Some(7)]);
        let counts = ["likes", "comments", "following", "followers", "links", "reports", "moderation", "findings", "subscriptions"].map(count);
        assert_eq!(counts, [Some(1); 9]);
        assert!(matches!(world.privacy.document("nobody").await, Err(PlatformError::NotFound("user"))));
    }

    async fn an_archive_is_written_once_mailed_about_and_removed_in_time(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 5).await?;
        world.pictures(&ada, "a cat", 2).await?;
        let mut tx = world.context.db.begin().await?;
        assert!(easel_store::users::set_verified(&mut tx, &ada.id, world.context.now(), &ada.email).await?);
        tx.commit().await?;
        let me = Actor::user(&ada);
        let first = world.privacy.request_export(&me).await?;
        assert_eq!(world.privacy.request_export(&me).await?, first, "one at a time");
        // Two nodes at once.
        let nodes = [world.privacy.clone(), world.privacy.clone()].map(|privacy| tokio::spawn(async move { privacy.write_exports().await }));
        let mut ready = 0;
        for node in nodes {
            ready += node.await??;
        }
        assert_eq!((ready, world.privacy.write_exports().await?), (1, 0));
        let (key, bytes) = archived(&world, &ada).await?;
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes))?;
        assert_eq!(archive.len(), 3, "two pictures and what is known");
        assert!(std::io::read_to_string(archive.by_name("data.json")?)?.contains("ada@example.org"));
        let mails = easel_store::mails::newest(&world.context.db, 10).await?;
        let told: Vec<_> = mails.iter().filter(|mail| mail.subject == "Your data is ready").collect();
        assert_eq!((told.len(), told[0].recipient.as_str()), (1, "ada@example.org"));

        // Another one takes its place, and goes when its time is over.
        world.privacy.request_export(&me).await?;
        assert_eq!(world.privacy.remove_exports().await?, 1);
        assert!(world.blobs.head(&key).await.is_err());
        assert_eq!(world.privacy.write_exports().await?, 1);
        let (key, _) = archived(&world, &ada).await?;
        world.assert_clean().await?;
        world.deliver_events().await?;
        world.clock.advance(Duration::from_secs(7 * 24 * 3600));
        assert!(world.privacy.last_export(&ada.id, "http://easel.test/files/").await?.is_none());
        assert_eq!((world.privacy.remove_exports().await?, world.privacy.remove_exports().await?), (1, 0));
        assert!(world.blobs.head(&key).await.is_err());
        assert!(easel_store::exports::of_user(&world.context.db, &ada.id, 10).await?.is_empty());
        world.assert_clean().await?;
    }

    async fn an_archive_whose_writer_is_killed_is_begun_again(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 5).await?;
        world.privacy.request_export(&Actor::user(&ada)).await?;
        // It was taken, half of it was written, and then nothing more was heard.
        let half = Key::derived(Folder::Export, FileKind::Zip, b"test", &ada.id);
        let now = world.context.now();
        let mut tx = world.context.db.begin().await?;
        let taken = easel_store::exports::take(&mut tx, now, now.after(Duration::from_secs(180))).await?.ok_or("one that is due")?;
        assert!(easel_store::exports::begin(&mut tx, &taken.id, taken.attempts, half.as_str()).await?);
        tx.commit().await?;
        world.blobs.put(&half, Bytes::from_static(b"half of it")).await?;
        assert_eq!(world.privacy.write_exports().await?, 0, "it is still somebody's");
        world.clock.advance(Duration::from_secs(180));
        assert_eq!(world.privacy.write_exports().await?, 1);
        let (key, _) = archived(&world, &ada).await?;
        assert!(key != half && world.blobs.head(&half).await.is_err(), "what was left of it is gone");
        // Who was thought to be gone comes back, and writes nothing any more.
        let mut tx = world.context.db.begin().await?;
        let late = easel_store::exports::ready(&mut tx, &taken.id, taken.attempts, 10, now, now.after(MONTH)).await?;
        tx.commit().await?;
        assert!(!late);
        world.assert_clean().await?;
    }

    async fn an_archive_that_cannot_be_written_is_given_up(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 5).await?;
        world.privacy.request_export(&Actor::user(&ada)).await?;
        // Where archives lie is a file, and no folder.
        let folder = database.dir().join("blobs/export");
        fs::write(&folder, "in the way")?;
        for _ in 0..5 {
            let shown = world.privacy.last_export(&ada.id, "http://easel.test/files/").await?.ok_or("it is told")?;
            assert_eq!(shown.export.state, "pending");
            assert_eq!(world.privacy.write_exports().await?, 0);
            world.clock.advance(Duration::from_secs(2 * 3600));
        }
        let shown = world.privacy.last_export(&ada.id, "http://easel.test/files/").await?.ok_or("it is told")?;
        assert_eq!((shown.export.state.as_str(), shown.address), ("failed", None));
        fs::remove_file(&folder)?;
        // It can be asked for again.
        world.privacy.request_export(&Actor::user(&ada)).await?;
        assert_eq!(world.privacy.write_exports().await?, 1);
        archived(&world, &ada).await?;
    }

    async fn erasure_leaves_nothing_but_numbers(database: &Database) {
        let world = World::open(database).await?;
        let user = settled(&world).await?;
        let running = world.jobs.claim("w", None, 1).await?.remove(0);
        assert_eq!(left(&world).await?, CANARIES, "the test looks for what is there");
        let stranger = world.user("stranger", 0).await?;
        assert!(matches!(world.privacy.request_erasure(&Actor::user(&stranger), &user.id).await, Err(PlatformError::Forbidden(_))));
        world.privacy.request_erasure(&Actor::user(&user), &user.id).await?;
        world.privacy.request_erasure(&Actor::user(&user), &user.id).await?;
        assert!(world.accounts.login("canary-ada@example.org", "correct horse", Origin::default()).await.is_err(), "at once");
        assert!(matches!(world.accounts.set_active(&Actor::operator(), &user.id, true).await, Err(PlatformError::Forbidden(_))));
        assert_eq!(world.privacy.erase_due().await?, 0, "there is a month to change one's mind");
        world.clock.advance(MONTH);
        assert_eq!(world.privacy.erase_due().await?, 0, "a job still runs, and is asked to stop");
        assert!(world.jobs.get(&user.id, &running.id).await?.cancel_requested);
        world.jobs.sweep().await?;
        assert_eq!(world.privacy.erase_due().await?, 1);
        assert_eq!(world.privacy.erase_due().await?, 0, "once");

        assert_eq!(left(&world).await?, Vec::<&str>::new());
        assert!(matches!(world.accounts.get(&user.id).await, Err(PlatformError::NotFound("user"))));
        assert_eq!(world.blobs.usage(None).await?.files, 1, "another's");
        assert_eq!(audit::verify(&world.context.db).await?, None);
        let balance = ledger::balance(&world.context.db, &user.id).await?;
        assert_eq!((balance.spent.to_string(), balance.pending.to_string()), ("2".to_owned(), "0".to_owned()), "the books stay");
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn erasure_is_taken_up_where_it_stopped(database: &Database) {
        let world = World::open(database).await?;
        let user = settled(&world).await?;
        world.privacy.request_erasure(&Actor::user(&user), &user.id).await?;
        world.clock.advance(MONTH);
        // Half of it was done: one picture's file is gone and nothing says so, the others are thrown away.
        let image = world.gallery.find(&user.id, &Search::default(), 1).await?.items.remove(0);
        world.blobs.delete(&image.storage_key.parse()?).await?;
        let mut tx = world.context.db.begin().await?;
        trash::throw_away_all(&mut tx, &user.id, world.context.now()).await?;
        tx.commit().await?;
        // Two nodes at once.
        let nodes = [world.privacy.clone(), world.privacy.clone()].map(|privacy| tokio::spawn(async move { privacy.erase_due().await }));
        for node in nodes {
            node.await??;
        }
        assert_eq!(world.privacy.erase_due().await?, 0);
        assert_eq!(left(&world).await?, Vec::<&str>::new());
        world.deliver_events().await?;
        world.assert_clean().await?;
    }

    async fn a_restored_copy_forgets_again(database: &Database) {
        let world = World::open(database).await?;
        let user = settled(&world).await?;
        let dump = database.dir().join("before.dump");
        backup::dump(&world.context, &dump).await?;
        assert!(backup::dump(&world.context, &dump).await.is_err(), "a copy is not written over");
        let privacy = world.privacy.clone().with_regret(Duration::ZERO);
        privacy.request_erasure(&Actor::user(&user), &user.id).await?;
        assert_eq!(privacy.erase_due().await?, 1);
        let list = backup::erasures(&world.context).await?;

        for engine in [Engine::Sqlite, Engine::Postgres] {
            let other = Database::create(engine).await?;
            let restored = World::at(other.url(), &other.dir(), crate::common::START, 9, Settings::default()).await?;
            backup::restore(&restored.context, &dump).await?;
            assert_eq!(left(&restored).await?, CANARIES, "{engine}: the copy is older");
            assert_eq!(backup::replay_erasures(&restored.privacy, &list).await?, 1);
            assert_eq!(backup::replay_erasures(&restored.privacy, &list).await?, 0);
            assert_eq!(left(&restored).await?, Vec::<&str>::new(), "{engine}");
            let jobs = restored.jobs.list(&user.id, None, 10).await?;
            assert_eq!(jobs.iter().filter(|job| job.state == JobState::Completed).count(), 2, "{engine}");
        }
    }
}

/// What SQLite deletes is overwritten, in the file and in the log beside it.
#[test]
fn the_files_of_the_database_hold_no_trace() {
    easel_testing::run_story(Engine::Sqlite, async |database| {
        let world = World::open(database).await?;
        let user = settled(&world).await?;
        let traces = || -> std::io::Result<Vec<String>> {
            let mut found = Vec::new();
            for entry in fs::read_dir(database.dir())?.filter_map(Result::ok).filter(|entry| entry.path().is_file()) {
                let bytes = fs::read(entry.path())?;
                let has = |canary: &&str| bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
                found.extend(
                    CANARIES.iter().filter(|canary| has(canary)).map(|canary| format!("{:?}: {canary}", entry.file_name())),
                );
            }
            Ok(found)
        };
        assert!(traces()?.len() >= CANARIES.len());
        let privacy = world.privacy.clone().with_regret(Duration::ZERO);
        privacy.request_erasure(&Actor::user(&user), &user.id).await?;
        assert_eq!(privacy.erase_due().await?, 1);
        assert_eq!(traces()?, Vec::<String>::new());
        Ok(())
    });
}
