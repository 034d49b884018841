//! Logging in elsewhere over HTTP: what a browser is sent with, what it comes back with, and what other sites cannot make it do.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use crate::common::{Answer, Server, server_with_services};
use crate::identity_provider::{CLIENT, IdentityProvider, Key, SECRET};
use axum::{
    body::Body,
    http::{Method, Request, header::SET_COOKIE},
};
use easel_api::Services;
use easel_oidc::{ClientSecret, Provider, Settings};
use easel_outbound::{Client, Policy};
use easel_platform::{
    SystemSecrets,
    keyring::Keyring,
    sign_in::{Offered, SignIn},
};
use serde_json::json;

async fn start() -> (Server, IdentityProvider) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let provider = IdentityProvider::start(Key::ec(), i64::try_from(now).expect("fits")).await;
    let internal_hosts = vec![provider.receiver.address.to_string().parse().expect("a host")];
    let client = Client::new(Policy { internal_hosts, ..Policy::default() }).expect("a client");
    let issuer = provider.issuer();
    let server = server_with_services(|platform| {
        let settings =
            Settings { client_secret: Some(ClientSecret::new(SECRET)), email_trusted: true, ..Settings::new(issuer, CLIENT) };
        let offered = Offered { title: "Test".to_owned(), provider: Provider::new(settings, client), link_by_email: false };
        let sign_in = SignIn::new(
            platform.context.clone(),
            platform.accounts.clone(),
            Keyring::generate(&SystemSecrets),
            BTreeMap::from([("test".to_owned(), offered)]),
            "https://easel.test/api/v1/auth/oidc/callback",
        );
        Services { sign_in: Some(sign_in), ..Services::default() }
    })
    .await;
    (server, provider)
}

async fn send(server: &Server, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder().method(method).uri(path).header("host", "easel.test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server.send(request.body(Body::from(body.to_owned())).expect("a request")).await
}

/// What a browser keeps of an answer: names and values, and the attributes of one of them.
fn cookies(answer: &Answer) -> BTreeMap<String, (String, String)> {
    let all = answer.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().expect("ASCII"));
    all.filter_map(|text| text.split_once('='))
        .map(|(name, rest)| {
            let (value, attributes) = rest.split_once(';').unwrap_or((rest, ""));
            (name.to_owned(), (value.to_owned(), attributes.to_lowercase()))
        })
        .collect()
}

#[tokio::test]
async fn a_browser_goes_and_comes_back_with_a_session() {
    let (server, provider) = start().await;
    let listed = send(&server, Method::GET, "/api/v1/auth/oidc", &[], "").await;
    assert_eq!(listed.json(), json!([{ "name": "test", "title": "Test", "start": "/api/v1/auth/oidc/test/start" }]));
    let sent = send(&server, Method::GET, "/api/v1/auth/oidc/test/start?return_to=/gallery", &[], "").await;
    assert_eq!((sent.status.as_u16(), sent.header("cache-control")), (303, "no-store"));
    let kept = cookies(&sent);
    let (browser, attributes) = &kept["__Host-easel_sign_in"];
    for attribute in ["httponly", "secure", "samesite=lax", "path=/"] {
        assert!(attributes.contains(attribute), "{attribute} in {attributes}");
    }
    // Ten minutes from when it began, less what has passed since.
    let age = attributes.split("max-age=").nth(1).and_then(|rest| rest.split(';').next()?.trim().parse::<u32>().ok());
    assert!(age.is_some_and(|age| (1..=600).contains(&age)), "{attributes}");
    let (state, code) = provider.visit(sent.header("location"));
    let back = format!("/api/v1/auth/oidc/callback/test?state={state}&code={code}&scope=openid&iss={}", provider.issuer());
    let cookie = format!("__Host-easel_sign_in={browser}");
    // As a browser comes from another site.
    let elsewhere = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")];
    let came = send(&server, Method::GET, &back, &[&elsewhere[..], &[("cookie", cookie.as_str())]].concat(), "").await;
    assert_eq!((came.status.as_u16(), came.header("location")), (303, "/gallery"), "{:?}", String::from_utf8_lossy(&came.bytes));
    let kept = cookies(&came);
    assert!(kept["__Host-easel_sign_in"].0.is_empty(), "it is forgotten");
    let session = format!("__Host-easel_access={}", kept["__Host-easel_access"].0);
    let me = send(&server, Method::GET, "/api/v1/users/me", &[("cookie", &session)], "").await;
    assert_eq!(me.json()["email"], "ada@example.org");
    let again = send(&server, Method::GET, &back, &[("cookie", &cookie)], "").await;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (400, "sign_in_state"), "once");

    let identities = send(&server, Method::GET, "/api/v1/users/me/identities", &[("cookie", &session)], "").await.json();
    let path = format!("/api/v1/users/me/identities/{}", identities[0]["id"].as_str().expect("an id"));
    let csrf = kept["__Host-easel_csrf"].0.clone();
    let both = format!("{session}; __Host-easel_csrf={csrf}");
    let last = send(&server, Method::DELETE, &path, &[("cookie", &both), ("x-csrf-token", &csrf)], "").await;
    assert_eq!((last.status.as_u16(), last.code().as_str()), (409, "sign_in_last_way"));
}

