//! `Authorization: Basic`, which A1111's clients send: an API key as name or password, or an e-mail address and a password.
//!
//! A layer turns it into what everybody else sends before the handler's argument is made, so that rights, scopes and limits are asked in one
//! place. A password begins a session once; it is remembered under a hash of what was sent, and used and renewed until it ends.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{HeaderValue, StatusCode, header::AUTHORIZATION, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use easel_platform::{PlatformError, accounts::Tokens};
use sha2::{Digest, Sha256};

use super::{Door, Place};
use crate::{ApiError, AppState, limit};

/// Sessions that are remembered; of more, somebody logs in again.
const SESSIONS_MAX: usize = 1000;
const SCHEME: &str = "basic";
const DECODER: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Sessions that passwords began.
#[derive(Debug, Default)]
pub struct BasicSessions(Mutex<HashMap<[u8; 32], Tokens>>);

impl BasicSessions {
    fn get(&self, sent: &[u8; 32]) -> Option<Tokens> {
        self.all().get(sent).cloned()
    }

    fn put(&self, sent: [u8; 32], tokens: Tokens) {
        let mut all = self.all();
        if all.len() >= SESSIONS_MAX {
            let somebody = all.keys().next().copied();
            somebody.map(|somebody| all.remove(&somebody));
        }
        all.insert(sent, tokens);
    }

    /// For one of several who find at once that it has to be renewed: a token is exchanged once.
    fn take(&self, sent: &[u8; 32], known: &Tokens) -> bool {
        let mut all = self.all();
        let same = all.get(sent).is_some_and(|tokens| tokens == known);
        same && all.remove(sent).is_some()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<[u8; 32], Tokens>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The layer.
pub(crate) async fn translated(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match translate(&state, &mut parts).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(error) => error.into_response(),
    }
}

async fn translate(state: &AppState, parts: &mut Parts) -> Result<(), ApiError> {
    let Some(value) = parts.headers.get(AUTHORIZATION) else { return Ok(()) };
    let text = value.to_str().unwrap_or("?").trim();
    let (scheme, encoded) = text.split_once(' ').unwrap_or((text, ""));
    // Some clients send the header without a word in it.
    if text.is_empty() {
        parts.headers.remove(AUTHORIZATION);
        return Ok(());
    }
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Ok(());
    }
    let decoded = DECODER.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let (name, password) = decoded.as_deref().and_then(|text| text.split_once(':')).ok_or_else(incorrect)?;
    let key = [password, name].into_iter().find(|word| word.starts_with("ik_"));
    let token = match key {
        Some(key) => Some(key.to_owned()),
        // Clients that have no credentials send empty ones, and where none is needed they mean nothing.
        None if name.is_empty() && password.is_empty() => None,
        None if matches!(state.config.door, Door::Local { .. }) && !state.platform.accounts.has_administrator().await? => None,
        None => Some(session(state, parts, name, password).await?),
    };
    match token {
        None => drop(parts.headers.remove(AUTHORIZATION)),
        Some(token) => {
            let value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| incorrect())?;
            parts.headers.insert(AUTHORIZATION, value);
        }
    }
    Ok(())
}

/// The access token of a session that this password began, or begins.
async fn session(state: &AppState, parts: &Parts, name: &str, password: &str) -> Result<String, ApiError> {
    let accounts = &state.platform.accounts;
    let sent: [u8; 32] = Sha256::new().chain_update(name).chain_update([0]).chain_update(password).finalize().into();
    if let Some(tokens) = state.basic.get(&sent) {
        if accounts.authenticate(&tokens.access).await.is_ok() {
            return Ok(tokens.access);
        }
        if state.basic.take(&sent, &tokens)
            && let Ok(tokens) = accounts.refresh(&tokens.refresh).await
        {
            let access = tokens.access.clone();
            state.basic.put(sent, tokens);
            return Ok(access);
        }
    }
    let ip = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    limit::login_by_address(state, ip, parts).await?;
    let (_, tokens) = accounts.login(name, password, Place::of(parts).origin()).await.map_err(|error| match error {
        PlatformError::Unauthenticated => incorrect(),
        error => error.into(),
    })?;
    let access = tokens.access.clone();
    state.basic.put(sent, tokens);
    Ok(access)
}

/// In A1111's words.
fn incorrect() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Incorrect username or password")
}
