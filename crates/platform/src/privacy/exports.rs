//! Archives that are written in the background: asked for once, written by whichever node takes it, fetched by an address that ends.
//!
//! Who takes one holds it for a while and says again and again that it is still at it; one that is killed says nothing more, and the archive is
//! begun anew. Each attempt writes a file of its own, and the number of the attempt is the fence: of two that think it is theirs, one's archive
//! becomes the person's and the other removes what it wrote.

use std::{
    fs::File,
    io::{self, Read},
    time::Duration,
};

use bytes::Bytes;
use easel_blobs::{BlobError, FileKind, Folder, Grant, Key, SignedAddress};
use easel_store::{
    Timestamp, audit,
    exports::{self, Export},
    mails, users,
};
use futures_util::{Stream, stream};

use super::Privacy;
use crate::{
    PlatformError,
    accounts::{self, Actor},
    context::retry,
    images::{random_key, time_of},
};

/// Nobody else takes an archive that was taken, for this long without a word.
const TAKEN_FOR: Duration = Duration::from_secs(180);
/// Between two words.
const RENEWED_EVERY: Duration = Duration::from_secs(30);
/// Tries before an archive is given up.
const ATTEMPTS_MAX: i64 = 5;
/// Before it is tried again the first time; four times as long each time.
const PAUSE: Duration = Duration::from_secs(60);
/// How long an archive is kept, and that it was given up is told.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// How long an address is good for.
const VALID: Duration = Duration::from_secs(3600);
/// Rows looked at in one turn.
const TURN: i64 = 100;
/// What is read at a time.
const PIECE: usize = 1024 * 1024;

/// Somebody's archive, and where it can be fetched if it is ready.
#[derive(Debug, Clone)]
pub struct ShownExport {
    /// How far it is.
    pub export: Export,
    /// Where it lies, while it does.
    pub address: Option<SignedAddress>,
}

impl Privacy {
    /// Asks for an archive of everything there is about the actor. While one is asked for or being written, it is that one; one that was ready
    /// before goes.
    pub async fn request_export(&self, actor: &Actor) -> Result<Export, PlatformError> {
        retry!(self.request_export_once(actor))
    }

    async fn request_export_once(&self, actor: &Actor) -> Result<Export, PlatformError> {
        let moment = self.context.moment();
        let user_id = actor.id();
        let mut tx = self.context.db.begin().await?;
        users::lock(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("user"))?;
        if let Some(open) = exports::open_of_user(&mut tx, user_id).await? {
            return Ok(open);
        }
        exports::retire(&mut tx, user_id, moment.now).await?;
        exports::insert(&mut tx, &moment.id(), user_id, moment.now).await?;
        let asked = exports::open_of_user(&mut tx, user_id).await?.ok_or(PlatformError::NotFound("export"))?;
        audit::append(&mut tx, &moment, actor.record("user.export", Some(("user", user_id)), "{}")).await?;
        tx.commit().await?;
        Ok(asked)
    }

    /// The archive somebody asked for last, unless its time is over. `here` is where this server answers addresses of its own.
    pub async fn last_export(&self, user_id: &str, here: &str) -> Result<Option<ShownExport>, PlatformError> {
        let now = self.context.now();
        let last = exports::of_user(&self.context.db, user_id, 1).await?.pop();
        let Some(export) = last.filter(|export| export.expires_at.is_none_or(|end| end > now)) else { return Ok(None) };
        let address = match (export.state.as_str(), &export.storage_key, export.expires_at) {
            ("ready", Some(key), Some(end)) => {
                let key: Key = key.parse()?;
                let valid = VALID.min(now.until(end));
                Some(self.blobs.reached_at(here)?.sign_get(&key, valid, time_of(now)).await?)
            }
            _ => None,
        };
        Ok(Some(ShownExport { export, address }))
    }

    /// The archive that an address of ours names: the part behind its base, and its query. Of all that lies here nothing else is fetched so.
    ///
    /// # Errors
    /// [`BlobError::Signature`] for an address that is none of ours or whose archive is gone, [`BlobError::Expired`].
    pub async fn addressed_export(&self, path: &str, query: &str) -> Result<Key, PlatformError> {
        let Grant { key, .. } = self.blobs.verify("GET", path, query, time_of(self.context.now()))?;
        let there = exports::by_key(&self.context.db, key.as_str()).await?.is_some_and(|export| export.state == "ready");
        if key.folder() == Folder::Export && there { Ok(key) } else { Err(BlobError::Signature.into()) }
    }

    /// Writes the archives that are due. Any number of nodes may do this at once. Returns how many became ready.
    pub async fn write_exports(&self) -> Result<usize, PlatformError> {
        let mut ready = 0;
        loop {
            let now = self.context.now();
            let mut tx = self.context.db.begin().await?;
            let taken = exports::take(&mut tx, now, now.after(TAKEN_FOR)).await?;
            tx.commit().await?;
            let Some(export) = taken else { return Ok(ready) };
            ready += usize::from(self.write_export(&export).await?);
        }
    }

