//! `easel pull`: models from the hub into its cache on disk.
//!
//! [`pull`] resolves the revision to a commit, decides which files are needed ([`select`]), checks that the disk has room, downloads what
//! the cache lacks (`download.rs`) and returns the snapshot folder, which [`crate::weights::open_model`] opens and
//! [`crate::library::Library::import`] installs. hf-hub gives the repository's facts, the default endpoint and the cache's place; the
//! transfers are ours (see `download.rs` for why).
//!
//! Environment, as all tools of the hub understand it: `HF_ENDPOINT`, `HF_TOKEN` (`HUGGING_FACE_HUB_TOKEN` of old), `HF_TOKEN_PATH`,
//! `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`, `HF_HUB_DISABLE_IMPLICIT_TOKEN`. What [`PullOptions`] sets wins.
//!
//! Invariants: a file is complete and verified, or not there under its name; no name from the hub leads outside the cache; offline means
//! that no connection is opened. Files are downloaded one after the other: one connection to the hub's storage fills most lines.

mod cache;
mod download;
mod error;
pub mod select;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use hf_hub::{HFClient, HFError};
use serde_json::Value;

pub use error::HubError;
pub use select::Want;

use cache::RepoCache;
use download::Remote;
use select::RemoteFile;

const DEFAULT_REVISION: &str = "main";
/// Longest wait for the repository's facts; hf-hub sets no limit of its own.
const FACTS: Duration = Duration::from_secs(90);
/// Bytes left free on the disk beyond what a pull needs.
const RESERVE_BYTES: u64 = 64 << 20;

/// What to pull and how.
#[derive(Clone, Debug)]
pub struct PullOptions {
    /// `org/name`.
    pub repo: String,
    /// Branch, tag or commit; `main` without one.
    pub revision: Option<String>,
    /// All of a model, one file, or the tokenizer.
    pub want: Want,
    /// `fp16` and the like, for a whole model.
    pub variant: Option<String>,
    /// The hub's address; from the environment without one.
    pub endpoint: Option<String>,
    /// The access token; from the environment without one.
    pub token: Option<String>,
    /// The cache folder; from the environment without one.
    pub cache: Option<PathBuf>,
    /// Use the cache only.
    pub offline: bool,
}

impl PullOptions {
    /// Reads `org/name`, `org/name@revision`, `org/name:file` (with `hf:` in front or without); the rest from the environment.
    pub fn parse(name: &str) -> Result<Self, HubError> {
        let bad = || HubError::Name(name.to_owned());
        let rest = name.strip_prefix("hf:").unwrap_or(name);
        let (rest, file) = rest.split_once(':').map_or((rest, None), |(rest, file)| (rest, Some(file.to_owned())));
        let (repo, revision) = rest.split_once('@').map_or((rest, None), |(repo, revision)| (repo, Some(revision.to_owned())));
        if !is_repo(repo)
            || !revision.as_deref().is_none_or(select::is_safe_path)
            || !file.as_deref().is_none_or(select::is_safe_path)
        {
            return Err(bad());
        }
        Ok(Self {
            repo: repo.to_owned(),
            revision,
            want: file.map_or(Want::Model, Want::File),
            variant: None,
            endpoint: None,
            token: None,
            cache: None,
            offline: env_flag("HF_HUB_OFFLINE"),
        })
    }

    fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or(DEFAULT_REVISION)
    }

    fn cache(&self) -> PathBuf {
        self.cache.clone().unwrap_or_else(hf_hub::resolve_cache_dir)
    }
}

/// What a pull tells while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The plan: how many files and bytes, and how many of the bytes are in the cache already.
    Planned {
        /// Files needed.
        files: usize,
        /// Bytes of all of them.
        bytes: u64,
        /// Bytes already there.
        present: u64,
    },
    /// Bytes of a file arrived.
    Bytes {
        /// Path in the repository.
        file: String,
        /// Bytes of it there are.
        done: u64,
        /// Bytes it has.
        size: u64,
        /// Bytes of all files there are.
        all_done: u64,
        /// Bytes all files have.
        all_size: u64,
    },
    /// A file is complete and verified.
    Verified {
        /// Path in the repository.
        file: String,
    },
}

