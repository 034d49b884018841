//! Pulling from a hub that runs in this process and misbehaves on request.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod hub_server;

use std::{fs, path::Path};

use easel_models::hub::{HubError, Progress, PullOptions, Pulled, Want, pull};
use hub_server::{COMMIT, Fault, Hub, REPO, TOKEN, contents};

fn options(hub: &Hub, cache: &Path) -> PullOptions {
    PullOptions {
        endpoint: Some(hub.endpoint.clone()),
        token: Some(TOKEN.to_owned()),
        cache: Some(cache.to_owned()),
        offline: false,
        ..PullOptions::parse(REPO).unwrap()
    }
}

async fn pulled(hub: &Hub, cache: &Path) -> Result<Pulled, HubError> {
    pull(options(hub, cache), |_| ()).await
}

/// Every pulled file has the bytes that the hub has.
fn assert_contents(pulled: &Pulled) {
    for file in &pulled.files {
        assert_eq!(fs::read(pulled.folder.join(&file.path)).unwrap(), contents(&file.path), "{}", file.path);
    }
}

fn partials(cache: &Path) -> Vec<u64> {
    let blobs = cache.join("models--org--tiny/blobs");
    let names = fs::read_dir(blobs).into_iter().flatten().flatten();
    names
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "incomplete"))
        .map(|entry| entry.metadata().unwrap().len())
        .collect()
}

#[tokio::test]
async fn a_model_is_pulled_pinned_and_recorded() {
    let (hub, cache) = (Hub::start(&[]).await, tempfile::tempdir().unwrap());
    let mut told = Vec::new();
    let result = pull(options(&hub, cache.path()), |progress| told.push(progress)).await.unwrap();
    assert_eq!((result.commit.as_str(), result.licence.as_deref()), (COMMIT, Some("mit")));
    assert_eq!(result.path, cache.path().join("models--org--tiny/snapshots").join(COMMIT));
    assert_contents(&result);
    let names: Vec<&str> = result.files.iter().map(|file| file.path.as_str()).collect();
    assert!(names.contains(&"unet/diffusion_pytorch_model.safetensors") && names.contains(&"tokenizer/merges.txt"));
    for skipped in [
        "README.md",
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "safety_checker/model.safetensors",
    ] {
        assert!(!names.contains(&skipped) && !result.folder.join(skipped).exists(), "{skipped}");
    }
    let weights = result.files.iter().find(|file| file.path.starts_with("unet/diff")).unwrap();
    assert_eq!(weights.sha256.as_deref(), Some(hub_server::sha256(&contents(&weights.path)).as_str()));
    assert_eq!(fs::read_to_string(cache.path().join("models--org--tiny/refs/main")).unwrap(), COMMIT);

    let size: u64 = result.files.iter().map(|file| file.size).sum();
    let planned =
        told.iter().find_map(|p| if let Progress::Planned { files, bytes, .. } = p { Some((*files, *bytes)) } else { None });
    assert_eq!(planned, Some((result.files.len(), size)));
    let done: Vec<u64> =
        told.iter().filter_map(|p| if let Progress::Bytes { all_done, .. } = p { Some(*all_done) } else { None }).collect();
    assert!(done.is_sorted() && done.last() == Some(&size), "progress only grows and ends at the total");

    // A second pull downloads nothing: the facts and the listing are asked, no file is.
    let before = hub.file_requests();
    let again = pulled(&hub, cache.path()).await.unwrap();
    assert_eq!((again.downloaded, hub.file_requests()), (0, before));
}

