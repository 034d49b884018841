//! No table is forgotten when somebody is: every table of the schema is looked at in which something of a person can be, and each must say where
//! it is exported and what erasure leaves of it. A new table fails this until it is said here, and made true by the stories of `privacy.rs`.
//! (That every table is in a copy is asked in `easel-store`, `backup/tables.rs`.)

use std::collections::{BTreeMap, BTreeSet};

use crate::common::World;
use easel_testing::{Database, Engine, on_both_engines};

/// What becomes of a person's rows, and where the export has them.
struct Covered {
    table: &'static str,
    /// The columns that name a person.
    by: &'static [&'static str],
    /// The field of the exported document; empty for what is of no use or not about them alone.
    exported: &'static str,
    erased: Erased,
}

#[derive(Clone, Copy, PartialEq)]
enum Erased {
    /// The rows go.
    Gone,
    /// The rows stay under an id that says nothing, with numbers and decisions alone.
    Numbers,
}

use Erased::{Gone, Numbers};

const COVERED: &[Covered] = &[
    Covered { table: "users", by: &["id"], exported: "user", erased: Gone },
    Covered { table: "sessions", by: &["user_id"], exported: "sessions", erased: Gone },
    Covered { table: "mail_tokens", by: &["user_id"], exported: "", erased: Gone },
    Covered { table: "api_keys", by: &["user_id"], exported: "api_keys", erased: Gone },
    Covered { table: "mails", by: &["user_id"], exported: "", erased: Gone },
    Covered { table: "accounts", by: &["user_id"], exported: "balance", erased: Numbers },
    Covered { table: "jobs", by: &["user_id"], exported: "jobs", erased: Numbers },
    Covered { table: "outbox", by: &["user_id"], exported: "", erased: Numbers },
    Covered { table: "usage_daily", by: &["user_id"], exported: "usage", erased: Numbers },
    Covered { table: "images", by: &["user_id"], exported: "images", erased: Numbers },
    Covered { table: "albums", by: &["user_id"], exported: "albums", erased: Gone },
    Covered { table: "audit_log", by: &["actor_id"], exported: "", erased: Numbers },
    Covered { table: "audit_salts", by: &["user_id"], exported: "", erased: Gone },
    Covered { table: "audit_agents", by: &["user_id"], exported: "", erased: Gone },
    Covered { table: "erasures", by: &["user_id"], exported: "", erased: Numbers },
    Covered { table: "image_likes", by: &["user_id"], exported: "likes", erased: Gone },
    Covered { table: "image_comments", by: &["user_id"], exported: "comments", erased: Gone },
    Covered { table: "user_follows", by: &["follower_id", "followed_id"], exported: "following", erased: Gone },
    Covered { table: "image_shares", by: &["user_id"], exported: "links", erased: Gone },
    Covered { table: "moderation_cases", by: &["owner_id"], exported: "moderation", erased: Numbers },
    Covered { table: "reports", by: &["reporter_id"], exported: "reports", erased: Gone },
    Covered { table: "moderation_events", by: &["user_id"], exported: "findings", erased: Numbers },
    Covered { table: "uploads", by: &["user_id"], exported: "uploads", erased: Gone },
    Covered { table: "purchases", by: &["user_id"], exported: "purchases", erased: Numbers },
    Covered { table: "exports", by: &["user_id"], exported: "", erased: Gone },
    Covered { table: "awaited_uploads", by: &["user_id"], exported: "awaited_uploads", erased: Gone },
    Covered { table: "webhook_endpoints", by: &["user_id"], exported: "webhooks", erased: Gone },
    Covered { table: "api_configs", by: &["user_id"], exported: "api_configs", erased: Gone },
    Covered { table: "consents", by: &["user_id"], exported: "consents", erased: Gone },
    Covered { table: "client_settings", by: &["user_id"], exported: "client_settings", erased: Gone },
    Covered { table: "user_limits", by: &["user_id"], exported: "limits", erased: Gone },
    Covered { table: "provider_consents", by: &["user_id"], exported: "external", erased: Gone },
    Covered { table: "user_identities", by: &["user_id"], exported: "identities", erased: Gone },
    Covered { table: "sign_ins", by: &["user_id"], exported: "", erased: Gone },
    Covered { table: "forgotten_prompts", by: &["user_id"], exported: "", erased: Gone },
    Covered { table: "plan_changes", by: &["user_id"], exported: "", erased: Gone },
    Covered { table: "subscriptions", by: &["user_id"], exported: "subscriptions", erased: Gone },
];

/// Tables in which nobody is named: by what they belong to they go, or stay as numbers.
const NOBODYS: &[(&str, &str)] = &[
    ("session_tokens", "goes with its session"),
    ("login_failures", "a hash that is swept after a day"),
    ("transfers", "the ledger"),
    ("entries", "the ledger"),
    ("grants", "the ledger"),
    ("hold_parts", "the ledger"),
    ("idempotency_keys", "deleted by principal"),
    ("image_tags", "goes with its picture"),
    ("album_images", "goes with its album"),
    ("webhook_deliveries", "go with their endpoint"),
    ("provider_attempts", "go on with their job, as numbers: what came of them is forgotten with its end"),
    ("provider_answers", "forgotten when their attempt is settled"),
    ("provider_spend", "the operator's"),
    ("provider_switches", "the operator's"),
    ("secrets", "the server's own"),
    ("system_config", "the operator's"),
    ("nodes", "the server's own processes"),
    ("organizations", "what groups are called, which is the server's"),
    ("payment_comparisons", "counts and ids of orders, swept after months"),
    ("payment_events", "names of events and hashes, swept after months"),
    ("audit_head", "the end of the chain"),
];

