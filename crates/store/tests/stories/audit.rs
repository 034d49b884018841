//! Whoever changes, removes, moves or cuts off a record is found out, also with the triggers out of the way.

use crate::common::{NOON, at, open};
use easel_store::{Db, RandomIds, audit};
use easel_testing::{Database, Engine};
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

async fn record(db: &Db, count: usize) -> Result<(), easel_store::StoreError> {
    let ids = RandomIds::seeded(1);
    for number in 0..count {
        let mut tx = db.begin().await?;
        let detail = format!("{{\"number\":{number}}}");
        let new = audit::NewRecord {
            actor_kind: "user",
            actor_id: Some("u"),
            action: "test",
            target: Some(("job", "j")),
            ip: Some("192.0.2.7"),
            user_agent: (number % 2 == 1).then_some("Firefox"),
            request_id: None,
            detail: &detail,
        };
        audit::append(&mut tx, &at(NOON, &ids), new).await?;
        tx.commit().await?;
    }
    Ok(())
}

#[test]
fn every_kind_of_tampering_shows() {
    let tampering = [
        ("UPDATE audit_log SET detail = '{}' WHERE seq = 3", 3),
        ("UPDATE audit_log SET actor_id = NULL WHERE seq = 1", 1),
        ("UPDATE audit_log SET agent_hash = 'x' WHERE seq = 3", 3),
        ("UPDATE audit_log SET agent_hash = NULL WHERE seq = 4", 4),
        ("DELETE FROM audit_log WHERE seq = 2", 2),
        (
            "UPDATE audit_log SET seq = seq + 100; UPDATE audit_log SET seq = CASE seq WHEN 102 THEN 3 WHEN 103 THEN 2 ELSE seq - 100 END",
            2,
        ),
        ("DELETE FROM audit_log WHERE seq = 5", 5),
        ("DELETE FROM audit_log WHERE seq = 5; UPDATE audit_head SET seq = 4", 4),
    ];
    for (statement, shows_at) in tampering {
        easel_testing::run_story(Engine::Sqlite, async |database: &Database| {
            let db = open(database).await?;
            record(&db, 5).await?;
            assert_eq!(audit::verify(&db).await?, None);
            let mut raw = SqliteConnection::connect(database.url()).await?;
            raw.execute("DROP TRIGGER audit_log_no_update; DROP TRIGGER audit_log_no_delete").await?;
            raw.execute(AssertSqlSafe(statement)).await?;
            raw.close().await?;
            let found = audit::verify(&db).await?.ok_or(statement)?;
            assert_eq!(found.seq, shows_at, "{statement}: {found:?}");
            Ok(())
        });
    }
}

easel_testing::on_both_engines! {
    async fn writers_take_turns_and_addresses_are_hashed(database: &Database) {
        let db = open(database).await?;
        let writers: Vec<_> = (0..6).map(|_| { let db = db.clone(); tokio::spawn(async move { record(&db, 10).await }) }).collect();
        for writer in writers {
            writer.await??;
        }
        assert_eq!(audit::verify(&db).await?, None);
        assert_eq!(audit::head(&db).await?.0, 60);
        let records = audit::list(&db, 0, 100).await?;
        let hashes: std::collections::BTreeSet<_> = records.iter().filter_map(|record| record.ip_hash.clone()).collect();
        assert_eq!(hashes.len(), 1, "the same address of the same person looks the same");
        assert!(!hashes.iter().any(|hash| hash.contains("192")));
        let named = |records: &[audit::Record]| records.iter().filter(|record| record.user_agent.as_deref() == Some("Firefox")).count();
        assert_eq!(named(&records), 30, "those that said what they are");
        let mut tx = db.begin().await?;
        assert!(audit::destroy_salt(&mut tx, "u").await?);
        tx.commit().await?;
        assert_eq!(audit::verify(&db).await?, None, "the chain holds without the salts");
        let records = audit::recent(&db, i64::MAX, 100).await?;
        let hashed = records.iter().filter(|record| record.agent_hash.is_some()).count();
        assert_eq!((records.len(), hashed, named(&records)), (60, 30, 0), "what they said is forgotten");
    }
}
