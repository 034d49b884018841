//! What lies in a local folder, and what a crash leaves there.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;

use std::{
    fs,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use common::{key, local};
use easel_blobs::{BlobError, FileKind, Put};
use futures_util::TryStreamExt;

#[tokio::test]
async fn a_file_lies_where_its_key_says() {
    let store = local();
    let key = key(FileKind::Png);
    store.blobs.put(&key, Bytes::from_static(b"x")).await.unwrap();
    let root = store.folder.path().join("blobs");
    assert_eq!(fs::read(root.join(key.as_str())).unwrap(), b"x");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&root).unwrap().permissions().mode() & 0o777, 0o700, "nobody else may look inside");
    }
}

#[tokio::test]
async fn what_a_crash_leaves_is_never_seen_and_swept_away() {
    let store = local();
    let (whole, torn) = (key(FileKind::Png), key(FileKind::Png));
    store.blobs.put(&whole, Bytes::from_static(b"whole")).await.unwrap();
    let root = store.folder.path().join("blobs");
    let torn_path = root.join(torn.as_str());
    fs::create_dir_all(torn_path.parent().unwrap()).unwrap();
    let leftovers = [format!("{}#1", torn_path.display()), format!("{}#12", root.join(whole.as_str()).display())];
    for path in &leftovers {
        fs::write(path, b"half").unwrap();
    }
    assert!(matches!(store.blobs.head(&torn).await, Err(BlobError::NotFound)));
    let listed: Vec<_> = store.blobs.list(None).try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|entry| entry.key.as_ref()).collect::<Vec<_>>(), [Some(&whole)]);
    // A new writer is not in the way of the old one's remains.
    assert_eq!(store.blobs.put(&torn, Bytes::from_static(b"new")).await.unwrap(), Put::Written);

    let (past, future) = (SystemTime::now() - Duration::from_secs(3600), SystemTime::now() + Duration::from_secs(3600));
    let blobs = store.blobs.clone();
    assert_eq!(blobs.sweep_unfinished(past).unwrap(), 0, "somebody may still be writing");
    assert_eq!(blobs.sweep_unfinished(future).unwrap(), 2);
    assert!(leftovers.iter().all(|path| !fs::exists(path).unwrap()));
    assert_eq!(store.blobs.read_all(&whole, 100).await.unwrap(), Bytes::from_static(b"whole"));
    assert_eq!(store.blobs.read_all(&torn, 100).await.unwrap(), Bytes::from_static(b"new"));
}

#[tokio::test]
async fn foreign_files_are_listed_as_such_and_left_alone() {
    let store = local();
    let root = store.folder.path().join("blobs");
    fs::create_dir_all(root.join("output")).unwrap();
    fs::write(root.join("output/notes.txt"), b"mine").unwrap();
    let listed: Vec<_> = store.blobs.list(None).try_collect().await.unwrap();
    assert_eq!((listed.len(), listed[0].path.as_str(), &listed[0].key), (1, "output/notes.txt", &None));
    assert_eq!(store.blobs.usage(None).await.unwrap().bytes, 4);
}

/// Killed at any point, a writer leaves each file whole or absent.
#[cfg(unix)]
#[test]
fn a_killed_writer_leaves_no_torn_file() {
    use std::process::{Command, Stdio};

    const INNER: &str = "EASEL_TEST_WRITE_TO";
    const SIZE: usize = 200_000;
    let open = |url: &str| easel_blobs::Blobs::open(common::settings(url)).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    if let Ok(url) = std::env::var(INNER) {
        let blobs = open(&url);
        loop {
            runtime.block_on(blobs.put(&key(FileKind::Png), vec![5; SIZE].into())).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let url = url::Url::from_directory_path(folder.path()).unwrap();
    let blobs = open(url.as_str());
    let mut files = 0;
    for _ in 0..20 {
        let before = runtime.block_on(blobs.usage(None)).unwrap().files;
        let mut writer = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_killed_writer_leaves_no_torn_file"])
            .env(INNER, url.as_str())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // In the middle of the work, wherever that is.
        while runtime.block_on(blobs.usage(None)).unwrap().files < before + 2 {
            assert!(writer.try_wait().unwrap().is_none(), "the writer writes until it is killed");
        }
        writer.kill().unwrap();
        writer.wait().unwrap();
        let listed: Vec<_> = runtime.block_on(blobs.list(None).try_collect()).unwrap();
        assert!(listed.iter().all(|entry| entry.size == SIZE as u64 && entry.key.is_some()));
        files = listed.len();
    }
    assert!(files >= 40);
    blobs.sweep_unfinished(SystemTime::now() + Duration::from_secs(60)).unwrap();
    assert_eq!(runtime.block_on(blobs.usage(None)).unwrap().files as usize, files);
}
