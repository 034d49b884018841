//! The same store three times: a local folder, memory, and a server that speaks S3 and checks its signatures.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::net::SocketAddr;

use easel_blobs::{Blobs, FileKind, Folder, Key, Settings, SigningKeys};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tempfile::TempDir;

pub const ACCESS_KEY: &str = "easel-test";
pub const SECRET_KEY: &str = "a secret that only this test knows";
const BUCKET: &str = "pictures";

/// A store and what must live as long as it.
pub struct Opened {
    pub name: &'static str,
    pub blobs: Blobs,
    pub folder: TempDir,
}

pub fn settings(url: &str) -> Settings {
    Settings {
        url: url.to_owned(),
        options: Vec::new(),
        address: Some("https://easel.example/files/".parse().unwrap()),
        signing_keys: SigningKeys::new(vec![vec![7; 32]]).unwrap(),
        cdn: None,
    }
}

pub fn local() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let url = url::Url::from_directory_path(folder.path().join("blobs")).unwrap();
    Opened { name: "local", blobs: Blobs::open(settings(url.as_str())).unwrap(), folder }
}

pub fn memory() -> Opened {
    let blobs = Blobs::open(settings("memory:///")).unwrap();
    Opened { name: "memory", blobs, folder: tempfile::tempdir().unwrap() }
}

pub async fn s3() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
    let address = serve_s3(folder.path()).await;
    let blobs = Blobs::open(s3_settings(address, SECRET_KEY, "/some/prefix")).unwrap();
    Opened { name: "s3", blobs, folder }
}

pub fn s3_settings(address: SocketAddr, secret: &str, prefix: &str) -> Settings {
    let options = [
        ("endpoint", format!("http://{address}")),
        ("access_key_id", ACCESS_KEY.to_owned()),
        ("secret_access_key", secret.to_owned()),
        ("virtual_hosted_style_request", "false".to_owned()),
    ];
    let options = options.map(|(name, value)| (name.to_owned(), value)).to_vec();
    Settings { options, ..settings(&format!("s3://{BUCKET}{prefix}")) }
}

/// Answers until the test ends.
pub async fn serve_s3(folder: &std::path::Path) -> SocketAddr {
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder).unwrap());
    builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
    let service = builder.build();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone()));
        }
    });
    address
}

pub async fn all() -> Vec<Opened> {
    vec![local(), memory(), s3().await]
}

pub fn key(kind: FileKind) -> Key {
    Key::random(Folder::Output, kind, &mut rand::rng())
}
