//! One file from the hub to the cache: resumed where it broke off, verified before it gets its name.
//!
//! Ours rather than hf-hub's, which starts broken downloads from the beginning, verifies no checksum, and does not pass on the checksum
//! that the hub's listing states (it reads `sha256` where the listing says `oid`). We speak two routes ourselves: the listing
//! (`/api/models/<repo>/tree/<commit>`) and the file (`/<repo>/resolve/<commit>/<path>`, with `Range`).
//!
//! Invariants: bytes are only appended to a file that is locked against other processes; a file takes its final name only after its
//! checksum was compared; the token goes to the hub and not to the storage host it redirects to (reqwest drops it when the host or port
//! changes); https is never left for http.

use std::{
    fs::{self, File, OpenOptions},
    io::{Read, Write},
    path::Path,
    time::Duration,
};

use reqwest::{Client, Response, StatusCode, Url, header};
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::{
    HubError,
    cache::RepoCache,
    select::{Checksum, RemoteFile, is_safe_path},
};

/// Silence after which a transfer counts as broken off.
const STALL: Duration = Duration::from_secs(60);
const CONNECT: Duration = Duration::from_secs(20);
/// Failures in a row, without a single new byte, before giving up.
const FAILURES_MAX: u32 = 4;
const RETRY_PAUSE: Duration = Duration::from_millis(300);
/// Bounds on the listing: real repositories need one page of a few hundred kB.
const LISTING_PAGES_MAX: usize = 50;
const LISTING_BYTES_MAX: usize = 32 << 20;
const REDIRECTS_MAX: usize = 10;

/// The hub as one repository's downloads see it.
pub(super) struct Remote {
    client: Client,
    endpoint: Url,
    token: Option<String>,
    repo: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    path: String,
    oid: String,
    #[serde(default)]
    size: u64,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    oid: String,
    size: u64,
}

