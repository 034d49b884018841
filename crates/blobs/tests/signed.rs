//! Addresses for one file and a while: what they allow, and that nothing else passes.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use common::{key, local, s3, settings};
use easel_blobs::{Access, BlobError, Blobs, FileKind, Grant, SigningKeys};
use reqwest::StatusCode;
use url::Url;

const HOUR: Duration = Duration::from_secs(3600);

fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// What the server's route hands over: the rest of the path, and the query.
fn parts(url: &Url) -> (String, String) {
    let path = url.path().strip_prefix("/files/").expect("it begins with the base").to_owned();
    (path, url.query().unwrap_or_default().to_owned())
}

fn verify(blobs: &Blobs, method: &str, url: &Url, now: SystemTime) -> Result<Grant, BlobError> {
    let (path, query) = parts(url);
    blobs.verify(method, &path, &query, now)
}

#[tokio::test]
async fn a_local_address_is_good_for_its_file_method_and_time() {
    let blobs = local().blobs;
    let key = key(FileKind::Png);
    let get = blobs.sign_get(&key, HOUR, noon()).await.unwrap();
    assert_eq!(get.expires, noon() + HOUR);
    assert!(get.url.as_str().starts_with(&format!("https://easel.example/files/{key}?expires=1800003600&signature=")));
    let grant = Grant { key: key.clone(), access: Access::Get };
    for (method, now) in [("GET", noon()), ("HEAD", noon()), ("GET", noon() + HOUR - Duration::from_secs(1))] {
        assert_eq!(verify(&blobs, method, &get.url, now).unwrap(), grant);
    }
    assert!(matches!(verify(&blobs, "GET", &get.url, noon() + HOUR), Err(BlobError::Expired)));
    for method in ["PUT", "POST", "DELETE", "get", ""] {
        assert!(matches!(verify(&blobs, method, &get.url, noon()), Err(BlobError::Signature)), "{method}");
    }

    let put = blobs.sign_put(&key, 1234, HOUR, noon()).await.unwrap();
    assert_eq!(put.headers, [("content-type", "image/png".to_owned())]);
    assert_eq!(verify(&blobs, "PUT", &put.url, noon()).unwrap(), Grant { key, access: Access::Put { size: 1234 } });
    assert!(matches!(verify(&blobs, "GET", &put.url, noon()), Err(BlobError::Signature)));
}

#[tokio::test]
async fn every_change_is_noticed() {
    let blobs = local().blobs;
    let key = key(FileKind::Png);
    let put = blobs.sign_put(&key, 1234, HOUR, noon()).await.unwrap().url;
    let (path, query) = parts(&put);
    let refused = |path: &str, query: &str| {
        let result = blobs.verify("PUT", path, query, noon());
        assert!(matches!(result, Err(BlobError::Signature)), "{path}?{query}: {result:?}");
    };
    // Each character of the query, changed to another of its kind.
    for (at, letter) in query.char_indices() {
        let other = match letter {
            '0'..='8' | 'a'..='e' => char::from(letter as u8 + 1),
            '9' => '0',
            _ => 'a',
        };
        refused(&path, &format!("{}{other}{}", &query[..at], &query[at + 1..]));
    }
    let [expires, size, signature] = query.split('&').collect::<Vec<_>>()[..] else { panic!("{query}") };
    for changed in [
        String::new(),
        format!("{expires}&{signature}"),
        format!("{size}&{signature}"),
        format!("{expires}&{size}"),
        format!("{query}&{size}"),
        format!("{query}&x=y"),
        format!("{query}&"),
        format!("expires=01800003600&{size}&{signature}"),
        format!("expires=+1800003600&{size}&{signature}"),
        format!("{expires}&{size}&{}", signature.to_uppercase().replace("SIGNATURE", "signature")),
        format!("{expires}&{size}&{signature}00"),
        format!("{expires}&{size}&signature="),
        format!("{expires}&{size}&signature={}", "é".repeat(32)),
    ] {
        refused(&path, &changed);
    }
    for other in [
        common::key(FileKind::Png).as_str(),
        &path.replace("output", "thumb"),
        &path.replace("png", "jpg"),
        "",
        "../x",
        &put.path()[1..],
    ] {
        refused(other, &query);
    }
    assert!(blobs.verify("PUT", &path, &query, noon()).is_ok(), "unchanged it is good");
}

#[tokio::test]
async fn signing_keys_are_replaced_without_a_break() {
    let folder = tempfile::tempdir().unwrap();
    let open = |secrets: &[u8]| {
        let keys = SigningKeys::new(secrets.iter().map(|secret| vec![*secret; 32]).collect()).unwrap();
        let url = Url::from_directory_path(folder.path()).unwrap();
        Blobs::open(easel_blobs::Settings { signing_keys: keys, ..settings(url.as_str()) }).unwrap()
    };
    let (old, both, new) = (open(&[1]), open(&[2, 1]), open(&[2]));
    let key = key(FileKind::Png);
    let by_old = old.sign_get(&key, HOUR, noon()).await.unwrap().url;
    let by_both = both.sign_get(&key, HOUR, noon()).await.unwrap().url;
    assert!(verify(&both, "GET", &by_old, noon()).is_ok() && verify(&both, "GET", &by_both, noon()).is_ok());
    assert!(verify(&new, "GET", &by_both, noon()).is_ok());
    assert!(matches!(verify(&new, "GET", &by_old, noon()), Err(BlobError::Signature)));
    assert!(matches!(verify(&old, "GET", &by_both, noon()), Err(BlobError::Signature)));
    for weak in [vec![], vec![vec![1; 31]], vec![vec![1; 32], vec![]]] {
        assert!(SigningKeys::new(weak).is_err());
    }
    assert_eq!(format!("{:?}", SigningKeys::new(vec![vec![b's'; 32]]).unwrap()), "1 signing keys");
}

