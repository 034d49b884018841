//! Organisations: groups of people who see one another, on a server that divides people. Who is in none is in the default one.

use serde::Serialize;

use crate::{
    Db, Moment, StoreError, Timestamp, Tx,
    query::{Query, query},
};

/// An organisation.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, Serialize)]
pub struct Organization {
    /// Its id.
    pub id: String,
    /// A short name for programs.
    pub slug: String,
    /// As people write it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Among whose things is looked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Among {
    /// Everybody's.
    #[default]
    Everybody,
    /// Those of one organisation; `None` is the default one.
    Organization(Option<String>),
}

impl Among {
    /// Whether what belongs to this organisation is among it.
    pub fn has(&self, organization_id: Option<&str>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Organization(id) => id.as_deref() == organization_id,
        }
    }

    /// Adds the condition to a list that has an index by organisation; `column` is ` AND x.organization_id`.
    pub(crate) fn narrow<'c>(&self, listing: Query<'c>, column: &'static str) -> Query<'c> {
        match self {
            Self::Everybody => listing,
            Self::Organization(Some(id)) => listing.push(column).push(" = ").push_bind(id.as_str()),
            Self::Organization(None) => listing.push(column).push(" IS NULL"),
        }
    }

    /// Adds the condition to a list that comes out of another index, in words for which no planner leaves that one.
    pub(crate) fn filter<'c>(&self, listing: Query<'c>, column: &'static str) -> Query<'c> {
        match self {
            Self::Everybody => listing,
            Self::Organization(id) => listing.push(column).push(" IS NOT DISTINCT FROM ").push_bind(id.as_deref()),
        }
    }
}

/// A new organisation. The short name must not be taken ([`StoreError::exists_on`]).
pub async fn insert(tx: &mut Tx, at: &Moment<'_>, slug: &str, name: &str) -> Result<Organization, StoreError> {
    let new = Organization { id: at.id(), slug: slug.to_owned(), name: name.to_owned(), created_at: at.now };
    let text = "INSERT INTO organizations (id, slug, name, created_at) VALUES ($1, $2, $3, $4)";
    query(tx, text).bind(&new.id).bind(&new.slug).bind(&new.name).bind(new.created_at).run().await?;
    Ok(new)
}

/// Every organisation, oldest first, after this id.
pub async fn list(db: &Db, after: &str, limit: i64) -> Result<Vec<Organization>, StoreError> {
    let text = "SELECT id, slug, name, created_at FROM organizations WHERE id > $1 ORDER BY id LIMIT $2";
    query(db, text).bind(after).bind(limit).all().await
}

/// Whether there is one of this id.
pub async fn exists(tx: &mut Tx, id: &str) -> Result<bool, StoreError> {
    let count: i64 = query(tx, "SELECT COUNT(*) FROM organizations WHERE id = $1").bind(id).value().await?;
    Ok(count > 0)
}

/// Somebody's organisation; of who is not there, the default one.
pub async fn of_user(db: &Db, user_id: &str) -> Result<Option<String>, StoreError> {
    let found: Option<(Option<String>,)> =
        query(db, "SELECT organization_id FROM users WHERE id = $1").bind(user_id).optional().await?;
    Ok(found.and_then(|(organization_id,)| organization_id))
}

/// Moves somebody who is locked, with their jobs and pictures.
pub async fn move_user(tx: &mut Tx, user_id: &str, now: Timestamp, organization_id: Option<&str>) -> Result<(), StoreError> {
    let text = "UPDATE users SET updated_at = $2, organization_id = $3 WHERE id = $1";
    query(&mut *tx, text).bind(user_id).bind(now).bind(organization_id).run().await?;
    // Jobs first: whoever ends one gives its pictures what the job has.
    for text in
        ["UPDATE jobs SET organization_id = $2 WHERE user_id = $1", "UPDATE images SET organization_id = $2 WHERE user_id = $1"]
    {
        query(&mut *tx, text).bind(user_id).bind(organization_id).run().await?;
    }
    Ok(())
}
