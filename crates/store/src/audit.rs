//! The record of what was done: append-only, and each row's hash covers the one before it.
//!
//! The one row of `audit_head` makes writers take turns and says where the chain ends, so that a changed, removed, moved or cut-off row
//! shows ([`verify`]). Whoever can rewrite the whole table can also rewrite the head: it is worth keeping [`head`] somewhere else now and then.
//! Addresses are hashed with a salt per person; destroying the salt ([`destroy_salt`], [`sweep_salts`]) destroys them without breaking the chain.
//! So is what programs call themselves, whose text is kept beside the record for as long as the salt.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{Db, Moment, StoreError, Timestamp, Tx, query::query};

/// Characters of what a program calls itself.
const AGENT_MAX: usize = 200;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Record {
    /// 1, 2, …
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// `user`, `api_key`, `operator`, `system`.
    pub actor_kind: String,
    /// Who.
    pub actor_id: Option<String>,
    /// `user.login`, `credits.adjust`, …
    pub action: String,
    /// What it was done to.
    pub target_kind: Option<String>,
    /// Which one.
    pub target_id: Option<String>,
    /// A salted hash of where it came from.
    pub ip_hash: Option<String>,
    /// A salted hash of what the program called itself.
    pub agent_hash: Option<String>,
    /// What it called itself, until that is forgotten.
    pub user_agent: Option<String>,
    /// The request's id.
    pub request_id: Option<String>,
    /// JSON without secrets and without personal data.
    pub detail: String,
    /// The hash of the row before.
    pub prev_hash: String,
    /// The hash of this row.
    pub hash: String,
}

/// What to record.
#[derive(Debug, Clone, Copy)]
pub struct NewRecord<'a> {
    /// `user`, `api_key`, `operator`, `system`.
    pub actor_kind: &'a str,
    /// Who.
    pub actor_id: Option<&'a str>,
    /// `user.login`, `credits.adjust`, …
    pub action: &'a str,
    /// What it was done to: kind and id.
    pub target: Option<(&'a str, &'a str)>,
    /// Where it came from; kept as a salted hash.
    pub ip: Option<&'a str>,
    /// What the program calls itself; kept as a salted hash, and as a [plain text](plain_agent) beside the record.
    pub user_agent: Option<&'a str>,
    /// The request's id.
    pub request_id: Option<&'a str>,
    /// JSON without secrets and without personal data.
    pub detail: &'a str,
}

/// What is wrong with the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The row at which it shows.
    pub seq: i64,
    /// What shows.
    pub what: &'static str,
}

/// What is kept of what a program calls itself: 200 characters at most, none of which controls anything.
pub fn plain_agent(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect()
}

/// Adds a row at the end of the chain. Other transactions that record wait until this one ends, so it is best done last.
pub async fn append(tx: &mut Tx, at: &Moment<'_>, new: NewRecord<'_>) -> Result<(), StoreError> {
    let ip_hash = match (new.ip, new.actor_id) {
        (Some(ip), Some(actor)) => Some(salted(tx, at, actor, ip).await?),
        _ => None,
    };
    let user_agent = new.user_agent.map(plain_agent).filter(|text| !text.trim().is_empty());
    let agent_hash = match (&user_agent, new.actor_id) {
        (Some(text), Some(actor)) => Some(agent(tx, at, actor, text).await?),
        _ => None,
    };
    let text = "UPDATE audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash";
    let (seq, prev_hash): (i64, String) = query(&mut *tx, text).one().await?;
    let mut record = Record {
        seq,
        at: at.now,
        actor_kind: new.actor_kind.to_owned(),
        actor_id: new.actor_id.map(str::to_owned),
        action: new.action.to_owned(),
        target_kind: new.target.map(|(kind, _)| kind.to_owned()),
        target_id: new.target.map(|(_, id)| id.to_owned()),
        ip_hash,
        agent_hash,
        user_agent,
        request_id: new.request_id.map(str::to_owned),
        detail: new.detail.to_owned(),
        prev_hash,
        hash: String::new(),
    };
    record.hash = hash_of(&record);
    let text = "INSERT INTO audit_log (seq, at, actor_kind, actor_id, action, target_kind, target_id, ip_hash, agent_hash, request_id, \
                detail, prev_hash, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    query(&mut *tx, text)
        .bind(record.seq)
        .bind(record.at)
        .bind(&record.actor_kind)
        .bind(record.actor_id.as_deref())
        .bind(&record.action)
        .bind(record.target_kind.as_deref())
        .bind(record.target_id.as_deref())
        .bind(record.ip_hash.as_deref())
        .bind(record.agent_hash.as_deref())
        .bind(record.request_id.as_deref())
        .bind(&record.detail)
        .bind(&record.prev_hash)
        .bind(&record.hash)
        .run()
        .await?;
    query(tx, "UPDATE audit_head SET hash = $1 WHERE id = 1").bind(&record.hash).run().await?;
    Ok(())
}