/// A file that was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledFile {
    /// Path in the repository.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, where the hub states it.
    pub sha256: Option<String>,
}

/// The result of a pull.
#[derive(Clone, Debug)]
pub struct Pulled {
    /// `org/name`.
    pub repo: String,
    /// The commit the revision stood for: pin this.
    pub commit: String,
    /// The snapshot's folder.
    pub folder: PathBuf,
    /// The checkpoint, when one file was pulled; else the folder.
    pub path: PathBuf,
    /// All files, whether downloaded now or found in the cache. Empty offline: nobody could say what there should be.
    pub files: Vec<PulledFile>,
    /// The licence as the repository's card names it.
    pub licence: Option<String>,
    /// Bytes that went over the network.
    pub downloaded: u64,
}

/// Pulls a model into the cache.
pub async fn pull(options: PullOptions, mut progress: impl FnMut(Progress)) -> Result<Pulled, HubError> {
    let cache = RepoCache::new(&options.cache(), &options.repo);
    if options.offline {
        return offline(&options, &cache);
    }
    let (endpoint, commit, licence) = facts(&options).await?;
    let remote = Remote::new(&endpoint, options.token.clone().or_else(env_token), &options.repo)?;
    let listing = remote.list(&commit).await?;
    cache.prepare()?;
    let needed = needed(&options, &remote, &cache, &commit, &listing, &mut progress).await?;

    let bytes: u64 = needed.iter().map(|file| file.size).fold(0, u64::saturating_add);
    let missing: u64 = needed.iter().map(|file| cache.missing_bytes(file)).fold(0, u64::saturating_add);
    check_space(&options.cache(), missing, cache::free_bytes(&options.cache()))?;
    progress(Progress::Planned { files: needed.len(), bytes, present: bytes - missing });
    let mut before = 0;
    for file in &needed {
        let report =
            |done| Progress::Bytes { file: file.path.clone(), done, size: file.size, all_done: before + done, all_size: bytes };
        if !cache.has(file) {
            remote.fetch(&cache, &commit, file, |done| progress(report(done))).await?;
        }
        cache.link(&commit, file)?;
        progress(report(file.size));
        progress(Progress::Verified { file: file.path.clone() });
        before += file.size;
    }
    if !is_commit(options.revision()) {
        cache.write_ref(options.revision(), &commit)?;
    }
    let files = needed.iter().map(|file| PulledFile {
        path: file.path.clone(),
        size: file.size,
        sha256: matches!(file.checksum, select::Checksum::Sha256(_)).then(|| file.checksum.hex().to_owned()),
    });
    let folder = cache.snapshot(&commit);
    let names: Vec<String> = needed.iter().map(|file| file.path.clone()).collect();
    Ok(Pulled {
        repo: options.repo,
        path: path_of(&folder, &names),
        folder,
        commit,
        files: files.collect(),
        licence,
        downloaded: missing,
    })
}

/// A checkpoint's own path; a folder for everything that is more than one file.
fn path_of(folder: &Path, names: &[String]) -> PathBuf {
    match names {
        [only] if only.ends_with(".safetensors") => folder.join(only),
        _ => folder.to_owned(),
    }
}

