//! Everything that can be wrong is found, and named by its invariant; what can be put right is.

use std::time::Duration;

use crate::common::{Outcome, World, job_for, raw};
use bytes::Bytes;
use easel_blobs::{FileKind, Folder, Key};
use easel_platform::jobs::Jobs;
use easel_store::{audit, jobs::Job};
use easel_testing::{Database, Engine, on_both_engines};

/// One job that is done, with two pictures, one that runs and one that waits.
async fn busy(world: &World) -> Outcome<(String, Job)> {
    let user = world.user("ada", 0).await?;
    world.jobs.submit(job_for(&user.id, 2)).await?;
    let done = world.jobs.claim("w", None, 1).await?.remove(0);
    world.jobs.finish(&Jobs::lease_of(&done).ok_or("a lease")?, &world.draw(&done, 2).await?).await?;
    world.jobs.submit(job_for(&user.id, 1)).await?;
    world.jobs.claim("w", None, 1).await?;
    world.jobs.submit(job_for(&user.id, 1)).await?;
    world.assert_clean().await?;
    Ok((user.id, world.jobs.get(&done.user_id, &done.id).await?))
}

/// The guards of the tables, out of the way.
async fn unguard(database: &Database) -> Outcome {
    let statements: &[&str] = match database.engine() {
        Engine::Sqlite => {
            &["DROP TRIGGER transfers_no_update; DROP TRIGGER transfers_no_delete; DROP TRIGGER entries_no_update; \
             DROP TRIGGER entries_no_delete; DROP TRIGGER audit_log_no_update; DROP TRIGGER audit_log_no_delete"]
        }
        Engine::Postgres => &[
            "DROP TRIGGER transfers_append_only ON transfers",
            "DROP TRIGGER entries_append_only ON entries",
            "DROP TRIGGER audit_log_append_only ON audit_log",
        ],
    };
    for statement in statements {
        raw(database, statement).await?;
    }
    Ok(())
}

