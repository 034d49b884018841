//! What Easel remembers: people, credits, jobs, pictures, and the record of what was done, in SQLite or PostgreSQL.
//!
//! One set of tables and of queries for both (`migrations/` at the top level; what differs is written with `sql!` where it differs). A file
//! for each noun, named after its table; functions that write take a [`Tx`], so that the caller says what belongs together, and a
//! [`Moment`], which is where time and new names come from: nothing here reads a clock or draws a random number by itself.
//!
//! The rules of the platform live in `easel-platform`; here are only those that no caller may break: the ledger stays balanced and
//! append-only (`ledger/`), only the holder of a lease writes to its job (`leases.rs`), an event is written with what it tells of
//! (`outbox.rs`), the audit chain has no gap (`audit.rs`).
//!
//! To add a table: `migrations/NNNN_<what>.sql`, `src/<noun>.rs`, one line below, and one in `backup/tables.rs`.

mod db;
mod error;
mod faults;
mod migrate;
mod moment;
#[cfg(test)]
mod plans;
mod query;
mod sql;

pub mod albums;
pub mod api_configs;
pub mod api_keys;
pub mod audit;
pub mod awaited_uploads;
pub mod backup;
pub mod check;
pub mod client_settings;
pub mod comments;
pub mod consents;
pub mod erasures;
pub mod exports;
pub mod follows;
pub mod forgotten_prompts;
pub mod gallery;
pub mod idempotency;
pub mod identities;
pub mod images;
pub mod jobs;
pub mod leases;
pub mod ledger;
pub mod likes;
pub mod login_failures;
pub mod mail_tokens;
pub mod mails;
pub mod moderation;
pub mod nodes;
pub mod notify;
pub mod organizations;
pub mod outbox;
pub mod payment_comparisons;
pub mod payment_events;
pub mod plan_changes;
pub mod profiles;
pub mod provider_answers;
pub mod provider_attempts;
pub mod provider_consents;
pub mod provider_spend;
pub mod provider_switches;
pub mod public;
pub mod purchases;
pub mod reports;
pub mod retired;
pub mod sealed;
pub mod search;
pub mod secrets;
pub mod sessions;
pub mod shares;
pub mod sign_ins;
pub mod strikes;
pub mod subscriptions;
pub mod system_config;
pub mod tags;
pub mod trash;
pub mod uploads;
pub mod usage;
pub mod user_limits;
pub mod users;
pub mod webhook_deliveries;
pub mod webhooks;

pub use db::{Db, Engine, Settings, Tx};
pub use error::StoreError;
pub use faults::{Faults, Point};
pub use migrate::Migrated;
pub use moment::{Credits, Ids, Moment, RandomIds, Timestamp};
