//! Limits on requests: by address before anything else is done, by user and key as soon as they are known and before anything is charged.
//!
//! Every answer says how far the caller is from the nearest limit (`ratelimit-*`, on OpenAI's routes also in its words), and a refusal when to
//! come again (`retry-after`). Who is on the server's own machine is not limited while nobody else can reach it.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderValue, Method, Response, request::Parts},
    middleware::Next,
    response::IntoResponse,
};
use easel_platform::limits::{Caller as Limited, Class, Decision};

use crate::{
    ApiError, AppState, Door,
    auth::{Caller, Via, bearer},
};

/// What was decided last, from the extractor to the layer around it.
#[derive(Debug, Clone, Default)]
struct Noted(Arc<Mutex<Option<Decision>>>);

impl Noted {
    fn note(&self, decision: Decision) {
        *self.0.lock().expect("nobody panics with it; this is a bug") = Some(decision);
    }

    fn get(&self) -> Option<Decision> {
        *self.0.lock().expect("nobody panics with it; this is a bug")
    }
}

/// The layer: by address, and the headers of every answer.
pub(crate) async fn by_address(State(state): State<AppState>, mut request: Request, next: Next) -> Response<Body> {
    let Some(class) = class_of(request.method(), request.extensions().get::<MatchedPath>().map(MatchedPath::as_str)) else {
        return next.run(request).await;
    };
    let is_openais = request.uri().path().starts_with("/v1/");
    let noted = Noted::default();
    request.extensions_mut().insert(noted.clone());
    request.extensions_mut().insert(class);
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let mut response = match check_address(&state, class, peer, &noted).await {
        Ok(()) => next.run(request).await,
        Err(refused) => refused.into_response(),
    };
    if let Some(decision) = noted.get() {
        for (name, value) in decision.headers() {
            let theirs = as_openai(name, &value).filter(|_| is_openais);
            for (name, value) in theirs.into_iter().chain([(name, value)]) {
                if let Ok(value) = HeaderValue::from_str(&value) {
                    response.headers_mut().insert(name, value);
                }
            }
        }
    }
    response
}

/// The same in OpenAI's words; a time is `59s` or `6m0s` there.
fn as_openai(name: &str, value: &str) -> Option<(&'static str, String)> {
    match name {
        "ratelimit-limit" => Some(("x-ratelimit-limit-requests", value.to_owned())),
        "ratelimit-remaining" => Some(("x-ratelimit-remaining-requests", value.to_owned())),
        "ratelimit-reset" => {
            let seconds: u64 = value.parse().ok()?;
            let time = if seconds < 60 { format!("{seconds}s") } else { format!("{}m{}s", seconds / 60, seconds % 60) };
            Some(("x-ratelimit-reset-requests", time))
        }
        _ => None,
    }
}

async fn check_address(state: &AppState, class: Class, ip: Option<IpAddr>, noted: &Noted) -> Result<(), ApiError> {
    if matches!(state.config.door, Door::Local { .. }) {
        return Ok(());
    }
    check(state, class, Limited { ip, ..Limited::default() }, noted).await
}

/// By address, for a password that comes with another request than to log in.
pub(crate) async fn login_by_address(state: &AppState, ip: Option<IpAddr>, parts: &Parts) -> Result<(), ApiError> {
    let Some(noted) = parts.extensions.get::<Noted>() else { return Ok(()) };
    check_address(state, Class::Login, ip, noted).await
}

/// By user and key, once they are known.
pub(crate) async fn by_caller(state: &AppState, parts: &Parts, caller: &Caller) -> Result<(), ApiError> {
    let (Some(noted), Some(&class)) = (parts.extensions.get::<Noted>(), parts.extensions.get::<Class>()) else { return Ok(()) };
    if caller.via == Via::Local {
        return Ok(());
    }
    // `ik_<prefix>_<secret>`: the prefix names the key.
    let key = bearer(&parts.headers).ok().flatten().filter(|_| caller.via == Via::Key).and_then(|key| key.split('_').nth(1));
    check(state, class, Limited { user_id: Some(&caller.user.id), key_id: key, ip: None }, noted).await
}

async fn check(state: &AppState, class: Class, caller: Limited<'_>, noted: &Noted) -> Result<(), ApiError> {
    let Some(limits) = &state.services.limits else { return Ok(()) };
    let Some(decision) = limits.check(class, caller).await else { return Ok(()) };
    noted.note(decision);
    decision.into_result()?;
    Ok(())
}

