//! `easel secrets`: set, listed, brought under another key, and never shown.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{io::Write, os::unix::fs::PermissionsExt, process::Stdio};

use crate::common::{Home, Ran};

fn set(home: &Home, name: &str, secret: &str) -> Ran {
    let mut child = home
        .command(["secrets", "set", name, "--data-dir", "data"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(secret.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn secrets_are_kept_under_keys_that_can_be_changed() {
    let home = Home::new();
    let run = |verb: &str| home.run(["secrets", verb, "--data-dir", "data"]);
    assert_eq!(set(&home, "oidc:google", "hunter2\n").code, Some(0));
    assert_eq!(set(&home, "provider:fal", "hunter3").code, Some(0));
    assert_ne!(set(&home, "Odd Name", "x").code, Some(0));
    assert_ne!(set(&home, "provider:empty", "\n").code, Some(0));
    assert_eq!(run("list").stdout, "oidc:google\nprovider:fal\n");
    let ring = home.join("data/keyring");
    assert_eq!(std::fs::metadata(&ring).unwrap().permissions().mode() & 0o777, 0o600);
    for file in std::fs::read_dir(home.join("data")).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "{}", file.display());
    }
    let old = std::fs::read_to_string(&ring).unwrap();
    assert_eq!(run("new-key").code, Some(0));
    let refused = run("drop-old-keys");
    assert!(refused.code != Some(0) && refused.stderr.contains("easel secrets rotate"), "{}", refused.stderr);
    assert!(run("rotate").stdout.starts_with("2 secrets are under the newest key now; 0"));
    assert_eq!(run("drop-old-keys").code, Some(0));
    let new = std::fs::read_to_string(&ring).unwrap();
    let key = old.lines().find(|line| line.starts_with('k')).unwrap();
    assert!(!new.contains(key) && new.lines().filter(|line| line.starts_with('k')).count() == 1);
    assert_eq!(home.run(["secrets", "rm", "provider:fal", "--data-dir", "data"]).code, Some(0));
    assert_eq!(run("list").stdout, "oidc:google\n");

    // Others may not read it, and a ring that was named must be there.
    std::fs::set_permissions(&ring, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = run("list");
    assert!(refused.code != Some(0) && refused.stderr.contains("chmod 600"), "{}", refused.stderr);
    let named = home.run(["secrets", "list", "--data-dir", "data", "--keyring-file", "elsewhere"]);
    assert!(named.stderr.contains("cannot use the key ring elsewhere") && !home.join("elsewhere").exists(), "{}", named.stderr);
}