/// Columns by which rows name a person who is not theirs: a moderator, an actor.
const BY_OFFICE: &[(&str, &str)] =
    &[("moderation_cases", "decided_by"), ("moderation_events", "reviewer_id"), ("transfers", "actor"), ("mails", "recipient")];

/// Every table and its columns, and the foreign keys to `users`.
async fn schema(database: &Database) -> Result<BTreeMap<String, BTreeSet<String>>, sqlx::Error> {
    use sqlx::Connection;
    let rows: Vec<(String, String)> = match database.engine() {
        Engine::Sqlite => {
            let mut on = sqlx::SqliteConnection::connect(database.url()).await?;
            sqlx::query_as("SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'")
                .fetch_all(&mut on)
                .await?
        }
        Engine::Postgres => {
            let mut on = sqlx::PgConnection::connect(database.url()).await?;
            let text = "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema()";
            sqlx::query_as(text).fetch_all(&mut on).await?
        }
    };
    let mut tables: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // The databases' own, and SQLite's search index, which is made of `images` and empties with it (`privacy.rs` looks into the file).
    let ours = |table: &str| !["_sqlx", "sqlite_", "image_text", "image_docs"].iter().any(|start| table.starts_with(start));
    for (table, column) in rows.into_iter().filter(|(table, _)| ours(table)) {
        tables.entry(table).or_default().insert(column);
    }
    Ok(tables)
}

fn names_a_person(column: &str) -> bool {
    [
        "user_id",
        "owner_id",
        "reporter_id",
        "follower_id",
        "followed_id",
        "actor_id",
        "reviewer_id",
        "decided_by",
        "actor",
        "principal",
        "email",
        "recipient",
    ]
    .contains(&column)
}

on_both_engines! {
    async fn every_table_with_a_person_in_it_is_exported_and_erased(database: &Database) {
        let world = World::open(database).await?;
        let tables = schema(database).await?;
        let said: BTreeSet<&str> = COVERED.iter().map(|covered| covered.table).chain(NOBODYS.iter().map(|(table, _)| *table)).collect();
        assert_eq!(tables.keys().map(String::as_str).collect::<BTreeSet<_>>(), said, "a table is not said here, or is gone");
        for (table, columns) in &tables {
            let covered = COVERED.iter().find(|covered| covered.table == table);
            for column in columns.iter().filter(|column| names_a_person(column)) {
                let known = covered.is_some_and(|covered| covered.by.contains(&column.as_str()))
                    || BY_OFFICE.contains(&(table, column))
                    || matches!((table.as_str(), column.as_str()), ("users" | "mail_tokens" | "user_identities", "email") | ("idempotency_keys", "principal"));
                assert!(known, "{table}.{column} names a person and nothing is said of it");
            }
        }
        // What is said is so: the document has the field, and the rows are gone or not.
        let user = crate::privacy::settled(&world).await?;
        let document = world.privacy.document(&user.id).await?;
        let mut before = BTreeMap::new();
        for covered in COVERED {
            let rows = count(database, covered, &user.id).await?;
            before.insert(covered.table, rows);
            if !covered.exported.is_empty() {
                let field = &document[covered.exported];
                let something = field.as_array().map_or(field.is_object(), |rows| !rows.is_empty());
                assert!(something, "{} is not exported: {field}", covered.table);
            }
        }
        before.remove("erasures");
        assert!(before.values().all(|&rows| rows > 0), "somebody who has left traces everywhere: {before:?}");
        let privacy = world.privacy.clone().with_regret(std::time::Duration::ZERO);
        privacy.request_erasure(&easel_platform::accounts::Actor::user(&user), &user.id).await?;
        assert_eq!(privacy.erase_due().await?, 1);
        for covered in COVERED.iter().filter(|covered| covered.erased == Gone) {
            assert_eq!(count(database, covered, &user.id).await?, 0, "{} still has rows", covered.table);
        }
        for covered in COVERED.iter().filter(|covered| covered.erased == Numbers && covered.table != "erasures") {
            assert_eq!(count(database, covered, &user.id).await?, before[covered.table] + extra(covered.table), "{}", covered.table);
        }
        world.deliver_events().await?;
        world.assert_clean().await?;
    }
}

/// Rows that erasing itself adds.
fn extra(table: &str) -> i64 {
    // The request to be forgotten is recorded; a job that waited was cancelled, which is told.
    i64::from(matches!(table, "audit_log" | "outbox"))
}

async fn count(database: &Database, covered: &Covered, user_id: &str) -> Result<i64, sqlx::Error> {
    use sqlx::{AssertSqlSafe, Connection};
    let by: Vec<String> = covered.by.iter().map(|column| format!("{column} = '{user_id}'")).collect();
    let text = AssertSqlSafe(format!("SELECT COUNT(*) FROM {} WHERE {}", covered.table, by.join(" OR ")));
    let (count,): (i64,) = match database.engine() {
        Engine::Sqlite => sqlx::query_as(text).fetch_one(&mut sqlx::SqliteConnection::connect(database.url()).await?).await?,
        Engine::Postgres => sqlx::query_as(text).fetch_one(&mut sqlx::PgConnection::connect(database.url()).await?).await?,
    };
    Ok(count)
}
