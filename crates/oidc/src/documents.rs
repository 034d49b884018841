//! A provider's documents: what it says of itself, and its keys. Kept for a day; keys are asked for anew when a token is under none of them.

use easel_outbound::{Client, Request, header};
use openidconnect::core::CoreJsonWebKeySet;
use serde::{Deserialize, de::DeserializeOwned};

use crate::{OidcError, Settings};

/// Seconds for which a document is kept.
const KEPT: i64 = 24 * 3600;

/// What a provider says of itself (OpenID Connect Discovery 1.0), as far as we need it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: Option<String>,
    pub jwks_uri: String,
    #[serde(default)]
    pub token_endpoint_auth_methods_supported: Vec<String>,
    /// It names itself when it sends a browser back (RFC 9207).
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub names_issuer: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Documents {
    metadata: Option<(i64, Metadata)>,
    keys: Option<(i64, CoreJsonWebKeySet)>,
}

impl Documents {
    /// What the provider says of itself, if it is the one it should be.
    pub async fn metadata(&mut self, client: &Client, settings: &Settings, now: i64) -> Result<Metadata, OidcError> {
        if let Some((at, metadata)) = &self.metadata
            && is_fresh(*at, now)
        {
            return Ok(metadata.clone());
        }
        let by_name = || format!("{}/.well-known/openid-configuration", settings.issuer.trim_end_matches('/'));
        let url = settings.discovery_url.clone().unwrap_or_else(by_name);
        let metadata: Metadata = fetch(client, &url).await?;
        if metadata.issuer != settings.issuer {
            return Err(OidcError::Provider("its documents are of another issuer"));
        }
        // Where a browser is sent; judged like what we request ourselves.
        client.check(&metadata.authorization_endpoint)?;
        Ok(self.metadata.insert((now, metadata)).1.clone())
    }

    /// Its keys; asked for anew if they are old or `anew` says so.
    pub async fn keys(
        &mut self,
        client: &Client,
        metadata: &Metadata,
        now: i64,
        anew: bool,
    ) -> Result<&CoreJsonWebKeySet, OidcError> {
        let fresh = self.keys.take_if(|(at, _)| !anew && is_fresh(*at, now));
        let kept = match fresh {
            Some(kept) => kept,
            None => (now, fetch(client, &metadata.jwks_uri).await?),
        };
        Ok(&self.keys.insert(kept).1)
    }

    /// Seconds since the keys were asked for.
    pub fn keys_age(&self, now: i64) -> i64 {
        self.keys.as_ref().map_or(i64::MAX, |(at, _)| now.saturating_sub(*at))
    }
}

fn is_fresh(at: i64, now: i64) -> bool {
    // A clock that was put back makes nothing fresh for ever.
    (0..KEPT).contains(&now.saturating_sub(at))
}

async fn fetch<T: DeserializeOwned>(client: &Client, url: &str) -> Result<T, OidcError> {
    let mut request = Request::get(url);
    request.headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
    let response = client.send(request).await?;
    if !response.status.is_success() {
        return Err(OidcError::Provider("its documents are not there"));
    }
    serde_json::from_slice(&response.body).map_err(|_| OidcError::Provider("its documents cannot be read"))
}
