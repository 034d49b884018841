//! Keys and prompts are searched for where they must not be: in what is logged, in errors, in what is answered, and in the whole database.

use std::{
    fmt::Debug,
    sync::{
        Mutex, Once,
        atomic::{AtomicBool, Ordering},
    },
};

use easel_platform::{accounts::Actor, fallback::ConfigWords, orders::Drawing};
use easel_providers::Kind;
use easel_store::provider_attempts;
use easel_testing::on_both_engines;
use serde_json::json;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

use crate::{
    common::World,
    elsewhere::{Elsewhere, MODEL, Setup, file, inline, is_for},
    fakes::{
        Fake, Received, Reply,
        accounts::KEY,
        services::{accepted, picture_url, polled, submits},
    },
};

const OWN_KEY: &str = "sk-canary-of-a-person-2d9e";
const PROMPT: &str = "a canary prompt about a heron";

/// Everything that is logged while somebody listens, at every level.
struct Ear;

static LISTENING: AtomicBool = AtomicBool::new(false);
static HEARD: Mutex<String> = Mutex::new(String::new());

struct Words<'a>(&'a mut String);

impl Visit for Words<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!("{}={value:?} ", field.name()));
    }
}

impl Subscriber for Ear {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        LISTENING.load(Ordering::SeqCst)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Words(&mut HEARD.lock().expect("no test panics with it")));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Words(&mut HEARD.lock().expect("no test panics with it")));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut heard = HEARD.lock().expect("no test panics with it");
        event.record(&mut Words(&mut heard));
        heard.push('\n');
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Repeats what it was sent wherever it can, as providers do: key and prompt in messages, codes and ids.
fn tells(kind: Kind, request: &Received, port: u16) -> Reply {
    let number = request.text();
    if request.path.starts_with("/files/") {
        return file();
    }
    match kind {
        Kind::Openai => {
            let message = format!("Incorrect API key provided: {KEY}. Your prompt was {PROMPT}");
            let error = json!({"message": message, "type": KEY, "code": KEY, "param": PROMPT});
            Reply::With(500, format!("x-request-id: {KEY}\r\n"), json!({"error": error}).to_string().into_bytes())
        }
        Kind::OpenaiCompatible => Reply::With(200, String::new(), format!("{number} {KEY}").into_bytes()),
        Kind::Replicate if submits(kind, request) => Reply::ok(accepted(kind, port)),
        Kind::Replicate => Reply::ok(polled(kind, &request.path, true, &picture_url(kind, port))),
        _ => inline(),
    }
}

const KINDS: [Kind; 2] = [Kind::Openai, Kind::Replicate];

on_both_engines! {
    async fn keys_are_found_nowhere(database: &Database) {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| drop(tracing::subscriber::set_global_default(Ear)));
        LISTENING.store(true, Ordering::SeqCst);
        let port = std::sync::Arc::new(std::sync::atomic::AtomicU16::new(0));
        let own = port.clone();
        let fake = Fake::start(move |request| {
            let kinds = [Kind::Openai, Kind::Replicate, Kind::OpenaiCompatible];
            let kind = kinds.into_iter().find(|&kind| is_for(request, kind)).expect("one of ours");
            tells(kind, request, own.load(Ordering::SeqCst))
        })
        .await;
        port.store(fake.port(), Ordering::SeqCst);
        let here = Elsewhere::over(World::open(database).await?, fake.port(), Setup { own_accounts: true, ..Setup::of(&KINDS) }).await?;
        let ada = here.somebody("ada").await?;
        let words = ConfigWords { name: "mine", provider: "fal", base_url: None, key: Some(OWN_KEY), model: "fal-ai/flux/dev", is_active: true };
        let config = here.fallback.add_config(&Actor::user(&ada), words).await?;
        let tested = here.fallback.test_config(&ada.id, &config.id).await?;
        let mut told = vec![format!("{config:?} {words:?} {tested:?} {:?}", here.fallback)];
        // Her own account leads nowhere from here, the first repeats her words and its key, the second serves.
        let asked = here.ask(&ada, Drawing::new(MODEL, PROMPT)).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!(job.provider.as_deref(), Some("replicate"), "{:?}", job.error_code);
        told.push(format!("{:?} {:?} {:?}", job.away, job.error_code, job.error_message));
        // Nobody serves: what is told of that.
        let only = Elsewhere::over(here.world, fake.port(), Setup::of(&[Kind::OpenaiCompatible])).await?;
        let asked = only.ask(&ada, Drawing { seed: Some(3), ..Drawing::new(&format!("{MODEL}-openai_compatible"), PROMPT) }).await?;
        let job = only.ended("w", &asked).await?;
        told.push(format!("{:?} {:?} {:?}", job.away, job.error_code, job.error_message));
        told.push(format!("{:?} {}", only.fallback.standings().await?, only.fallback.metrics()));
        for attempt in provider_attempts::of_job(&only.world.context.db, &job.id).await? {
            told.push(format!("{attempt:?}"));
        }
        told.push(serde_json::to_string(&only.fallback.configs(&ada.id).await?)?);
        LISTENING.store(false, Ordering::SeqCst);
        let heard = HEARD.lock().expect("no test panics with it").clone();
        assert!(heard.contains("a provider did not serve a job"), "what is logged is heard");
        let mut dump = Vec::new();
        easel_store::backup::dump(&only.world.context.db, &mut dump).await?;
        let dump = String::from_utf8(dump)?;
        for key in [KEY, OWN_KEY] {
            assert!(!heard.contains(key), "a key is in the log");
            assert!(!dump.contains(key), "a key is in the database");
            assert!(told.iter().all(|text| !text.contains(key)), "a key is in what is told");
        }
        let line = heard.lines().find(|line| line.contains(PROMPT));
        assert_eq!(line, None, "a prompt is in the log");
        assert!(told.iter().all(|text| !text.contains(PROMPT)), "a prompt is in what is told");
        let attempts = dump.lines().filter(|line| line.contains("ended"));
        assert!(attempts.clone().count() > 0 && attempts.clone().all(|line| !line.contains(PROMPT)), "a prompt is kept with an attempt");
    }
}