/// Endpoint, commit and licence.
async fn facts(options: &PullOptions) -> Result<(String, String, Option<String>), HubError> {
    let mut builder = HFClient::builder().cache_dir(options.cache());
    if let Some(endpoint) = &options.endpoint {
        builder = builder.endpoint(endpoint);
    }
    if let Some(token) = options.token.clone().or_else(env_token) {
        builder = builder.token(token);
    }
    let client = builder.build().map_err(|e| {
        // Without an endpoint of ours hf-hub takes the variable, even an empty one.
        let endpoint = options.endpoint.clone().unwrap_or_else(|| "HF_ENDPOINT".to_owned());
        HubError::Answer { endpoint, reason: format!("{e}; give an address like https://hub.example.org, or unset it") }
    })?;
    let endpoint = client.endpoint().to_owned();
    let answer = |reason: String| HubError::Answer { endpoint: endpoint.clone(), reason };
    let (owner, name) = hf_hub::split_id(&options.repo);
    let repository = client.model(owner, name);
    let info = tokio::time::timeout(FACTS, repository.info().revision(options.revision()).send())
        .await
        .map_err(|_| answer("no answer in time".to_owned()))?
        .map_err(|e| hub_error(e, options, &endpoint))?;
    let commit = info.sha.filter(|sha| is_commit(sha)).ok_or_else(|| answer("the answer names no commit".to_owned()))?;
    let card = info.card_data.as_ref().and_then(|card| card.get("license")?.as_str()).map(str::to_owned);
    let tag = || info.tags.iter().flatten().find_map(|tag| tag.strip_prefix("license:")).map(str::to_owned);
    Ok((endpoint.clone(), commit, card.or_else(tag)))
}

fn hub_error(error: HFError, options: &PullOptions, endpoint: &str) -> HubError {
    let what = format!("{}@{}", options.repo, options.revision());
    let context = match &error {
        HFError::AuthRequired { context } | HFError::Forbidden { context } | HFError::Http { context } => Some(context),
        HFError::RepoNotFound { context, .. } | HFError::RevisionNotFound { context, .. } => context.as_ref(),
        _ => None,
    };
    match context {
        Some(context) => download::refusal(
            context.status.as_u16(),
            &options.repo,
            endpoint,
            &what,
            context.error_code.clone(),
            context.server_message.clone(),
        ),
        None => HubError::Answer { endpoint: endpoint.to_owned(), reason: error.to_string() },
    }
}

/// The files to have. `model_index.json` itself is needed to know the rest, so it is downloaded here.
async fn needed(
    options: &PullOptions,
    remote: &Remote,
    cache: &RepoCache,
    commit: &str,
    listing: &[RemoteFile],
    progress: &mut impl FnMut(Progress),
) -> Result<Vec<RemoteFile>, HubError> {
    const INDEX_BYTES_MAX: u64 = 1 << 20;
    let names: Vec<&str> = listing.iter().map(|file| file.path.as_str()).collect();
    let mut index = None;
    if let (Want::Model, Some(file)) = (&options.want, listing.iter().find(|file| file.path == "model_index.json")) {
        if file.size > INDEX_BYTES_MAX {
            return Err(HubError::Unusable {
                repo: options.repo.clone(),
                reason: "model_index.json is too large to be one".to_owned(),
            });
        }
        if !cache.has(file) {
            remote.fetch(cache, commit, file, |_| ()).await?;
        }
        progress(Progress::Verified { file: file.path.clone() });
        index = Some(cache.blob(file));
    }
    let chosen = choose(options, &names, index.as_deref())?;
    Ok(listing.iter().filter(|file| chosen.contains(&file.path)).cloned().collect())
}

/// The names to have, from all names and the downloaded `model_index.json`.
fn choose(options: &PullOptions, names: &[&str], index: Option<&Path>) -> Result<Vec<String>, HubError> {
    let unusable = |reason: String| HubError::Unusable { repo: options.repo.clone(), reason };
    match (&options.want, index) {
        (Want::Model, Some(path)) => {
            let bytes = std::fs::read(path).map_err(HubError::io(path))?;
            let index: Value =
                serde_json::from_slice(&bytes).map_err(|e| unusable(format!("model_index.json is garbled: {e}")))?;
            select::pipeline(names, &index, options.variant.as_deref())
        }
        (Want::Model, None) => select::single_file(names),
        (Want::File(file), _) => select::one_file(names, file),
        (Want::Tokenizer, _) => select::tokenizer(names),
    }
    .map_err(unusable)
}

