//! Who sends a request, and what that lets them do.
//!
//! A handler that needs somebody takes [`As<Right>`](As): the type says what is needed, and it has been checked before the handler runs. A
//! right without a scope is closed to API keys, so a route that says nothing of scopes never lets one in.
//!
//! | they send | they are |
//! |---|---|
//! | `Authorization: Bearer ik_…` | an API key's owner, within its scopes |
//! | `Authorization: Bearer ea_…` | somebody who logged in with a program |
//! | the cookie `__Host-easel_access` | somebody who logged in with a browser (`cookies.rs`: forged requests are refused) |
//! | `Authorization: Basic …` on A1111's routes | whoever's key or password it is (`basic.rs`) |
//! | nothing, from this machine, while nobody administers the server | the built-in account (`local.rs`) |

pub(crate) mod basic;
pub(crate) mod cookies;
mod local;
pub(crate) mod origin;
mod rights;

use std::{marker::PhantomData, net::SocketAddr, time::Instant};

use axum::{
    extract::{ConnectInfo, FromRequestParts, OptionalFromRequestParts},
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, USER_AGENT},
        request::Parts,
    },
};
use easel_platform::{
    PlatformError,
    accounts::{Actor, Authenticated, Origin, Scope},
    records::User,
};
use futures_util::future::BoxFuture;
pub use rights::{
    ActsAsThemselves, AdjustsCredits, Generates, ManagesServer, ManagesUsers, Moderates, ReadsAccount, ReadsAudit, ReadsImages,
    ReadsServer, ReadsUsers, Right, WritesImages,
};

use crate::{ApiError, AppState, RequestId, limit};

/// How the server lets people in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// The server is bound to this machine alone: while nobody administers it, requests from here act as the built-in account.
    Local {
        /// Names this machine is called by, beside `localhost` and its addresses.
        hosts: Vec<String>,
    },
    /// Everybody needs an account.
    Accounts,
}

/// What somebody came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// This machine.
    Local,
    /// An access token.
    Token,
    /// A browser's cookie.
    Cookie,
    /// An API key.
    Key,
}

/// Somebody who sends a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who.
    pub user: User,
    /// What they came by.
    pub via: Via,
    /// Their session, if it is one.
    pub session_id: Option<String>,
    /// What their API key allows; `None` allows what its user may do.
    pub scopes: Option<Vec<Scope>>,
    /// The API key, if it is one.
    pub key_id: Option<String>,
    /// Where they are.
    pub place: Place,
}

impl Caller {
    /// Whom the record names.
    pub fn actor(&self) -> Actor {
        let Place { ip, user_agent, request_id } = self.place.clone();
        let mut actor = Actor::user(&self.user);
        (actor.ip, actor.user_agent, actor.request_id) = (ip, user_agent, request_id);
        actor
    }

    fn new(authenticated: Authenticated, via: Via, place: Place) -> Self {
        let Authenticated { user, session_id, scopes, key_id } = authenticated;
        Self { user, via, session_id, scopes, key_id, place }
    }
}

/// Where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The address of the connection.
    pub ip: Option<String>,
    /// What the program calls itself.
    pub user_agent: Option<String>,
    /// The request.
    pub request_id: Option<String>,
}

impl Place {
    /// As the accounts take it.
    pub fn origin(&self) -> Origin<'_> {
        Origin {
            ip: self.ip.as_deref().unwrap_or_default(),
            user_agent: self.user_agent.as_deref(),
            request_id: self.request_id.as_deref(),
        }
    }

    fn of(parts: &Parts) -> Self {
        let text = |header| parts.headers.get(header).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
        Self {
            ip: parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_canonical().to_string()),
            user_agent: text(USER_AGENT).map(str::to_owned),
            request_id: parts.extensions.get::<RequestId>().and_then(|id| id.0.to_str().ok()).map(str::to_owned),
        }
    }
}

impl FromRequestParts<AppState> for Place {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        Ok(Self::of(parts))
    }
}

/// Somebody who has the right `R`.
#[derive(Debug, Clone)]
pub struct As<R>(pub Caller, pub(crate) PhantomData<R>);

impl<R: Right> FromRequestParts<AppState> for As<R> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        let caller = identified(parts, state).await?.ok_or_else(|| unauthenticated("log in, or send an API key"))?;
        Ok(Self(permitted::<R>(caller)?, PhantomData))
    }
}

impl<R: Right> OptionalFromRequestParts<AppState> for As<R> {
    type Rejection = ApiError;

