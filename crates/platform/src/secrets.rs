//! Secrets of the server's own that it must be able to read again: of identity providers and of image providers, each under a name.

use easel_store::{
    sealed::Column,
    secrets::{self, Named},
};
use zeroize::Zeroizing;

use crate::{
    Context, PlatformError,
    keyring::{Keyring, Place},
};

/// Names and secrets are no longer.
const NAME_MAX: usize = 100;
const SECRET_MAX: usize = 8192;

/// The secrets. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SecretStore {
    context: Context,
    keyring: Keyring,
}

impl SecretStore {
    /// Sealed by these keys.
    pub fn new(context: Context, keyring: Keyring) -> Self {
        Self { context, keyring }
    }

    /// Sets one: `oidc:google`, `provider:fal`.
    pub async fn put(&self, name: &str, secret: &str) -> Result<(), PlatformError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b":._-".contains(&byte);
        if name.is_empty() || name.len() > NAME_MAX || !name.bytes().all(allowed) {
            return Err(PlatformError::Invalid { field: "name", problem: "must be of a-z, 0-9, colon, dot, dash, underscore" });
        }
        if secret.is_empty() || secret.len() > SECRET_MAX {
            return Err(PlatformError::Invalid { field: "secret", problem: "is empty or too long" });
        }
        let sealed = self.keyring.seal(&*self.context.secrets, place(name), secret.as_bytes())?;
        let mut tx = self.context.db.begin().await?;
        secrets::put(&mut tx, name, &sealed, self.context.now()).await?;
        Ok(tx.commit().await?)
    }

    /// One of them, if there is one.
    pub async fn get(&self, name: &str) -> Result<Option<Zeroizing<String>>, PlatformError> {
        let Some(sealed) = secrets::get(&self.context.db, name).await? else { return Ok(None) };
        let plain = self.keyring.open(place(name), &sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| PlatformError::Sealed)?;
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    /// Their names.
    pub async fn names(&self) -> Result<Vec<Named>, PlatformError> {
        Ok(secrets::names(&self.context.db).await?)
    }

    /// Removes one.
    pub async fn remove(&self, name: &str) -> Result<(), PlatformError> {
        let mut tx = self.context.db.begin().await?;
        if !secrets::delete(&mut tx, name).await? {
            return Err(PlatformError::NotFound("secret"));
        }
        Ok(tx.commit().await?)
    }
}

fn place(name: &str) -> Place<'_> {
    Place { column: Column::Secret, row: name }
}
