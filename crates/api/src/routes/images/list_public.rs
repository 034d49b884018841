//! `GET /api/v1/images/public`: a page of everybody's public pictures.

use axum::{Json, extract::State};
use easel_platform::social::List;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::{
    ApiError, AppState,
    auth::{As, ReadsImages},
    extract::InQuery,
    views::{PageView, PublicImageView, page_size},
};

/// How a list is ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Last published first.
    #[default]
    Recent,
    /// By likes and age.
    Trending,
}

/// Which list: one of these, or all.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PublicQuery {
    /// Of all: `recent` or `trending`.
    #[serde(default)]
    #[param(inline)]
    sort: Order,
    /// One person's, by their name.
    user: Option<String>,
    /// One model's.
    model: Option<String>,
    /// With this tag, last made first.
    tag: Option<String>,
    /// With all of these words in prompts that are shown, last made first.
    q: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    limit: Option<i64>,
}

impl PublicQuery {
    fn list(&self) -> Result<List<'_>, ApiError> {
        let one = [
            self.user.as_deref().map(List::OfUser),
            self.model.as_deref().map(List::OfModel),
            self.tag.as_deref().map(List::Tagged),
            self.q.as_deref().map(List::Words),
        ];
        let mut one = one.into_iter().flatten();
        match (one.next(), one.next(), self.sort) {
            (None, _, Order::Recent) => Ok(List::Recent),
            (None, _, Order::Trending) => Ok(List::Trending),
            (Some(list), None, Order::Recent) => Ok(list),
            _ => {
                Err(ApiError::invalid("sort", "invalid_query", "ask for one of `user`, `model`, `tag`, `q` and `sort=trending`"))
            }
        }
    }
}

/// A page of everybody's public pictures.
#[utoipa::path(
    get, path = "/api/v1/images/public", operation_id = "list_public_images", tag = "gallery",
    params(PublicQuery),
    responses((status = 200, description = "The page", body = PageView<PublicImageView>)),
    security((), ("session" = []), ("cookie" = []), ("api_key" = ["images:read"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    caller: Option<As<ReadsImages>>,
    InQuery(query): InQuery<PublicQuery>,
) -> Result<Json<PageView<PublicImageView>>, ApiError> {
    let viewer = caller.as_ref().map(|As(caller, _)| caller.user.id.as_str());
    let limit = page_size("limit", query.limit)?;
    let page = state.platform.social.list(viewer, query.list()?, query.cursor.as_deref(), limit).await?;
    Ok(Json(PageView::from_page(page.map(|image| PublicImageView::from(image).through(state.cdn())))))
}
