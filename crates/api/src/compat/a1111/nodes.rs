//! What other nodes draw for somebody, as they last said. A node that has said nothing for a while draws nothing any more, or is not heard.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use easel_platform::bus::Heard;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::tasks::Moment;

/// How long what was said holds: nodes say it twice a second.
const FRESH: Duration = Duration::from_secs(2);
/// People of whom something is known.
const PEOPLE_MAX: usize = 10_000;

/// Everybody's.
#[derive(Debug, Default)]
pub struct Nodes(Mutex<HashMap<String, Vec<(Instant, Moment)>>>);

impl Nodes {
    /// A node has said how far one of somebody's drawings is.
    pub fn learn(&self, user_id: &str, moment: Moment) {
        let now = Instant::now();
        let mut all = self.all();
        if all.len() >= PEOPLE_MAX {
            all.retain(|_, said| said.iter().any(|(at, _)| is_fresh(*at, now)));
        }
        let said = all.entry(user_id.to_owned()).or_default();
        said.retain(|(at, before)| is_fresh(*at, now) && before.id != moment.id);
        said.push((now, moment));
    }

    /// Somebody's drawings on other nodes.
    pub fn of(&self, user_id: &str) -> Vec<Moment> {
        let now = Instant::now();
        let all = self.all();
        let said = all.get(user_id).map(Vec::as_slice).unwrap_or_default();
        said.iter().filter(|(at, _)| is_fresh(*at, now)).map(|(_, moment)| moment.clone()).collect()
    }

    /// Hears what is said, for ever.
    pub async fn hear(self: Arc<Self>, mut news: Receiver<Heard>) {
        loop {
            match news.recv().await {
                Ok(heard) if heard.from_elsewhere => {
                    if let Some(moment) = Moment::of(&heard.news.what) {
                        self.learn(&heard.news.user_id, moment);
                    }
                }
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Vec<(Instant, Moment)>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_fresh(at: Instant, now: Instant) -> bool {
    now.saturating_duration_since(at) < FRESH
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compat::a1111::tasks::Seen;

    fn moment(id: &str, step: u32) -> Moment {
        let seen = Seen { step, steps: 8, jobs: 1, ..Seen::default() };
        Moment { id: id.to_owned(), timestamp: "0".to_owned(), seconds: 1.0, seen }
    }

    #[test]
    fn the_newest_of_each_is_known_and_nobody_elses() {
        let nodes = Nodes::default();
        for said in [moment("a", 1), moment("b", 5), moment("a", 2)] {
            let crossed = Moment::of(&said.news()).expect("it is of a drawing");
            nodes.learn("ada", crossed);
        }
        let known: Vec<_> = nodes.of("ada").into_iter().map(|moment| (moment.id, moment.seen.step)).collect();
        assert_eq!(known, [("b".to_owned(), 5), ("a".to_owned(), 2)]);
        assert!(nodes.of("eve").is_empty());
        let now = Instant::now();
        assert!(is_fresh(now, now) && !is_fresh(now, now + FRESH), "who says nothing any more draws nothing");
    }
}
