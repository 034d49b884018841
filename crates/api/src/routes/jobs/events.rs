//! `GET /api/v1/jobs/{id}/events`: a job as server-sent events.
//!
//! First `job` with the job as it is, then `progress` with what happens, and `job` once more when it has ended, with its pictures. A client that
//! was cut off asks again and gets the same from where the job is now.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use easel_platform::bus::{Heard, What};
use futures_util::stream::{self, Stream};
use serde::Serialize;
use tokio::{sync::broadcast::Receiver, time::Interval};
use utoipa::ToSchema;

use super::{
    get::view,
    progress::{Pace, is_leaving, looks, next_of},
};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    extract::InPath,
};

/// Comments keep proxies from closing a quiet connection.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// A server-sent event.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its shape is used: events are written as they come")]
pub(crate) struct JobEvent {
    /// `job`: the job as it is; `progress`: what happens to it.
    #[schema(example = "job")]
    event: String,
    /// JSON: as `GET /api/v1/jobs/{id}` answers, or what happens, with a `type`.
    data: String,
}

/// A job as it happens, as server-sent events `job` and `progress`.
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}/events", operation_id = "job_events", tag = "jobs",
    params(("id" = String, Path, description = "The job")),
    responses((status = 200, description = "Events until the job has ended", body = JobEvent, content_type = "text/event-stream")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    InPath(id): InPath<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    // Listening begins before the job is looked at, so that nothing falls in between.
    let news = state.platform.jobs.bus().listen();
    state.platform.jobs.get(&caller.user.id, &id).await?;
    let watch =
        Watch { state, user_id: caller.user.id, job_id: id, news, looks: looks(), pace: Pace::default(), phase: Phase::Begin };
    let events = stream::unfold(watch, |mut watch| async move {
        let event = watch.next().await?;
        Some((Ok(event), watch))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// What is still to be told.
#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// The job as it is.
    Begin,
    /// What happens.
    Going,
    /// Nothing.
    Over,
}

struct Watch {
    state: AppState,
    user_id: String,
    job_id: String,
    news: Receiver<Heard>,
    looks: Interval,
    pace: Pace,
    phase: Phase,
}

impl Watch {
    async fn next(&mut self) -> Option<Event> {
        match self.phase {
            Phase::Over => return None,
            Phase::Begin => {
                self.phase = Phase::Going;
                return self.job().await;
            }
            Phase::Going => {}
        }
        loop {
            tokio::select! {
                // News that is there is told before the database is asked how it ended.
                biased;
                news = next_of(&mut self.news, &self.user_id) => match news {
                    Some(news) if news.job_id != self.job_id => {}
                    Some(news) if matches!(news.what, What::Ended { .. }) => return self.job().await,
                    Some(news) if self.pace.lets_through(&news.what) => return Some(event("progress", &news.what)),
                    _ => {}
                },
                _ = self.looks.tick() => {
                    let job = self.state.platform.jobs.get(&self.user_id, &self.job_id).await.ok()?;
                    if job.state.is_terminal() {
                        return self.job().await;
                    }
                    if is_leaving(&self.state, Some(&job)) {
                        return None;
                    }
                }
            }
        }
    }

    /// The job as it is; if it has ended, that is the last there is to tell.
    async fn job(&mut self) -> Option<Event> {
        let view = view(&self.state, &self.user_id, &self.job_id).await.ok()?;
        if view.has_ended() {
            self.phase = Phase::Over;
        }
        Some(event("job", &view))
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).expect("plain structs become JSON; this is a bug");
    Event::default().event(name).data(data)
}