on_both_engines! {
    async fn each_broken_invariant_is_found(database: &Database) {
        let world = World::open(database).await?;
        let (user_id, done) = busy(&world).await?;
        unguard(database).await?;
        let own = format!("credits:{user_id}");
        let hold = done.hold_id.clone().ok_or("a hold")?;
        // What is done, how it is undone, and which invariants say so.
        let damages: Vec<(String, String, &[&str])> = vec![
            (format!("UPDATE entries SET amount = amount + 1 WHERE account_id = '{own}' AND amount > 0"),
             format!("UPDATE entries SET amount = amount - 1 WHERE account_id = '{own}' AND amount > 0"), &["I1", "I2"]),
            (format!("UPDATE accounts SET posted = posted + 1 WHERE id = '{own}'"),
             format!("UPDATE accounts SET posted = posted - 1 WHERE id = '{own}'"), &["I2"]),
            (format!("UPDATE accounts SET pending = pending + 1 WHERE id = '{own}'"),
             format!("UPDATE accounts SET pending = pending - 1 WHERE id = '{own}'"), &["I2"]),
            ("UPDATE grants SET remaining = remaining - 1".to_owned(), "UPDATE grants SET remaining = remaining + 1".to_owned(), &["I2"]),
            (format!("UPDATE transfers SET kind = 'release' WHERE hold_id = '{hold}'"),
             format!("UPDATE transfers SET kind = 'capture' WHERE hold_id = '{hold}'"), &["I4"]),
            (format!("UPDATE jobs SET images_delivered = 1 WHERE id = '{}'", done.id),
             format!("UPDATE jobs SET images_delivered = 2 WHERE id = '{}'", done.id), &["I4", "I6"]),
            ("UPDATE images SET sha256 = 'x' || sha256 WHERE job_index = 0".to_owned(),
             "UPDATE images SET sha256 = substr(sha256, 2) WHERE job_index = 0".to_owned(), &["I6"]),
            ("UPDATE images SET storage_key = 'x' || storage_key WHERE job_index = 0".to_owned(),
             "UPDATE images SET storage_key = substr(storage_key, 2) WHERE job_index = 0".to_owned(), &["I7"]),
            ("UPDATE jobs SET lease_expires_at = 1 WHERE state = 'processing'".to_owned(),
             "UPDATE jobs SET lease_expires_at = 4000000030000000 WHERE state = 'processing'".to_owned(), &["I8"]),
            ("UPDATE outbox SET due_at = 1".to_owned(), "UPDATE outbox SET due_at = created_at".to_owned(), &["I9"]),
            ("UPDATE audit_log SET action = 'x' || action WHERE seq = 1".to_owned(),
             "UPDATE audit_log SET action = substr(action, 2) WHERE seq = 1".to_owned(), &["I10"]),
        ];
        for (damage, undo, invariants) in damages {
            raw(database, &damage).await?;
            let found: Vec<_> = world.fsck.check().await?.findings.iter().map(|finding| finding.invariant).collect();
            for invariant in invariants {
                assert!(found.contains(invariant), "{damage}: {found:?}");
            }
            raw(database, &undo).await?;
            world.assert_clean().await?;
        }
    }

    async fn lost_changed_and_orphaned_files_are_found(database: &Database) {
        let world = World::open(database).await?;
        busy(&world).await?;
        let orphan = Key::derived(Folder::Thumb, FileKind::Webp, b"test", "orphan");
        world.blobs.put(&orphan, Bytes::from_static(b"whose?")).await?;
        let found = world.fsck.check().await?.findings;
        assert_eq!(found.iter().map(|finding| (finding.invariant, finding.subject.as_str())).collect::<Vec<_>>(), [("I7", orphan.as_str())]);
        world.blobs.delete(&orphan).await?;
        let image = easel_store::images::stored_after(&world.context.db, "", 1).await?.remove(0);
        let key: Key = image.storage_key.parse()?;
        world.blobs.replace(&key, Bytes::from_static(b"another picture")).await?;
        let found = world.fsck.check().await?.findings;
        assert_eq!(found.iter().map(|finding| (finding.invariant, finding.subject.as_str())).collect::<Vec<_>>(), [("I6", image.id.as_str())]);
        world.blobs.delete(&key).await?;
        let found = world.fsck.check().await?.findings;
        assert_eq!(found.iter().map(|finding| (finding.invariant, finding.subject.as_str())).collect::<Vec<_>>(), [("I7", image.id.as_str())]);
    }

    async fn what_can_be_put_right_is(database: &Database) {
        let world = World::open(database).await?;
        let (user_id, _) = busy(&world).await?;
        let before = world.balance(&user_id).await?;
        unguard(database).await?;
        let own = format!("credits:{user_id}");
        raw(database, &format!("UPDATE accounts SET posted = posted + 3, pending = pending + 2 WHERE id = '{own}'")).await?;
        // A job that vanished leaves its hold behind.
        raw(database, "DELETE FROM jobs WHERE state = 'queued'").await?;
        world.clock.advance(Duration::from_secs(3600));
        let found: std::collections::BTreeSet<_> = world.fsck.check().await?.findings.iter().map(|finding| finding.invariant).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["I2", "I5", "I8"]);
        let (repaired, left) = world.fsck.repair().await?;
        assert!(repaired.len() >= 4, "{repaired:#?}");
        assert!(left.is_clean(), "{:#?}", left.findings);
        assert_eq!(world.balance(&user_id).await?, (before.0 + 1, before.1 - 1), "the vanished job's credit is free again");
        let actions: Vec<_> = audit::list(&world.context.db, 0, 100).await?.into_iter().map(|record| record.action).collect();
        assert!(actions.contains(&"fsck.recount".to_owned()) && actions.contains(&"fsck.release".to_owned()), "{actions:?}");
    }
}
