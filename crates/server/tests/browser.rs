//! The web application in a real browser against the real binary with the built-in model: `web/tests/e2e` says what happens.
//!
//! It needs npm and Chromium, and fails rather than skips when one of them is missing. A program that was built without its application
//! (`EASEL_WEB=skip`) has nothing to show to a browser.

#![allow(missing_docs)]

use std::{path::Path, process::Command};

use easel_platform::{
    Context,
    accounts::{Accounts, Settings},
    plans::Catalogue,
};
use easel_store::Db;

/// Pictures of the gallery that the stories scroll through; every fiftieth is in the trash.
const GALLERY: i64 = 10_250;

/// A data folder of one person on their own machine, who has drawn a lot.
async fn gallery(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let url = format!("sqlite:{}", folder.join("easel.db").display());
    let db = Db::open(&easel_store::Settings::new(&url)).await?;
    db.migrate().await?;
    let accounts = Accounts::new(Context::system(db.clone()), Catalogue::embedded(), Settings::default())?;
    let owner = accounts.local().await?;
    db.close().await;
    easel_testing::seed_gallery(&url, &owner.id, GALLERY).await?;
    Ok(())
}

#[test]
fn the_stories_of_the_web_application() {
    if std::env::var("EASEL_WEB").as_deref() == Ok("skip") {
        println!("this program has no web application (EASEL_WEB=skip): there is nothing to look at");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(gallery(folder.path())).expect("a large gallery");
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let mut command = Command::new("npm");
    command.current_dir(web).args(["run", "test:e2e"]);
    let ran = command.env("EASEL_BIN", env!("CARGO_BIN_EXE_easel")).env("EASEL_E2E_GALLERY", folder.path()).output();
    let output = ran.unwrap_or_else(|error| panic!("npm: {error}; install Node.js 20.19 or later"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "a story went wrong:\n{}{}", text(&output.stdout), text(&output.stderr));
}
