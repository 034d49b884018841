//! `GET /api/v1/ws`: everything that happens to somebody's jobs, over one WebSocket.
//!
//! The server sends `{"type": "news", "job_id", "what"}` for all of them, and `{"type": "job", "job"}` when one has ended or is asked for. A
//! client sends `{"subscribe": "<job>"}` to get a job as it is, its previews, and its end for certain, and `{"unsubscribe": "<job>"}`. A browser
//! must be on a page of ours; whoever is suspended or changes their password is cut off within half a minute.

use std::{collections::BTreeSet, time::Duration};

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::StatusCode,
    response::Response,
};
use easel_platform::{
    bus::{Heard, News, What},
    records::User,
};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::broadcast::Receiver,
    time::{Instant, timeout},
};

use super::{
    get::view,
    progress::{Pace, is_leaving, looks, next_of},
};
use crate::{
    ApiError, AppState,
    auth::{As, Generates},
    views::JobView,
};

/// Bytes of a client's message.
const MESSAGE_MAX: usize = 1024;
/// Jobs a client may watch at a time.
const WATCHED_MAX: usize = 64;
/// A client that does not read is cut off.
const SEND_LIMIT: Duration = Duration::from_secs(10);
/// How often we ask whether the client is still there, and whether it may be.
const ASK_EVERY: Duration = Duration::from_secs(30);
/// WebSocket's own codes: going away, policy violation.
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;

/// Everything that happens to your jobs, over one WebSocket.
#[utoipa::path(
    get, path = "/api/v1/ws", operation_id = "job_socket", tag = "jobs",
    responses((status = 101, description = "It goes on as a WebSocket")),
    security(("session" = []), ("cookie" = []), ("api_key" = ["generate"]))
)]
pub(crate) async fn handler(
    State(state): State<AppState>,
    As(caller, _): As<Generates>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let upgrade = upgrade.map_err(|_| {
        ApiError::new(
            StatusCode::UPGRADE_REQUIRED,
            "upgrade_required",
            "this address speaks WebSocket: ask with `Upgrade: websocket`",
        )
    })?;
    let news = state.platform.jobs.bus().listen();
    let line = Line { state, user: caller.user, news, watched: BTreeSet::new(), pace: Pace::default() };
    Ok(upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX).on_upgrade(|socket| line.speak(socket)))
}

/// What a client says.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Said {
    Subscribe(String),
    Unsubscribe(String),
}

/// What a client is told.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Told<'a> {
    News { job_id: &'a str, what: &'a What },
    Job { job: Box<JobView> },
    Error { code: &'static str, message: String },
}

struct Line {
    state: AppState,
    user: User,
    news: Receiver<Heard>,
    watched: BTreeSet<String>,
    pace: Pace,
}

/// The line is over; what the client is told of it.
type Over = Option<CloseFrame>;

impl Line {
    async fn speak(mut self, mut socket: WebSocket) {
        let over = self.talk(&mut socket).await.unwrap_or_else(|over| over);
        // Whoever is gone hears nothing.
        let _ = timeout(SEND_LIMIT, socket.send(Message::Close(over))).await;
    }

    async fn talk(&mut self, socket: &mut WebSocket) -> Result<Over, Over> {
        let mut looks = looks();
        let mut asked = Instant::now();
        let mut heard = true;
        loop {
            tokio::select! {
                // News that is there is told before the database is asked how it ended.
                biased;
                message = socket.recv() => match message {
                    Some(Ok(Message::Text(text))) => { heard = true; self.said(socket, text.as_str()).await?; }
                    Some(Ok(Message::Binary(_))) => return Ok(close(POLICY, "texts only")),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => heard = true,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(None),
                },
                news = next_of(&mut self.news, &self.user.id) => if let Some(news) = news { self.tell_news(socket, &news).await? },
                _ = looks.tick() => {
                    if is_leaving(&self.state, None) {
                        return Ok(close(GOING_AWAY, "the server is leaving"));
                    }
                    self.look(socket).await?;
                    if asked.elapsed() >= ASK_EVERY {
                        if !heard || !self.may_stay().await {
                            return Ok(close(POLICY, "the session has ended"));
                        }
                        (asked, heard) = (Instant::now(), false);
                        send(socket, Message::Ping(Vec::new().into())).await?;
                    }
                }
            }
        }
    }

    /// Nothing has ended what the client came by.
    async fn may_stay(&self) -> bool {
        let now = self.state.platform.accounts.get(&self.user.id).await;
        now.is_ok_and(|now| now.is_active && now.auth_epoch == self.user.auth_epoch)
    }

    async fn said(&mut self, socket: &mut WebSocket, text: &str) -> Result<(), Over> {
        let wrong = |code, message: &str| Told::Error { code, message: message.to_owned() };
        match serde_json::from_str(text) {
            Ok(Said::Subscribe(_)) if self.watched.len() >= WATCHED_MAX => {
                tell(socket, &wrong("too_many_jobs", "unsubscribe from some jobs first")).await
            }
            Ok(Said::Subscribe(id)) => match view(&self.state, &self.user.id, &id).await {
                Ok(job) => {
                    if !job.has_ended() {
                        self.watched.insert(id);
                    }
                    tell(socket, &Told::Job { job: Box::new(job) }).await
                }
                Err(error) => tell(socket, &wrong(error.code(), "there is no such job")).await,
            },
            Ok(Said::Unsubscribe(id)) => {
                self.watched.remove(&id);
                Ok(())
            }
            Err(_) => tell(socket, &wrong("invalid_message", "say {\"subscribe\": job} or {\"unsubscribe\": job}")).await,
        }
    }

    async fn tell_news(&mut self, socket: &mut WebSocket, news: &News) -> Result<(), Over> {
        let watched = self.watched.contains(&news.job_id);
        match &news.what {
            What::Preview { .. } if !watched => Ok(()),
            What::Ended { .. } => self.tell_job(socket, &news.job_id).await,
            what if self.pace.lets_through(what) => tell(socket, &Told::News { job_id: &news.job_id, what }).await,
            _ => Ok(()),
        }
    }

    /// Tells of watched jobs that have ended without news.
    async fn look(&mut self, socket: &mut WebSocket) -> Result<(), Over> {
        for id in self.watched.clone() {
            match self.state.platform.jobs.get(&self.user.id, &id).await {
                Ok(job) if !job.state.is_terminal() => {}
                _ => self.tell_job(socket, &id).await?,
            }
        }
        Ok(())
    }

    async fn tell_job(&mut self, socket: &mut WebSocket, id: &str) -> Result<(), Over> {
        self.watched.remove(id);
        match view(&self.state, &self.user.id, id).await {
            Ok(job) => tell(socket, &Told::Job { job: Box::new(job) }).await,
            // Gone, or the database does not answer: the client asks again.
            Err(_) => Ok(()),
        }
    }
}

async fn tell(socket: &mut WebSocket, told: &Told<'_>) -> Result<(), Over> {
    let text = serde_json::to_string(told).expect("plain structs become JSON; this is a bug");
    send(socket, Message::Text(text.into())).await
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), Over> {
    match timeout(SEND_LIMIT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(None),
    }
}

fn close(code: u16, reason: &'static str) -> Over {
    Some(CloseFrame { code, reason: reason.into() })
}
