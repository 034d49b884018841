//! People.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    Db, StoreError, Timestamp, Tx,
    query::{Query, query},
    sql::sql,
};

/// What somebody may do, from the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Their own things.
    User,
    /// Others' public pictures.
    Moderator,
    /// Others' accounts.
    Admin,
    /// Everything.
    Superuser,
}

impl Role {
    /// From the least.
    pub const ALL: &'static [Self] = &[Self::User, Self::Moderator, Self::Admin, Self::Superuser];

    /// As stored and written.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Superuser => "superuser",
        }
    }
}

impl FromStr for Role {
    type Err = StoreError;

    fn from_str(name: &str) -> Result<Self, StoreError> {
        let known = Self::ALL.iter().copied().find(|role| role.name() == name);
        known.ok_or_else(|| StoreError::Unknown(format!("role {}", name.chars().take(32).collect::<String>())))
    }
}

impl TryFrom<String> for Role {
    type Error = StoreError;

    fn try_from(name: String) -> Result<Self, StoreError> {
        name.parse()
    }
}

/// Somebody with an account.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct User {
    /// Their name here.
    pub id: String,
    /// In lower case.
    pub email: String,
    /// What others see.
    pub username: String,
    /// PHC string; `None` for people who come from an identity provider.
    #[serde(skip)]
    pub password_hash: Option<String>,
    /// As they write it.
    pub full_name: Option<String>,
    /// Their picture.
    pub avatar_key: Option<String>,
    /// `de`, `pt-BR`.
    pub locale: Option<String>,
    /// What they may do.
    #[sqlx(try_from = "String")]
    pub role: Role,
    /// Their plan's name.
    pub plan: String,
    /// When it falls back to the free one; `None` is never.
    pub plan_ends_at: Option<Timestamp>,
    /// May log in.
    pub is_active: bool,
    /// Their address is theirs.
    pub is_verified: bool,
    /// Sessions and keys carry the value they were made with and end when it is raised.
    pub auth_epoch: i64,
    /// When they came.
    pub created_at: Timestamp,
    /// When something here last changed.
    pub updated_at: Timestamp,
    /// When they asked to be forgotten.
    pub deleted_at: Option<Timestamp>,
    /// Their organisation; `None` is the default one.
    pub organization_id: Option<String>,
}

const COLUMNS: &str = "SELECT id, email, username, password_hash, full_name, avatar_key, locale, role, plan, plan_ends_at, is_active, is_verified, \
                       auth_epoch, created_at, updated_at, deleted_at, organization_id FROM users ";

/// Somebody new. The address and the name must not be taken ([`StoreError::exists_on`] tells which is).
pub async fn insert(tx: &mut Tx, user: &User) -> Result<(), StoreError> {
    let text = "INSERT INTO users (id, email, username, password_hash, full_name, avatar_key, locale, role, plan, plan_ends_at, is_active, \
                is_verified, auth_epoch, created_at, updated_at, deleted_at, organization_id) \
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    query(tx, text)
        .bind(&user.id)
        .bind(&user.email)
        .bind(&user.username)
        .bind(user.password_hash.as_deref())
        .bind(user.full_name.as_deref())
        .bind(user.avatar_key.as_deref())
        .bind(user.locale.as_deref())
        .bind(user.role.name())
        .bind(&user.plan)
        .bind(user.plan_ends_at)
        .bind(user.is_active)
        .bind(user.is_verified)
        .bind(user.auth_epoch)
        .bind(user.created_at)
        .bind(user.updated_at)
        .bind(user.deleted_at)
        .bind(user.organization_id.as_deref())
        .run()
        .await?;
    Ok(())
}

/// Somebody by id.
pub async fn by_id(db: &Db, id: &str) -> Result<Option<User>, StoreError> {
    query(db, COLUMNS).push("WHERE id = ").push_bind(id).optional().await
}

