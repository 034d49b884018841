//! A copy has everything in it, and a dump of one database fills the other.

use std::io::Cursor;

use crate::common::{NOON, at, open};
use easel_store::{
    Credits, Db, RandomIds, Settings, audit,
    backup::{self, BackupError},
    ledger,
    users::{self, Role, User},
};
use easel_testing::{Database, Engine, on_both_engines};

async fn fill(db: &Db) -> Result<(), Box<dyn std::error::Error>> {
    let ids = RandomIds::seeded(7);
    let now = at(NOON, &ids);
    let mut tx = db.begin().await?;
    let user = User {
        id: now.id(),
        email: "ada@example.org".to_owned(),
        username: "ada".to_owned(),
        password_hash: Some("$argon2id$x".to_owned()),
        full_name: Some("Ada \"L\" – ∞\n".to_owned()),
        avatar_key: None,
        locale: None,
        role: Role::Admin,
        plan: "free".to_owned(),
        plan_ends_at: None,
        is_active: true,
        is_verified: false,
        auth_epoch: 3,
        created_at: NOON,
        updated_at: NOON,
        deleted_at: None,
        organization_id: None,
    };
    users::insert(&mut tx, &user).await?;
    fn event(key: &str) -> ledger::Event<'_> {
        ledger::Event { key, job_id: None, actor: None, reason: "test" }
    }
    let new =
        ledger::NewGrant { user_id: &user.id, amount: Credits(9_007_199_254_740_993), source: "purchase", expires_at: None };
    ledger::grant(&mut tx, &now, new, event("g")).await?;
    let hold = ledger::NewHold { user_id: &user.id, account: ledger::AccountKind::Credits, amount: Credits(5) };
    for round in 0..700 {
        let (hold_key, capture_key) = (format!("h{round}"), format!("c{round}"));
        let held = ledger::hold(&mut tx, &now, hold, event(&hold_key)).await?;
        ledger::capture(&mut tx, &now, &held.transfer.id, Credits(2), event(&capture_key)).await?;
    }
    let record = audit::NewRecord {
        actor_kind: "user",
        actor_id: Some(&user.id),
        action: "test",
        target: None,
        ip: Some("192.0.2.1"),
        user_agent: Some("Firefox"),
        request_id: None,
        detail: "{}",
    };
    audit::append(&mut tx, &now, record).await?;
    tx.commit().await?;
    Ok(())
}

on_both_engines! {
    async fn a_dump_fills_either_database_with_the_same(database: &Database) {
        let db = open(database).await?;
        fill(&db).await?;
        let mut first = Vec::new();
        let copied = backup::dump(&db, &mut first).await?;
        assert!(copied.rows > 2000, "{copied:?}");
        for engine in [Engine::Sqlite, Engine::Postgres] {
            let other = Database::create(engine).await?;
            let into = open(&other).await?;
            assert_eq!(backup::restore(&into, &mut Cursor::new(&first)).await?, copied);
            assert_eq!(audit::verify(&into).await?, None);
            let mut second = Vec::new();
            backup::dump(&into, &mut second).await?;
            // Byte for byte, but for the collation that a server sorts texts by.
            let sorted = |dump: &[u8]| { let mut lines: Vec<_> = dump.split(|&b| b == b'\n').map(<[u8]>::to_vec).collect(); lines.pop(); lines.pop(); lines.sort(); lines };
            assert!(sorted(&first) == sorted(&second), "{engine}: another dump");
            let again = backup::restore(&into, &mut Cursor::new(&first)).await;
            assert!(matches!(again, Err(BackupError::NotEmpty)), "{again:?}");
            // What comes after goes on where the copy ends.
            fill_more(&into).await?;
            into.close().await;
        }
    }

    async fn a_dump_that_was_changed_or_cut_is_refused(database: &Database) {
        let db = open(database).await?;
        fill(&db).await?;
        let mut whole = Vec::new();
        backup::dump(&db, &mut whole).await?;
        let text = String::from_utf8(whole)?;
        let last = text.trim_end().rfind('\n').ok_or("lines")? + 1;
        let damaged = [
            ("cut off", text[..last].to_owned()),
            ("changed", text.replacen("ada@example.org", "eve@example.org", 1)),
            ("another program's", text.replacen("easel-dump-1", "other", 1)),
            ("another version", text.replacen("\"version\":", "\"version\":9", 1)),
            ("another column", text.replacen("password_hash", "password", 1)),
            ("empty", String::new()),
        ];
        let other = Database::create(Engine::Sqlite).await?;
        let into = open(&other).await?;
        for (what, dump) in damaged {
            let refused = backup::restore(&into, &mut Cursor::new(dump)).await;
            assert!(matches!(refused, Err(BackupError::Dump(_))), "{what}: {refused:?}");
        }
        assert!(users::by_email(&into, "ada@example.org").await?.is_none(), "nothing of them is left");
        backup::restore(&into, &mut Cursor::new(text)).await?;
    }
}

async fn fill_more(db: &Db) -> Result<(), Box<dyn std::error::Error>> {
    let ids = RandomIds::seeded(8);
    let record = audit::NewRecord {
        actor_kind: "system",
        actor_id: None,
        action: "later",
        target: None,
        ip: None,
        user_agent: None,
        request_id: None,
        detail: "{}",
    };
    let mut tx = db.begin().await?;
    audit::append(&mut tx, &at(NOON, &ids), record).await?;
    tx.commit().await?;
    assert_eq!(audit::verify(db).await?, None);
    Ok(())
}

#[test]
fn a_sqlite_file_is_copied_while_it_is_written_to() {
    easel_testing::run_story(Engine::Sqlite, async |database| {
        let db = open(database).await?;
        fill(&db).await?;
        let writing = db.begin().await?;
        let to = database.dir().join("copy.db");
        backup::copy_file(&db, &to).await?;
        drop(writing);
        assert!(matches!(backup::copy_file(&db, &to).await, Err(BackupError::InTheWay)));
        let copy = Db::open(&Settings::new(format!("sqlite:{}", to.display()))).await?;
        assert_eq!(copy.migrate().await?.applied, 0);
        let (mut one, mut two) = (Vec::new(), Vec::new());
        backup::dump(&db, &mut one).await?;
        backup::dump(&copy, &mut two).await?;
        assert!(one == two);
        Ok(())
    });
}

#[test]
fn a_server_is_not_copied_as_a_file() {
    easel_testing::run_story(Engine::Postgres, async |database| {
        let db = open(database).await?;
        let refused = backup::copy_file(&db, &database.dir().join("copy.db")).await;
        assert!(matches!(refused, Err(BackupError::NotAFile)), "{refused:?}");
        Ok(())
    });
}

#[test]
fn a_search_index_that_has_changed_is_not_taken_for_damage() {
    easel_testing::run_story(Engine::Sqlite, async |database| {
        let db = Db::open(&Settings { connections_max: 1, ..Settings::new(database.url()) }).await?;
        db.migrate().await?;
        let mut on = <sqlx::SqliteConnection as sqlx::Connection>::connect(database.url()).await?;
        for statement in [
            "INSERT INTO image_text (rowid, who, words) VALUES (1, 'a', 'red cat')",
            "INSERT INTO image_text (image_text, rowid, who, words) VALUES ('delete', 1, 'a', 'red cat')",
        ] {
            sqlx::query(statement).execute(&mut on).await?;
            assert_eq!(backup::damage(&db).await?, None, "{statement}");
        }
        Ok(())
    });
}
