//! What has ended is removed when its time has come, and nothing before.

use std::{sync::Arc, time::Duration};

use crate::common::{World, job_for};
use bytes::Bytes;
use easel_blobs::{FileKind, Folder, Key};
use easel_engine::DeviceStatus;
use easel_platform::{
    Clock, DatabaseClock, SystemClock,
    accounts::{Actor, Origin},
    credits::Grant,
    housekeeping::{Housekeeping, Kept, Retention},
    jobs::{Jobs, NewJob},
    moderation::{Category, Decision, Subject},
    nodes::{BEAT, Myself, SILENT},
    overview::Overview,
};
use easel_store::{Credits, StoreError, audit, images, moderation, sessions, trash, users::Role};
use easel_testing::on_both_engines;

const DAY: Duration = Duration::from_secs(24 * 3600);

on_both_engines! {
    async fn what_has_ended_goes_and_the_rest_stays(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let ends = world.context.now().after(DAY / 2);
        let grant = Grant { user_id: &user.id, amount: Credits(7), source: "daily", key: "d", expires_at: Some(ends), reason: "test" };
        world.desk.grant(grant).await?;
        world.jobs.submit(NewJob { idempotency_key: Some("k"), ..job_for(&user.id, 2) }).await?;
        let job = world.jobs.claim("w", None, 1).await?.remove(0);
        world.jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &world.draw(&job, 2).await?).await?;
        world.deliver_events().await?;
        let (_, tokens) = world.accounts.login("ada@example.org", "correct horse", Origin::default()).await?;
        assert!(world.accounts.login("ada@example.org", "wrong horse", Origin::default()).await.is_err());
        let thrown_away = images::of_job(&world.context.db, &job.id).await?.remove(0);
        let mut tx = world.context.db.begin().await?;
        assert!(trash::throw_away(&mut tx, &user.id, &thrown_away.id, world.context.now(), world.context.now().after(DAY)).await?);
        tx.commit().await?;

        let keeping = Housekeeping::new(world.context.clone(), world.desk.clone(), world.privacy.clone(), Retention::default());
        assert_eq!(keeping.run().await?, Kept::default());
        world.accounts.authenticate(&tokens.access).await?;
        world.clock.advance(DAY + Duration::from_secs(1));
        let kept = keeping.run().await?;
        // The job took from the credits that end, all of them: what is left of them is nothing.
        assert_eq!((kept.credits_expired, kept.images_purged, kept.rows_removed), (0, 1, 2), "a count of failures and a key");
        assert_eq!(world.blobs.usage(None).await?.files, 1);
        assert!(world.accounts.refresh(&tokens.refresh).await.is_ok(), "sessions stay");
        world.clock.advance(DAY * 200);
        let kept = keeping.run().await?;
        assert_eq!(kept.rows_removed, 3, "a session, a link, an event");
        assert!(world.accounts.sessions(&user).await?.is_empty());
        assert_eq!(keeping.run().await?, Kept::default());
        world.assert_clean().await?;
    }

    async fn jobs_that_ended_long_ago_are_forgotten_and_what_they_cost_is_not(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let image = world.pictures(&user, "a cat", 2).await?.remove(0);
        let pictured = images::by_id(&world.context.db, &image).await?.ok_or("a picture")?.job_id;
        let child = NewJob { parent_image: Some(&image), ..job_for(&user.id, 1) };
        let child = world.jobs.submit(child).await?.job;
        let cancelled = world.jobs.submit(job_for(&user.id, 1)).await?.job;
        world.jobs.cancel(&user.id, &cancelled.id).await?;
        let claimed = world.jobs.claim("w", None, 1).await?.remove(0);
        assert_eq!(claimed.id, child.id);
        world.jobs.finish(&Jobs::lease_of(&claimed).ok_or("a lease")?, &world.draw(&claimed, 1).await?).await?;
        world.deliver_events().await?;
        let strict = Retention { jobs: Some(DAY), ..Retention::default() };
        let keeping = |retention| Housekeeping::new(world.context.clone(), world.desk.clone(), world.privacy.clone(), retention);
        let exists = async |id: &str| world.jobs.get(&user.id, id).await.is_ok();
        world.clock.advance(DAY * 30);
        assert_eq!(keeping(strict).run().await?.jobs_removed, 0, "none goes before a month is over");
        world.clock.advance(DAY * 340);
        assert_eq!(keeping(Retention { jobs: None, ..strict }).run().await?.jobs_removed, 0, "for ever");
        let recent = world.jobs.submit(job_for(&user.id, 1)).await?.job;
        world.jobs.cancel(&user.id, &recent.id).await?;
        world.deliver_events().await?;
        let (before, transfers) = (world.balance(&user.id).await?, world.assert_clean().await?.transfers);
        // What has pictures stays with them.
        let keeping = keeping(Retention::default());
        assert_eq!(keeping.run().await?.jobs_removed, 1);
        assert!(!exists(&cancelled.id).await && exists(&pictured).await && exists(&child.id).await && exists(&recent.id).await);
        assert_eq!(keeping.run().await?.jobs_removed, 0);
        // With its last picture it goes, and nothing refers to it any more.
        let mut tx = world.context.db.begin().await?;
        assert!(trash::throw_away(&mut tx, &user.id, &image, world.context.now(), world.context.now()).await?);
        tx.commit().await?;
        let kept = keeping.run().await?;
        assert_eq!((kept.images_purged, kept.jobs_removed), (1, 1));
        assert!(!exists(&pictured).await);
        assert!(images::by_id(&world.context.db, &image).await?.is_none());
        assert_eq!(world.jobs.get(&user.id, &child.id).await?.parent_id, None);
        let next = world.jobs.submit(job_for(&user.id, 1)).await?.job;
        assert_eq!(next.task_no, recent.task_no + 1, "no number is given twice");
        world.jobs.cancel(&user.id, &next.id).await?;
        world.deliver_events().await?;
        assert_eq!(world.balance(&user.id).await?, before);
        let report = world.assert_clean().await?;
        assert_eq!(report.transfers, transfers + 2, "a hold and its release; everything from before is there");
        assert_eq!((report.jobs, report.images), (4, 2));
    }

    async fn who_came_from_where_is_known_for_a_month(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let from = Origin { ip: "192.0.2.1", user_agent: Some("test"), request_id: None };
        let login = || world.accounts.login("ada@example.org", "correct horse", from);
        let hash = async || Ok::<_, StoreError>(audit::recent(&world.context.db, i64::MAX, 1).await?.remove(0).ip_hash);
        let agent = async |before| Ok::<_, StoreError>(audit::recent(&world.context.db, before, 1).await?.remove(0).user_agent);
        let (_, ended) = login().await?;
        let first = hash().await?;
        let row = audit::head(&world.context.db).await?.0;
        assert_eq!(agent(row + 1).await?.as_deref(), Some("test"));
        world.accounts.logout(&ended.access).await?;
        world.clock.advance(DAY * 2);
        login().await?;
        assert!(first.is_some() && hash().await? == first, "the same address looks the same");
        let keeping = Housekeeping::new(world.context.clone(), world.desk.clone(), world.privacy.clone(), Retention::default());
        world.clock.advance(DAY * 27);
        keeping.run().await?;
        login().await?;
        assert_eq!(hash().await?, first, "not yet a month");
        world.clock.advance(DAY * 2);
        let mut tx = world.context.db.begin().await?;
        assert_eq!(sessions::sweep(&mut tx, world.context.now().before(DAY * 30)).await?, 1, "what was ended, and no other");
        drop(tx);
        keeping.run().await?;
        assert_eq!(world.accounts.sessions(&user).await?.len(), 2);
        login().await?;
        let later = hash().await?;
        assert!(later.is_some() && later != first, "nobody can tell any more whether it was this address");
        assert_eq!((agent(row + 1).await?, agent(i64::MAX).await?.as_deref()), (None, Some("test")), "nor by which program");
        assert_eq!(audit::verify(&world.context.db).await?, None, "the chain holds");
        world.assert_clean().await?;
    }

    async fn what_was_decided_is_forgotten_after_a_year_and_what_is_open_is_not(database: &Database) {
        let world = World::open(database).await?;
        let ada = world.user("ada", 0).await?;
        world.user("eve", 0).await?;
        let rank = world.user("moe", 0).await?;
        world.accounts.set_role(&Actor::operator(), &rank.id, Role::Moderator).await?;
        let moderator = Actor::user(&world.accounts.get(&rank.id).await?);
        let decided = world.moderation.open(&moderator, Subject::User("ada"), Category::Other).await?;
        world.moderation.decide(&moderator, &decided, Decision::Warn, "against the rules").await?;
        let open = world.moderation.open(&moderator, Subject::User("eve"), Category::Other).await?;
        let exists = async |id: &str| Ok::<_, StoreError>(moderation::by_id(&world.context.db, id).await?.is_some());
        // Less than strikes count for is not less.
        let strict = Retention { findings: DAY, ..Retention::default() };
        let keeping = |keep| Housekeeping::new(world.context.clone(), world.desk.clone(), world.privacy.clone(), keep);
        world.clock.advance(DAY * 89);
        keeping(strict).run().await?;
        world.clock.advance(DAY * 275);
        keeping(Retention::default()).run().await?;
        assert!(exists(&decided).await? && exists(&open).await?);
        world.clock.advance(DAY * 2);
        keeping(Retention::default()).run().await?;
        assert!(!exists(&decided).await? && exists(&open).await?);
        assert!(easel_store::strikes::of_user(&world.context.db, &ada.id, None, 10).await?.is_empty());
        world.assert_clean().await?;
    }

    async fn files_of_nobody_are_removed_and_no_others(database: &Database) {
        let world = World::open(database).await?;
        let user = world.user("ada", 0).await?;
        let image = world.pictures(&user, "a cat", 1).await?.remove(0);
        let given_up = Key::derived(Folder::Output, FileKind::Png, b"test", "a job that was given up:0");
        world.blobs.put(&given_up, Bytes::from_static(b"a picture")).await?;
        std::fs::write(database.dir().join("blobs/output/README"), "an operator's")?;
        let findings = world.fsck.check().await?.findings;
        assert_eq!(findings.iter().filter(|finding| finding.repairable).count(), 1, "{findings:#?}");
        // It was written long before the story's time; a year more is too young to be removed.
        let age = Duration::from_secs(u64::try_from(world.context.now().0 / 1_000_000)?);
        assert_eq!(world.fsck.remove_orphans(age).await?, 0);
        assert_eq!(world.fsck.remove_orphans(DAY).await?, 1);
        assert_eq!(world.fsck.remove_orphans(DAY).await?, 0);
        assert!(world.blobs.head(&given_up).await.is_err());
        assert!(database.dir().join("blobs/output/README").exists());
        assert_eq!(world.gallery.get(&user.id, &image).await?.id, image);
        assert_eq!(world.blobs.usage(Some(Folder::Output)).await?.files, 2, "a picture, and what is not ours");
    }

    async fn nodes_are_there_while_they_say_so(database: &Database) {
        let world = World::open(database).await?;
        let overview = Overview::new(world.context.clone());
        let node = |id: &str, role| Myself {
            id: id.to_owned(), address: "127.0.0.1:8080".to_owned(), role, version: "1.2.3", started_at: world.context.now(),
        };
        let device = |models: &[&str]| DeviceStatus {
            name: "cuda:0".to_owned(),
            detail: "a card".to_owned(),
            is_up: true,
            models: models.iter().map(|&model| model.into()).collect(),
            pictures: 0,
            memory: Default::default(),
            weights_max: Some(7),
        };
        let (first, second) = (node("a", "serve"), node("b", "worker"));
        overview.beat(&first, Vec::new()).await?;
        overview.beat(&second, vec![device(&[])]).await?;
        world.clock.advance(BEAT);
        overview.beat(&second, vec![device(&["sd15"])]).await?;
        let nodes = overview.nodes().await?;
        let told: Vec<_> = nodes.iter().map(|node| (node.id.as_str(), node.role.as_str(), node.is_alive)).collect();
        assert_eq!(told, [("a", "serve", true), ("b", "worker", true)]);
        let drawing = &nodes[1].devices[0];
        assert_eq!((drawing.models.as_slice(), drawing.weight_bytes_max), (["sd15".to_owned()].as_slice(), Some(7)), "as it last said");
        assert_eq!((nodes[1].started_at, nodes[1].heartbeat_at), (second.started_at, world.context.now()));
        world.clock.advance(SILENT);
        overview.beat(&second, Vec::new()).await?;
        let alive: Vec<bool> = overview.nodes().await?.into_iter().map(|node| node.is_alive).collect();
        assert_eq!(alive, [false, true], "the first says nothing any more");
        world.clock.advance(DAY);
        overview.beat(&second, Vec::new()).await?;
        assert_eq!(overview.nodes().await?.len(), 1, "and is forgotten");
    }

    async fn the_databases_clock_is_followed(database: &Database) {
        let world = World::open(database).await?;
        let clock = Arc::new(DatabaseClock::default());
        clock.synchronize(&world.context.db).await?;
        // Both are of this machine; an hour covers any pause between two lines.
        let apart = clock.now().0.abs_diff(SystemClock.now().0);
        assert!(apart < 3_600_000_000, "{apart} us");
    }
}
