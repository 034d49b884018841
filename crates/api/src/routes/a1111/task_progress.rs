//! `POST /internal/progress`: how far a request is that its client has given a name. Names of others are as unknown as those of nobody.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    heard::drawings,
    progress::{left, picture, share},
};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    compat::fields::Fields,
    extract::json_object,
};

/// What is asked.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used: the body is read as it comes")]
pub(crate) struct TaskBody {
    /// The name, as `force_task_id` gave it.
    #[schema(example = "task(abc)")]
    id_task: String,
    /// The preview that is known; -1 for none.
    id_live_preview: Option<i64>,
    /// With the preview.
    live_preview: Option<bool>,
}

/// How far a request is.
#[derive(Default, Serialize, ToSchema)]
pub(crate) struct NamedTaskView {
    /// It is drawn.
    active: bool,
    /// It waits.
    queued: bool,
    /// It has ended.
    completed: bool,
    /// 0 to 1.
    progress: Option<f64>,
    /// Seconds left, as far as one can tell.
    eta: Option<f64>,
    /// What it looks like, as a data URL, unless that is known.
    live_preview: Option<String>,
    /// Counts previews; -1 for none.
    id_live_preview: i64,
    /// In words.
    textinfo: String,
}

/// How far a request is that its client has given a name.
#[utoipa::path(
    post, path = "/internal/progress", operation_id = "a1111_task_progress", tag = "a1111", request_body = TaskBody,
    responses((status = 200, description = "How far it is", body = NamedTaskView)),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    request: Request<Body>,
) -> Result<Json<NamedTaskView>, ApiError> {
    let fields = Fields(json_object(request, &state.config).await?);
    let id = fields.text(&["id_task"])?.unwrap_or_default();
    let known = fields.integer(&["id_live_preview"])?.unwrap_or(-1);
    let wanted = fields.boolean(&["live_preview"])?.unwrap_or(true);
    let tasks = &state.a1111.tasks;
    let Some(task) = drawings(&state, &caller.user.id).into_iter().find(|task| task.id == id) else {
        let completed = tasks.has_ended(&caller.user.id, &id);
        let textinfo = if completed { String::new() } else { "Waiting...".to_owned() };
        return Ok(Json(NamedTaskView { completed, textinfo, id_live_preview: -1, ..NamedTaskView::default() }));
    };
    let seen = &task.seen;
    let progress = share(seen);
    let preview = seen.preview.as_ref().filter(|_| wanted && i128::from(seen.previews) != known);
    Ok(Json(NamedTaskView {
        active: !seen.waiting,
        queued: seen.waiting,
        completed: false,
        progress: Some(progress),
        eta: Some(left(task.seconds, progress)),
        live_preview: preview.and_then(picture).map(|encoded| format!("data:image/png;base64,{encoded}")),
        id_live_preview: if seen.previews == 0 { -1 } else { i64::try_from(seen.previews).unwrap_or(i64::MAX) },
        textinfo: if seen.waiting { "In queue...".to_owned() } else { String::new() },
    }))
}
