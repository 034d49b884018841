//! Cookies of browsers, and the proof that a page of ours sent them.
//!
//! `__Host-` cookies are set by this host alone, over HTTPS (or localhost), for all paths. Scripts read none but the proof, which a page must
//! repeat in the header `x-csrf-token` with whatever changes something: another site's page can make a browser send cookies and cannot read
//! them. The proof is a hash of the access token, so it is of this session and no other; and the page's origin must be ours.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use cookie::{Cookie, SameSite};
use easel_platform::{accounts::Tokens, records::Timestamp, sign_in::Begun};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::origin;
use crate::{ApiConfig, ApiError};

const ACCESS: &str = "__Host-easel_access";
const REFRESH: &str = "__Host-easel_refresh";
/// The one that scripts read.
const PROOF: &str = "__Host-easel_csrf";
/// What a browser that logs in elsewhere brings back.
const SIGN_IN: &str = "__Host-easel_sign_in";
/// Where they repeat it.
const PROOF_HEADER: &str = "x-csrf-token";

/// The access token of a browser.
pub(crate) fn access(headers: &HeaderMap) -> Option<String> {
    value(headers, ACCESS)
}

/// The refresh token of a browser.
pub(crate) fn refresh(headers: &HeaderMap) -> Option<String> {
    value(headers, REFRESH)
}

fn value(headers: &HeaderMap, name: &str) -> Option<String> {
    let sent = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut cookies = sent.flat_map(Cookie::split_parse).flatten();
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned()).filter(|value| !value.is_empty())
}

/// Makes a browser keep these, after a login or refresh.
pub(crate) fn keep(headers: &mut HeaderMap, tokens: &Tokens, now: Timestamp) {
    let refresh_life = now.until(tokens.refresh_expires_at);
    set(headers, ACCESS, &tokens.access, now.until(tokens.access_expires_at), true);
    set(headers, REFRESH, &tokens.refresh, refresh_life, true);
    set(headers, PROOF, &proof_of(&tokens.access), refresh_life, false);
}

/// What a browser was sent elsewhere with.
pub(crate) fn sign_in(headers: &HeaderMap) -> Option<String> {
    value(headers, SIGN_IN)
}

/// Makes a browser keep what it brings back.
pub(crate) fn keep_sign_in(headers: &mut HeaderMap, begun: &Begun, now: Timestamp) {
    set(headers, SIGN_IN, &begun.browser, now.until(begun.expires_at), true);
}

/// Makes a browser forget it.
pub(crate) fn forget_sign_in(headers: &mut HeaderMap) {
    set(headers, SIGN_IN, "", Duration::ZERO, true);
}

/// Makes a browser forget them.
pub(crate) fn forget(headers: &mut HeaderMap) {
    for name in [ACCESS, REFRESH, PROOF] {
        set(headers, name, "", Duration::ZERO, true);
    }
}

fn set(headers: &mut HeaderMap, name: &str, value: &str, life: Duration, hidden: bool) {
    let life = cookie::time::Duration::seconds(i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
    let cookie = Cookie::build((name, value)).path("/").secure(true).http_only(hidden).same_site(SameSite::Lax).max_age(life);
    let text = cookie.build().to_string();
    headers.append(header::SET_COOKIE, HeaderValue::from_str(&text).expect("tokens are fit for a header; this is a bug"));
}

/// Refuses a request that changes something, carries cookies, and does not prove that a page of ours sent it. With an access token the proof
/// must be that token's.
pub(crate) fn refuse_forged(method: &Method, parts: &Parts, config: &ApiConfig, access: Option<&str>) -> Result<(), ApiError> {
    origin::refuse_other_sites(parts, config)?;
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let shown = parts.headers.get(PROOF_HEADER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let expected = access.map(proof_of).or_else(|| value(&parts.headers, PROOF)).unwrap_or_default();
    let same: bool = expected.as_bytes().ct_eq(shown.as_bytes()).into();
    if same && !expected.is_empty() {
        return Ok(());
    }
    let message = "repeat the cookie `__Host-easel_csrf` in the header `x-csrf-token`";
    Err(ApiError::new(StatusCode::FORBIDDEN, "csrf_token_missing", message))
}

fn proof_of(access: &str) -> String {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    BASE64_URL_SAFE_NO_PAD.encode(Sha256::new().chain_update("easel-csrf\0").chain_update(access).finalize())
}