    /// Whether it became ready.
    async fn write_export(&self, export: &Export) -> Result<bool, PlatformError> {
        // What an attempt left that never came back.
        if let Some(Ok(left)) = export.storage_key.as_ref().map(|key| key.parse::<Key>()) {
            self.discard(&left).await;
        }
        if export.attempts > ATTEMPTS_MAX {
            self.postpone_export(export).await?;
            return Ok(false);
        }
        let key = random_key(&self.context, Folder::Export, FileKind::Zip);
        let mut tx = self.context.db.begin().await?;
        let ours = exports::begin(&mut tx, &export.id, export.attempts, key.as_str()).await?;
        tx.commit().await?;
        if !ours {
            return Ok(false);
        }
        match self.while_held(export, self.store_archive(&export.user_id, &key)).await {
            Ok(Some(bytes)) => self.finish_export(export, &key, bytes).await,
            Ok(None) => {
                self.discard(&key).await;
                Ok(false)
            }
            Err(error) => {
                tracing::warn!(export = export.id, attempts = export.attempts, ?error, "an archive was not written");
                self.discard(&key).await;
                self.postpone_export(export).await?;
                Ok(false)
            }
        }
    }

    async fn store_archive(&self, user_id: &str, key: &Key) -> Result<u64, PlatformError> {
        let archive = self.archive(user_id).await?;
        Ok(self.blobs.replace_by_pieces(key, pieces(archive)).await?)
    }

    /// Does the work, and says meanwhile that it is being done. `None` if somebody else has the archive now.
    async fn while_held(
        &self,
        export: &Export,
        work: impl Future<Output = Result<u64, PlatformError>> + Send,
    ) -> Result<Option<u64>, PlatformError> {
        let mut work = std::pin::pin!(work);
        let mut turns = tokio::time::interval(RENEWED_EVERY);
        loop {
            tokio::select! {
                done = &mut work => return done.map(Some),
                _ = turns.tick() => {
                    let mut tx = self.context.db.begin().await?;
                    let until = self.context.now().after(TAKEN_FOR);
                    let ours = exports::renew(&mut tx, &export.id, export.attempts, until).await?;
                    tx.commit().await?;
                    if !ours {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Whether it was still this attempt's.
    async fn finish_export(&self, export: &Export, key: &Key, bytes: u64) -> Result<bool, PlatformError> {
        let moment = self.context.moment();
        let expires_at = moment.now.after(KEPT_FOR);
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        let mut tx = self.context.db.begin().await?;
        let user = users::lock(&mut tx, &export.user_id).await?;
        let ours = exports::ready(&mut tx, &export.id, export.attempts, bytes, moment.now, expires_at).await?;
        if ours && let Some(user) = user.filter(|user| user.is_active && user.is_verified) {
            let body = ready_mail(&user.username, expires_at);
            mails::insert(&mut tx, &moment, Some(&user.id), &user.email, "Your data is ready", &body).await?;
        }
        tx.commit().await?;
        if !ours {
            self.discard(key).await;
        }
        Ok(ours)
    }

    /// Tries again later, or never.
    async fn postpone_export(&self, export: &Export) -> Result<(), PlatformError> {
        let now = self.context.now();
        let mut tx = self.context.db.begin().await?;
        if export.attempts < ATTEMPTS_MAX {
            let longer = u32::try_from(export.attempts - 1).unwrap_or_default();
            exports::postpone(&mut tx, &export.id, export.attempts, now.after(PAUSE * 4_u32.pow(longer))).await?;
        } else {
            exports::fail(&mut tx, &export.id, export.attempts, now, now.after(KEPT_FOR)).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Removes archives whose time is over. Returns how many.
    pub async fn remove_exports(&self) -> Result<usize, PlatformError> {
        let mut removed = 0;
        loop {
            let old = exports::expired(&self.context.db, self.context.now(), TURN).await?;
            for export in &old {
                self.remove_export(export).await?;
            }
            removed += old.len();
            if old.is_empty() {
                return Ok(removed);
            }
        }
    }

    /// Removes somebody's archives, and what is being written of one.
    pub(super) async fn remove_exports_of(&self, user_id: &str) -> Result<(), PlatformError> {
        loop {
            let theirs = exports::of_user(&self.context.db, user_id, TURN).await?;
            for export in &theirs {
                self.remove_export(export).await?;
            }
            if theirs.is_empty() {
                return Ok(());
            }
        }
    }

    /// The file first, as with pictures.
    async fn remove_export(&self, export: &Export) -> Result<(), PlatformError> {
        if let Some(Ok(key)) = export.storage_key.as_ref().map(|key| key.parse::<Key>()) {
            self.blobs.delete(&key).await?;
        }
        let mut tx = self.context.db.begin().await?;
        exports::delete(&mut tx, &export.id).await?;
        Ok(tx.commit().await?)
    }

    /// Removes what is nobody's archive; what cannot be removed now is found when files of nobody are looked for.
    async fn discard(&self, key: &Key) {
        if let Err(error) = self.blobs.delete(key).await {
            tracing::warn!(?error, "an archive that nobody gets was not removed");
        }
    }
}

fn pieces(file: File) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(file, |mut file| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece)?;
            piece.truncate(read);
            Ok::<_, io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(io::Error::other)??;
        Ok::<_, io::Error>((!piece.is_empty()).then(|| (Bytes::from(piece), file)))
    })
}

fn ready_mail(name: &str, expires_at: Timestamp) -> String {
    format!(
        "Hello {name},\n\nthe archive of everything there is about you is ready. Log in and fetch it under Privacy in your profile; it is kept \
         until {}. If you did not ask for it, choose a new password: somebody else is logged in as you.\n",
        accounts::shown(expires_at)
    )
}