impl Remote {
    pub fn new(endpoint: &str, token: Option<String>, repo: &str) -> Result<Self, HubError> {
        let answer = |reason: String| HubError::Answer { endpoint: endpoint.to_owned(), reason };
        let url = Url::parse(endpoint).map_err(|e| answer(format!("not a URL: {e}")))?;
        if url.cannot_be_a_base() || !matches!(url.scheme(), "http" | "https") {
            return Err(answer("the endpoint must be an http or https address".to_owned()));
        }
        let redirects = reqwest::redirect::Policy::custom(|attempt| {
            let secure = |url: &Url| url.scheme() == "https";
            if attempt.previous().len() > REDIRECTS_MAX {
                return attempt.error("too many redirects");
            }
            if attempt.previous().last().is_some_and(secure) && !secure(attempt.url()) {
                return attempt.error("redirected from https to http");
            }
            attempt.follow()
        });
        let client = Client::builder()
            .user_agent(concat!("easel/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(STALL)
            .redirect(redirects)
            .build()
            .map_err(|e| answer(e.to_string()))?;
        Ok(Self { client, endpoint: url, token, repo: repo.to_owned() })
    }

    /// The address of a route, every part encoded.
    fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.endpoint.clone();
        url.path_segments_mut().expect("the endpoint was checked to be a base; this is a bug").pop_if_empty().extend(parts);
        url
    }

    async fn get(&self, url: Url, from: u64) -> Result<Response, reqwest::Error> {
        let mut request = self.client.get(url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        request.send().await
    }

    fn answer(&self, reason: impl Into<String>) -> HubError {
        HubError::Answer { endpoint: self.endpoint.to_string(), reason: reason.into() }
    }

    /// All files at `commit`. A listing with a name that would leave the folder is refused as a whole.
    pub async fn list(&self, commit: &str) -> Result<Vec<RemoteFile>, HubError> {
        let parts = ["api", "models"].into_iter().chain(self.repo.split('/')).chain(["tree", commit]);
        let mut next = Some(self.url(parts));
        if let Some(url) = &mut next {
            url.set_query(Some("recursive=true"));
        }
        let mut files = Vec::new();
        for _ in 0..LISTING_PAGES_MAX {
            let Some(url) = next.take() else { break };
            let mut response = self.get(url, 0).await.map_err(|e| self.answer(e.without_url().to_string()))?;
            if !response.status().is_success() {
                return Err(self.refusal(response.status(), &format!("the files of {}", self.repo), &response));
            }
            next = self.next_page(&response);
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|e| self.answer(e.without_url().to_string()))? {
                body.extend_from_slice(&chunk);
                if body.len() > LISTING_BYTES_MAX {
                    return Err(self.answer("the listing is too long"));
                }
            }
            let page: Vec<Entry> =
                serde_json::from_slice(&body).map_err(|e| self.answer(format!("the listing is garbled: {e}")))?;
            for entry in page.into_iter().filter(|entry| entry.kind == "file") {
                files.push(self.checked(entry)?);
            }
        }
        Ok(files)
    }

    /// The next page, if the hub names one on its own host.
    fn next_page(&self, response: &Response) -> Option<Url> {
        let link = response.headers().get(header::LINK)?.to_str().ok()?;
        let (address, _) =
            link.split(',').find(|part| part.contains("rel=\"next\""))?.trim().strip_prefix('<')?.split_once('>')?;
        let url = self.endpoint.join(address).ok()?;
        (url.origin() == self.endpoint.origin()).then_some(url)
    }

    fn checked(&self, entry: Entry) -> Result<RemoteFile, HubError> {
        if !is_safe_path(&entry.path) {
            return Err(HubError::Unusable {
                repo: self.repo.clone(),
                reason: format!("refused: it lists a file named {:?}, which would be written outside its folder", entry.path),
            });
        }
        let hex = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c))
        };
        let (size, checksum) = match entry.lfs {
            Some(lfs) => (lfs.size, Checksum::Sha256(lfs.oid.trim_start_matches("sha256:").to_owned())),
            None => (entry.size, Checksum::GitBlob(entry.oid)),
        };
        let digits = if matches!(checksum, Checksum::Sha256(_)) { 64 } else { 40 };
        // The checksum becomes a file name in the cache.
        if !hex(checksum.hex(), digits) {
            return Err(self.answer(format!("{}: {:?} is not a checksum", entry.path, checksum.hex())));
        }
        Ok(RemoteFile { path: entry.path, size, checksum })
    }

    /// What a refusing status means.
    pub fn refusal(&self, status: StatusCode, what: &str, response: &Response) -> HubError {
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        refusal(status.as_u16(), &self.repo, self.endpoint.as_str(), what, header("x-error-code"), header("x-error-message"))
    }

    /// Downloads a file into its blob. `progress` hears the bytes there are.
    pub async fn fetch(
        &self,
        cache: &RepoCache,
        commit: &str,
        file: &RemoteFile,
        mut progress: impl FnMut(u64),
    ) -> Result<(), HubError> {
        let partial = cache.partial(file);
        let mut out = OpenOptions::new().create(true).append(true).open(&partial).map_err(HubError::io(&partial))?;
        if out.try_lock().is_err() {
            return Err(HubError::Unusable {
                repo: self.repo.clone(),
                reason: format!("{} is being downloaded by another process", file.path),
            });
        }
        let resumed = length(&out, &partial)? > 0;
        self.fill(&mut out, &partial, commit, file, &mut progress).await?;
        match self.verify(&partial, file).await {
            // What lay there from last time may have been the wrong part; all of it anew, once.
            Err(HubError::Checksum { .. }) if resumed => {
                out.set_len(0).map_err(HubError::io(&partial))?;
                self.fill(&mut out, &partial, commit, file, &mut progress).await?;
                self.verify(&partial, file).await.inspect_err(|_| drop(fs::remove_file(&partial)))?;
            }
            Err(error) => {
                let _gone = fs::remove_file(&partial);
                return Err(error);
            }
            Ok(()) => {}
        }
        out.sync_all().map_err(HubError::io(&partial))?;
        let blob = cache.blob(file);
        fs::rename(&partial, &blob).map_err(HubError::io(&blob))
    }

    /// Appends until the file has its size, over as many connections as it takes.
    async fn fill(
        &self,
        out: &mut File,
        path: &Path,
        commit: &str,
        file: &RemoteFile,
        progress: &mut impl FnMut(u64),
    ) -> Result<(), HubError> {
        let mut failures = 0;
        loop {
            let before = length(out, path)?;
            if before == file.size {
                return Ok(());
            }
            if before > file.size {
                out.set_len(0).map_err(HubError::io(path))?;
                continue;
            }
            let reason = match self.append(out, path, commit, file, before, progress).await? {
                None => continue,
                Some(reason) => reason,
            };
            let now = length(out, path)?;
            failures = if now > before { 0 } else { failures + 1 };
            if failures >= FAILURES_MAX {
                return Err(HubError::Interrupted { file: file.path.clone(), bytes: now, reason });
            }
            tracing::debug!(file = file.path, at = now, reason, "download broke off, resuming");
            tokio::time::sleep(RETRY_PAUSE * (failures + 1)).await;
        }
    }

    /// One connection's worth. Returns why it broke off, if it did; errors are final.
    async fn append(
        &self,
        out: &mut File,
        path: &Path,
        commit: &str,
        file: &RemoteFile,
        from: u64,
        progress: &mut impl FnMut(u64),
    ) -> Result<Option<String>, HubError> {
        let parts = self.repo.split('/').chain(["resolve", commit]).chain(file.path.split('/'));
        let mut response = match self.get(self.url(parts), from).await {
            Ok(response) => response,
            Err(e) if e.is_redirect() => return Err(self.answer(format!("{}: {}", file.path, chain(&e)))),
            Err(e) => return Ok(Some(chain(&e.without_url()))),
        };
        let mut at = from;
        match response.status() {
            StatusCode::PARTIAL_CONTENT if from > 0 => {}
            // The server does not resume: what it sends is the whole file.
            StatusCode::OK => {
                out.set_len(0).map_err(HubError::io(path))?;
                at = 0;
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => return Ok(Some(status.to_string())),
            status => return Err(self.refusal(status, &format!("{} in {}", file.path, self.repo), &response)),
        }
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    at += chunk.len() as u64;
                    if at > file.size {
                        out.set_len(0).map_err(HubError::io(path))?;
                        return Ok(Some("more bytes than the hub states".to_owned()));
                    }
                    out.write_all(&chunk).map_err(HubError::io(path))?;
                    progress(at);
                }
                Ok(None) if at == file.size => return Ok(None),
                Ok(None) => return Ok(Some("the connection ended early".to_owned())),
                Err(e) => return Ok(Some(chain(&e.without_url()))),
            }
        }
    }

    async fn verify(&self, path: &Path, file: &RemoteFile) -> Result<(), HubError> {
        let (path, checksum) = (path.to_owned(), file.checksum.clone());
        // Hashing gigabytes would hold up whatever else runs on this thread.
        let found = tokio::task::spawn_blocking(move || digest(&path, &checksum).map_err(HubError::io(&path)))
            .await
            .map_err(|e| self.answer(e.to_string()))??;
        if found == file.checksum.hex() {
            return Ok(());
        }
        Err(HubError::Checksum { file: file.path.clone(), expected: file.checksum.hex().to_owned(), found })
    }
}

