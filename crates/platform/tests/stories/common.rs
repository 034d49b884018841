//! What the tests of this crate share: a whole platform over one database and a folder, on a clock that the test moves.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{path::Path, sync::Arc};

use bytes::Bytes;
use easel_blobs::{Blobs, FileKind, Folder, Key, SigningKeys};
use easel_platform::{
    Context, ManualClock, SeededSecrets,
    accounts::{Accounts, PasswordCost, Registration, Settings as AccountSettings},
    credits::{CreditDesk, Grant},
    events::Events,
    fsck::{Fsck, Report},
    gallery::{self, Gallery},
    jobs::{Jobs, NewImage, NewJob, Results, Settings as JobSettings},
    moderation::{self, Moderation},
    plans::Catalogue,
    privacy::Privacy,
    safety::{Filter, Guard},
    social::{self, Social},
    subscriptions::Subscriptions,
};
use easel_store::{Credits, Db, RandomIds, Settings, Timestamp, jobs::Job, users::User};
use easel_testing::Database;
use easel_types::Quality;
use sha2::{Digest, Sha256};

pub type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// When tests begin: after every file they write, so that files are never too new to be looked at.
pub const START: Timestamp = Timestamp(4_000_000_000_000_000);

pub struct World {
    pub context: Context,
    pub clock: Arc<ManualClock>,
    pub catalogue: Catalogue,
    pub accounts: Accounts,
    pub desk: CreditDesk,
    pub jobs: Jobs,
    pub blobs: Blobs,
    pub fsck: Fsck,
    pub privacy: Privacy,
    pub gallery: Gallery,
    pub social: Social,
    pub moderation: Moderation,
    pub subscriptions: Subscriptions,
}

/// Our catalogue without the limits that get in the way, and with more credits.
pub fn catalogue() -> Catalogue {
    let text = include_str!("../../src/plans.toml").replacen("images_daily_max = 10\n", "", 1).replacen(
        "[[plan]]\nname = \"basic\"",
        "[[plan]]\nname = \"small\"\ntitle = \"Small\"\nimages_daily_max = 3\njobs_open_max = 2\nmodel_tier = \"basic\"\n\n[[plan]]\nname = \"basic\"",
        1,
    );
    Catalogue::parse(&text).expect("a catalogue")
}

/// Ours, with a price for each pack.
pub fn priced() -> Catalogue {
    let text = include_str!("../../src/plans.toml");
    let priced = text
        .replace("credits = 500", "credits = 500\nprice_cents = 1999")
        .replace("title = \"100 credits\"\ncredits = 100", "title = \"100 credits\"\ncredits = 100\nprice_cents = 499");
    Catalogue::parse(&priced).expect("a catalogue")
}

impl World {
    pub async fn open(database: &Database) -> Outcome<Self> {
        Self::at(database.url(), &database.dir(), START, 1, JobSettings::default()).await
    }

    pub async fn with(database: &Database, settings: JobSettings) -> Outcome<Self> {
        Self::at(database.url(), &database.dir(), START, 1, settings).await
    }

    pub async fn at(url: &str, dir: &Path, now: Timestamp, seed: u64, settings: JobSettings) -> Outcome<Self> {
        let wait_max = std::time::Duration::from_secs(600);
        let db = Db::open(&Settings { wait_max, ..Settings::new(url) }).await?;
        db.migrate().await?;
        let clock = Arc::new(ManualClock::new(now));
        let context = Context {
            db,
            clock: clock.clone(),
            ids: Arc::new(RandomIds::seeded(seed)),
            secrets: Arc::new(SeededSecrets::new(seed)),
        };
        Self::over(context, clock, dir, settings)
    }

    /// The same, with a database some of whose calls fail.
    pub fn with_faults(self, faults: Arc<dyn easel_store::Faults>, dir: &Path) -> Outcome<Self> {
        let settings = self.jobs.settings().clone();
        Self::over(Context { db: self.context.db.with_faults(faults), ..self.context }, self.clock, dir, settings)
    }

    fn over(context: Context, clock: Arc<ManualClock>, dir: &Path, settings: JobSettings) -> Outcome<Self> {
        let catalogue = catalogue();
        let cheap = AccountSettings { password_cost: PasswordCost { memory_kib: 8, passes: 1 }, ..AccountSettings::default() };
        let accounts = Accounts::new(context.clone(), catalogue.clone(), cheap)?;
        let desk = CreditDesk::new(context.clone(), catalogue.clone());
        let jobs = Jobs::new(context.clone(), catalogue.clone(), settings);
        let blobs = Blobs::open(easel_blobs::Settings {
            url: format!("file://{}", dir.join("blobs").display()),
            options: Vec::new(),
            address: None,
            signing_keys: SigningKeys::new(vec![vec![7; 32]])?,
            cdn: None,
        })?;
        let fsck = Fsck::new(context.clone(), jobs.clone(), Some(blobs.clone()));
        let privacy = Privacy::new(context.clone(), jobs.clone(), blobs.clone());
        let guard = Guard::new(context.clone(), Filter::embedded());
        let gallery = Gallery::new(context.clone(), catalogue.clone(), guard.clone(), gallery::Settings::default());
        let social = Social::new(context.clone(), guard, social::Settings::default());
        let moderation = Moderation::new(context.clone(), moderation::Settings::default());
        let subscriptions = Subscriptions::new(context.clone(), catalogue.clone(), desk.clone());
        Ok(Self {
            context,
            clock,
            catalogue,
            accounts,
            desk,
            jobs,
            blobs,
            fsck,
            privacy,
            gallery,
            social,
            moderation,
            subscriptions,
        })
    }

