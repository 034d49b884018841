//! The first administrator of a fresh server, made in a browser: by who reads what the server says when it starts, where the link stands.
//!
//! The link holds a token that follows from the server's own secret, so that it is the same on every node and after every start, and is kept
//! nowhere. Once somebody administers the server it opens nothing, whoever has it.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::{
    Platform, PlatformError,
    accounts::{Registration, hex},
    records::User,
};

impl Platform {
    /// What proves that somebody reads what the server says: `su_…`.
    pub fn setup_token(&self) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("HMAC takes secrets of any length. This is a bug.");
        mac.update(b"easel-set-up");
        format!("su_{}", hex(&mac.finalize().into_bytes()))
    }

    /// Makes the first superuser, as `create_superuser` does for who runs commands.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`] once somebody administers the server, [`PlatformError::Forbidden`] for another token.
    pub async fn set_up(&self, token: &str, registration: Registration<'_>) -> Result<User, PlatformError> {
        if self.accounts.has_administrator().await? {
            return Err(PlatformError::NotFound("set-up"));
        }
        if !bool::from(self.setup_token().as_bytes().ct_eq(token.as_bytes())) {
            return Err(PlatformError::Forbidden("open the link that the server shows when it starts"));
        }
        self.accounts.create_superuser(registration).await
    }
}