/// What a route is for. Not limited is what the machine that runs us asks for, and what one page brings with it by the hundred: the parts of the
/// web application, which has no routes of its own, and the bytes of pictures.
fn class_of(method: &Method, route: Option<&str>) -> Option<Class> {
    let changes = !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let Some(route) = route else { return changes.then_some(Class::Read) };
    let begins = |all: &[&str]| all.iter().any(|beginning| route.starts_with(beginning));
    // Whole pictures that are anybody's are asked for one at a time.
    let bytes = route.ends_with("/thumbnail") || route.ends_with("/avatar") || route == "/api/v1/images/{id}/file";
    if begins(&["/health", "/metrics"]) || (!changes && begins(&["/api/v1/"]) && bytes) {
        return None;
    }
    Some(match route {
        "/api/v1/auth/login" | "/api/v1/auth/refresh" | "/api/v1/setup" => Class::Login,
        _ if begins(&["/api/v1/auth/oidc", "/api/v1/auth/oauth"]) => Class::Login,
        _ if changes && begins(&["/api/v1/auth/"]) && !begins(&["/api/v1/auth/logout"]) => Class::Register,
        // Somebody else's address is looked at by this server, and what it brings decoded.
        "/api/v1/images/proxy" => Class::Upload,
        _ if changes && begins(&["/api/v1/images/upload", "/api/v1/files/", "/api/v1/users/me/avatar"]) => Class::Upload,
        _ if changes && begins(&["/v1/images", "/api/v1/jobs", "/api/v1/tasks", "/api/v1/generat"]) => Class::Generate,
        _ if changes && begins(&["/sdapi/v1/txt2img", "/sdapi/v1/img2img", "/sdapi/v1/extra-"]) => Class::Generate,
        _ => Class::Read,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openais_words_for_limits() {
        assert_eq!(as_openai("ratelimit-limit", "20"), Some(("x-ratelimit-limit-requests", "20".to_owned())));
        for (seconds, time) in [("0", "0s"), ("59", "59s"), ("60", "1m0s"), ("3601", "60m1s")] {
            assert_eq!(as_openai("ratelimit-reset", seconds), Some(("x-ratelimit-reset-requests", time.to_owned())));
        }
        assert_eq!(as_openai("retry-after", "1"), None, "it is the same there");
    }

    #[test]
    fn routes_are_of_the_class_they_cost() {
        let of = |method, route| class_of(&method, Some(route));
        assert_eq!(of(Method::POST, "/api/v1/auth/login"), Some(Class::Login));
        assert_eq!(of(Method::GET, "/api/v1/auth/oidc/{provider}/start"), Some(Class::Login));
        assert_eq!(of(Method::POST, "/api/v1/auth/register"), Some(Class::Register));
        assert_eq!(of(Method::POST, "/api/v1/auth/logout"), Some(Class::Read));
        assert_eq!(of(Method::POST, "/v1/images/generations"), Some(Class::Generate));
        assert_eq!(of(Method::POST, "/sdapi/v1/txt2img"), Some(Class::Generate));
        assert_eq!(of(Method::POST, "/sdapi/v1/interrupt"), Some(Class::Read));
        assert_eq!(of(Method::GET, "/api/v1/users/me"), Some(Class::Read));
        assert_eq!(of(Method::GET, "/api/v1/images"), Some(Class::Read));
        assert_eq!(of(Method::GET, "/api/v1/images/{id}/thumbnail"), None, "a page of a gallery has a hundred");
        assert_eq!(of(Method::GET, "/api/v1/images/{id}/public/thumbnail"), None);
        assert_eq!(of(Method::GET, "/api/v1/users/{username}/avatar"), None);
        assert_eq!(of(Method::PUT, "/api/v1/users/me/avatar"), Some(Class::Upload));
        assert_eq!(of(Method::POST, "/api/v1/images/upload"), Some(Class::Upload));
        assert_eq!(of(Method::POST, "/api/v1/images/uploads/{id}/complete"), Some(Class::Upload));
        assert_eq!(of(Method::PUT, "/api/v1/files/{*key}"), Some(Class::Upload));
        assert_eq!(of(Method::GET, "/api/v1/images/proxy"), Some(Class::Upload));
        assert_eq!(of(Method::GET, "/api/v1/images/uploads"), Some(Class::Read));
        assert_eq!(of(Method::GET, "/api/v1/images/{id}/public/file"), Some(Class::Read));
        assert_eq!(class_of(&Method::GET, None), None, "the web application");
        assert_eq!(class_of(&Method::POST, None), Some(Class::Read), "looking for what is not there");
    }
}
