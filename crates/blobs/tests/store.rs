//! The same story on every store.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod common;

use std::{
    collections::HashSet,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use common::{all, key, local, memory, s3, serve_s3, settings};
use easel_blobs::{BlobError, Blobs, ByteRange, FileKind, Folder, Key, Put, Usage};
use futures_util::TryStreamExt;

const MAX: u64 = 1024 * 1024;

#[tokio::test]
async fn a_file_is_written_once_and_read_back() {
    for store in all().await {
        let (name, blobs) = (store.name, &store.blobs);
        for bytes in [Bytes::new(), Bytes::from_static(b"a picture"), vec![9; 300_000].into()] {
            let key = key(FileKind::Png);
            assert_eq!(blobs.put(&key, bytes.clone()).await.unwrap(), Put::Written, "{name}");
            assert_eq!(blobs.put(&key, Bytes::from_static(b"other")).await.unwrap(), Put::Present, "{name}");
            assert_eq!(blobs.read_all(&key, MAX).await.unwrap(), bytes, "{name}");
            let meta = blobs.head(&key).await.unwrap();
            assert_eq!((meta.size, meta.media_type), (bytes.len() as u64, "image/png"), "{name}");
            let age = SystemTime::now().duration_since(meta.modified).unwrap_or_default();
            assert!(age < Duration::from_secs(3600) && meta.etag.is_some(), "{name}");

            blobs.replace(&key, Bytes::from_static(b"again")).await.unwrap();
            assert_eq!(blobs.read_all(&key, MAX).await.unwrap(), Bytes::from_static(b"again"), "{name}");
        }
    }
}

#[tokio::test]
async fn a_file_that_comes_in_pieces_is_whole_or_not_there() {
    use futures_util::stream;
    for store in all().await {
        let (name, blobs) = (store.name, &store.blobs);
        let key = key(FileKind::Zip);
        let piece = |at: u8| Ok(Bytes::from(vec![at; 1_500_000]));
        let broken = stream::iter((0..12).map(piece).chain([Err(std::io::Error::other("no more comes"))]));
        assert!(matches!(blobs.replace_by_pieces(&key, broken).await, Err(BlobError::Interrupted(_))), "{name}");
        assert!(matches!(blobs.head(&key).await, Err(BlobError::NotFound)), "{name}");
        // More than one part, whose ends are not those of the pieces.
        for count in [12, 1] {
            let size = blobs.replace_by_pieces(&key, stream::iter((0..count).map(piece))).await.unwrap();
            assert_eq!((size, blobs.head(&key).await.unwrap().size), (1_500_000 * u64::from(count), size), "{name}");
            let read = blobs.read_all(&key, size).await.unwrap();
            assert!(read.chunks(1_500_000).zip(0..).all(|(piece, at)| piece.iter().all(|byte| *byte == at)), "{name}");
        }
    }
}

#[tokio::test]
async fn of_many_writers_one_wins() {
    // The S3 server of these tests looks before it writes, in two steps; S3 itself does not.
    for store in [local(), memory()] {
        for _ in 0..20 {
            let key = key(FileKind::Webp);
            let writers: Vec<_> = (0..16u8)
                .map(|writer| {
                    let (blobs, key) = (store.blobs.clone(), key.clone());
                    tokio::spawn(async move { (writer, blobs.put(&key, vec![writer; 50_000].into()).await.unwrap()) })
                })
                .collect();
            let mut winners = Vec::new();
            for writer in writers {
                let (writer, put) = writer.await.unwrap();
                winners.extend((put == Put::Written).then_some(writer));
            }
            assert_eq!(winners.len(), 1, "{}", store.name);
            assert_eq!(store.blobs.read_all(&key, MAX).await.unwrap(), vec![winners[0]; 50_000], "{}", store.name);
        }
    }
}

#[tokio::test]
async fn readers_never_see_half_a_file() {
    let store = local();
    let key = key(FileKind::Png);
    store.blobs.put(&key, vec![0; 400_000].into()).await.unwrap();
    let writer = {
        let (blobs, key) = (store.blobs.clone(), key.clone());
        tokio::spawn(async move {
            for round in 1..60u8 {
                blobs.replace(&key, vec![round; 400_000 - usize::from(round)].into()).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        let bytes = store.blobs.read_all(&key, MAX).await.unwrap();
        assert_eq!(bytes.len(), 400_000 - usize::from(bytes[0]));
        assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn parts_are_read() {
    let whole: Vec<u8> = (0..200_000u32).map(|at| at as u8).collect();
    let size = whole.len() as u64;
    for store in all().await {
        let (name, key) = (store.name, key(FileKind::Png));
        store.blobs.put(&key, whole.clone().into()).await.unwrap();
        for (part, from, to) in [
            (ByteRange::Between(0..1), 0, 1),
            (ByteRange::Between(10..1000), 10, 1000),
            (ByteRange::Between(199_999..200_000), 199_999, 200_000),
            (ByteRange::Between(199_000..999_999), 199_000, 200_000),
            (ByteRange::From(0), 0, 200_000),
            (ByteRange::From(150_000), 150_000, 200_000),
            (ByteRange::Last(5), 199_995, 200_000),
        ] {
            let reading = store.blobs.read(&key, Some(part.clone())).await.unwrap_or_else(|e| panic!("{name}: {part:?}: {e}"));
            assert_eq!((reading.meta.size, reading.range.clone()), (size, from as u64..to as u64), "{name}: {part:?}");
            let bytes: Vec<Bytes> = reading.into_stream().try_collect().await.unwrap();
            assert_eq!(bytes.concat(), whole[from..to], "{name}: {part:?}");
        }
        #[expect(clippy::reversed_empty_ranges, reason = "what clients send")]
        for part in [
            ByteRange::From(size),
            ByteRange::From(size + 5),
            ByteRange::Between(size..size + 9),
            ByteRange::Between(7..7),
            ByteRange::Between(9..7),
            ByteRange::Last(0),
        ] {
            let error = store.blobs.read(&key, Some(part.clone())).await.err();
            assert!(matches!(error, Some(BlobError::Range { size: 200_000 })), "{name}: {part:?}: {error:?}");
        }
    }
}

#[tokio::test]
async fn files_come_in_pieces() {
    let store = local();
    let key = key(FileKind::Png);
    store.blobs.put(&key, vec![1; 3_000_000].into()).await.unwrap();
    let mut pieces = std::pin::pin!(store.blobs.read(&key, None).await.unwrap().into_stream());
    let (mut count, mut total) = (0, 0);
    while let Some(piece) = pieces.try_next().await.unwrap() {
        assert!(piece.len() <= 1024 * 1024, "no piece is the whole");
        (count, total) = (count + 1, total + piece.len());
    }
    assert!(count > 1 && total == 3_000_000);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_deleted_already() {
    for store in all().await {
        let (name, blobs, missing) = (store.name, &store.blobs, key(FileKind::Jpeg));
        assert!(matches!(blobs.head(&missing).await, Err(BlobError::NotFound)), "{name}");
        assert!(matches!(blobs.read(&missing, None).await, Err(BlobError::NotFound)), "{name}");
        assert!(matches!(blobs.read(&missing, Some(ByteRange::From(5))).await, Err(BlobError::NotFound)), "{name}");
        assert!(matches!(blobs.read(&missing, Some(ByteRange::Last(0))).await, Err(BlobError::NotFound)), "{name}");
        blobs.delete(&missing).await.unwrap();

        let keys: Vec<Key> = (0..30).map(|_| key(FileKind::Png)).collect();
        for key in &keys {
            blobs.put(key, Bytes::from_static(b"x")).await.unwrap();
        }
        blobs.delete(&keys[0]).await.unwrap();
        blobs.delete(&keys[0]).await.unwrap();
        let failed = blobs.delete_all(keys.into_iter().chain([missing]).collect()).await;
        assert!(failed.is_empty(), "{name}: {failed:?}");
        assert_eq!(blobs.usage(None).await.unwrap(), Usage::default(), "{name}");
    }
}

#[tokio::test]
async fn too_large_a_file_is_not_read_whole() {
    for store in all().await {
        let key = key(FileKind::Png);
        store.blobs.put(&key, vec![1; 1000].into()).await.unwrap();
        assert!(matches!(store.blobs.read_all(&key, 999).await, Err(BlobError::TooLarge { size: 1000, max: 999 })));
        assert_eq!(store.blobs.read_all(&key, 1000).await.unwrap().len(), 1000);
    }
}

#[tokio::test]
async fn files_are_listed_and_counted() {
    for store in all().await {
        let (name, blobs) = (store.name, &store.blobs);
        let mut sizes = HashSet::new();
        for (at, &folder) in Folder::ALL.iter().enumerate() {
            let key = Key::random(folder, FileKind::Png, &mut rand::rng());
            blobs.put(&key, vec![1; at + 1].into()).await.unwrap();
            sizes.insert((key, at as u64 + 1));
        }
        let listed: Vec<_> = blobs.list(None).try_collect().await.unwrap();
        let found: HashSet<_> = listed.into_iter().map(|entry| (entry.key.expect("ours"), entry.size)).collect();
        assert_eq!(found, sizes, "{name}");
        assert_eq!(blobs.usage(None).await.unwrap(), Usage { files: 6, bytes: 21 }, "{name}");
        assert_eq!(blobs.usage(Some(Folder::Output)).await.unwrap(), Usage { files: 1, bytes: 2 }, "{name}");
    }
}

#[tokio::test]
async fn stores_that_share_a_bucket_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pictures")).unwrap();
    let address = serve_s3(folder.path()).await;
    let open = |prefix: &str| Blobs::open(common::s3_settings(address, common::SECRET_KEY, prefix)).unwrap();
    let (a, b, all) = (open("/a"), open("/b"), open(""));
    let key = key(FileKind::Png);
    a.put(&key, Bytes::from_static(b"a")).await.unwrap();
    assert!(matches!(b.head(&key).await, Err(BlobError::NotFound)));
    assert_eq!((a.usage(None).await.unwrap().files, b.usage(None).await.unwrap().files), (1, 0));
    // From above it is a file, but none of ours.
    let listed: Vec<_> = all.list(None).try_collect().await.unwrap();
    assert_eq!((listed.len(), &listed[0].key), (1, &None));
}

#[tokio::test]
async fn unconfirmed_uploads_are_swept_by_age() {
    for store in all().await {
        let (name, blobs) = (store.name, &store.blobs);
        let temp = Key::random(Folder::Temp, FileKind::Unknown, &mut rand::rng());
        let kept = key(FileKind::Png);
        for key in [&temp, &kept] {
            blobs.put(key, Bytes::from_static(b"x")).await.unwrap();
        }
        let (past, future) = (SystemTime::now() - Duration::from_secs(3600), SystemTime::now() + Duration::from_secs(3600));
        assert_eq!(blobs.sweep(Folder::Temp, past).await.unwrap(), 0, "{name}: it is too young");
        assert_eq!(blobs.sweep(Folder::Temp, future).await.unwrap(), 1, "{name}");
        assert!(matches!(blobs.head(&temp).await, Err(BlobError::NotFound)), "{name}");
        assert!(blobs.head(&kept).await.is_ok(), "{name}: other folders are left alone");
    }
}

#[tokio::test]
async fn a_check_tells_whether_a_store_works() {
    for store in all().await {
        store.blobs.check().await.unwrap_or_else(|error| panic!("{}: {error}", store.name));
        assert_eq!(store.blobs.usage(None).await.unwrap().files, 0, "{}: it leaves nothing", store.name);
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("pictures")).unwrap();
    let address = serve_s3(folder.path()).await;
    let wrong = Blobs::open(common::s3_settings(address, "another secret", "")).unwrap();
    let error = wrong.check().await.unwrap_err();
    assert!(matches!(error, BlobError::Denied(_)), "{error:?}");
    assert!(!error.to_string().contains("secret") && !error.to_string().contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn s3_is_told_what_a_file_is() {
    let store = s3().await;
    let key = key(FileKind::Webp);
    store.blobs.put(&key, Bytes::from_static(b"x")).await.unwrap();
    let address = store.blobs.sign_get(&key, Duration::from_secs(60), SystemTime::now()).await.unwrap();
    let response = reqwest::get(address.url).await.unwrap();
    assert_eq!(response.headers()["content-type"], "image/webp");
    assert!(response.headers()["cache-control"].to_str().unwrap().contains("immutable"));
}

#[test]
fn settings_that_make_no_sense_are_refused() {
    for url in ["", "blobs", "ftp://host/", "https://example.com/", "s3://user:secret@bucket", "s3://bucket?x=y", "file://host/x"]
    {
        let error = Blobs::open(settings(url)).err();
        let Some(BlobError::Settings(text)) = &error else { panic!("{url}: {error:?}") };
        assert!(!text.contains("secret"), "{text}");
    }
    let mut unknown = settings("s3://bucket");
    unknown.options = vec![("acces_key_id".into(), "x".into())];
    assert!(matches!(Blobs::open(unknown), Err(BlobError::Settings(text)) if text.contains("acces_key_id")));
}