/// Where the chain ends: its length and last hash.
pub async fn head(db: &Db) -> Result<(i64, String), StoreError> {
    query(db, "SELECT seq, hash FROM audit_head WHERE id = 1").one().await
}

/// Rows after this one, in order.
pub async fn list(db: &Db, after: i64, limit: i64) -> Result<Vec<Record>, StoreError> {
    let text = "SELECT seq, at, actor_kind, actor_id, action, target_kind, target_id, ip_hash, agent_hash, user_agent, request_id, detail, \
                prev_hash, hash FROM audit_log LEFT JOIN audit_agents ON digest = agent_hash WHERE seq > $1 ORDER BY seq LIMIT $2";
    query(db, text).bind(after).bind(limit).all().await
}

/// Rows before this one, newest first.
pub async fn recent(db: &Db, before: i64, limit: i64) -> Result<Vec<Record>, StoreError> {
    let text = "SELECT seq, at, actor_kind, actor_id, action, target_kind, target_id, ip_hash, agent_hash, user_agent, request_id, detail, \
                prev_hash, hash FROM audit_log LEFT JOIN audit_agents ON digest = agent_hash WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
    query(db, text).bind(before).bind(limit).all().await
}

/// Walks the whole chain; the first thing that is wrong with it.
pub async fn verify(db: &Db) -> Result<Option<Broken>, StoreError> {
    const PAGE: i64 = 1000;
    // The end is read first: rows that are added meanwhile are not looked at.
    let (length, last) = head(db).await?;
    let (mut seq, mut hash) = (0, "0".repeat(64));
    while seq < length {
        let page = list(db, seq, PAGE.min(length - seq)).await?;
        if page.is_empty() {
            return Ok(Some(Broken { seq: seq + 1, what: "rows are missing at the end" }));
        }
        for record in page {
            seq += 1;
            let what = if record.seq != seq {
                "a row is missing"
            } else if record.prev_hash != hash {
                "a row does not follow the one before it"
            } else if record.hash != hash_of(&record) {
                "a row was changed"
            } else {
                hash = record.hash;
                continue;
            };
            return Ok(Some(Broken { seq, what }));
        }
    }
    Ok((hash != last).then_some(Broken { seq, what: "the chain does not end as it should" }))
}

/// Destroys what a person's hashes can be checked with, and what their programs called themselves.
pub async fn destroy_salt(tx: &mut Tx, user_id: &str) -> Result<bool, StoreError> {
    query(&mut *tx, "DELETE FROM audit_agents WHERE user_id = $1").bind(user_id).run().await?;
    query(tx, "DELETE FROM audit_salts WHERE user_id = $1").bind(user_id).changed().await
}

/// Destroys all that were made before: addresses of then can be checked no longer, and the next record of each person begins with a new salt.
pub async fn sweep_salts(tx: &mut Tx, before: Timestamp) -> Result<u64, StoreError> {
    // Also what was added by somebody who had found a salt that was destroyed meanwhile.
    let text = "DELETE FROM audit_agents WHERE NOT EXISTS \
                (SELECT 1 FROM audit_salts WHERE audit_salts.user_id = audit_agents.user_id AND made_at >= $1)";
    query(&mut *tx, text).bind(before).run().await?;
    query(tx, "DELETE FROM audit_salts WHERE made_at < $1").bind(before).run().await
}