/// Somebody as this transaction sees them, not locked.
pub async fn by_id_in(tx: &mut Tx, id: &str) -> Result<Option<User>, StoreError> {
    query(tx, COLUMNS).push("WHERE id = ").push_bind(id).optional().await
}

/// Somebody by address, in lower case.
pub async fn by_email(db: &Db, email: &str) -> Result<Option<User>, StoreError> {
    query(db, COLUMNS).push("WHERE email = ").push_bind(email).optional().await
}

/// Somebody by what others see.
pub async fn by_username(db: &Db, username: &str) -> Result<Option<User>, StoreError> {
    query(db, COLUMNS).push("WHERE username = ").push_bind(username).optional().await
}

/// Somebody, locked until the transaction ends.
pub async fn lock(tx: &mut Tx, id: &str) -> Result<Option<User>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    query(tx, COLUMNS).push("WHERE id = ").push_bind(id).push(if locking { " FOR UPDATE" } else { "" }).optional().await
}

/// Somebody by address, in lower case, locked until the transaction ends.
pub async fn lock_by_email(tx: &mut Tx, email: &str) -> Result<Option<User>, StoreError> {
    let locking = tx.engine() == crate::Engine::Postgres;
    query(tx, COLUMNS).push("WHERE email = ").push_bind(email).push(if locking { " FOR UPDATE" } else { "" }).optional().await
}

/// Everybody, oldest first, after this id.
pub async fn list(db: &Db, after: Option<&str>, limit: i64) -> Result<Vec<User>, StoreError> {
    query(db, COLUMNS).push("WHERE id > ").push_bind(after.unwrap_or("")).push(" ORDER BY id LIMIT ").push_bind(limit).all().await
}

/// Those whose name or address begins so, oldest first, after this id.
pub async fn beginning(db: &Db, with: &str, after: Option<&str>, limit: i64) -> Result<Vec<User>, StoreError> {
    beginning_listing(db, with, after, limit).all().await
}

pub(crate) fn beginning_listing<'c>(db: &'c Db, with: &str, after: Option<&str>, limit: i64) -> Query<'c> {
    // By their bytes: in PostgreSQL's own collations what begins alike does not stand together.
    let [name, address] = match db.engine() {
        crate::Engine::Sqlite => ["username", "email"],
        crate::Engine::Postgres => ["username COLLATE \"C\"", "email COLLATE \"C\""],
    };
    let end = format!("{with}{}", char::MAX);
    let among = |listing: Query<'c>, column| {
        let begins = listing.push("SELECT id FROM users WHERE ").push(column).push(" >= ").push_bind(with);
        begins.push(" AND ").push(column).push(" < ").push_bind(end.as_str())
    };
    let named = among(query(db, COLUMNS).push("WHERE id IN ("), name);
    let found = among(named.push(" UNION "), address);
    found.push(") AND id > ").push_bind(after.unwrap_or("")).push(" ORDER BY id LIMIT ").push_bind(limit)
}

/// How many there are, those who asked to be forgotten not counted.
pub async fn count(db: &Db) -> Result<i64, StoreError> {
    query(db, "SELECT COUNT(*) FROM users WHERE deleted_at IS NULL").value().await
}

/// How many have used a session or an API key since.
pub async fn count_seen(db: &Db, since: Timestamp) -> Result<i64, StoreError> {
    let text = "SELECT COUNT(DISTINCT user_id) FROM (SELECT user_id FROM sessions WHERE last_used_at >= $1 \
                UNION ALL SELECT user_id FROM api_keys WHERE last_used_at >= $1) AS uses";
    query(db, text).bind(since).value().await
}

/// How many have at least this role and may log in.
pub async fn count_active(tx: &mut Tx, role: Role) -> Result<i64, StoreError> {
    let at_least = Role::ALL.iter().filter(|&&other| other >= role).map(|role| role.name());
    query(tx, "SELECT COUNT(*) FROM users WHERE is_active = TRUE AND role IN ").push_in(at_least).value().await
}

