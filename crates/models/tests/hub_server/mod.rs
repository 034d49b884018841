//! A hub in miniature: the routes that a pull uses, on 127.0.0.1, with faults to order and a record of what was asked.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest, Sha256};

pub const REPO: &str = "org/tiny";
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub const TOKEN: &str = "hf_secret";
const FILES: [&str; 15] = [
    "README.md",
    "model_index.json",
    "scheduler/scheduler_config.json",
    "safety_checker/model.safetensors",
    "single.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "text_encoder/model.fp16.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/vocab.json",
    "unet/diffusion_pytorch_model.bin",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.safetensors",
];
/// The file that transfer faults hit.
const VICTIM: &str = "unet/diffusion_pytorch_model.safetensors";

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The first answer for the victim ends in the middle.
    CutOnce,
    /// The first answer ends in the middle, all later ones before the first byte.
    CutAlways,
    /// Range is ignored.
    NoRange,
    /// The victim has one byte changed.
    WrongBytes,
    /// A file outside large-file storage has one byte changed.
    WrongSmallFile,
    /// The victim does not end.
    Endless,
    /// 401 with the hub's message for gated models.
    Gated,
    /// The facts are open, the files are not.
    GatedFiles,
    /// 401 as the hub answers for what does not exist.
    Hidden,
    /// Large files come from another host.
    Redirect,
    /// The facts name no proper commit.
    BadCommit,
    /// The listing's checksum would be a path.
    BadOid,
    /// The listing is not JSON.
    Garbled,
    /// The victim has an exabyte, says the listing.
    Huge,
}

/// A file's bytes, different for each name.
pub fn contents(path: &str) -> Vec<u8> {
    match path {
        "model_index.json" => json!({
            "_class_name": "StableDiffusionPipeline",
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        })
        .to_string()
        .into_bytes(),
        _ => {
            let size = if is_large(path) { 100_000 } else { 300 };
            path.bytes().cycle().take(size).enumerate().map(|(at, byte)| byte.wrapping_mul(at as u8 | 1)).collect()
        }
    }
}

fn is_large(path: &str) -> bool {
    path.ends_with(".safetensors") || path.ends_with(".bin")
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn git_blob(bytes: &[u8]) -> String {
    let digest = Sha1::new().chain_update(format!("blob {}\0", bytes.len())).chain_update(bytes).finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Default)]
struct Record {
    tokens: Mutex<Vec<Option<String>>>,
    storage_tokens: Mutex<Vec<Option<String>>>,
    ranges: Mutex<Vec<String>>,
    files: AtomicUsize,
    victim: AtomicUsize,
}

#[derive(Clone)]
struct Site {
    faults: Arc<Vec<Fault>>,
    extra: Option<String>,
    record: Arc<Record>,
    storage: String,
}

impl Site {
    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

/// A running hub.
pub struct Hub {
    pub endpoint: String,
    record: Arc<Record>,
}

impl Hub {
    pub async fn start(faults: &[Fault]) -> Self {
        Self::start_with(faults, None).await
    }

    /// With one more name in the listing.
    pub async fn start_with(faults: &[Fault], extra: Option<&str>) -> Self {
        let record = Arc::<Record>::default();
        let mut site = Site {
            faults: Arc::new(faults.to_vec()),
            extra: extra.map(str::to_owned),
            record: record.clone(),
            storage: String::new(),
        };
        site.storage = serve(Router::new().route("/{*path}", get(storage)).with_state(site.clone())).await;
        let routes = Router::new()
            .route("/api/models/org/{name}/revision/{revision}", get(facts))
            .route("/api/models/org/{name}/tree/{commit}", get(tree))
            .route("/org/{name}/resolve/{commit}/{*path}", get(resolve));
        Self { endpoint: serve(routes.with_state(site)).await, record }
    }

    /// The token of every request to the hub itself.
    pub fn tokens(&self) -> Vec<Option<String>> {
        self.record.tokens.lock().unwrap().clone()
    }

    pub fn storage_tokens(&self) -> Vec<Option<String>> {
        self.record.storage_tokens.lock().unwrap().clone()
    }

    /// The ranges asked for.
    pub fn ranges(&self) -> Vec<String> {
        self.record.ranges.lock().unwrap().clone()
    }

