//! One person on their own machine, without an account.
//!
//! The server is bound to a loopback address, so every connection comes from this machine. That is not enough: a web page can make a browser
//! on this machine send requests here, directly or under a name that its owner lets point to 127.0.0.1. So the name asked for must be this
//! machine's own, the page must be ours, and what came through a proxy is refused, because a proxy speaks for others.

use std::net::IpAddr;

use axum::http::{StatusCode, request::Parts};
use easel_platform::accounts::Authenticated;

use super::{Caller, Door, Place, Via, origin};
use crate::{
    ApiError, AppState,
    generation::{invalid_host, is_host},
};

/// What proxies write.
const FORWARDED: [&str; 6] = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via"];

/// The built-in account, if this request may act as it.
pub(super) async fn enter(parts: &Parts, state: &AppState, place: &Place) -> Result<Option<Caller>, ApiError> {
    let Door::Local { hosts } = &state.config.door else { return Ok(None) };
    if state.platform.accounts.has_administrator().await? {
        return Ok(None);
    }
    if FORWARDED.iter().any(|name| parts.headers.contains_key(*name)) {
        return Err(refused("a proxy speaks for others"));
    }
    let host = origin::host(parts).filter(|host| is_host(host)).ok_or_else(invalid_host)?;
    if !is_this_machine(host, hosts) {
        return Err(refused("the name in `Host` is not this machine's own"));
    }
    origin::refuse_other_sites(parts, &state.config)?;
    let user = state.platform.accounts.local().await?;
    let found = Authenticated { user, session_id: None, scopes: None, key_id: None };
    Ok(Some(Caller::new(found, Via::Local, place.clone())))
}

fn refused(why: &str) -> ApiError {
    let message = format!(
        "without accounts this server is for this machine alone, and {why}. To let others in, make an administrator with `easel admin \
         create-superuser`, start with `--auth required`, and log in or send an API key"
    );
    ApiError::new(StatusCode::FORBIDDEN, "local_only", message)
}

/// `localhost`, a loopback address, or one of the configured names; with any port.
fn is_this_machine(host: &str, names: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
        || names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_this_machines_own_names_count() {
        for good in [
            "localhost",
            "LOCALHOST:3273",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.8.8.8:1",
            "[::1]",
            "[::1]:3273",
            "[::ffff:127.0.0.1]:1",
            "box:3273",
        ] {
            assert!(is_this_machine(good, &["box".to_owned()]), "{good}");
        }
        for bad in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example:3273",
            "10.0.0.1",
            "0.0.0.0:3273",
            "[::]:1",
            "::1:x",
            "boxes",
        ] {
            assert!(!is_this_machine(bad, &["box".to_owned()]), "{bad}");
        }
    }
}