#[tokio::test]
async fn another_browser_and_another_site_get_nowhere() {
    let (server, provider) = start().await;
    let sent = send(&server, Method::GET, "/api/v1/auth/oidc/test/start", &[], "").await;
    let (state, code) = provider.visit(sent.header("location"));
    let back = format!("/api/v1/auth/oidc/callback/test?state={state}&code={code}");
    let victim = send(&server, Method::GET, &back, &[], "").await;
    assert_eq!((victim.status.as_u16(), victim.code().as_str()), (400, "sign_in_state"), "a link does not log anybody in");
    assert!(victim.headers.get(SET_COOKIE).is_none());
    for path in
        ["/api/v1/auth/oidc/test/start?return_to=//evil.example", "/api/v1/auth/oidc/test/start?return_to=https://evil.example"]
    {
        assert_eq!(send(&server, Method::GET, path, &[], "").await.status, 400, "{path}");
    }
    assert_eq!(send(&server, Method::GET, "/api/v1/auth/oidc/none/start", &[], "").await.status, 404);
    let refused = send(&server, Method::GET, "/api/v1/auth/oidc/callback/test?error=access_denied&state=x", &[], "").await;
    assert_eq!(refused.code(), "sign_in_state");

    // Linking is for somebody who is logged in, from a page of ours.
    let json = ("content-type", "application/json");
    let link = "/api/v1/auth/oidc/test/link";
    assert_eq!(send(&server, Method::POST, link, &[json], r#"{"return_to": "/"}"#).await.status, 401);
    let who = r#"{"email": "grace@example.org", "password": "a long sentence"}"#;
    assert!(send(&server, Method::POST, "/api/v1/auth/register", &[json], who).await.status.is_success());
    let who = r#"{"email": "grace@example.org", "password": "a long sentence", "transport": "cookie"}"#;
    let kept = cookies(&send(&server, Method::POST, "/api/v1/auth/login", &[json], who).await);
    let (access, csrf) = (&kept["__Host-easel_access"].0, &kept["__Host-easel_csrf"].0);
    let cookie = format!("__Host-easel_access={access}; __Host-easel_csrf={csrf}");
    let forged = send(&server, Method::POST, link, &[json, ("cookie", &cookie)], r#"{"return_to": "/"}"#).await;
    assert_eq!((forged.status.as_u16(), forged.code().as_str()), (403, "csrf_token_missing"));
    let begun =
        send(&server, Method::POST, link, &[json, ("cookie", &cookie), ("x-csrf-token", csrf)], r#"{"return_to": "/"}"#).await;
    assert_eq!(begun.status, 200);
    let (state, code) = provider.visit(begun.json()["url"].as_str().expect("an address"));
    let browser = cookies(&begun)["__Host-easel_sign_in"].0.clone();
    let back = format!("/api/v1/auth/oidc/callback/test?state={state}&code={code}");
    let all = format!("{cookie}; __Host-easel_sign_in={browser}");
    let linked = send(&server, Method::GET, &back, &[("cookie", &all), ("sec-fetch-site", "cross-site")], "").await;
    assert_eq!(linked.status, 303);
    assert!(!cookies(&linked).contains_key("__Host-easel_access"), "the session stays what it is");
    let bearer = format!("Bearer {access}");
    let mine = send(&server, Method::GET, "/api/v1/users/me/identities", &[("authorization", &bearer)], "").await;
    assert_eq!(mine.json().as_array().map(Vec::len), Some(1));
}