    pub fn file_requests(&self) -> usize {
        self.record.files.load(Ordering::SeqCst)
    }
}

async fn serve(routes: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    format!("http://{address}")
}

fn token(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")?.to_owned())
}

fn denied(status: StatusCode, code: &str, message: &str) -> Response {
    (status, [("x-error-code", code), ("x-error-message", message)], "").into_response()
}

async fn facts(State(site): State<Site>, Path((name, revision)): Path<(String, String)>, headers: HeaderMap) -> Response {
    site.record.tokens.lock().unwrap().push(token(&headers));
    if site.has(Fault::Gated) {
        return denied(StatusCode::UNAUTHORIZED, "GatedRepo", "Access to model org/tiny is restricted.");
    }
    if site.has(Fault::Hidden) {
        return denied(StatusCode::UNAUTHORIZED, "RepoNotFound", "Repository not found");
    }
    if name != "tiny" || !matches!(revision.as_str(), "main" | COMMIT) {
        return denied(StatusCode::NOT_FOUND, "RevisionNotFound", "not found");
    }
    let commit = if site.has(Fault::BadCommit) { "../../../etc" } else { COMMIT };
    axum::Json(json!({ "id": REPO, "sha": commit, "tags": ["diffusers", "license:mit"], "gated": false })).into_response()
}

async fn tree(State(site): State<Site>, Path((_, commit)): Path<(String, String)>, headers: HeaderMap) -> Response {
    site.record.tokens.lock().unwrap().push(token(&headers));
    assert_eq!(commit, COMMIT, "a listing is asked for the pinned commit");
    if site.has(Fault::Garbled) {
        return "[{\"type\":\"file\"".into_response();
    }
    let mut entries: Vec<Value> = vec![json!({ "type": "directory", "path": "unet", "oid": "00", "size": 0 })];
    for path in FILES.into_iter().chain(site.extra.as_deref()) {
        let bytes = contents(path);
        let size = if path == VICTIM && site.has(Fault::Huge) { 1 << 60 } else { bytes.len() as u64 };
        let mut entry = json!({ "type": "file", "path": path, "size": size, "oid": git_blob(&bytes) });
        if is_large(path) {
            let oid = if path == VICTIM && site.has(Fault::BadOid) { "../../oid".to_owned() } else { sha256(&bytes) };
            entry["lfs"] = json!({ "oid": oid, "size": size, "pointerSize": 130 });
            entry["oid"] = json!("1".repeat(40));
        }
        entries.push(entry);
    }
    axum::Json(entries).into_response()
}

async fn resolve(
    State(site): State<Site>,
    Path((_, commit, path)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    site.record.tokens.lock().unwrap().push(token(&headers));
    assert_eq!(commit, COMMIT, "files are asked for at the pinned commit");
    if site.has(Fault::GatedFiles) && is_large(&path) {
        return denied(StatusCode::FORBIDDEN, "GatedRepo", "Access to model org/tiny is restricted.");
    }
    if !FILES.contains(&path.as_str()) {
        return denied(StatusCode::NOT_FOUND, "EntryNotFound", "not found");
    }
    if site.has(Fault::Redirect) && is_large(&path) {
        return (StatusCode::FOUND, [(header::LOCATION, format!("{}/{path}", site.storage))]).into_response();
    }
    file(&site, &path, &method, &headers)
}

async fn storage(State(site): State<Site>, Path(path): Path<String>, method: Method, headers: HeaderMap) -> Response {
    site.record.storage_tokens.lock().unwrap().push(token(&headers));
    file(&site, &path, &method, &headers)
}

fn file(site: &Site, path: &str, method: &Method, headers: &HeaderMap) -> Response {
    let mut bytes = contents(path);
    let victim = path == VICTIM;
    if (victim && site.has(Fault::WrongBytes)) || (path == "tokenizer/merges.txt" && site.has(Fault::WrongSmallFile)) {
        bytes[50] ^= 1;
    }
    if method == Method::HEAD {
        return ([(header::CONTENT_LENGTH, bytes.len())], Body::empty()).into_response();
    }
    site.record.files.fetch_add(1, Ordering::SeqCst);
    if victim && site.has(Fault::Endless) {
        let chunk: Vec<u8> = vec![7; 64 * 1024];
        return Body::from_stream(futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())))
            .into_response();
    }
    let from = headers.get(header::RANGE).and_then(|range| {
        let range = range.to_str().ok()?;
        site.record.ranges.lock().unwrap().push(range.to_owned());
        range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
    });
    let from = from.filter(|_| !site.has(Fault::NoRange));
    let total = bytes.len();
    let rest = bytes.split_off(from.unwrap_or(0));
    let turn = if victim { site.record.victim.fetch_add(1, Ordering::SeqCst) } else { usize::MAX };
    let sent = match turn {
        0 if site.has(Fault::CutOnce) || site.has(Fault::CutAlways) => rest.len() / 3,
        1.. if victim && site.has(Fault::CutAlways) => 0,
        _ => rest.len(),
    };
    let status = if from.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let range = format!("bytes {}-{}/{total}", from.unwrap_or(0), total - 1);
    let length = rest.len();
    (status, [(header::CONTENT_LENGTH, length.to_string()), (header::CONTENT_RANGE, range)], body(rest, sent)).into_response()
}

/// A body that breaks off after `sent` bytes although more were announced.
fn body(bytes: Vec<u8>, sent: usize) -> Body {
    if sent == bytes.len() {
        return Body::from(bytes);
    }
    let parts = futures_util::stream::unfold(Some(bytes[..sent].to_vec()), |part| async move {
        match part {
            Some(part) => Some((Ok(part), None)),
            None => {
                // Time for the first part to leave; an error at once would take it along.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                Some((Err(std::io::Error::other("cut")), None))
            }
        }
    });
    Body::from_stream(parts)
}
