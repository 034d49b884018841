//! What people have set in programs that were made for A1111: theirs alone, the same at every node, and there after a restart. What the settings
//! mean is the business of whoever speaks that language.

use easel_store::client_settings;

use super::Accounts;
use crate::{PlatformError, context::retry};

impl Accounts {
    /// What somebody has set, as it was kept.
    pub async fn client_settings(&self, user_id: &str) -> Result<Option<String>, PlatformError> {
        Ok(client_settings::of_user(&self.context.db, user_id).await?.map(|row| row.settings))
    }

    /// Keeps what somebody has set; `None` is what everybody begins with.
    pub async fn keep_client_settings(&self, user_id: &str, settings: Option<&str>) -> Result<(), PlatformError> {
        retry!(self.keep_client_settings_once(user_id, settings))
    }

    async fn keep_client_settings_once(&self, user_id: &str, settings: Option<&str>) -> Result<(), PlatformError> {
        let now = self.context.moment().now;
        let mut tx = self.context.db.begin().await?;
        match settings {
            Some(settings) => client_settings::put(&mut tx, now, user_id, settings).await?,
            None => client_settings::forget(&mut tx, user_id).await?,
        }
        Ok(tx.commit().await?)
    }
}
