//! Every table, in an order in which no row refers to one that comes later, with its columns.
//!
//! A test compares this with both databases, so that a table or a column that is added and not copied is noticed.

/// How a column is read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Integer,
    Boolean,
}

use Kind::{Boolean, Integer, Text};

pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [(&'static str, Kind)],
    pub(super) select: &'static str,
    pub(super) insert: &'static str,
}

/// A table and its two statements, from one list of columns. The key orders the pages a table is read in.
macro_rules! tables {
    ($($name:ident by $key:literal { $($column:ident $kind:ident),+ })+) => {
        pub(super) const TABLES: &[Table] = &[$(Table {
            name: stringify!($name),
            columns: &[$((stringify!($column), $kind)),+],
            select: concat!("SELECT ", tables!(@list $($column)+), " FROM ", stringify!($name), " ORDER BY ", $key),
            insert: concat!("INSERT INTO ", stringify!($name), " (", tables!(@list $($column)+), ") VALUES "),
        }),+];
    };
    (@list $first:ident $($rest:ident)*) => { concat!(stringify!($first) $(, ", ", stringify!($rest))*) };
}

tables! {
    users by "id" { id Text, email Text, username Text, password_hash Text, full_name Text, avatar_key Text, locale Text, role Text, plan Text,
        plan_ends_at Integer, is_active Boolean, is_verified Boolean, auth_epoch Integer, created_at Integer, updated_at Integer,
        deleted_at Integer }
    sessions by "id" { id Text, user_id Text, auth_epoch Integer, user_agent Text, ip Text, created_at Integer, last_used_at Integer,
        expires_at Integer, revoked_at Integer, revoked_reason Text }
    session_tokens by "hash" { hash Text, session_id Text, kind Text, created_at Integer, expires_at Integer, used_at Integer }
    mail_tokens by "hash" { hash Text, user_id Text, purpose Text, email Text, created_at Integer, expires_at Integer, used_at Integer }
    api_keys by "id" { id Text, user_id Text, name Text, prefix Text, hash Text, scopes Text, auth_epoch Integer, created_at Integer,
        expires_at Integer, last_used_at Integer, revoked_at Integer }
    login_failures by "subject" { subject Text, failures Integer, first_at Integer, blocked_until Integer }
    mails by "id" { id Text, user_id Text, recipient Text, subject Text, body Text, created_at Integer, due_at Integer, attempts Integer,
        sent_at Integer, dead_at Integer, last_error Text }
    accounts by "id" { id Text, user_id Text, kind Text, posted Integer, pending Integer }
    // A hold before what resolves it.
    transfers by "CASE WHEN hold_id IS NULL THEN 0 ELSE 1 END, id" { id Text, kind Text, idem_key Text, account_id Text, amount Integer,
        posted_after Integer, hold_id Text, job_id Text, actor Text, reason Text, created_at Integer }
    entries by "transfer_id, account_id" { transfer_id Text, account_id Text, amount Integer }
    grants by "id" { id Text, account_id Text, source Text, amount Integer, remaining Integer, expires_at Integer, ends_order Integer }
    hold_parts by "hold_id, grant_id" { hold_id Text, grant_id Text, amount Integer }
    jobs by "id" { id Text, user_id Text, state Text, model Text, request Text, images_wanted Integer, images_delivered Integer,
        unit_price Integer, hold_id Text, priority Integer, queue_order Integer, not_before Integer, queue_ends_at Integer, attempt Integer,
        attempts_max Integer, lease_owner Text, lease_expires_at Integer, cancel_requested Boolean, progress Integer, provider Text,
        provider_task_id Text, error_code Text, error_message Text, created_at Integer, started_at Integer, finished_at Integer }
    idempotency_keys by "principal, idem_key" { principal Text, idem_key Text, request_hash Text, result_id Text, created_at Integer,
        expires_at Integer }
    outbox by "id" { id Text, topic Text, subject_id Text, seq Integer, user_id Text, payload Text, created_at Integer, due_at Integer,
        attempts Integer, delivered_at Integer, dead_at Integer, last_error Text }
    usage_daily by "user_id, day" { user_id Text, day Integer, jobs Integer, images Integer, credits Integer, bytes Integer, gpu_ms Integer }
    images by "id" { id Text, job_id Text, job_index Integer, user_id Text, storage_key Text, thumbnail_key Text, sha256 Text, bytes Integer,
        width Integer, height Integer, format Text, model Text, prompt Text, title Text, blurhash Text, parameters Text, is_public Boolean,
        is_favourite Boolean, created_at Integer, deleted_at Integer, purged_at Integer }
    image_tags by "image_id, tag" { image_id Text, tag Text }
    albums by "id" { id Text, user_id Text, title Text, created_at Integer }
    album_images by "album_id, image_id" { album_id Text, image_id Text, added_at Integer }
    uploads by "id" { id Text, user_id Text, storage_key Text, sha256 Text, bytes Integer, width Integer, height Integer, format Text,
        created_at Integer }
    audit_log by "seq" { seq Integer, at Integer, actor_kind Text, actor_id Text, action Text, target_kind Text, target_id Text, ip_hash Text,
        request_id Text, detail Text, prev_hash Text, hash Text }
    audit_head by "id" { id Integer, seq Integer, hash Text }
    audit_salts by "user_id" { user_id Text, salt Text }
    erasures by "user_id" { user_id Text, requested_at Integer, due_at Integer, finished_at Integer }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use easel_testing::on_both_engines;

    use super::*;
    use crate::{Db, Settings, query::query, sql::sql};

    on_both_engines! {
        async fn every_table_and_column_is_copied(database: &Database) {
            let db = Db::open(&Settings::new(database.url())).await?;
            db.migrate().await?;
            let text = sql![
                "SELECT ", sqlite "m.name, c.name, lower(c.type) FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'",
                postgres "table_name::text, column_name::text, data_type::text FROM information_schema.columns WHERE table_schema = current_schema()"
            ];
            let rows: Vec<(String, String, String)> = query(&db, text).all().await?;
            let mut found: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
            for (table, column, kind) in rows.into_iter().filter(|(table, ..)| !table.starts_with("_sqlx") && !table.starts_with("sqlite_")) {
                found.entry(table).or_default().insert((column, kind));
            }
            let listed: BTreeMap<String, BTreeSet<(String, String)>> = TABLES.iter().map(|table| {
                let kind = |kind| match kind { Text => "text", Integer => "bigint", Boolean => "boolean" };
                (table.name.to_owned(), table.columns.iter().map(|&(name, of)| (name.to_owned(), kind(of).to_owned())).collect())
            }).collect();
            assert_eq!(found, listed);
        }
    }
}
