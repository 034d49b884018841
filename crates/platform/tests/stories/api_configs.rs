//! People's own accounts with image services: their keys are nobody's to read, and their addresses lead nowhere inside.

use std::sync::Arc;

use bytes::Bytes;
use easel_blobs::{FileKind, Folder, Key};
use easel_outbound::OutboundError;
use easel_platform::{
    PlatformError, SystemSecrets,
    accounts::Actor,
    fallback::ConfigWords,
    jobs::NewImage,
    keyring::{Keyring, Rotated, Rotation},
    orders::Drawing,
};
use easel_providers::Kind;
use easel_store::{
    jobs::JobState,
    provider_attempts::{self, NewAttempt, Settling},
    users::User,
};
use easel_testing::on_both_engines;
use serde_json::json;

use crate::{
    common::World,
    elsewhere::{Elsewhere, MODEL, Setup},
    fakes::{Fake, Reply},
    sixty::{ADDRESSES, HOSTS, Refused, RefusedByName},
};

/// What must be found nowhere.
const KEY: &str = "fal-canary-key-of-somebody-51c2";

fn words(base_url: Option<&str>) -> ConfigWords<'_> {
    let provider = if base_url.is_some() { "openai_compatible" } else { "fal" };
    ConfigWords { name: "mine", provider, base_url, key: Some(KEY), model: "fal-ai/flux/dev", is_active: true }
}

fn own(kinds: &[Kind]) -> Setup {
    Setup { own_accounts: true, ..Setup::of(kinds) }
}

on_both_engines! {
    async fn a_key_goes_in_and_never_out(database: &Database) {
        let fake = Fake::start(|_| Reply::Silence).await;
        let here = Elsewhere::over(World::open(database).await?, fake.port(), own(&[])).await?;
        let (ada, bob) = (here.somebody("ada").await?, here.somebody("bob").await?);
        let (ada, bob) = (Actor::user(&ada), Actor::user(&bob));
        let made = here.fallback.add_config(&ada, words(None)).await?;
        assert_eq!((made.key_hint.as_str(), made.model.as_str()), ("51c2", "fal-ai/flux/dev"));
        let shown = format!("{made:?} {}", serde_json::to_string(&here.fallback.configs(ada.id()).await?)?);
        assert!(!shown.contains(KEY) && made.secret.starts_with("v1."), "{shown}");
        // Others have nothing of it.
        assert!(here.fallback.configs(bob.id()).await?.is_empty());
        for refused in [
            here.fallback.change_config(&bob, &made.id, words(None)).await.map(drop),
            here.fallback.delete_config(&bob, &made.id).await,
            here.fallback.test_config(bob.id(), &made.id).await.map(drop),
        ] {
            assert!(matches!(refused, Err(PlatformError::NotFound(_))), "{refused:?}");
        }
        // Without a key the one there is stays, unless it would go to somebody else.
        let renamed = here.fallback.change_config(&ada, &made.id, ConfigWords { name: "ours", key: None, ..words(None) }).await?;
        assert_eq!((renamed.name.as_str(), renamed.key_hint.as_str()), ("ours", "51c2"));
        let moved = ConfigWords { provider: "openai", model: "gpt-image-1", key: None, ..words(None) };
        let moved = here.fallback.change_config(&ada, &made.id, moved).await;
        assert!(matches!(moved, Err(PlatformError::Invalid { field: "key", .. })), "{moved:?}");
        // It opens under another key of the ring, and in its own row alone.
        let ring = here.keyring.with_new_key(&SystemSecrets);
        let rotation = Rotation::new(here.world.context.clone(), ring.clone());
        assert_eq!(rotation.run().await?, Rotated { resealed: 1, unreadable: 0 });
        let keyring = Some(ring.without_old_keys());
        let here = Elsewhere::over(here.world, fake.port(), Setup { keyring, ..own(&[]) }).await?;
        // All names are this machine here: what is asked is refused, after the key was opened.
        assert_eq!(here.fallback.test_config(ada.id(), &made.id).await?.code, "address_not_allowed");
        let other = Elsewhere::over(here.world, fake.port(), Setup { keyring: Some(Keyring::generate(&SystemSecrets)), ..own(&[]) }).await?;
        assert!(matches!(other.fallback.test_config(ada.id(), &made.id).await, Err(PlatformError::Sealed)));
        other.fallback.delete_config(&ada, &made.id).await?;
        assert!(other.fallback.configs(ada.id()).await?.is_empty());
        assert_eq!(fake.connections(), 0);
    }

    async fn what_makes_no_sense_is_refused(database: &Database) {
        let here = Elsewhere::over(World::open(database).await?, 9, own(&[])).await?;
        let ada = Actor::user(&here.somebody("ada").await?);
        for (field, bad) in [
            ("provider", ConfigWords { provider: "acme", ..words(None) }),
            ("key", ConfigWords { key: None, ..words(None) }),
            ("key", ConfigWords { key: Some("a\nb"), ..words(None) }),
            ("name", ConfigWords { name: " ", ..words(None) }),
            ("model", ConfigWords { model: "no/such", ..words(None) }),
            ("base_url", ConfigWords { base_url: Some("https://example.com/v1"), ..words(None) }),
            ("base_url", ConfigWords { provider: "openai_compatible", ..words(None) }),
        ] {
            let refused = here.fallback.add_config(&ada, bad).await;
            assert!(matches!(&refused, Err(PlatformError::Invalid { field: said, .. }) if *said == field), "{bad:?}: {refused:?}");
        }
        for _ in 0..10 {
            here.fallback.add_config(&ada, words(None)).await?;
        }
        let refused = here.fallback.add_config(&ada, words(None)).await;
        assert!(matches!(refused, Err(PlatformError::Limit { code: "too_many_api_configs", .. })), "{refused:?}");
    }

    async fn no_address_inside_is_somebodys_own(database: &Database) {
        let canary = Fake::start(|_| Reply::Silence).await;
        // What the operator may reach is no user's.
        let here = Elsewhere::over(World::open(database).await?, canary.port(), own(&[Kind::OpenaiCompatible])).await?;
        let ada = Actor::user(&here.somebody("ada").await?);
        let port = canary.port();
        let hosts = HOSTS.iter().map(|(host, wanted)| (format!("http://{host}:{port}/v1"), *wanted));
        let whole = ADDRESSES.iter().map(|(url, wanted)| (url.replace("PORT", &port.to_string()), *wanted));
        let more = ["rebind.example.com", "images.example.com"].map(|name| (format!("http://{name}:{port}/v1"), RefusedByName));
        let made = here.fallback.add_config(&ada, words(None)).await?;
        let mut count = 0;
        for (url, wanted) in hosts.chain(whole).chain(more) {
            let added = here.fallback.add_config(&ada, words(Some(&url))).await;
            let Err(PlatformError::Outbound(OutboundError::NotAllowed(reason))) = &added else { panic!("{url}: {added:?}") };
            if let Refused(reasons) = wanted {
                assert!(reasons.contains(reason), "{url}: {reason:?}");
            }
            let changed = here.fallback.change_config(&ada, &made.id, words(Some(&url))).await;
            assert!(matches!(changed, Err(PlatformError::Outbound(_))), "{url}: {changed:?}");
            count += 1;
        }
        assert_eq!((count, canary.connections(), here.fallback.configs(ada.id()).await?.len()), (59, 0, 1));
    }

    async fn what_ones_own_account_has_drawn_costs_nothing_here(database: &Database) {
        let here = Elsewhere::over(World::open(database).await?, 9, own(&[Kind::Replicate])).await?;
        let ada = here.somebody("ada").await?;
        let config = here.fallback.add_config(&Actor::user(&ada), words(None)).await?;
        let asked = here.ask(&ada, Drawing { count: 1, ..Drawing::new(MODEL, "a heron") }).await?;
        // As a worker leaves it that was killed after its account had drawn, before the job had ended.
        kept(&here, &ada, &asked.id, &format!("own-{}", config.id)).await?;
        let job = here.ended("w", &asked).await?;
        assert_eq!((job.state, job.images_delivered, job.images_free), (JobState::Completed, 1, 1), "{:?}", job.error_code);
        assert_eq!(here.world.balance(&ada.id).await?, (100, 0), "what was set aside is free again");
        here.world.assert_clean().await?;
    }
}