#[tokio::test]
async fn an_address_is_never_good_for_long() {
    let blobs = local().blobs;
    let signed = blobs.sign_get(&key(FileKind::Png), Duration::MAX, noon()).await.unwrap();
    assert_eq!(signed.expires, noon() + 7 * 24 * HOUR);
    let signed = blobs.sign_get(&key(FileKind::Png), Duration::ZERO, noon()).await.unwrap();
    assert_eq!(signed.expires, noon() + Duration::from_secs(1));
}

#[tokio::test]
async fn s3_itself_believes_our_addresses_and_no_others() {
    let store = s3().await;
    let (client, now, key) = (reqwest::Client::new(), SystemTime::now(), key(FileKind::Png));
    let put = store.blobs.sign_put(&key, 5, HOUR, now).await.unwrap();
    assert_eq!(put.headers, [("content-type", "image/png".to_owned())]);
    let send = async |url: Url, media_type: &str, body: &'static [u8]| {
        client.put(url).header("content-type", media_type).body(body).send().await.unwrap().status()
    };
    assert_eq!(send(put.url.clone(), "text/html", b"hello").await, StatusCode::FORBIDDEN, "another type");
    let elsewhere: Url = put.url.as_str().replace(key.as_str(), common::key(FileKind::Png).as_str()).parse().unwrap();
    assert_eq!(send(elsewhere, "image/png", b"hello").await, StatusCode::FORBIDDEN, "another file");
    assert!(matches!(store.blobs.head(&key).await, Err(BlobError::NotFound)), "none of these came through");
    assert_eq!(send(put.url.clone(), "image/png", b"hello").await, StatusCode::OK);
    assert_eq!(store.blobs.read_all(&key, 100).await.unwrap(), Bytes::from_static(b"hello"));
    // S3 does not hold anybody to a size: whoever confirms an upload must.
    assert_eq!(send(put.url.clone(), "image/png", b"hello, and more").await, StatusCode::OK);
    assert!(matches!(store.blobs.read_all(&key, 5).await, Err(BlobError::TooLarge { size: 15, max: 5 })));
    store.blobs.replace(&key, Bytes::from_static(b"hello")).await.unwrap();

    let get = store.blobs.sign_get(&key, HOUR, now).await.unwrap().url;
    assert_eq!(client.get(get.clone()).send().await.unwrap().bytes().await.unwrap(), Bytes::from_static(b"hello"));
    assert_eq!(client.delete(get.clone()).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let mut longer = get.clone();
    longer.set_query(Some(&get.query().unwrap().replace("X-Amz-Expires=3600", "X-Amz-Expires=9999")));
    assert_ne!(longer, get);
    assert_eq!(client.get(longer).send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let short = store.blobs.sign_get(&key, Duration::from_secs(1), now).await.unwrap().url;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(client.get(short).send().await.unwrap().status(), StatusCode::FORBIDDEN, "its time is over");
}

#[tokio::test]
async fn azure_signs_for_itself() {
    // The account and key that Microsoft publishes for its emulator; signing asks nobody.
    let mut azure = settings("az://pictures/prefix");
    azure.options = [
        ("account_name", "devstoreaccount1"),
        ("account_key", "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let blobs = Blobs::open(azure).unwrap();
    let key = key(FileKind::Png);
    let put = blobs.sign_put(&key, 5, HOUR, SystemTime::now()).await.unwrap();
    assert!(put.url.path().ends_with(&format!("/pictures/prefix/{key}")), "{}", put.url);
    assert!(put.url.query_pairs().any(|(name, _)| name == "sig"));
    assert!(put.headers.contains(&("x-ms-blob-type", "BlockBlob".to_owned())));
}

#[tokio::test]
async fn public_files_come_from_elsewhere_if_told() {
    let key = key(FileKind::Png);
    let store =
        Blobs::open(easel_blobs::Settings { cdn: Some("https://cdn.example/p".parse().unwrap()), ..settings("memory:///") })
            .unwrap();
    assert_eq!(store.cdn_address(&key).unwrap().as_str(), format!("https://cdn.example/p/{key}"));
    assert_eq!(local().blobs.cdn_address(&key), None);
    let nowhere = Blobs::open(easel_blobs::Settings { address: None, ..settings("memory:///") }).unwrap();
    assert!(matches!(nowhere.sign_get(&key, HOUR, noon()).await, Err(BlobError::Settings(_))));
}
