//! What a server does by itself, now and then: jobs nobody speaks for, mail that is due, what is past its time, the database's clock.
//!
//! Any number of nodes may do this at once. What fails is logged and tried again at the next turn.

use std::{future::Future, sync::Arc, time::Duration};

use easel_engine::Engine;
use easel_platform::{
    DatabaseClock, Platform, PlatformError,
    fsck::Fsck,
    housekeeping::{Housekeeping, Retention},
    mail::Mailer,
    nodes::{BEAT, Myself},
};
use tokio::{task::JoinSet, time::MissedTickBehavior};

/// Between two sweeps of leases and waiting jobs.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Between two turns of sending mail.
const MAIL_EVERY: Duration = Duration::from_secs(5);
/// Between two looks for archives of people's data that are to be written.
const EXPORTS_EVERY: Duration = Duration::from_secs(5);
/// Between two turns of housekeeping.
const KEEP_EVERY: Duration = Duration::from_secs(300);
/// Between two turns of removing files of nobody, which lists all files; it is also how old they have to be.
const ORPHANS_EVERY: Duration = Duration::from_secs(24 * 3600);
/// Between two turns of writing down how often pictures were looked at.
const VIEWS_EVERY: Duration = Duration::from_secs(60);
/// Between two looks at settings that another node may have changed.
const SETTINGS_EVERY: Duration = Duration::from_secs(10);
/// Between two looks at the database's clock.
const CLOCK_EVERY: Duration = Duration::from_secs(60);

/// Does all of it for as long as what it returns is not dropped.
pub fn start(platform: &Arc<Platform>, mailer: Mailer, clock: Arc<DatabaseClock>, retention: Retention) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let jobs = platform.jobs.clone();
    tasks.spawn(every(SWEEP_EVERY, "sweeping jobs", move || {
        let jobs = jobs.clone();
        async move { jobs.sweep().await.map(drop) }
    }));
    tasks.spawn(every(MAIL_EVERY, "sending mail", move || {
        let mailer = mailer.clone();
        async move { mailer.send_due().await.map(drop) }
    }));
    let exporting = platform.privacy.clone();
    tasks.spawn(every(EXPORTS_EVERY, "writing archives of people's data", move || {
        let privacy = exporting.clone();
        async move { privacy.write_exports().await.map(drop) }
    }));
    let (context, desk, privacy) = (platform.context.clone(), platform.desk.clone(), platform.privacy.clone());
    let housekeeping = Housekeeping::new(context, desk, privacy, retention);
    tasks.spawn(every(KEEP_EVERY, "housekeeping", move || {
        let housekeeping = housekeeping.clone();
        async move { housekeeping.run().await.map(drop) }
    }));
    let fsck = Fsck::new(platform.context.clone(), platform.jobs.clone(), Some(platform.blobs.clone()));
    tasks.spawn(every(ORPHANS_EVERY, "removing files of nobody", move || {
        let fsck = fsck.clone();
        async move { fsck.remove_orphans(ORPHANS_EVERY).await.map(drop) }
    }));
    let viewed = Arc::clone(platform);
    tasks.spawn(every(VIEWS_EVERY, "counting views", move || {
        let viewed = Arc::clone(&viewed);
        async move { viewed.social.views().write().await.map(drop) }
    }));
    let changed = Arc::clone(platform);
    tasks.spawn(every(SETTINGS_EVERY, "reading settings that are changed while the server runs", move || {
        let changed = Arc::clone(&changed);
        async move { changed.catalogue.run_time().refresh(&changed.context).await.map(drop) }
    }));
    let db = platform.context.db.clone();
    tasks.spawn(every(CLOCK_EVERY, "reading the database's clock", move || {
        let (db, clock) = (db.clone(), Arc::clone(&clock));
        async move { Ok(clock.synchronize(&db).await?) }
    }));
    tasks
}

/// Says every few seconds that this node is there, and how its devices are.
pub async fn beat(platform: Arc<Platform>, engine: Engine, myself: Myself) {
    every(BEAT, "saying that this node is there", || {
        let (platform, devices, myself) = (Arc::clone(&platform), engine.devices(), myself.clone());
        async move { platform.overview.beat(&myself, devices).await }
    })
    .await;
}

async fn every<F: Future<Output = Result<(), PlatformError>>>(pause: Duration, what: &'static str, mut work: impl FnMut() -> F) {
    let mut turns = tokio::time::interval(pause);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        if let Err(error) = work().await {
            tracing::warn!(error = ?error, "{what} has failed; it is tried again");
        }
    }
}
