//! Webhooks of those that sign them: good ones wake, and one changed bit anywhere does not.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::time::{Duration, SystemTime};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use easel_outbound::header::{HeaderMap, HeaderName, HeaderValue};
use easel_providers::{
    Kind, Secret,
    webhook::{self, FalKeys, Message, VerifyKey, Wake, WebhookError},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const NOW: u64 = 1_790_000_000;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())).collect()
}

fn verify(kind: Kind, key: &VerifyKey<'_>, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<Wake, WebhookError> {
    webhook::verify(kind, key, &Message { headers, body, now })
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The example of the Standard Webhooks specification, whose signature others computed.
#[test]
fn replicates_signature_is_that_of_the_specification() {
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let signed = headers(&[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
    ]);
    let outcome = verify(Kind::Replicate, &VerifyKey::Shared(&secret), &signed, br#"{"test": 2432232314}"#, at(1_614_265_330));
    // The signature is right, and the body names no task of ours.
    assert_eq!(outcome, Err(WebhookError::Body));
}

#[test]
fn replicate() {
    let key = b"a key of thirty-two bytes, about";
    let secret = Secret::new(format!("whsec_{}", STANDARD.encode(key)));
    let body = br#"{"id":"abc123","status":"succeeded"}"#;
    let sign =
        |id: &str, time: &str, body: &[u8]| STANDARD.encode(hmac(key, &[format!("{id}.{time}.").as_bytes(), body].concat()));
    let time = NOW.to_string();
    let good = sign("msg_1", &time, body);
    let check = |signature: &str, body: &[u8], now: u64| {
        let signed = headers(&[("webhook-id", "msg_1"), ("webhook-timestamp", &time), ("webhook-signature", signature)]);
        verify(Kind::Replicate, &VerifyKey::Shared(&secret), &signed, body, at(now))
    };
    let wake = Ok(Wake { task_id: "abc123".into(), event_id: "msg_1".into() });
    assert_eq!(check(&format!("v1,{good}"), body, NOW), wake);
    assert_eq!(check(&format!("v1,AAAA v2,{good} v1,{good}"), body, NOW + 300), wake, "while keys change");
    assert_eq!(check(&format!("v1,{good}"), body, NOW + 301), Err(WebhookError::Stale));
    assert_eq!(check(&format!("v1,{good}"), body, NOW - 301), Err(WebhookError::Stale));
    assert_eq!(check(&format!("v1,{good}"), br#"{"id":"abc124","status":"succeeded"}"#, NOW), Err(WebhookError::Signature));
    assert_eq!(check(&format!("v2,{good}"), body, NOW), Err(WebhookError::Signature));
    assert_eq!(check("", body, NOW), Err(WebhookError::Signature));
    let other = sign("msg_2", &time, body);
    assert_eq!(check(&format!("v1,{other}"), body, NOW), Err(WebhookError::Signature));
    let path = br#"{"id":"../account"}"#;
    assert_eq!(check(&format!("v1,{}", sign("msg_1", &time, path)), path, NOW), Err(WebhookError::Body));
    // No key is no key that fits everything.
    let signed = headers(&[("webhook-id", "m"), ("webhook-timestamp", &time), ("webhook-signature", "v1,")]);
    for empty in ["", "whsec_", "whsec_!"] {
        let outcome = verify(Kind::Replicate, &VerifyKey::Shared(&Secret::new(empty)), &signed, body, at(NOW));
        assert_eq!(outcome, Err(WebhookError::Signature));
    }
}

#[test]
fn black_forest_labs() {
    let secret = Secret::new("shared with each submission");
    let body = br#"{"id":"task-1","status":"SUCCESS"}"#;
    let good = hex(&hmac(b"shared with each submission", body));
    let check = |signature: &str, body: &[u8]| {
        verify(Kind::Bfl, &VerifyKey::Shared(&secret), &headers(&[("x-bfl-signature", signature)]), body, at(NOW))
    };
    let wake = Ok(Wake { task_id: "task-1".into(), event_id: "task-1".into() });
    assert_eq!(check(&format!("sha256={good}"), body), wake);
    assert_eq!(check(&good, body), wake);
    assert_eq!(check(&format!("sha256={good}"), br#"{"id":"task-2"}"#), Err(WebhookError::Signature));
    assert_eq!(check(&format!("sha256={}", &good[..62]), body), Err(WebhookError::Signature));
    for nonsense in ["sha256=xyz", "sha256=abc", "zz"] {
        assert_eq!(check(nonsense, body), Err(WebhookError::Unsigned), "{nonsense}");
    }
    assert_eq!(verify(Kind::Bfl, &VerifyKey::Shared(&secret), &HeaderMap::new(), body, at(NOW)), Err(WebhookError::Unsigned));
    let empty = headers(&[("x-bfl-signature", &hex(&hmac(b"", body)))]);
    let outcome = verify(Kind::Bfl, &VerifyKey::Shared(&Secret::new("")), &empty, body, at(NOW));
    assert_eq!(outcome, Err(WebhookError::Signature));
}

#[test]
fn fal() {
    let pair = |seed: u8| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let jwk =
        |pair: &Ed25519KeyPair| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(pair.public_key()));
    let (old, new) = (pair(1), pair(2));
    let keys = FalKeys::parse(format!(r#"{{"keys":[{{"kty":"RSA","n":"x"}},{},{}]}}"#, jwk(&old), jwk(&new)).as_bytes()).unwrap();
    let body = br#"{"request_id":"req-1","status":"OK","payload":{}}"#;
    let time = NOW.to_string();
    let sign = |pair: &Ed25519KeyPair, body: &[u8]| {
        hex(pair.sign(format!("req-1\nuser-1\n{time}\n{}", hex(&Sha256::digest(body))).as_bytes()).as_ref())
    };
    let check = |signature: &str, user: &str, body: &[u8], now: u64| {
        let signed = headers(&[
            ("x-fal-webhook-request-id", "req-1"),
            ("x-fal-webhook-user-id", user),
            ("x-fal-webhook-timestamp", &time),
            ("x-fal-webhook-signature", signature),
        ]);
        verify(Kind::Fal, &VerifyKey::Fal(&keys), &signed, body, at(now))
    };
    let wake = Ok(Wake { task_id: "req-1".into(), event_id: "req-1".into() });
    assert_eq!(check(&sign(&new, body), "user-1", body, NOW), wake);
    assert_eq!(check(&sign(&old, body), "user-1", body, NOW - 300), wake, "any of the published keys");
    assert_eq!(check(&sign(&pair(3), body), "user-1", body, NOW), Err(WebhookError::Signature));
    assert_eq!(check(&sign(&new, body), "user-2", body, NOW), Err(WebhookError::Signature));
    assert_eq!(check(&sign(&new, body), "user-1", br#"{"request_id":"req-2"}"#, NOW), Err(WebhookError::Signature));
    assert_eq!(check(&sign(&new, body), "user-1", body, NOW + 301), Err(WebhookError::Stale));
    assert_eq!(check("00", "user-1", body, NOW), Err(WebhookError::Signature));
    assert_eq!(check("zz", "user-1", body, NOW), Err(WebhookError::Unsigned));
    for none in [&b"{}"[..], b"{\"keys\":[]}", b"{\"keys\":[{\"kty\":\"OKP\",\"x\":\"AAAA\"}]}", b"not json"] {
        assert_eq!(FalKeys::parse(none), None);
    }
}

#[test]
fn a_header_twice_is_no_header_and_the_others_have_no_webhooks() {
    let secret = Secret::new("s");
    let body = br#"{"id":"task-1"}"#;
    let mut twice = headers(&[("x-bfl-signature", &hex(&hmac(b"s", body)))]);
    assert!(verify(Kind::Bfl, &VerifyKey::Shared(&secret), &twice, body, at(NOW)).is_ok());
    twice.append("x-bfl-signature", HeaderValue::from_static("00"));
    assert_eq!(verify(Kind::Bfl, &VerifyKey::Shared(&secret), &twice, body, at(NOW)), Err(WebhookError::Unsigned));
    for kind in [Kind::Openai, Kind::Stability, Kind::Gemini, Kind::Imagen, Kind::Together, Kind::OpenaiCompatible, Kind::Fal] {
        assert_eq!(verify(kind, &VerifyKey::Shared(&secret), &twice, body, at(NOW)), Err(WebhookError::None), "{kind}");
    }
}
