//! A caller's settings, as the database has them.

use crate::{ApiError, AppState, compat::a1111::options::Options};

/// Somebody's settings.
pub(super) async fn options(state: &AppState, user_id: &str) -> Result<Options, ApiError> {
    let kept = state.platform.accounts.client_settings(user_id).await?;
    Ok(kept.map_or_else(Options::default, |text| Options::from_kept(&text, &state.engine)))
}

/// Keeps somebody's settings.
pub(super) async fn keep(state: &AppState, user_id: &str, options: &Options) -> Result<(), ApiError> {
    let kept = options.kept(&state.engine);
    Ok(state.platform.accounts.keep_client_settings(user_id, kept.as_deref()).await?)
}
