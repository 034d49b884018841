//! `POST /api/v1/images/bulk`: does the same to up to a hundred pictures, all in one transaction.

use axum::{Json, extract::State};
use easel_platform::gallery::{Action, Applied};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::JsonBody,
};

/// What is done to which pictures.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BulkBody {
    /// Which.
    #[schema(min_items = 1, max_items = 100)]
    ids: Vec<String>,
    /// What.
    action: BulkAction,
}

/// What is done.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum BulkAction {
    /// Marks them, or no longer.
    Favourite {
        /// Which of both.
        value: bool,
    },
    /// Puts tags on them.
    Tag {
        /// These.
        tags: Vec<String>,
    },
    /// Takes tags off them.
    Untag {
        /// These.
        tags: Vec<String>,
    },
    /// Puts them into an album.
    AddToAlbum {
        /// This one.
        album_id: String,
    },
    /// Takes them out of an album.
    RemoveFromAlbum {
        /// This one.
        album_id: String,
    },
    /// Shows them to everybody.
    Publish {
        /// With their prompts.
        #[serde(default)]
        shows_prompt: bool,
    },
    /// Shows them to nobody else any longer.
    Withdraw,
    /// Throws them away.
    Trash,
    /// Takes them out of the trash.
    Restore,
    /// Removes them for good.
    Delete,
}

impl From<BulkAction> for Action {
    fn from(action: BulkAction) -> Self {
        match action {
            BulkAction::Favourite { value } => Self::Favourite(value),
            BulkAction::Tag { tags } => Self::Tag(tags),
            BulkAction::Untag { tags } => Self::Untag(tags),
            BulkAction::AddToAlbum { album_id } => Self::AddToAlbum(album_id),
            BulkAction::RemoveFromAlbum { album_id } => Self::RemoveFromAlbum(album_id),
            BulkAction::Publish { shows_prompt } => Self::Publish { shows_prompt },
            BulkAction::Withdraw => Self::Withdraw,
            BulkAction::Trash => Self::Trash,
            BulkAction::Restore => Self::Restore,
            BulkAction::Delete => Self::Delete,
        }
    }
}

/// What became of the pictures, in the order they were named.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkView {
    /// One for each.
    results: Vec<BulkResult>,
}

/// What became of one picture.
#[derive(Serialize, ToSchema)]
pub(crate) struct BulkResult {
    /// Which.
    id: String,
    /// What.
    result: BulkOutcome,
}

/// What became of one picture.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BulkOutcome {
    /// It is so now.
    Done,
    /// There is none, or it is not where it would have to be.
    NotFound,
    /// A moderator hid it, so it stays as it is.
    Hidden,
    /// Its title or prompt is not for everybody.
    Blocked,
}

impl From<Applied> for BulkOutcome {
    fn from(applied: Applied) -> Self {
        match applied {
            Applied::Done => Self::Done,
            Applied::NotFound => Self::NotFound,
            Applied::Hidden => Self::Hidden,
            Applied::Blocked => Self::Blocked,
        }
    }
}

/// Does the same to up to a hundred pictures, all in one transaction.
#[utoipa::path(
    post, path = "/api/v1/images/bulk", operation_id = "change_images", tag = "images", request_body = BulkBody,
    responses((status = 200, description = "What became of each", body = BulkView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    JsonBody(body): JsonBody<BulkBody>,
) -> Result<Json<BulkView>, ApiError> {
    let action = body.action.into();
    let ids: Vec<&str> = body.ids.iter().map(String::as_str).collect();
    let applied = state.platform.gallery.apply(&caller.user.id, &ids, &action).await?;
    let results =
        body.ids.iter().zip(applied).map(|(id, applied)| BulkResult { id: id.clone(), result: applied.into() }).collect();
    Ok(Json(BulkView { results }))
}
