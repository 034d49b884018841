//! A browser is sent to a provider and comes back.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use easel_oidc::{Ask, Returned};
use easel_store::{
    Timestamp,
    sealed::Column,
    sign_ins::{self, SignIn as Row},
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::{Entered, SignIn, SignInError, TIME_MAX, seconds};
use crate::{
    PlatformError,
    accounts::{Origin, token, token_hash},
    keyring::Place,
};

/// A browser to be sent away.
#[derive(Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where to.
    pub url: String,
    /// What it keeps in a cookie that scripts and other sites cannot read, and brings back.
    pub browser: String,
    /// Until when.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Begun {
    /// Without what the browser keeps.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What a browser came back with, as it stands in the address.
#[derive(Debug, Clone, Copy, Default)]
pub struct Callback<'a> {
    /// `state`.
    pub state: &'a str,
    /// `code`.
    pub code: Option<&'a str>,
    /// `iss`.
    pub issuer: Option<&'a str>,
    /// `error`.
    pub error: Option<&'a str>,
    /// What the browser kept.
    pub browser: &'a str,
}

/// What only we know of a login under way.
#[derive(Serialize, Deserialize)]
struct Kept {
    nonce: String,
    verifier: String,
}

impl SignIn {
    /// Begins a login, or, for somebody who is logged in, the linking of another way in.
    pub async fn begin(&self, name: &str, user_id: Option<&str>, return_to: &str) -> Result<Begun, PlatformError> {
        let offered = self.provider(name)?;
        check_path(return_to)?;
        let (state, state_hash) = token(&*self.context.secrets, "es");
        let (browser, browser_hash) = token(&*self.context.secrets, "eb");
        let kept = Kept { nonce: self.random(), verifier: self.random() };
        let now = self.context.now();
        let redirect_uri = self.redirect_uri(name);
        let ask = Ask { redirect_uri: &redirect_uri, state: &state, nonce: &kept.nonce, verifier: &kept.verifier };
        let url = offered.provider.authorization_url(ask, seconds(now)).await.map_err(SignInError::Provider)?;
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&kept).map_err(|_| PlatformError::Sealed)?);
        let row = Row {
            sealed: self.keyring.seal(&*self.context.secrets, place(&state_hash), &plain)?,
            state_hash,
            provider: name.to_owned(),
            browser_hash,
            user_id: user_id.map(str::to_owned),
            return_to: return_to.to_owned(),
            created_at: now,
            expires_at: now.after(TIME_MAX),
        };
        let mut tx = self.context.db.begin().await?;
        sign_ins::insert(&mut tx, &row).await?;
        tx.commit().await?;
        Ok(Begun { url: url.into(), browser, expires_at: row.expires_at })
    }

    /// Ends it. `user_id` is who is logged in in this browser, if anybody is.
    ///
    /// # Errors
    /// [`SignInError`]; whatever went wrong, this login is over.
    pub async fn finish(
        &self,
        name: &str,
        callback: Callback<'_>,
        user_id: Option<&str>,
        origin: Origin<'_>,
    ) -> Result<Entered, PlatformError> {
        let offered = self.provider(name)?;
        let row = self.take(name, callback, user_id).await?;
        if callback.error.is_some() {
            return Err(SignInError::Refused.into());
        }
        let code = callback.code.filter(|code| !code.is_empty()).ok_or(SignInError::Refused)?;
        let plain = self.keyring.open(place(&row.state_hash), &row.sealed)?;
        let kept: Kept = serde_json::from_slice(&plain).map_err(|_| PlatformError::Sealed)?;
        let redirect_uri = self.redirect_uri(name);
        let returned =
            Returned { code, issuer: callback.issuer, redirect_uri: &redirect_uri, nonce: &kept.nonce, verifier: &kept.verifier };
        let claims = offered.provider.redeem(returned, seconds(self.context.now())).await.map_err(|error| {
            tracing::info!(provider = name, %error, "a login elsewhere is not believed");
            SignInError::Provider(error)
        })?;
        let (user, tokens, picture) = match &row.user_id {
            Some(user_id) => (self.link(name, user_id, &claims).await?, None, None),
            None => {
                let (user, tokens, picture) = self.enter(name, offered, &claims, origin).await?;
                (user, Some(tokens), picture)
            }
        };
        Ok(Entered { user, tokens, picture, return_to: row.return_to })
    }

    /// Takes the row, whether or not it fits: whoever guesses has one try.
    async fn take(&self, name: &str, callback: Callback<'_>, user_id: Option<&str>) -> Result<Row, PlatformError> {
        let mut tx = self.context.db.begin().await?;
        let row = sign_ins::take(&mut tx, &token_hash(callback.state)).await?;
        tx.commit().await?;
        let row = row.ok_or(SignInError::State)?;
        let same_browser: bool = token_hash(callback.browser).as_bytes().ct_eq(row.browser_hash.as_bytes()).into();
        let in_time = self.context.now() < row.expires_at;
        // Whoever links is still logged in, as the same person.
        let same_user = row.user_id.is_none() || row.user_id.as_deref() == user_id;
        if same_browser && in_time && same_user && row.provider == name { Ok(row) } else { Err(SignInError::State.into()) }
    }

    /// 256 random bits, as many characters as a verifier must have at least (RFC 7636).
    fn random(&self) -> String {
        let mut bytes = [0; 32];
        self.context.secrets.fill(&mut bytes);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }
}

fn place(state_hash: &str) -> Place<'_> {
    Place { column: Column::SignIn, row: state_hash }
}

/// A path of ours, and nothing that a browser takes for another site.
fn check_path(path: &str) -> Result<(), PlatformError> {
    let odd = |letter: char| letter == '\\' || letter.is_whitespace() || letter.is_control();
    if path.starts_with('/') && !path.starts_with("//") && path.len() <= 500 && !path.contains(odd) {
        Ok(())
    } else {
        Err(PlatformError::Invalid { field: "page to return to", problem: "must be a path of this server" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for good in ["/", "/gallery?tab=mine#top"] {
            assert!(check_path(good).is_ok(), "{good}");
        }
        for bad in ["", "gallery", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example", "/\n"] {
            assert!(check_path(bad).is_err(), "{bad:?}");
        }
    }
}