#[tokio::test]
async fn variants_revisions_and_parts() {
    let (hub, cache) = (Hub::start(&[]).await, tempfile::tempdir().unwrap());
    let mut fp16 = options(&hub, cache.path());
    fp16.variant = Some("fp16".to_owned());
    fp16.revision = Some(COMMIT.to_owned());
    let result = pull(fp16, |_| ()).await.unwrap();
    assert!(result.folder.join("unet/diffusion_pytorch_model.fp16.safetensors").exists());
    assert!(!result.folder.join("unet/diffusion_pytorch_model.safetensors").exists());
    assert!(!cache.path().join("models--org--tiny/refs").exists(), "a commit needs no ref");

    let tokenizer = pull(PullOptions { want: Want::Tokenizer, ..options(&hub, cache.path()) }, |_| ()).await.unwrap();
    assert_eq!(tokenizer.files.len(), 2);
    let file = PullOptions { want: Want::File("single.safetensors".into()), ..options(&hub, cache.path()) };
    let file = pull(file, |_| ()).await.unwrap();
    assert_eq!(file.path, file.folder.join("single.safetensors"));
    let pickle = PullOptions { want: Want::File("unet/diffusion_pytorch_model.bin".into()), ..options(&hub, cache.path()) };
    assert!(pull(pickle, |_| ()).await.unwrap_err().to_string().contains("pickle"));
    let other = PullOptions { revision: Some("other".into()), ..options(&hub, cache.path()) };
    let missing = pull(other, |_| ()).await.unwrap_err();
    assert!(matches!(missing, HubError::NotFound { .. }) && missing.to_string().contains("org/tiny@other"), "{missing}");
}

#[tokio::test]
async fn a_broken_connection_is_resumed_where_it_broke() {
    let (hub, cache) = (Hub::start(&[Fault::CutOnce]).await, tempfile::tempdir().unwrap());
    let result = pulled(&hub, cache.path()).await.unwrap();
    assert_contents(&result);
    let ranges = hub.ranges();
    assert_eq!(ranges.len(), 1, "{ranges:?}");
    assert_ne!(ranges[0], "bytes=0-", "it goes on, it does not start again");
    assert!(partials(cache.path()).is_empty());
}

#[tokio::test]
async fn a_later_pull_goes_on_where_an_earlier_one_gave_up() {
    let cache = tempfile::tempdir().unwrap();
    let cut = Hub::start(&[Fault::CutAlways]).await;
    let error = pulled(&cut, cache.path()).await.unwrap_err();
    assert!(matches!(&error, HubError::Interrupted { bytes, .. } if *bytes > 0), "{error}");
    assert!(error.to_string().contains("pull again"));
    let had = partials(cache.path());
    assert!(had.len() == 1 && had[0] > 0);
    let hub = Hub::start(&[]).await;
    let result = pulled(&hub, cache.path()).await.unwrap();
    assert_contents(&result);
    assert_eq!(hub.ranges(), [format!("bytes={}-", had[0])]);
}

#[tokio::test]
async fn a_server_that_cannot_resume_is_started_over() {
    let (hub, cache) = (Hub::start(&[Fault::CutOnce, Fault::NoRange]).await, tempfile::tempdir().unwrap());
    assert_contents(&pulled(&hub, cache.path()).await.unwrap());
}

#[tokio::test]
async fn garbage_left_from_last_time_is_replaced() {
    let (hub, cache) = (Hub::start(&[]).await, tempfile::tempdir().unwrap());
    let blobs = cache.path().join("models--org--tiny/blobs");
    fs::create_dir_all(&blobs).unwrap();
    let name = hub_server::sha256(&contents("unet/diffusion_pytorch_model.safetensors"));
    for garbage in [vec![9; 100], vec![9; 10_000_000]] {
        fs::write(blobs.join(format!("{name}.incomplete")), garbage).unwrap();
        let _old = fs::remove_file(blobs.join(&name));
        assert_contents(&pulled(&hub, cache.path()).await.unwrap());
    }
}

#[tokio::test]
async fn a_wrong_checksum_is_refused_and_the_file_removed() {
    for fault in [Fault::WrongBytes, Fault::WrongSmallFile] {
        let (hub, cache) = (Hub::start(&[fault]).await, tempfile::tempdir().unwrap());
        let error = pulled(&hub, cache.path()).await.unwrap_err();
        assert!(matches!(error, HubError::Checksum { .. }) && error.to_string().contains("removed"), "{fault:?}: {error}");
        assert!(partials(cache.path()).is_empty(), "{fault:?}");
        assert!(!cache.path().join("models--org--tiny/refs/main").exists(), "{fault:?}: an incomplete model is not the branch's");
    }
}

