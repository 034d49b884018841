//! A hub of one repository on this machine: the routes that a pull asks, over the files of a folder, and a record of what was asked.
//!
//! Every file of weights is there twice, as itself and as its `fp16` variant.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header::AUTHORIZATION},
    response::{IntoResponse, Response},
};
use serde_json::json;
use sha2::{Digest, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A running hub; it ends with the test.
pub struct Hub {
    pub endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
}

struct Site {
    repo: String,
    files: BTreeMap<String, Vec<u8>>,
    asked: Arc<Mutex<Vec<String>>>,
    /// Without which it answers nothing.
    token: Option<String>,
}

impl Hub {
    pub fn start(repo: &str, folder: &Path) -> Self {
        Self::of(repo, folder, None)
    }

    /// One that is for whoever has the token.
    pub fn private(repo: &str, folder: &Path, token: &str) -> Self {
        Self::of(repo, folder, Some(token.to_owned()))
    }

    fn of(repo: &str, folder: &Path, token: Option<String>) -> Self {
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let mut files = BTreeMap::new();
        collect(folder, "", &mut files);
        let site = Arc::new(Site { repo: repo.to_owned(), files, asked: asked.clone(), token });
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                axum::serve(listener, Router::new().fallback(answer).with_state(site)).await.unwrap();
            });
        });
        Self { endpoint, asked }
    }

    /// The paths asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            collect(&path, &format!("{name}/"), files);
            continue;
        }
        let bytes = std::fs::read(PathBuf::from(&path)).unwrap();
        if let Some(stem) = name.strip_suffix(".safetensors") {
            files.insert(format!("{stem}.fp16.safetensors"), bytes.clone());
        }
        files.insert(name, bytes);
    }
}

async fn answer(State(site): State<Arc<Site>>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().to_owned();
    site.asked.lock().unwrap().push(path.clone());
    let brought = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if site.token.as_deref().is_some_and(|token| brought != Some(token)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let repo = &site.repo;
    if path == format!("/api/models/{repo}/revision/main") {
        return axum::Json(json!({ "id": repo, "sha": COMMIT, "tags": ["license:mit"], "gated": false })).into_response();
    }
    if path == format!("/api/models/{repo}/tree/{COMMIT}") {
        let entry = |(path, bytes): (&String, &Vec<u8>)| {
            let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            let lfs = json!({ "oid": digest, "size": bytes.len(), "pointerSize": 130 });
            json!({ "type": "file", "path": path, "size": bytes.len(), "oid": "1".repeat(40), "lfs": lfs })
        };
        return axum::Json(site.files.iter().map(entry).collect::<Vec<_>>()).into_response();
    }
    match path.strip_prefix(&format!("/{repo}/resolve/{COMMIT}/")).and_then(|name| site.files.get(name)) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