/// Writes down that this account has drawn the job's picture.
async fn kept(here: &Elsewhere, user: &User, job_id: &str, provider: &str) -> crate::common::Outcome {
    let (context, now) = (&here.world.context, here.world.context.now());
    let key = Key::derived(Folder::Output, FileKind::Png, b"test", job_id);
    here.world.blobs.put(&key, Bytes::from(crate::elsewhere::picture())).await?;
    let file = Arc::new(crate::elsewhere::picture());
    let sha256 = <sha2::Sha256 as sha2::Digest>::digest(&*file).iter().map(|byte| format!("{byte:02x}")).collect();
    let image = NewImage {
        index: 0,
        storage_key: key.as_str().to_owned(),
        thumbnail_key: None,
        sha256,
        bytes: i64::try_from(file.len())?,
        width: 64,
        height: 64,
        format: "png".to_owned(),
        prompt: "a heron".to_owned(),
        blurhash: None,
        parameters: "{}".to_owned(),
    };
    let served_by = json!({"provider": provider, "title": "mine", "kind": "fal", "model": "fal-ai/flux/dev", "own": true});
    let away = json!({"cost_max": 0, "reason": "model_missing", "served_by": served_by, "cost": 0}).to_string();
    let terms = json!({"reason": "model_missing", "kind": "fal", "model": "fal-ai/flux/dev", "pictures": 1, "first": 0, "own": true, "changes": []});
    let gained = json!({"images": [image], "withheld": 0}).to_string();
    let claimed = here.platform.jobs.claim_leaving("killed", now, 1).await?;
    assert_eq!((claimed[0].id.as_str(), claimed[0].user_id.as_str()), (job_id, user.id.as_str()));
    let attempt_key = format!("{job_id}-0-{provider}-1");
    let new = NewAttempt {
        attempt_key: &attempt_key,
        job_id,
        provider,
        part: 0,
        terms: &terms.to_string(),
        reserved: 0,
        day: 0,
        month: 0,
    };
    let settling = Settling { step: r#"{"step":"ended","failure":null}"#, spent: 0, kept: Some(&gained) };
    let mut tx = context.db.begin().await?;
    provider_attempts::insert(&mut tx, now, new).await?;
    assert!(provider_attempts::settle(&mut tx, &attempt_key, now, settling).await?);
    assert!(easel_store::jobs::set_away(&mut tx, job_id, Some(provider), &away, 1).await?);
    tx.commit().await?;
    here.platform.jobs.hand_back("killed").await?;
    Ok(())
}
