//! Organisations: on a server that divides people (`multi_tenant`) they see one another within theirs, and nobody else. Who is in none is in the
//! default one, with everybody who is not logged in.
//!
//! What is divided is what people see of others: public pictures, profiles, comments, likes, follows and reports, and what moderators judge.
//! Administrators and superusers look after the whole server, and a link shows its picture to whoever has it. Where nobody is divided nothing
//! asks who is where.

use easel_store::{
    Db, audit,
    organizations::{self, Among, Organization},
    users,
};
use serde_json::json;

use crate::{
    Context, PlatformError,
    accounts::{Actor, Permission},
    context::retry,
    texts,
};

/// Characters of a short name.
const SLUG_MAX: usize = 50;
/// Characters of a name.
const NAME_MAX: usize = 100;
/// Rows of a page, and one to know whether there are more.
const ROWS_MAX: i64 = 101;

const NO_ORGANIZATION: PlatformError = PlatformError::NotFound("organization");

/// Whether people are divided, and so whose things somebody sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Division(pub(crate) bool);

impl Division {
    /// Whose things somebody sees, or somebody who is not logged in.
    pub(crate) async fn seen_by(self, db: &Db, viewer_id: Option<&str>) -> Result<Among, PlatformError> {
        Ok(match viewer_id {
            _ if !self.0 => Among::Everybody,
            Some(viewer) => Among::Organization(organizations::of_user(db, viewer).await?),
            None => Among::Organization(None),
        })
    }

    /// Whose things somebody judges: a moderator their organisation's, an administrator everybody's.
    pub(crate) async fn judged_by(self, db: &Db, actor: &Actor) -> Result<Among, PlatformError> {
        if actor.require(Permission::ManageUsers.least_role()).is_ok() {
            return Ok(Among::Everybody);
        }
        self.seen_by(db, Some(actor.id())).await
    }

    /// Whether somebody judges what is this one's.
    pub(crate) async fn judges(self, db: &Db, actor: &Actor, owner_id: &str) -> Result<bool, PlatformError> {
        let among = self.judged_by(db, actor).await?;
        if among == Among::Everybody {
            return Ok(true);
        }
        Ok(among.has(organizations::of_user(db, owner_id).await?.as_deref()))
    }
}

/// The organisations of a server. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Organizations {
    context: Context,
}

impl Organizations {
    /// Over this database.
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// A new organisation, with nobody in it.
    ///
    /// # Errors
    /// [`PlatformError::Taken`] for a short name that another has, [`PlatformError::Invalid`], [`PlatformError::Forbidden`].
    pub async fn create(&self, actor: &Actor, slug: &str, name: &str) -> Result<Organization, PlatformError> {
        actor.require(Permission::ManageServer.least_role())?;
        let letters = slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if slug.is_empty() || slug.len() > SLUG_MAX || !letters {
            let problem = "must have 1 to 50 lower case letters, digits and dashes";
            return Err(PlatformError::Invalid { field: "slug", problem });
        }
        let name = texts::something("name", name, NAME_MAX, false)?;
        retry!(self.create_once(actor, slug, &name))
    }

    async fn create_once(&self, actor: &Actor, slug: &str, name: &str) -> Result<Organization, PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        let new = organizations::insert(&mut tx, &moment, slug, name).await.map_err(|error| match error {
            error if error.exists_on("slug") => PlatformError::Taken("slug"),
            error => error.into(),
        })?;
        let detail = json!({ "slug": slug, "name": name }).to_string();
        let record = actor.record("organization.create", Some(("organization", &new.id)), &detail);
        audit::append(&mut tx, &moment, record).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Every organisation, oldest first, after this id, at most a hundred and one.
    pub async fn list(&self, actor: &Actor, after: Option<&str>, limit: i64) -> Result<Vec<Organization>, PlatformError> {
        actor.require(Permission::ReadUsers.least_role())?;
        // PostgreSQL cannot even look for what has a NUL in it.
        let after = after.filter(|after| !after.contains('\0')).unwrap_or_default();
        Ok(organizations::list(&self.context.db, after, limit.clamp(1, ROWS_MAX)).await?)
    }

    /// Moves somebody into an organisation, or with none into the default one, with their jobs and pictures. A superuser may move themselves.
    pub async fn move_user(&self, actor: &Actor, user_id: &str, organization_id: Option<&str>) -> Result<(), PlatformError> {
        actor.require(Permission::ManageServer.least_role())?;
        if organization_id.is_some_and(|id| !texts::are_names(&[id])) {
            return Err(NO_ORGANIZATION);
        }
        retry!(self.move_user_once(actor, user_id, organization_id))
    }

    async fn move_user_once(&self, actor: &Actor, user_id: &str, to: Option<&str>) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let mut tx = self.context.db.begin().await?;
        // Who orders something locks their row too: what is ordered now is moved, what is ordered next is made where they are then.
        let user = users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        if let Some(id) = to
            && !organizations::exists(&mut tx, id).await?
        {
            return Err(NO_ORGANIZATION);
        }
        organizations::move_user(&mut tx, user_id, moment.now, to).await?;
        let detail = json!({ "from": user.organization_id, "to": to }).to_string();
        audit::append(&mut tx, &moment, actor.record("user.organization", Some(("user", user_id)), &detail)).await?;
        Ok(tx.commit().await?)
    }
}
