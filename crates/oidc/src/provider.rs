//! One provider: its settings, and the two things it is asked.

use std::{fmt, sync::Arc};

use easel_outbound::{Client, Url};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use tokio::sync::Mutex;

use crate::{
    OidcError, claims,
    documents::{Documents, Metadata},
    token,
};

/// Seconds between two requests for a provider's keys: whoever sends us tokens under keys that do not exist makes us ask no more often.
const KEYS_PAUSE: i64 = 30;

/// What a client proves itself to a provider with.
#[derive(Clone)]
pub struct ClientSecret(String);

impl ClientSecret {
    /// As the provider gave it.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

/// What we know of a provider.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Its name, exactly as its tokens say it.
    pub issuer: String,
    /// Where its documents are, if not where its name says.
    pub discovery_url: Option<String>,
    /// Where codes are exchanged, if its documents do not say.
    pub token_endpoint: Option<String>,
    /// What we are called there.
    pub client_id: String,
    /// What we prove it with; without one PKCE is all there is.
    pub client_secret: Option<ClientSecret>,
    /// Whether it wants the secret in the body although its documents do not say so.
    pub secret_in_body: bool,
    /// What we ask for.
    pub scopes: Vec<String>,
    /// Whether its word that an address is proved counts.
    pub email_trusted: bool,
}

impl Settings {
    /// As the specification says, asking for name and address, of which nothing is believed.
    pub fn new(issuer: impl Into<String>, client_id: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            discovery_url: None,
            token_endpoint: None,
            client_id: client_id.into(),
            client_secret: None,
            secret_in_body: false,
            scopes: ["openid", "email", "profile"].map(str::to_owned).to_vec(),
            email_trusted: false,
        }
    }
}

/// What a browser is sent to a provider with.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Where it comes back to; the same as when it does.
    pub redirect_uri: &'a str,
    /// Says which login it is.
    pub state: &'a str,
    /// Comes back in the token.
    pub nonce: &'a str,
    /// What the code can be exchanged with; only its hash is sent.
    pub verifier: &'a str,
}

/// What a browser came back with, and what it was sent with.
#[derive(Debug, Clone, Copy)]
pub struct Returned<'a> {
    /// The code.
    pub code: &'a str,
    /// Who sends it, as the browser says (RFC 9207).
    pub issuer: Option<&'a str>,
    /// Where it came back to.
    pub redirect_uri: &'a str,
    /// What it was sent with.
    pub nonce: &'a str,
    /// What its hash was sent of.
    pub verifier: &'a str,
}

/// Who came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who says so.
    pub issuer: String,
    /// Their name there, which never changes.
    pub subject: String,
    /// Their address, if they let us know it.
    pub email: Option<String>,
    /// Whether it is theirs, by somebody whose word counts.
    pub email_verified: bool,
    /// Their name among people.
    pub name: Option<String>,
    /// Where a picture of them is, as they or the provider wrote it.
    pub picture: Option<String>,
    /// `de`, `pt-BR`.
    pub locale: Option<String>,
}

/// A provider. Cheap to clone; clones keep one copy of its documents.
#[derive(Debug, Clone)]
pub struct Provider {
    settings: Arc<Settings>,
    client: Client,
    documents: Arc<Mutex<Documents>>,
}

impl Provider {
    /// Asks for nothing yet.
    pub fn new(settings: Settings, client: Client) -> Self {
        Self { settings: Arc::new(settings), client, documents: Arc::default() }
    }

    /// Its name, as its tokens say it.
    pub fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where to send a browser. `now` is in seconds since 1970 UTC.
    pub async fn authorization_url(&self, ask: Ask<'_>, now: i64) -> Result<Url, OidcError> {
        let metadata = self.metadata(now).await?;
        let mut url = Url::parse(&metadata.authorization_endpoint).map_err(|_| OidcError::Provider("its address is not one"))?;
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(ask.verifier.to_owned()));
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", ask.redirect_uri)
            .append_pair("scope", &self.settings.scopes.join(" "))
            .append_pair("state", ask.state)
            .append_pair("nonce", ask.nonce)
            .append_pair("code_challenge", challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Who came back with this code.
    ///
    /// # Errors
    /// Every reason not to believe it; [`OidcError`] says which, for the log.
    pub async fn redeem(&self, returned: Returned<'_>, now: i64) -> Result<Claims, OidcError> {
        let metadata = self.metadata(now).await?;
        // A browser that comes from another provider than it was sent to brings that one's code, which ours must not get (RFC 9207).
        let named = match returned.issuer {
            Some(issuer) => issuer == self.settings.issuer,
            None => !metadata.names_issuer,
        };
        if !named {
            return Err(OidcError::Token("another issuer sends it"));
        }
        let token = token::exchange(&self.client, &self.settings, &metadata, returned).await?;
        let mut documents = self.documents.lock().await;
        let keys = documents.keys(&self.client, &metadata, now, false).await?;
        match claims::verified(&self.settings, &token, returned.nonce, keys, now) {
            // The provider may have new keys.
            Err(claims::Refused::Key) => {}
            verified => return verified.map_err(claims::Refused::into),
        }
        if documents.keys_age(now) < KEYS_PAUSE {
            return Err(claims::Refused::Key.into());
        }
        let keys = documents.keys(&self.client, &metadata, now, true).await?;
        claims::verified(&self.settings, &token, returned.nonce, keys, now).map_err(claims::Refused::into)
    }

    async fn metadata(&self, now: i64) -> Result<Metadata, OidcError> {
        self.documents.lock().await.metadata(&self.client, &self.settings, now).await
    }
}