async fn salted(tx: &mut Tx, at: &Moment<'_>, user_id: &str, text: &str) -> Result<String, StoreError> {
    const FIND: &str = "SELECT salt FROM audit_salts WHERE user_id = $1";
    // Looked for first: one that was found is good even if it is swept now, and a new one is not swept.
    let found: Option<(String,)> = query(&mut *tx, FIND).bind(user_id).optional().await?;
    let salt = match found {
        Some((salt,)) => salt,
        None => {
            let making = "INSERT INTO audit_salts (user_id, salt, made_at) VALUES ($1, $2, $3) ON CONFLICT (user_id) DO NOTHING";
            // Two names hold 148 random bits.
            let salt = format!("{}{}", at.id(), at.id());
            query(&mut *tx, making).bind(user_id).bind(salt).bind(at.now).run().await?;
            query(tx, FIND).bind(user_id).value().await?
        }
    };
    Ok(hex(&Sha256::new().chain_update(salt).chain_update([0]).chain_update(text).finalize()))
}

/// Keeps what a program calls itself where it can be forgotten; its hash.
async fn agent(tx: &mut Tx, at: &Moment<'_>, user_id: &str, user_agent: &str) -> Result<String, StoreError> {
    let digest = salted(tx, at, user_id, user_agent).await?;
    let text = "INSERT INTO audit_agents (digest, user_id, user_agent) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING";
    query(tx, text).bind(&digest).bind(user_id).bind(user_agent).run().await?;
    Ok(digest)
}

/// Every field with its length, so that no two rows look alike to the hash.
fn hash_of(record: &Record) -> String {
    let mut hasher = Sha256::new();
    let mut field = |bytes: Option<&[u8]>| match bytes {
        Some(bytes) => {
            hasher.update([1]);
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        }
        None => hasher.update([0]),
    };
    field(Some(record.prev_hash.as_bytes()));
    field(Some(&record.seq.to_le_bytes()));
    field(Some(&record.at.0.to_le_bytes()));
    field(Some(record.actor_kind.as_bytes()));
    field(record.actor_id.as_deref().map(str::as_bytes));
    field(Some(record.action.as_bytes()));
    field(record.target_kind.as_deref().map(str::as_bytes));
    field(record.target_id.as_deref().map(str::as_bytes));
    field(record.ip_hash.as_deref().map(str::as_bytes));
    field(record.request_id.as_deref().map(str::as_bytes));
    field(Some(record.detail.as_bytes()));
    // Rows from before there was one, and those without, are hashed as they always were.
    if let Some(agent_hash) = &record.agent_hash {
        field(Some(agent_hash.as_bytes()));
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail. This is a bug.");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(agent_hash: Option<&str>) -> Record {
        Record {
            seq: 7,
            at: Timestamp(1_800_000_000_000_000),
            actor_kind: "user".to_owned(),
            actor_id: Some("u".to_owned()),
            action: "test".to_owned(),
            target_kind: None,
            target_id: None,
            ip_hash: Some("aa".to_owned()),
            agent_hash: agent_hash.map(str::to_owned),
            user_agent: None,
            request_id: None,
            detail: "{}".to_owned(),
            prev_hash: "0".repeat(64),
            hash: String::new(),
        }
    }

    #[test]
    fn rows_of_earlier_versions_have_the_hash_they_had() {
        let before = "e8ae107f49a3508394db599cf35de1ebb3749230e6cce840a5adfb3010c1947d";
        assert_eq!(hash_of(&record(None)), before);
        assert_ne!(hash_of(&record(Some("aa"))), before);
        assert_ne!(hash_of(&record(Some("aa"))), hash_of(&record(Some("ab"))));
    }

    #[test]
    fn of_what_a_program_calls_itself_nothing_controls_anything() {
        assert_eq!(plain_agent("Fire\u{1b}[31mfox\n"), "Fire[31mfox");
        assert_eq!(plain_agent(&"é".repeat(500)).chars().count(), AGENT_MAX);
    }
}