    /// Nobody is `None`; somebody who is not who they say, or may not, is an error all the same.
    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, ApiError> {
        match identified(parts, state).await? {
            Some(caller) => Ok(Some(Self(permitted::<R>(caller)?, PhantomData))),
            None => Ok(None),
        }
    }
}

/// Who looks at what everybody may see. Nobody is asked who they are while that does not matter: where people are not divided into organisations.
#[derive(Debug, Clone)]
pub(crate) struct Viewer(Option<String>);

impl Viewer {
    /// Their id; nobody is `None`.
    pub(crate) fn id(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl FromRequestParts<AppState> for Viewer {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, ApiError> {
        if !state.platform.social.is_divided() {
            return Ok(Self(None));
        }
        let caller = identified(parts, state).await?.map(permitted::<ReadsImages>).transpose()?;
        Ok(Self(caller.map(|caller| caller.user.id)))
    }
}

fn permitted<R: Right>(caller: Caller) -> Result<Caller, ApiError> {
    if let Some(scopes) = &caller.scopes {
        let Some(needed) = R::SCOPE else {
            return Err(ApiError::new(StatusCode::FORBIDDEN, "scope_missing", "API keys cannot do this: log in"));
        };
        if !scopes.contains(&needed) {
            let message = format!("the API key does not have the scope `{}`", needed.name());
            return Err(ApiError::new(StatusCode::FORBIDDEN, "scope_missing", message));
        }
    }
    if R::PERMISSION.is_some_and(|permission| !permission.is_of(caller.user.role)) {
        return Err(PlatformError::Forbidden("it needs a higher role").into());
    }
    Ok(caller)
}

/// Who sends a request, within their limits; nobody is `None`.
///
/// In a box: what it awaits would be a part of every route's own future, and proved to be `Send` anew for each of them, which takes minutes.
fn identified<'a>(parts: &'a Parts, state: &'a AppState) -> BoxFuture<'a, Result<Option<Caller>, ApiError>> {
    Box::pin(async move {
        let caller = identify(parts, state).await?;
        if let Some(caller) = &caller {
            state.traffic.seen(&caller.user.id, Instant::now());
            limit::by_caller(state, parts, caller).await?;
        }
        Ok(caller)
    })
}

/// Who sends a request; nobody is `None`.
async fn identify(parts: &Parts, state: &AppState) -> Result<Option<Caller>, ApiError> {
    let place = Place::of(parts);
    let accounts = &state.platform.accounts;
    if let Some(token) = bearer(&parts.headers)? {
        if token.starts_with("ik_") {
            return match accounts.authenticate_key(token).await {
                Ok(found) => Ok(Some(Caller::new(found, Via::Key, place))),
                Err(PlatformError::Unauthenticated) => Err(invalid_key()),
                Err(error) => Err(error.into()),
            };
        }
        if token.starts_with("ea_") {
            let found = accounts.authenticate(token).await.map_err(|error| match error {
                PlatformError::Unauthenticated => unauthenticated("the access token is not valid or has ended: refresh it"),
                error => error.into(),
            })?;
            return Ok(Some(Caller::new(found, Via::Token, place)));
        }
        // Programs made for other servers always send some key; where none is needed it means nothing.
        return match local::enter(parts, state, &place).await? {
            Some(caller) => Ok(Some(caller)),
            None => Err(invalid_key()),
        };
    }
    if let Some(access) = cookies::access(&parts.headers) {
        cookies::refuse_forged(&parts.method, parts, &state.config, Some(&access))?;
        return match accounts.authenticate(&access).await {
            Ok(found) => Ok(Some(Caller::new(found, Via::Cookie, place))),
            Err(PlatformError::Unauthenticated) => Err(unauthenticated("the session has ended: refresh it or log in")),
            Err(error) => Err(error.into()),
        };
    }
    local::enter(parts, state, &place).await
}

/// Where OpenAI's packages put a key when they are told that the server is Azure's.
const API_KEY: &str = "api-key";

/// The token of an `Authorization` header, else of `api-key`; any other scheme is refused rather than overlooked.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else {
        let key = headers.get(API_KEY).and_then(|key| key.to_str().ok()).map(str::trim);
        return Ok(key.filter(|key| !key.is_empty()));
    };
    let text = value.to_str().ok().and_then(|text| text.split_once(' '));
    match text {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() => Ok(Some(token.trim())),
        _ => Err(unauthenticated("the header `Authorization` must be `Bearer` and a token or an API key")),
    }
}

pub(crate) fn unauthenticated(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message)
}

fn invalid_key() -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "invalid_api_key", "the API key is not valid, has ended or was revoked")
}
