//! A small real OpenID provider: documents, keys, codes that are good once for whoever has the verifier, and tokens signed by AWS-LC, which is
//! not what checks them.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use aws_lc_rs::{
    encoding::AsDer,
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use easel_outbound::Url;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use crate::receiver::{Answer, Received, Receiver, json as answer_json, status};

pub const CLIENT: &str = "easel";
pub const SECRET: &str = "client secret & more";

/// A key to sign with.
pub enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Key {
    pub fn rsa() -> Self {
        Self::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).expect("a key"))
    }

    pub fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
        }
    }

    /// What anybody may know of it.
    pub fn public(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let der: aws_lc_rs::encoding::PublicKeyX509Der<'_> = key.public_key().as_der().expect("DER");
                der.as_ref().to_vec()
            }
            Self::Ec(key) => key.public_key().as_ref().to_vec(),
        }
    }

    fn jwk(&self, kid: &str) -> Json {
        match self {
            Self::Rsa(key) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                let text = |number: &[u8]| BASE64.encode(number);
                let (n, e) = (text(n.big_endian_without_leading_zero()), text(e.big_endian_without_leading_zero()));
                json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": n, "e": e })
            }
            Self::Ec(key) => {
                let point = key.public_key().as_ref();
                let (x, y) = (BASE64.encode(&point[1..33]), BASE64.encode(&point[33..65]));
                json!({ "kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": kid, "x": x, "y": y })
            }
        }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("a signature");
                signature
            }
            Self::Ec(key) => key.sign(&random, message).expect("a signature").as_ref().to_vec(),
        }
    }
}

/// How a token is signed.
#[derive(Clone)]
pub enum Signing {
    /// By a key, under this name.
    By(Arc<Key>, String),
    /// Not at all, and the header says so.
    None,
    /// By HMAC under whatever bytes: a public key's, or our own secret.
    Hmac(Vec<u8>),
    /// By a key that the header brings along.
    Embedded(Arc<Key>),
}

impl Signing {
    fn token(&self, claims: &Json) -> String {
        let header = match self {
            Self::By(key, kid) => json!({ "alg": key.algorithm(), "kid": kid, "typ": "JWT" }),
            Self::None => json!({ "alg": "none" }),
            Self::Hmac(_) => json!({ "alg": "HS256" }),
            Self::Embedded(key) => json!({ "alg": key.algorithm(), "jwk": key.jwk("x"), "kid": "x" }),
        };
        let message = format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()));
        let signature = match self {
            Self::By(key, _) | Self::Embedded(key) => key.sign(message.as_bytes()),
            Self::None => Vec::new(),
            Self::Hmac(secret) => {
                let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
                mac.update(message.as_bytes());
                mac.finalize().into_bytes().to_vec()
            }
        };
        format!("{message}.{}", BASE64.encode(signature))
    }
}

/// What it does; a test changes it as it goes.
pub struct Behaviour {
    /// Its time, in seconds since 1970 UTC.
    pub now: i64,
    pub signing: Signing,
    /// The keys of its document.
    pub published: Vec<(Arc<Key>, String)>,
    /// What it adds to its tokens, or puts in the place of what is right.
    pub claims: Json,
    /// It names itself when it sends a browser back.
    pub names_issuer: bool,
    pub keys_asked: usize,
    codes: HashMap<String, Code>,
    codes_given: usize,
}

struct Code {
    challenge: String,
    nonce: String,
    redirect_uri: String,
}

pub struct IdentityProvider {
    pub receiver: Receiver,
    pub behaviour: Arc<Mutex<Behaviour>>,
}

impl IdentityProvider {
    /// With one key, and somebody whose address is proved.
    pub async fn start(key: Key, now: i64) -> Self {
        let key = Arc::new(key);
        let behaviour = Arc::new(Mutex::new(Behaviour {
            now,
            signing: Signing::By(key.clone(), "k1".to_owned()),
            published: vec![(key, "k1".to_owned())],
            claims: json!({ "sub": "1234", "email": "Ada@Example.org", "email_verified": true, "name": "Ada Lovelace" }),
            names_issuer: false,
            keys_asked: 0,
            codes: HashMap::new(),
            codes_given: 0,
        }));
        let told = behaviour.clone();
        let receiver = Receiver::start(move |request| told.lock().expect("nobody panics").answer(request)).await;
        Self { receiver, behaviour }
    }

    pub fn issuer(&self) -> String {
        self.receiver.url("")
    }

    pub fn change(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock().expect("nobody panics"));
    }

    /// What a person's browser does there: the state and the code it comes back with.
    pub fn visit(&self, url: &str) -> (String, String) {
        let url = Url::parse(url).expect("an address");
        assert_eq!(url.path(), "/authorize");
        let all: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let get = |name: &str| all.get(name).unwrap_or_else(|| panic!("no {name}")).clone();
        assert_eq!((get("response_type"), get("client_id")), ("code".to_owned(), CLIENT.to_owned()));
        assert_eq!(get("code_challenge_method"), "S256");
        assert!(get("scope").split(' ').any(|scope| scope == "openid"));
        let mut behaviour = self.behaviour.lock().expect("nobody panics");
        behaviour.codes_given += 1;
        let code = format!("code-{}", behaviour.codes_given);
        let kept = Code { challenge: get("code_challenge"), nonce: get("nonce"), redirect_uri: get("redirect_uri") };
        behaviour.codes.insert(code.clone(), kept);
        (get("state"), code)
    }
}

impl Behaviour {
    fn answer(&mut self, request: &Received) -> Answer {
        let host = format!("http://{}", request.headers["host"]);
        match request.target.as_str() {
            "/.well-known/openid-configuration" => answer_json(&json!({
                "issuer": host,
                "authorization_endpoint": format!("{host}/authorize"),
                "token_endpoint": format!("{host}/token"),
                "jwks_uri": format!("{host}/keys"),
                "authorization_response_iss_parameter_supported": self.names_issuer,
            })),
            "/keys" => {
                self.keys_asked += 1;
                answer_json(&json!({ "keys": self.published.iter().map(|(key, kid)| key.jwk(kid)).collect::<Vec<_>>() }))
            }
            "/token" => self.exchange(&host, request),
            _ => status(404),
        }
    }

    /// RFC 6749 and 7636: the code goes with the first try, right or wrong.
    fn exchange(&mut self, host: &str, request: &Received) -> Answer {
        let url = Url::parse(&format!("http://x/?{}", request.body)).ok()?;
        let form: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let get = |name: &str| form.get(name).cloned().unwrap_or_default();
        let expected = format!(
            "Basic {}",
            base64::prelude::BASE64_STANDARD.encode(format!("{CLIENT}:{}", SECRET.replace('&', "%26").replace(' ', "+")))
        );
        let Some(code) = self.codes.remove(&get("code")) else { return status(400) };
        let proved = BASE64.encode(Sha256::digest(get("code_verifier"))) == code.challenge;
        let authentic = request.headers.get("authorization") == Some(&expected);
        if !proved || !authentic || get("redirect_uri") != code.redirect_uri || get("grant_type") != "authorization_code" {
            return status(400);
        }
        let mut claims = json!({ "iss": host, "aud": CLIENT, "exp": self.now + 300, "iat": self.now, "nonce": code.nonce });
        for (name, value) in self.claims.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        answer_json(&json!({ "access_token": "a", "token_type": "Bearer", "id_token": self.signing.token(&claims) }))
    }
}
