//! Interrupt and skip on whichever node they are asked for: said to all nodes, and heard by those that draw for the same caller.
//!
//! What is said while nodes do not hear each other is lost, and asked for again by whoever still waits.

use std::sync::Arc;

use easel_platform::bus::What;
use tokio::{sync::broadcast::error::RecvError, task::JoinSet};

use crate::{AppState, compat::a1111::tasks::Task};

/// Leaves the caller's own requests, or the round they are at, here and on other nodes.
pub(super) fn leave(state: &AppState, user_id: &str, all: bool) {
    match all {
        true => state.a1111.tasks.interrupt(user_id),
        false => state.a1111.tasks.skip(user_id),
    }
    state.platform.jobs.bus().tell("", user_id, What::Leave { all });
}

/// Hears what other nodes are asked for, until it is dropped.
pub(super) fn hear(state: &AppState, user_id: &str, task: &Arc<Task>) -> JoinSet<()> {
    let (mut news, user_id, task) = (state.platform.jobs.bus().listen(), user_id.to_owned(), Arc::clone(task));
    let mut hearing = JoinSet::new();
    hearing.spawn(async move {
        loop {
            match news.recv().await {
                Ok(heard) => {
                    if let What::Leave { all } = heard.news.what
                        && heard.from_elsewhere
                        && heard.news.user_id == user_id
                    {
                        task.leave(all);
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
    hearing
}
