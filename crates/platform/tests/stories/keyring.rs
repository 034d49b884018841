//! Secrets at rest: bound to their row, and brought under another key while they are used.

use easel_platform::{
    Context, PlatformError,
    accounts::Actor,
    keyring::{Keyring, Rotated, Rotation},
    secrets::SecretStore,
    webhooks::{EndpointWords, Settings, Webhooks},
};
use easel_testing::on_both_engines;

use crate::{
    common::{World, raw},
    receiver::{Receiver, status},
    webhooks::client,
};

async fn put(context: &Context, ring: &Keyring, name: &str, value: &str) -> Result<(), PlatformError> {
    SecretStore::new(context.clone(), ring.clone()).put(name, value).await
}

async fn get(context: &Context, ring: &Keyring, name: &str) -> Result<String, PlatformError> {
    let found = SecretStore::new(context.clone(), ring.clone()).get(name).await?;
    Ok(found.ok_or(PlatformError::NotFound("secret"))?.to_string())
}

on_both_engines! {
    async fn every_secret_comes_under_the_new_key_and_goes_on_being_used(database: &Database) {
        let (world, receiver) = (World::open(database).await?, Receiver::start(|_| status(200)).await);
        let (context, random) = (&world.context, &*world.context.secrets);
        let ada = world.user("ada", 0).await?;
        let old = Keyring::generate(random);
        let webhooks = |ring: &Keyring| Webhooks::new(context.clone(), ring.clone(), client(&[&receiver]), Settings::default());
        let url = receiver.url("/");
        let words = EndpointWords { url: &url, ..EndpointWords::default() };
        let endpoint = webhooks(&old).create(&Actor::user(&ada), words).await?.endpoint.id;
        webhooks(&old).rotate_secret(&Actor::user(&ada), &endpoint).await?;
        for number in 0..250 {
            put(context, &old, &format!("provider:{number}"), &format!("key {number}")).await?;
        }
        let new = old.with_new_key(random);
        put(context, &new, "provider:new", "key new").await?;
        assert_eq!(get(context, &new, "provider:7").await?, "key 7", "old keys still read");
        let old_id = new.old_keys().next().ok_or("an old key")?.to_owned();
        let rotation = Rotation::new(context.clone(), new.clone());
        assert_eq!(rotation.uses(&old_id).await?, 252);
        assert_eq!(rotation.run().await?, Rotated { resealed: 252, unreadable: 0 });
        assert_eq!((rotation.uses(&old_id).await?, rotation.run().await?), (0, Rotated::default()));

        let only = new.without_old_keys();
        for number in 0..250 {
            assert_eq!(get(context, &only, &format!("provider:{number}")).await?, format!("key {number}"));
        }
        webhooks(&only).test(&ada.id, &endpoint).await?;
        assert_eq!(webhooks(&only).send_due().await?.delivered, 1, "both secrets of the endpoint are read");
        assert!(matches!(get(context, &old, "provider:7").await, Err(PlatformError::Sealed)));
    }

    async fn what_is_moved_to_another_row_does_not_open_and_does_not_stop_the_rest(database: &Database) {
        let world = World::open(database).await?;
        let (context, random) = (&world.context, &*world.context.secrets);
        let ring = Keyring::generate(random);
        put(context, &ring, "a", "one").await?;
        put(context, &ring, "b", "two").await?;
        raw(database, "UPDATE secrets SET value = (SELECT value FROM secrets WHERE name = 'b') WHERE name = 'a'").await?;
        assert!(matches!(get(context, &ring, "a").await, Err(PlatformError::Sealed)));
        assert_eq!(get(context, &ring, "b").await?, "two");
        let rotation = Rotation::new(context.clone(), ring.with_new_key(random));
        assert_eq!(rotation.run().await?, Rotated { resealed: 1, unreadable: 1 });
    }
}
