//! Which page sent a request, as far as browsers tell, and under which name this server was asked for.
//!
//! Browsers put `Origin` on every request that another site's page makes and could change something with, and `Sec-Fetch-Site` on all of
//! them; no page can set either. Programs send neither.

use axum::http::{StatusCode, header, request::Parts};

use crate::{ApiConfig, ApiError};

/// The name and port a client asks for: HTTP/2 has it in the address, HTTP/1.1 in a header.
pub(crate) fn host(parts: &Parts) -> Option<&str> {
    let named = parts.uri.authority().map(|authority| authority.as_str());
    named.or_else(|| parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()))
}

/// Refuses what a page of another site has sent.
pub(crate) fn refuse_other_sites(parts: &Parts, config: &ApiConfig) -> Result<(), ApiError> {
    let text = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    // `none` is a person who typed the address.
    let site_is_good = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let origin_is_good = text("origin").is_none_or(|origin| is_ours(origin, host(parts), config));
    if site_is_good && origin_is_good {
        return Ok(());
    }
    let message = "pages of other sites cannot use this server in their visitor's name";
    Err(ApiError::new(StatusCode::FORBIDDEN, "origin_refused", message))
}

/// The page's origin is the name we were asked for, or the one we are configured to be seen by.
fn is_ours(origin: &str, host: Option<&str>, config: &ApiConfig) -> bool {
    let authority = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    let Some(authority) = authority else { return false };
    let configured = config.public_url.as_deref().and_then(authority_of);
    host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
        || configured.is_some_and(|public| public.eq_ignore_ascii_case(authority))
}

/// Name and port of an address.
pub(crate) fn authority_of(url: &str) -> Option<&str> {
    url.split_once("://")?.1.split(['/', '?', '#']).next()
}
