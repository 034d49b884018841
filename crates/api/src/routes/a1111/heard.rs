//! Interrupt, skip and progress on whichever node they are asked for: the first two are said to all nodes, and heard by those that draw for the
//! same caller, who say now and then how far they are.
//!
//! What is said while nodes do not hear each other is lost, and asked for again by whoever still waits.

use std::{sync::Arc, time::Duration};

use easel_platform::bus::What;
use tokio::{sync::broadcast::error::RecvError, task::JoinSet};

use crate::{
    AppState,
    compat::a1111::tasks::{Moment, Task},
};

/// How often other nodes are told how far it is.
const SAY_EVERY: Duration = Duration::from_millis(500);

/// Leaves the caller's own requests, or the round they are at, here and on other nodes.
pub(super) fn leave(state: &AppState, user_id: &str, all: bool) {
    match all {
        true => state.a1111.tasks.interrupt(user_id),
        false => state.a1111.tasks.skip(user_id),
    }
    state.platform.jobs.bus().tell("", user_id, What::Leave { all });
}

/// The caller's drawings, the oldest here first, then those of other nodes.
pub(super) fn drawings(state: &AppState, user_id: &str) -> Vec<Moment> {
    let mut drawings: Vec<_> = state.a1111.tasks.running(user_id).iter().map(|task| task.moment()).collect();
    drawings.extend(state.a1111.nodes.of(user_id));
    drawings
}

/// Hears what other nodes are asked for, and says how far it is, until it is dropped.
pub(super) fn hear(state: &AppState, user_id: &str, task: &Arc<Task>) -> JoinSet<()> {
    let bus = state.platform.jobs.bus().clone();
    let (mut news, user_id, task) = (bus.listen(), user_id.to_owned(), Arc::clone(task));
    // No job has such a name: what waits to be said of one drawing is replaced by what is newer, and of no other.
    let name = format!("{user_id} {}", task.id);
    let mut says = tokio::time::interval(SAY_EVERY);
    let mut hearing = JoinSet::new();
    hearing.spawn(async move {
        loop {
            tokio::select! {
                heard = news.recv() => match heard {
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
                },
                _ = says.tick() => bus.tell(&name, &user_id, task.moment().news()),
            }
        }
    });
    hearing
}