fn update<'c>(tx: &'c mut Tx, id: &str, now: Timestamp, text: &'static str) -> Query<'c> {
    query(tx, text).bind(id).bind(now)
}

/// A new password: every session and key ends.
pub async fn set_password(tx: &mut Tx, id: &str, now: Timestamp, hash: &str) -> Result<bool, StoreError> {
    let text = "UPDATE users SET updated_at = $2, password_hash = $3, auth_epoch = auth_epoch + 1 WHERE id = $1";
    update(tx, id, now, text).bind(hash).changed().await
}

/// The same password under better parameters, if it is still that one; nothing else changes.
pub async fn rehash(tx: &mut Tx, id: &str, old: &str, new: &str) -> Result<bool, StoreError> {
    query(tx, "UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2")
        .bind(id)
        .bind(old)
        .bind(new)
        .changed()
        .await
}

/// What others see of them, and their language. The name must not be taken.
pub async fn set_profile(
    tx: &mut Tx,
    id: &str,
    now: Timestamp,
    username: &str,
    full_name: Option<&str>,
    locale: Option<&str>,
) -> Result<bool, StoreError> {
    let text =
        "UPDATE users SET updated_at = $2, username = $3, full_name = $4, locale = $5 WHERE id = $1 AND deleted_at IS NULL";
    update(tx, id, now, text).bind(username).bind(full_name).bind(locale).changed().await
}

/// Their address is theirs, if it is still this one.
pub async fn set_verified(tx: &mut Tx, id: &str, now: Timestamp, email: &str) -> Result<bool, StoreError> {
    update(tx, id, now, "UPDATE users SET updated_at = $2, is_verified = TRUE WHERE id = $1 AND email = $3")
        .bind(email)
        .changed()
        .await
}

/// Another role: sessions and keys end, so that none keeps the old one.
pub async fn set_role(tx: &mut Tx, id: &str, now: Timestamp, role: Role) -> Result<bool, StoreError> {
    let text = "UPDATE users SET updated_at = $2, role = $3, auth_epoch = auth_epoch + 1 WHERE id = $1";
    update(tx, id, now, text).bind(role.name()).changed().await
}

/// May log in or not; sessions and keys end either way.
pub async fn set_active(tx: &mut Tx, id: &str, now: Timestamp, active: bool) -> Result<bool, StoreError> {
    let text = "UPDATE users SET updated_at = $2, is_active = $3, auth_epoch = auth_epoch + 1 WHERE id = $1";
    update(tx, id, now, text).bind(active).changed().await
}

/// Another plan.
pub async fn set_plan(tx: &mut Tx, id: &str, now: Timestamp, plan: &str, ends_at: Option<Timestamp>) -> Result<bool, StoreError> {
    let text = "UPDATE users SET updated_at = $2, plan = $3, plan_ends_at = $4 WHERE id = $1";
    update(tx, id, now, text).bind(plan).bind(ends_at).changed().await
}

/// People whose plan has ended, at most `limit`.
pub async fn with_ended_plan(db: &Db, now: Timestamp, limit: i64) -> Result<Vec<User>, StoreError> {
    query(db, COLUMNS).push("WHERE plan_ends_at <= ").push_bind(now).push(" ORDER BY id LIMIT ").push_bind(limit).all().await
}

/// Asked to be forgotten: cannot log in from now on.
pub async fn set_deleted(tx: &mut Tx, id: &str, now: Timestamp) -> Result<bool, StoreError> {
    let text = "UPDATE users SET updated_at = $2, deleted_at = $2, is_active = FALSE, auth_epoch = auth_epoch + 1 \
                WHERE id = $1 AND deleted_at IS NULL";
    update(tx, id, now, text).changed().await
}

/// Removes them. What belongs to them alone goes with the row; ledger, jobs and audit keep an id that says nothing.
pub async fn delete(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    query(tx, sql!["DELETE FROM users WHERE id = $1"]).bind(id).changed().await
}