fn length(file: &File, path: &Path) -> Result<u64, HubError> {
    Ok(file.metadata().map_err(HubError::io(path))?.len())
}

/// An error with its causes; reqwest's own text stops at "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The checksum of a file, of the kind the hub states for it.
fn digest(path: &Path, kind: &Checksum) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    match kind {
        Checksum::Sha256(_) => hash(Sha256::new(), &mut file),
        Checksum::GitBlob(_) => hash(Sha1::new().chain_update(format!("blob {size}\0")), &mut file),
    }
}

fn hash(mut hasher: impl Digest, file: &mut File) -> std::io::Result<String> {
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// What a refusing status means; shared with the answers that come through hf-hub.
pub(super) fn refusal(
    status: u16,
    repo: &str,
    endpoint: &str,
    what: &str,
    code: Option<String>,
    message: Option<String>,
) -> HubError {
    let endpoint = endpoint.trim_end_matches('/').to_owned();
    let unknown = code.as_deref() == Some("RepoNotFound");
    match status {
        // The hub answers 401 for what does not exist, so that private names cannot be guessed.
        404 => HubError::NotFound { what: what.to_owned(), endpoint },
        401 | 403 if unknown => HubError::NotFound { what: what.to_owned(), endpoint },
        401 | 403 => HubError::Denied {
            repo: repo.to_owned(),
            endpoint,
            reason: message.or(code).unwrap_or_else(|| format!("status {status}")),
        },
        _ => HubError::Answer {
            endpoint,
            reason: format!("{what}: status {status}{}", message.map_or(String::new(), |m| format!(", {m}"))),
        },
    }
}
