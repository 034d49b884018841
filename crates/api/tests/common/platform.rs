//! A platform over a database and a folder, for tests.

use std::{path::Path, sync::Arc};

use easel_blobs::{Blobs, Settings as BlobSettings, SigningKeys};
use easel_platform::{
    Context, Platform, PlatformSettings,
    accounts::{PasswordCost, Settings as AccountSettings},
    plans::Catalogue,
};
use easel_store::{Db, Settings};

/// With passwords that are quick to check.
pub async fn open(url: &str, folder: &Path) -> Arc<Platform> {
    open_with(url, folder, Catalogue::embedded()).await
}

/// With other plans than ours.
pub async fn open_with(url: &str, folder: &Path, catalogue: Catalogue) -> Arc<Platform> {
    open_changed(url, folder, catalogue, |_| {}).await
}

/// With other settings than a test's usual ones.
pub async fn open_changed(
    url: &str,
    folder: &Path,
    catalogue: Catalogue,
    change: impl FnOnce(&mut PlatformSettings),
) -> Arc<Platform> {
    let db = Db::open(&Settings::new(url)).await.expect("the database opens");
    db.migrate().await.expect("the tables are made");
    let mut settings = PlatformSettings {
        accounts: AccountSettings { password_cost: PasswordCost { memory_kib: 8, passes: 1 }, ..AccountSettings::default() },
        secret: vec![7; 32],
        ..PlatformSettings::default()
    };
    change(&mut settings);
    let blobs = Blobs::open(BlobSettings {
        url: format!("file://{}", folder.join("blobs").display()),
        options: Vec::new(),
        address: None,
        signing_keys: SigningKeys::new(vec![vec![7; 32]]).expect("32 bytes are enough"),
        cdn: None,
    });
    let blobs = blobs.expect("the folder can be used");
    Arc::new(Platform::new(Context::system(db), catalogue, blobs, settings).expect("the settings can be used"))
}