#[tokio::test]
async fn too_many_bytes_are_not_stored() {
    let (hub, cache) = (Hub::start(&[Fault::Endless]).await, tempfile::tempdir().unwrap());
    let error = pulled(&hub, cache.path()).await.unwrap_err();
    assert!(error.to_string().contains("more bytes than the hub states"), "{error}");
    assert!(partials(cache.path()).iter().all(|size| *size < 200_000));
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let cache = tempfile::tempdir().unwrap();
    let hub = Hub::start(&[]).await;
    let gone = PullOptions { repo: "org/gone".into(), ..options(&hub, cache.path()) };
    let error = pull(gone, |_| ()).await.unwrap_err();
    assert!(matches!(error, HubError::NotFound { .. }) && error.to_string().contains("org/gone"), "{error}");

    for (token, words) in [(None, "Access to model"), (Some("wrong"), "Access to model")] {
        let gated = Hub::start(&[Fault::Gated]).await;
        let asked = PullOptions { token: Some(token.unwrap_or("none").to_owned()), ..options(&gated, cache.path()) };
        let error = pull(asked, |_| ()).await.unwrap_err();
        let text = error.to_string();
        assert!(
            matches!(error, HubError::Denied { .. })
                && text.contains(words)
                && text.contains("HF_TOKEN")
                && text.contains("accept the terms"),
            "{text}"
        );
    }
    let gated = Hub::start(&[Fault::GatedFiles]).await;
    let error = pulled(&gated, cache.path()).await.unwrap_err();
    assert!(matches!(error, HubError::Denied { .. }), "{error}");
    // A name that does not exist is answered like a private one; that is said.
    let hidden = Hub::start(&[Fault::Hidden]).await;
    let error = pulled(&hidden, cache.path()).await.unwrap_err();
    assert!(matches!(error, HubError::NotFound { .. }) && error.to_string().contains("private"), "{error}");
}

#[tokio::test]
async fn the_token_goes_to_the_hub_and_not_to_its_storage() {
    let (hub, cache) = (Hub::start(&[Fault::Redirect]).await, tempfile::tempdir().unwrap());
    assert_contents(&pulled(&hub, cache.path()).await.unwrap());
    assert!(hub.tokens().iter().all(|token| token.as_deref() == Some(TOKEN)), "every request to the hub carries it");
    assert!(!hub.storage_tokens().is_empty(), "the storage was asked");
    assert!(hub.storage_tokens().iter().all(Option::is_none), "and never saw the token");
}

#[tokio::test]
async fn hostile_listings_are_refused() {
    for name in ["../x.safetensors", "/etc/x", "unet/../../x", "a\\..\\x", "c:/x"] {
        let (hub, cache) = (Hub::start_with(&[], Some(name)).await, tempfile::tempdir().unwrap());
        let error = pulled(&hub, cache.path()).await.unwrap_err().to_string();
        assert!(error.contains("outside its folder"), "{name}: {error}");
        assert!(!cache.path().join("models--org--tiny/snapshots").exists());
    }
    for (fault, words) in [
        (Fault::BadCommit, "names no commit"),
        (Fault::BadOid, "not a checksum"),
        (Fault::Garbled, "garbled"),
        (Fault::Huge, "more bytes are needed"),
    ] {
        let (hub, cache) = (Hub::start(&[fault]).await, tempfile::tempdir().unwrap());
        let error = pulled(&hub, cache.path()).await.unwrap_err().to_string();
        assert!(error.contains(words), "{fault:?}: {error}");
    }
}

#[tokio::test]
async fn offline_uses_the_cache_and_opens_no_connection() {
    let (hub, cache) = (Hub::start(&[]).await, tempfile::tempdir().unwrap());
    let offline = || PullOptions { offline: true, ..options(&hub, cache.path()) };
    let error = pull(offline(), |_| ()).await.unwrap_err();
    assert!(matches!(error, HubError::Offline { .. }) && error.to_string().contains("HF_HUB_OFFLINE"), "{error}");
    let online = pulled(&hub, cache.path()).await.unwrap();
    let before = hub.tokens().len();
    assert_eq!(pull(offline(), |_| ()).await.unwrap().path, online.path);
    assert_eq!(pull(PullOptions { revision: Some(COMMIT.into()), ..offline() }, |_| ()).await.unwrap().commit, COMMIT);
    fs::remove_file(online.folder.join("vae/diffusion_pytorch_model.safetensors")).unwrap();
    let error = pull(offline(), |_| ()).await.unwrap_err().to_string();
    assert!(error.contains("vae"), "{error}");
    assert_eq!(hub.tokens().len(), before);
}
