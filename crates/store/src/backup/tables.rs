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
    organizations by "id" { id Text, slug Text, name Text, created_at Integer }
    users by "id" { id Text, email Text, username Text, password_hash Text, full_name Text, avatar_key Text, locale Text, role Text, plan Text,
        plan_ends_at Integer, is_active Boolean, is_verified Boolean, auth_epoch Integer, created_at Integer, updated_at Integer,
        deleted_at Integer, bio Text, follower_count Integer, following_count Integer, jobs_made Integer, organization_id Text }
    sessions by "id" { id Text, user_id Text, auth_epoch Integer, user_agent Text, ip Text, created_at Integer, last_used_at Integer,
        expires_at Integer, revoked_at Integer, revoked_reason Text }
    session_tokens by "hash" { hash Text, session_id Text, kind Text, created_at Integer, expires_at Integer, used_at Integer }
    mail_tokens by "hash" { hash Text, user_id Text, purpose Text, email Text, created_at Integer, expires_at Integer, used_at Integer }
    api_keys by "id" { id Text, user_id Text, name Text, prefix Text, hash Text, scopes Text, auth_epoch Integer, created_at Integer,
        expires_at Integer, last_used_at Integer, revoked_at Integer, jobs_monthly_max Integer, credits_monthly_max Integer }
    login_failures by "subject" { subject Text, failures Integer, first_at Integer, blocked_until Integer }
    mails by "id" { id Text, user_id Text, recipient Text, subject Text, body Text, created_at Integer, due_at Integer, attempts Integer,
        sent_at Integer, dead_at Integer, last_error Text }
    webhook_endpoints by "id" { id Text, user_id Text, url Text, description Text, topics Text, secret Text, previous_secret Text,
        previous_valid_until Integer, failing_since Integer, disabled_at Integer, disabled_reason Text, created_at Integer,
        updated_at Integer, callbacks Boolean }
    webhook_deliveries by "id" { id Text, endpoint_id Text, event_id Text, topic Text, subject_id Text, seq Integer, body Text,
        created_at Integer, begun_at Integer, due_at Integer, attempts Integer, delivered_at Integer, dead_at Integer, last_status Integer,
        last_error Text, url Text }
    user_identities by "id" { id Text, user_id Text, provider Text, issuer Text, subject Text, created_at Integer, last_used_at Integer,
        email Text, name Text, picture Text, picture_key Text }
    sign_ins by "state_hash" { state_hash Text, provider Text, browser_hash Text, sealed Text, user_id Text, return_to Text,
        created_at Integer, expires_at Integer }
    api_configs by "id" { id Text, user_id Text, name Text, provider Text, base_url Text, secret Text, key_hint Text, model Text,
        is_active Boolean, created_at Integer, updated_at Integer }
    consents by "user_id, document, version" { user_id Text, document Text, version Text, given_at Integer }
    client_settings by "user_id" { user_id Text, settings Text, updated_at Integer }
    user_limits by "user_id" { user_id Text, images_daily_max Integer, jobs_open_max Integer, storage_bytes_max Integer, updated_at Integer }
    provider_consents by "user_id" { user_id Text, allow_external Boolean, providers Text, regions Text, updated_at Integer }
    secrets by "name" { name Text, value Text, updated_at Integer }
    system_config by "key" { key Text, value Text, description Text, updated_at Integer }
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
        provider_task_id Text, leaves_at Integer, away Text, images_free Integer, api_key_id Text, callback_url Text, mail_at_end Boolean, error_code Text,
        error_message Text, created_at Integer, started_at Integer, finished_at Integer, updated_at Integer, task_no Integer, parent_id Text, batch_key Text,
        estimated_completion_at Integer, organization_id Text }
    forgotten_prompts by "user_id, digest" { user_id Text, digest Text, forgotten_at Integer }
    provider_attempts by "attempt_key" { attempt_key Text, job_id Text, provider Text, part Integer, terms Text, step Text, task_id Text,
        kept Text, reserved Integer, day Integer, month Integer, spent Integer, created_at Integer, updated_at Integer }
    provider_answers by "attempt_key" { attempt_key Text, answer Text, created_at Integer }
    provider_spend by "provider, period, number" { provider Text, period Text, number Integer, spent Integer, reserved Integer }
    provider_switches by "provider" { provider Text, is_open Boolean, changed_at Integer }
    idempotency_keys by "principal, idem_key" { principal Text, idem_key Text, request_hash Text, result_id Text, created_at Integer,
        expires_at Integer }
    outbox by "id" { id Text, topic Text, subject_id Text, seq Integer, user_id Text, payload Text, created_at Integer, due_at Integer,
        attempts Integer, delivered_at Integer, dead_at Integer, last_error Text }
    usage_daily by "user_id, day" { user_id Text, day Integer, jobs Integer, images Integer, credits Integer, bytes Integer, gpu_ms Integer,
        provider_cost_micros Integer }
    images by "id" { id Text, job_id Text, job_index Integer, user_id Text, storage_key Text, thumbnail_key Text, sha256 Text, bytes Integer,
        width Integer, height Integer, format Text, model Text, prompt Text, title Text, blurhash Text, parameters Text, is_public Boolean,
        is_favourite Boolean, created_at Integer, deleted_at Integer, purged_at Integer, purge_at Integer, sampler Text, mode Text,
        published_at Integer, shows_prompt Boolean, hidden_at Integer, hidden_reason Text, like_count Integer, comment_count Integer,
        view_count Integer, trend Integer, organization_id Text, generation_ms Integer, cost Integer }
    image_tags by "image_id, tag" { image_id Text, tag Text }
    albums by "id" { id Text, user_id Text, title Text, created_at Integer, position Integer, cover_image_id Text, updated_at Integer }
    album_images by "album_id, image_id" { album_id Text, image_id Text, added_at Integer, position Integer }
    uploads by "id" { id Text, user_id Text, storage_key Text, sha256 Text, bytes Integer, width Integer, height Integer, format Text,
        created_at Integer }
    image_likes by "image_id, user_id" { image_id Text, user_id Text, created_at Integer }
    image_comments by "id" { id Text, image_id Text, user_id Text, body Text, created_at Integer, hidden_at Integer, hidden_reason Text }
    user_follows by "follower_id, followed_id" { follower_id Text, followed_id Text, created_at Integer }
    image_shares by "id" { id Text, image_id Text, user_id Text, hash Text, shows_prompt Boolean, created_at Integer, expires_at Integer,
        revoked_at Integer, view_count Integer }
    moderation_cases by "id" { id Text, target_kind Text, target_id Text, owner_id Text, state Text, category Text, report_count Integer,
        queue_order Integer, decision Text, reason Text, decided_by Text, appeal Text, appealed_at Integer, overturned Boolean,
        opened_at Integer, decided_at Integer, closed_at Integer }
    reports by "id" { id Text, case_id Text, reporter_id Text, category Text, note Text, created_at Integer }
    moderation_events by "id" { id Text, at Integer, user_id Text, case_id Text, job_id Text, stage Text, category Text, decision Text,
        reviewer_id Text, strikes Integer, lifted_at Integer }
    purchases by "id" { id Text, user_id Text, kind Text, product Text, paid_for Text, credits Integer, amount_cents Integer, currency Text,
        provider Text, provider_ref Text, provider_customer Text, state Text, created_at Integer, updated_at Integer, paid_at Integer,
        gave_nothing Boolean }
    payment_events by "provider, event_id" { provider Text, event_id Text, kind Text, body_hash Text, processed_at Integer }
    nodes by "id" { id Text, address Text, role Text, version Text, devices Text, started_at Integer, heartbeat_at Integer }
    payment_comparisons by "provider, day" { provider Text, day Integer, compared_at Integer, unknown_here_count Integer,
        unknown_there_count Integer, unknown_here Text, unknown_there Text }
    awaited_uploads by "id" { id Text, user_id Text, storage_key Text, bytes Integer, created_at Integer, expires_at Integer }
    subscriptions by "id" { id Text, user_id Text, plan Text, next_plan Text, state Text, provider Text, provider_ref Text,
        period_starts_at Integer, period_ends_at Integer, cancel_at_period_end Boolean, created_at Integer, updated_at Integer }
    plan_changes by "subscription_id" { subscription_id Text, id Text, user_id Text, plan Text, paid_for Text, amount_cents Integer,
        created_at Integer, due_at Integer }
    audit_log by "seq" { seq Integer, at Integer, actor_kind Text, actor_id Text, action Text, target_kind Text, target_id Text, ip_hash Text,
        agent_hash Text, request_id Text, detail Text, prev_hash Text, hash Text }
    audit_head by "id" { id Integer, seq Integer, hash Text }
    audit_salts by "user_id" { user_id Text, salt Text, made_at Integer }
    audit_agents by "digest" { digest Text, user_id Text, user_agent Text }
    erasures by "user_id" { user_id Text, requested_at Integer, due_at Integer, finished_at Integer }
    exports by "id" { id Text, user_id Text, state Text, attempts Integer, due_at Integer, storage_key Text, bytes Integer,
        created_at Integer, started_at Integer, finished_at Integer, expires_at Integer }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use easel_testing::on_both_engines;

    use super::*;
    use crate::{Db, Settings, query::query, sql::sql};

    /// Neither the databases' own tables nor the search index of SQLite, which is made of others and made anew when they are filled.
    fn is_ours(table: &str) -> bool {
        !["_sqlx", "sqlite_", "image_text", "image_docs"].iter().any(|start| table.starts_with(start))
    }

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
            for (table, column, kind) in rows.into_iter().filter(|(table, ..)| is_ours(table)) {
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
