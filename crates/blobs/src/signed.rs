//! Addresses by which a browser may fetch or send one file for a while, without other credentials.
//!
//! S3, Google and Azure sign their own, for themselves. For a local folder this server signs: HMAC-SHA256 over method, key, time and, for
//! uploads, the number of bytes. Checking takes the same time whatever is wrong, and nothing is learnt from how it failed. An address is
//! for one rendition of a picture, never for all of them.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use hmac::{Hmac, KeyInit, Mac};
use object_store::signer::{HeaderName, HeaderValue, Method, SignedUrlOptions};
use sha2::Sha256;
use url::Url;

use crate::{BlobError, Blobs, Key, open::Kind};

/// The longest an address may be good for; S3's own limit.
const VALID_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Secrets shorter than this can be tried out.
const SECRET_MIN: usize = 32;

/// What local addresses are signed with.
#[derive(Clone)]
pub struct SigningKeys(Vec<Vec<u8>>);

impl SigningKeys {
    /// The secrets, at least 32 bytes each: the first signs, all of them are believed, so that one can be replaced without a break.
    pub fn new(secrets: Vec<Vec<u8>>) -> Result<Self, BlobError> {
        if secrets.is_empty() || secrets.iter().any(|secret| secret.len() < SECRET_MIN) {
            return Err(BlobError::Settings(format!("signing keys need at least {SECRET_MIN} bytes")));
        }
        Ok(Self(secrets))
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signing keys", self.0.len())
    }
}

/// What an address allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To fetch the file.
    Get,
    /// To send it, with exactly so many bytes.
    Put {
        /// The bytes that must be sent.
        size: u64,
    },
}

/// An address with its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAddress {
    /// Where to go.
    pub url: Url,
    /// When it ends.
    pub expires: SystemTime,
}

/// An address to send a file to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadAddress {
    /// Where to go, with PUT.
    pub url: Url,
    /// When it ends.
    pub expires: SystemTime,
    /// Headers that must be sent as they are.
    pub headers: Vec<(&'static str, String)>,
}

/// What a local address, once checked, allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The file.
    pub key: Key,
    /// What may be done with it.
    pub access: Access,
}

impl Blobs {
    /// An address to fetch a file from, good for `valid` (a second to seven days).
    pub async fn sign_get(&self, key: &Key, valid: Duration, now: SystemTime) -> Result<SignedAddress, BlobError> {
        let valid = valid.clamp(Duration::from_secs(1), VALID_MAX);
        let url = match self.signer() {
            Some(signer) => signer.signed_url(Method::GET, &self.path(key), valid).await?,
            None => self.sign_locally(key, Access::Get, now + valid)?,
        };
        Ok(SignedAddress { url, expires: now + valid })
    }

    /// An address to send a file of `size` bytes to. Only this server's own addresses hold the sender to the size; S3 and Google check the
    /// type alone, Azure neither, and nobody looks inside. So whatever came is read with a limit ([`Self::read_all`]) and checked before
    /// it is used, and deleted if it fails.
    pub async fn sign_put(&self, key: &Key, size: u64, valid: Duration, now: SystemTime) -> Result<UploadAddress, BlobError> {
        let valid = valid.clamp(Duration::from_secs(1), VALID_MAX);
        let media_type = key.kind().media_type();
        let mut headers = vec![("content-type", media_type.to_owned())];
        let url = match (self.signer(), self.kind()) {
            (Some(signer), Kind::Azure) => {
                headers.push(("x-ms-blob-type", "BlockBlob".to_owned()));
                signer.signed_url(Method::PUT, &self.path(key), valid).await?
            }
            (Some(signer), _) => {
                let options = SignedUrlOptions::new()
                    .with_signed_header(HeaderName::from_static("content-type"), HeaderValue::from_static(media_type));
                signer.signed_url_opts(Method::PUT, &self.path(key), valid, &options).await?
            }
            (None, _) => self.sign_locally(key, Access::Put { size }, now + valid)?,
        };
        Ok(UploadAddress { url, expires: now + valid, headers })
    }

    /// Where a public file is delivered from, if not by this server.
    pub fn cdn_address(&self, key: &Key) -> Option<Url> {
        self.cdn().map(|base| below(base, key))
    }

    /// Checks a local address: its method (`GET` or `PUT`), what follows the base, and its query. `Expired` only if it once was good.
    pub fn verify(&self, method: &str, path: &str, query: &str, now: SystemTime) -> Result<Grant, BlobError> {
        let key: Key = path.parse().map_err(|_| BlobError::Signature)?;
        let signed = Query::parse(query).ok_or(BlobError::Signature)?;
        let access = match (method, signed.size) {
            ("GET" | "HEAD", None) => Access::Get,
            ("PUT", Some(size)) => Access::Put { size },
            _ => return Err(BlobError::Signature),
        };
        let message = message(&key, access, signed.expires);
        // All of them, whichever fits.
        let known = self.signing_keys().0.iter().filter(|secret| mac(secret, &message).verify_slice(&signed.signature).is_ok());
        if known.count() == 0 {
            return Err(BlobError::Signature);
        }
        if seconds(now) >= signed.expires {
            return Err(BlobError::Expired);
        }
        Ok(Grant { key, access })
    }

    fn sign_locally(&self, key: &Key, access: Access, expires: SystemTime) -> Result<Url, BlobError> {
        let base = self.address().ok_or_else(|| {
            BlobError::Settings("this storage needs the server's own address to sign with: set its public URL".to_owned())
        })?;
        let expires = seconds(expires);
        let signature = mac(&self.signing_keys().0[0], &message(key, access, expires)).finalize().into_bytes();
        let mut url = below(base, key);
        let mut query = url.query_pairs_mut();
        query.append_pair("expires", &expires.to_string());
        if let Access::Put { size } = access {
            query.append_pair("size", &size.to_string());
        }
        let hex: String = signature.iter().map(|byte| format!("{byte:02x}")).collect();
        query.append_pair("signature", &hex);
        drop(query);
        Ok(url)
    }
}

/// The parts of an address's query; anything missing, twice or unknown is none of ours.
struct Query {
    expires: u64,
    size: Option<u64>,
    signature: Vec<u8>,
}

impl Query {
    fn parse(query: &str) -> Option<Self> {
        let (mut expires, mut size, mut signature) = (None, None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=')?;
            let twice = match name {
                "expires" => expires.replace(decimal(value)?).is_some(),
                "size" => size.replace(decimal(value)?).is_some(),
                "signature" => signature.replace(bytes(value)?).is_some(),
                _ => return None,
            };
            if twice {
                return None;
            }
        }
        Some(Self { expires: expires?, size, signature: signature? })
    }
}

/// Digits alone, in their only spelling.
fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    if hex.len() != 64 || !hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok()).collect()
}

/// No part can run into the next: a key has no line break.
fn message(key: &Key, access: Access, expires: u64) -> String {
    match access {
        Access::Get => format!("easel-blob-1\nGET\n{key}\n{expires}"),
        Access::Put { size } => format!("easel-blob-1\nPUT\n{key}\n{expires}\n{size}"),
    }
}

fn mac(secret: &[u8], message: &str) -> Hmac<Sha256> {
    let mut mac = Hmac::new_from_slice(secret).expect("HMAC takes secrets of any length. This is a bug.");
    mac.update(message.as_bytes());
    mac
}

fn below(base: &Url, key: &Key) -> Url {
    let mut url = base.clone();
    let path = format!("{}/{key}", base.path().trim_end_matches('/'));
    url.set_path(&path);
    url.set_query(None);
    url
}

/// Since 1970; a clock that says less says 1970.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
