//! `PATCH /api/v1/images/{id}`: changes what one says of a picture, and who sees it.

use axum::{Json, extract::State};
use easel_platform::gallery::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, WritesImages},
    extract::{InName, JsonBody},
    views::ImageView,
};

/// What is to be different; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeImageBody {
    /// What it is called; nothing, if it is empty.
    #[schema(max_length = 200)]
    title: Option<String>,
    /// All of its tags.
    #[schema(max_items = 20)]
    tags: Option<Vec<String>>,
    /// Marked or not.
    is_favourite: Option<bool>,
    /// Shown to everybody, or to nobody else.
    is_public: Option<bool>,
    /// Shown with its prompt, which others then may find and use.
    #[serde(default)]
    shows_prompt: bool,
}

impl ChangeImageBody {
    fn actions(self) -> Vec<Action> {
        let shows_prompt = self.shows_prompt;
        let publishing = |public| if public { Action::Publish { shows_prompt } } else { Action::Withdraw };
        let actions = [
            self.title.map(Action::Title),
            self.tags.map(Action::Retag),
            self.is_favourite.map(Action::Favourite),
            self.is_public.map(publishing),
        ];
        actions.into_iter().flatten().collect()
    }
}

/// Changes what one says of a picture, and who sees it.
#[utoipa::path(
    patch, path = "/api/v1/images/{id}", operation_id = "change_image", tag = "images", request_body = ChangeImageBody,
    params(("id" = String, Path, description = "The picture")),
    responses((status = 200, description = "The picture as it is now", body = ImageView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["images:write"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<WritesImages>,
    InName(id): InName,
    JsonBody(body): JsonBody<ChangeImageBody>,
) -> Result<Json<ImageView>, ApiError> {
    let gallery = &state.platform.gallery;
    let user_id = &caller.user.id;
    for action in body.actions() {
        gallery.apply_to(user_id, &id, &action).await?;
    }
    let image = gallery.get(user_id, &id).await?;
    let tags = gallery.tags_of(user_id, &id).await?;
    Ok(Json(ImageView::with_tags(image, tags)))
}
