//! The passes of a drawing: run to their end, or left when somebody interrupts or skips them.

use easel_engine::{EngineError, Event, Outcome, Picture, Ticket};
use futures_util::future::join_all;

use crate::{
    ApiError,
    compat::a1111::tasks,
    generation::{CANCELLED, Paid},
};

/// How a pass ended.
pub(super) enum Passed {
    Drawn(Vec<Picture>),
    /// It was skipped, or all of it interrupted.
    Left,
    Failed(EngineError),
    /// Cancelled by nobody who may.
    Lost,
}

/// Whether what others were asked for was left here: it was interrupted or skipped, is cancelled there where it can be, and nothing is paid.
pub(super) fn is_left_there(task: &tasks::Task, error: &ApiError) -> bool {
    task.is_left() && error.code() == CANCELLED
}

/// Runs the requests of a pass to their end.
pub(super) async fn pass(task: &tasks::Task, job: u32, steps: u32, tickets: Vec<Ticket>) -> Passed {
    task.pass(job, steps, tickets.iter().map(Ticket::canceller).collect());
    let watched = tickets.into_iter().enumerate().map(|(index, ticket)| watch(task, index, ticket));
    let mut pictures = Vec::new();
    for outcome in join_all(watched).await {
        match outcome {
            Outcome::Finished(finished) => pictures.extend(finished),
            Outcome::Failed(error) => return Passed::Failed(error),
            Outcome::Cancelled if task.is_left() => return Passed::Left,
            Outcome::Cancelled => return Passed::Lost,
        }
    }
    Passed::Drawn(pictures)
}

async fn watch(task: &tasks::Task, index: usize, mut ticket: Ticket) -> Outcome {
    while let Some(event) = ticket.next().await {
        match event {
            Event::Finished(pictures) => return Outcome::Finished(pictures),
            Event::Failed(error) => return Outcome::Failed(error),
            Event::Cancelled => return Outcome::Cancelled,
            event => task.hear(index, &event),
        }
    }
    Outcome::Cancelled
}

/// Nothing comes of it, and nothing is paid.
pub(super) async fn give_up(paid: Option<Paid>, passed: Passed) -> ApiError {
    match (passed, paid) {
        (Passed::Failed(error), Some(paid)) => paid.fail(error).await,
        (Passed::Failed(error), None) => error.into(),
        _ => ApiError::internal(),
    }
}