/// What the cache has, judged as the hub's listing would be.
fn offline(options: &PullOptions, cache: &RepoCache) -> Result<Pulled, HubError> {
    let missing = |what: String| HubError::Offline { missing: what, cache: options.cache() };
    let wanted = format!("{}@{}", options.repo, options.revision());
    let commit =
        if is_commit(options.revision()) { Some(options.revision().to_owned()) } else { cache.read_ref(options.revision()) };
    let commit = commit.ok_or_else(|| missing(wanted.clone()))?;
    let present = cache.files(&commit);
    let names: Vec<&str> = present.iter().map(String::as_str).collect();
    if names.is_empty() {
        return Err(missing(wanted));
    }
    let folder = cache.snapshot(&commit);
    let index = names.contains(&"model_index.json").then(|| folder.join("model_index.json"));
    let chosen = choose(options, &names, index.as_deref()).map_err(|e| missing(format!("a part of {wanted} ({e})")))?;
    Ok(Pulled {
        repo: options.repo.clone(),
        path: path_of(&folder, &chosen),
        folder,
        commit,
        files: Vec::new(),
        licence: None,
        downloaded: 0,
    })
}

fn check_space(folder: &Path, needed: u64, free: Option<u64>) -> Result<(), HubError> {
    match free {
        Some(free) if needed > 0 && needed.saturating_add(RESERVE_BYTES) > free => {
            Err(HubError::Space { folder: folder.to_owned(), needed, free })
        }
        _ => Ok(()),
    }
}

fn is_repo(name: &str) -> bool {
    const PART_BYTES_MAX: usize = 96;
    let part_ok = |part: &str| {
        !part.is_empty()
            && part.len() <= PART_BYTES_MAX
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
            && !part.starts_with(['.', '-'])
            && !part.contains("..")
            && !part.contains("--")
    };
    name.split_once('/').is_some_and(|(org, name)| part_ok(org) && part_ok(name))
}

fn is_commit(revision: &str) -> bool {
    revision.len() == 40 && revision.bytes().all(|c| c.is_ascii_hexdigit())
}

fn env_text(name: &str) -> Option<String> {
    std::env::var(name).ok().map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
}

fn env_flag(name: &str) -> bool {
    env_text(name).is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "on"))
}

/// The token as hf-hub finds it, which does not hand it out, and the older variable beside it.
fn env_token() -> Option<String> {
    if env_flag("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
        return None;
    }
    let file = || {
        let path = env_text("HF_TOKEN_PATH").map_or_else(|| hf_hub::hf_home().join("token"), PathBuf::from);
        std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    env_text("HF_TOKEN").or_else(|| env_text("HUGGING_FACE_HUB_TOKEN")).or_else(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let options = PullOptions::parse("hf:org/name@refs/pr/1:sub/x.safetensors").unwrap();
        assert_eq!((options.repo.as_str(), options.revision()), ("org/name", "refs/pr/1"));
        assert_eq!(options.want, Want::File("sub/x.safetensors".to_owned()));
        assert_eq!(PullOptions::parse("a/b").unwrap().revision(), "main");
        for bad in [
            "", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a/b@", "a/b@../x", "a/b:", "a/b:../x", "a b/c", ".a/b", "a/b--c",
            "a/b:/x",
        ] {
            assert!(PullOptions::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn space_is_checked_with_a_reserve() {
        let folder = Path::new("/data");
        assert!(check_space(folder, 0, Some(0)).is_ok());
        assert!(check_space(folder, 100, None).is_ok());
        assert!(check_space(folder, 100, Some(RESERVE_BYTES + 100)).is_ok());
        assert!(check_space(folder, 101, Some(RESERVE_BYTES + 100)).unwrap_err().to_string().contains("101 more bytes"));
        assert!(check_space(folder, u64::MAX, Some(u64::MAX - 1)).is_err());
    }
}
