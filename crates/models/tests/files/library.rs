//! The library: importing, listing, showing, verifying and removing models.
#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::{fs, path::Path};

use crate::weights_support::{fixture, folder::write_folder, tokenizer};
use easel_models::{
    adapters::Shelf,
    library::{ImportOptions, Library, LibraryError, MANIFEST},
    weights::Family,
};
use sha2::{Digest, Sha256};

fn sha256(path: &Path) -> String {
    Sha256::digest(fs::read(path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn options() -> ImportOptions {
    ImportOptions { licence: Some("openrail".into()), now: 1_700_000_000, ..ImportOptions::default() }
}

fn ids(library: &Library) -> Vec<String> {
    library.list().unwrap().into_iter().map(|model| model.id).collect()
}

#[test]
fn a_checkpoint_from_import_to_removal() {
    let data = tempfile::tempdir().unwrap();
    let library = Library::new(data.path());
    assert!(ids(&library).is_empty(), "a data folder that is not there yet has no models");
    let source = fixture("single_file/sd1.safetensors");
    let model = library.import(&source, "tiny-sd1", &options()).unwrap();
    let sum = sha256(&source);
    assert_eq!((model.manifest.sha256.as_deref(), model.manifest.short_hash()), (Some(sum.as_str()), Some(&sum[..10])));
    assert_eq!((model.manifest.family, model.manifest.source.as_deref()), (Some(Family::Sd1), Some("sd1.safetensors")));
    assert_eq!((model.manifest.installed_at, model.manifest.licence.as_deref()), (1_700_000_000, Some("openrail")));
    assert_eq!(library.show("tiny-sd1").unwrap(), model, "what is read back is what was returned");
    assert!(fs::read_to_string(model.path.join(MANIFEST)).unwrap().contains("family = \"sd1\""));

    // It opens as soon as the shared tokenizer is there.
    let message = library.open("tiny-sd1", None).unwrap_err().to_string();
    assert!(message.contains("tokenizer"), "{message}");
    let pulled = data.path().join("pulled");
    tokenizer(&pulled, 96);
    library.install_tokenizer(&pulled).unwrap();
    assert_eq!(library.open("tiny-sd1", None).unwrap().tokenizer.dir, data.path().join("tokenizers/clip"));

    assert!(library.verify("tiny-sd1").unwrap().is_empty());
    let weights = model.path.join("tiny-sd1.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::remove_file(&weights).unwrap();
    fs::write(&weights, bytes).unwrap();
    assert_eq!(library.verify("tiny-sd1").unwrap(), ["tiny-sd1.safetensors"]);

    assert!(matches!(library.import(&source, "tiny-sd1", &options()), Err(LibraryError::Exists(_))));
    library.remove("tiny-sd1").unwrap();
    assert!(ids(&library).is_empty() && !model.path.exists());
    assert!(matches!(library.remove("tiny-sd1"), Err(LibraryError::NotInstalled(_))));
    assert_eq!(fs::read_dir(library.models_folder()).unwrap().count(), 0, "nothing is left behind");
    assert!(source.exists());
}

#[test]
fn a_folder_keeps_what_it_needs_and_nothing_else() {
    let (data, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_folder(source.path());
    for extra in ["unet/diffusion_pytorch_model.bin", "unet/evil.py", "README.md", "safety_checker/model.safetensors"] {
        fs::create_dir_all(source.path().join(extra).parent().unwrap()).unwrap();
        fs::write(source.path().join(extra), b"x").unwrap();
    }
    fs::write(source.path().join("defaults.toml"), "").unwrap();
    let library = Library::new(data.path());
    let model = library.import(source.path(), "folder", &options()).unwrap();
    assert!(model.path.join("defaults.toml").exists(), "what its makers recommend comes along");
    assert_eq!(model.manifest.sha256, Some(sha256(&source.path().join("unet/diffusion_pytorch_model.safetensors"))));
    assert_eq!(model.manifest.files.len(), 3);
    assert!(library.open("folder", None).is_ok());
    for extra in ["unet/diffusion_pytorch_model.bin", "unet/evil.py", "README.md", "safety_checker"] {
        assert!(!model.path.join(extra).exists(), "{extra}");
    }
}

#[test]
fn names_with_tricks_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let library = Library::new(data.path().join("data"));
    for name in
        ["", ".", "..", "../x", "a/b", "a\\b", "/abs", ".hidden", "a..b", "a b", "ä", "a\0", "-x", "a.", "con:", &"x".repeat(101)]
    {
        let refused = library.import(&fixture("single_file/sd1.safetensors"), name, &options());
        assert!(matches!(refused, Err(LibraryError::Name(_))), "{name:?}");
    }
    assert!(matches!(library.remove("../x"), Err(LibraryError::NotInstalled(_))));
    assert!(!data.path().join("x").exists());
}

#[test]
fn what_cannot_be_used_is_not_installed() {
    let (data, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let library = Library::new(data.path());
    for (name, bytes, reason) in [
        ("a.ckpt", &b"x"[..], "pickle"),
        ("b.safetensors", b"PK\x03\x04", "pickle"),
        ("c.safetensors", b"abc", "too few"),
        ("d.gguf", b"GGUF", ""),
    ] {
        let path = source.path().join(name);
        fs::write(&path, bytes).unwrap();
        let message = library.import(&path, "m", &options()).unwrap_err().to_string();
        assert!(message.contains(name) && message.contains(reason), "{message}");
    }
    let folder = source.path().join("folder");
    write_folder(&folder);
    fs::remove_file(folder.join("vae/diffusion_pytorch_model.safetensors")).unwrap();
    fs::write(folder.join("vae/diffusion_pytorch_model.bin"), b"x").unwrap();
    assert!(library.import(&folder, "m", &options()).unwrap_err().to_string().contains("diffusion_pytorch_model.bin"));
    assert!(library.import(&source.path().join("gone"), "m", &options()).is_err());
    assert!(ids(&library).is_empty());
    assert_eq!(fs::read_dir(library.models_folder()).unwrap().count(), 0, "no half-made folder stays");
}

#[cfg(unix)]
#[test]
fn links_may_not_lead_out_of_the_model() {
    let (data, source) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let library = Library::new(data.path());
    // As the hub's cache has it: snapshot files link to blobs of the same repository.
    let repo = source.path().join("models--a--b");
    let snapshot = repo.join("snapshots/0123");
    write_folder(&snapshot);
    fs::create_dir_all(repo.join("blobs")).unwrap();
    let weights = snapshot.join("unet/diffusion_pytorch_model.safetensors");
    fs::rename(&weights, repo.join("blobs/abc")).unwrap();
    std::os::unix::fs::symlink("../../../blobs/abc", &weights).unwrap();
    let model = library.import(&snapshot, "cached", &options()).unwrap();
    assert!(!fs::symlink_metadata(model.path.join("unet/diffusion_pytorch_model.safetensors")).unwrap().is_symlink());
    // A secret beside the model must not be copied into it.
    let secret = source.path().join("secret.json");
    fs::write(&secret, "{}").unwrap();
    fs::remove_file(snapshot.join("vae/config.json")).unwrap();
    std::os::unix::fs::symlink(&secret, snapshot.join("vae/config.json")).unwrap();
    let message = library.import(&snapshot, "evil", &options()).unwrap_err().to_string();
    assert!(message.contains("vae/config.json") && message.contains("leads out"), "{message}");
    assert_eq!(ids(&library), ["cached"]);
}

#[test]
fn builtin_and_hand_placed_models() {
    let (data, builtin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_folder(&builtin.path().join("easel-tiny"));
    let library = Library::new(data.path()).with_builtin(builtin.path());
    fs::create_dir_all(library.models_folder().join("empty")).unwrap();
    fs::copy(fixture("single_file/sd2.safetensors"), library.models_folder().join("bare.safetensors")).unwrap();
    write_folder(&library.models_folder().join("by-hand"));
    assert_eq!(ids(&library), ["bare", "by-hand", "easel-tiny"]);
    assert!(library.show("easel-tiny").unwrap().builtin);
    assert!(library.open("easel-tiny", None).is_ok());
    assert!(matches!(library.remove("easel-tiny"), Err(LibraryError::BuiltIn(_))));
    assert!(matches!(
        library.import(&fixture("single_file/sd1.safetensors"), "easel-tiny", &options()),
        Err(LibraryError::Exists(_))
    ));
    library.remove("bare").unwrap();
    assert_eq!(ids(&library), ["by-hand", "easel-tiny"]);
    fs::write(library.models_folder().join("by-hand").join(MANIFEST), "sha256 = 3").unwrap();
    assert!(library.list().unwrap_err().to_string().contains("easel.toml"));
}

#[test]
fn checkpoints_of_other_programs_are_models_as_they_lie() {
    let (data, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let webui = other.path().join("webui");
    let put = |from: &str, to: &Path| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(fixture(&format!("single_file/{from}.safetensors")), to).unwrap();
    };
    let folder = webui.join("models/Stable-diffusion");
    put("sd1", &folder.join("dream v8.safetensors"));
    put("sdxl", &folder.join("xl/base.safetensors"));
    put("sd2", &other.path().join("elsewhere/ckpt/other.safetensors"));
    let (pickle, damaged) = (folder.join("old.ckpt"), folder.join("cut.safetensors"));
    fs::write(&pickle, b"x").unwrap();
    fs::write(&damaged, b"abc").unwrap();
    let list = other.path().join("extra_model_paths.yaml");
    fs::write(&list, "comfyui:\n  base_path: elsewhere\n  checkpoints: ckpt\n").unwrap();
    let shelf = Shelf::default().with_root(data.path()).with_root(&webui).with_extra_paths(&list).unwrap();
    let library = Library::new(data.path()).with_shelf(shelf);

    assert_eq!(ids(&library), ["dream v8", "other", "xl/base"]);
    let model = library.show("xl/base").unwrap();
    assert_eq!((model.outside, model.manifest.family), (true, Some(Family::Sdxl)));
    assert_eq!(model.manifest.size_bytes, fs::metadata(&model.path).unwrap().len());
    let unusable = library.unusable();
    let paths: Vec<_> = unusable.iter().map(|file| file.path.clone()).collect();
    assert_eq!(paths, [damaged.clone(), pickle]);
    assert!(unusable.iter().all(|file| file.reason.contains(file.path.file_name().unwrap().to_str().unwrap())), "{unusable:?}");

    // ComfyUI has the tokenizer that they all lack.
    let message = library.open("other", None).unwrap_err().to_string();
    assert!(message.contains("tokenizer"), "{message}");
    tokenizer(&other.path().join("elsewhere/comfy/sd1_tokenizer"), 96);
    assert!(library.open("other", None).is_ok() && library.open("dream v8", None).is_ok());

    // A file that is repaired is seen, one that is taken away is not, and an installed model goes first.
    put("sd1", &damaged);
    fs::remove_file(folder.join("dream v8.safetensors")).unwrap();
    assert_eq!(ids(&library), ["cut", "other", "xl/base"]);
    library.import(&fixture("single_file/sd1.safetensors"), "other", &options()).unwrap();
    assert!(!library.show("other").unwrap().outside);
    library.remove("other").unwrap();
    let refused = library.remove("other").unwrap_err();
    assert!(matches!(&refused, LibraryError::Outside(..)) && refused.to_string().contains("elsewhere"), "{refused}");
    assert!(other.path().join("elsewhere/ckpt/other.safetensors").exists());
}