    /// Somebody with so many more credits than registering gives (100).
    pub async fn user(&self, name: &str, credits: i64) -> Outcome<User> {
        let email = format!("{name}@example.org");
        let registration =
            Registration { email: &email, password: "correct horse", username: Some(name), ..Registration::default() };
        let user = self.accounts.register(registration).await?;
        if credits > 0 {
            let key = format!("test:{name}");
            let amount = Credits::whole(credits).ok_or("fits")?;
            let grant = Grant { user_id: &user.id, amount, source: "purchase", key: &key, expires_at: None, reason: "test" };
            self.desk.grant(grant).await?;
        }
        Ok(user)
    }

    /// Draws and stores the first pictures of a job; what it draws depends on the job alone.
    pub async fn draw(&self, job: &Job, count: i64) -> Outcome<Results> {
        let mut images = Vec::new();
        for index in 0..count {
            let bytes = Bytes::from(format!("picture {index} of {}", job.id));
            let key = Key::derived(Folder::Output, FileKind::Png, b"test", &format!("{}:{index}", job.id));
            self.blobs.replace(&key, bytes.clone()).await?;
            images.push(NewImage {
                index,
                storage_key: key.as_str().to_owned(),
                thumbnail_key: None,
                sha256: Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect(),
                bytes: bytes.len() as i64,
                width: 8,
                height: 8,
                format: "png".to_owned(),
                prompt: "a red circle".to_owned(),
                blurhash: None,
                parameters: "{}".to_owned(),
            });
        }
        Ok(Results { images, gpu_ms: 5 })
    }

    /// So many stored pictures of somebody's, drawn from this prompt one after the other, a second apart. Oldest first.
    pub async fn pictures(&self, user: &User, prompt: &str, count: i64) -> Outcome<Vec<String>> {
        let mut ids = Vec::new();
        for number in 0..count {
            let request = serde_json::json!({ "prompt": prompt }).to_string();
            // A model of their own: other jobs may be waiting.
            self.jobs.submit(NewJob { request: &request, model: "drawn", ..job_for(&user.id, 1) }).await?;
            let job = self.jobs.claim("w", Some(&["drawn".to_owned()]), 1).await?.remove(0);
            let mut results = self.draw(&job, 1).await?;
            let (sampler, width) = (if number % 2 == 0 { "euler" } else { "ddim" }, 8 * (number + 1));
            let image = &mut results.images[0];
            (image.prompt, image.width) = (prompt.to_owned(), width);
            image.parameters =
                serde_json::json!({ "sampler": sampler, "mode": "text_to_image", "seed": number, "init_image": "input/x.png" })
                    .to_string();
            self.jobs.finish(&Jobs::lease_of(&job).ok_or("a lease")?, &results).await?;
            ids.push(easel_store::images::of_job(&self.context.db, &job.id).await?.remove(0).id);
            self.clock.advance(std::time::Duration::from_secs(1));
        }
        Ok(ids)
    }

    /// What a courier does.
    pub async fn deliver_events(&self) -> Outcome {
        let events = Events::new(self.context.clone());
        loop {
            let taken = events.take(100).await?;
            if taken.is_empty() {
                return Ok(());
            }
            for event in taken {
                events.delivered(&event).await?;
            }
        }
    }

    /// Whole and pending credits.
    pub async fn balance(&self, user_id: &str) -> Outcome<(i64, i64)> {
        let balance = self.desk.balance(user_id).await?;
        Ok((balance.available.0 / Credits::UNIT, balance.pending.0 / Credits::UNIT))
    }

    pub async fn assert_clean(&self) -> Outcome<Report> {
        let report = self.fsck.check().await?;
        assert!(report.is_clean(), "{:#?}", report.findings);
        Ok(report)
    }
}

/// A job for so many pictures of one credit each.
pub fn job_for(user_id: &str, images: i64) -> NewJob<'_> {
    NewJob {
        user_id,
        idempotency_key: None,
        model: "builtin",
        quality: Quality::Normal,
        images,
        request: "{\"prompt\":\"a red circle\"}",
        key_id: None,
        callback_url: None,
        mail_at_end: false,
        parent_image: None,
        batch_key: None,
    }
}

/// A statement behind the platform's back.
pub async fn raw(database: &Database, statement: &str) -> Result<(), sqlx::Error> {
    use sqlx::{AssertSqlSafe, Connection, Executor};
    let statement = AssertSqlSafe(statement.to_owned());
    match database.engine() {
        easel_testing::Engine::Sqlite => {
            let mut connection = sqlx::SqliteConnection::connect(database.url()).await?;
            connection.execute(statement).await?;
            connection.close().await
        }
        easel_testing::Engine::Postgres => {
            let mut connection = sqlx::PgConnection::connect(database.url()).await?;
            connection.execute(statement).await?;
            connection.close().await
        }
    }
}
