//! `PATCH /api/v1/admin/users/{id}`: another role or plan, or in or out. Their sessions and keys end.

use axum::{Json, extract::State};
use easel_platform::{PlatformError, accounts::LOCAL_ID, records::Role};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    ApiError, AppState,
    auth::{As, ManagesUsers},
    extract::{InPath, JsonBody},
    views::{UserView, read_time},
};

/// What changes. What is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserBody {
    /// `user`, `moderator`, `admin` or `superuser`.
    #[schema(value_type = Option<String>, example = "moderator")]
    role: Option<Role>,
    /// May log in.
    is_active: Option<bool>,
    /// A plan's name.
    #[schema(example = "pro")]
    plan: Option<String>,
    /// When the plan falls back to the first one; left out, never.
    #[schema(format = DateTime)]
    plan_ends_at: Option<String>,
}

/// Another role or plan, or in or out.
#[utoipa::path(
    patch, path = "/api/v1/admin/users/{id}", operation_id = "change_user", tag = "admin", request_body = UserBody,
    params(("id" = String, Path, description = "Who")),
    responses((status = 200, description = "They, as they are now", body = UserView)),
    security(("session" = ["admin"]), ("cookie" = ["admin"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<ManagesUsers>,
    InPath(id): InPath<String>,
    JsonBody(body): JsonBody<UserBody>,
) -> Result<Json<UserView>, ApiError> {
    let (accounts, actor) = (&state.platform.accounts, caller.actor());
    if id == LOCAL_ID {
        return Err(PlatformError::Forbidden("the built-in account stays as it is").into());
    }
    if let Some(role) = body.role {
        accounts.set_role(&actor, &id, role).await?;
    }
    if let Some(active) = body.is_active {
        accounts.set_active(&actor, &id, active).await?;
    }
    if let Some(plan) = &body.plan {
        let ends_at = body.plan_ends_at.as_deref().map(|time| read_time("plan_ends_at", time)).transpose()?;
        accounts.set_plan(&actor, &id, plan, ends_at).await?;
    }
    Ok(Json(accounts.get(&id).await?.into()))
}
