//! Which rows make up the next batch: a pure function over a snapshot.
//!
//! A batch shares a model and a latent shape, nothing else. The best-ranked candidate decides which; others of its kind fill the batch in
//! rank order up to the knee or to what memory has been seen to hold, as long as the larger, slower batch makes no member late that is in
//! time. Nobody waits for a batch to fill.

use serde::Serialize;

use super::rank::Rank;

/// A model and a latent shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Group(pub u32);

/// A picture that could be stepped.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<K> {
    /// Its name.
    pub key: K,
    /// What it can share a batch with.
    pub group: Group,
    /// Rows of one evaluation: 2 with guidance.
    pub rows: u32,
    /// It was part of a batch that panicked and is run alone.
    pub alone: bool,
    /// Its place in the order.
    pub rank: Rank,
    /// Evaluations it still needs.
    pub left: u32,
    /// Microseconds there are for them before it is late.
    pub time: u64,
}

/// What a batch of a group may be.
pub trait Limits {
    /// The most rows.
    fn limit(&self, group: Group) -> Limit;
    /// Microseconds of one evaluation.
    fn step(&self, group: Group, rows: u32) -> u64;
}

/// The most rows of one batch of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// More are no faster.
    pub knee: u32,
    /// More do not fit.
    pub memory: u32,
}

/// Why a batch is no larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stopped {
    /// There is nobody else it could be shared with.
    NoOther,
    /// The knee is reached.
    Knee,
    /// The memory is used up.
    Memory,
    /// More would make a member late.
    Target,
    /// The first one is to be run alone.
    Alone,
}

impl Stopped {
    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoOther => "no_other",
            Self::Knee => "knee",
            Self::Memory => "memory",
            Self::Target => "target",
            Self::Alone => "alone",
        }
    }
}

/// A batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Choice<K> {
    /// What its members share.
    pub group: Group,
    /// Its members, the best-ranked first.
    pub members: Vec<K>,
    /// Their rows.
    pub rows: u32,
    /// Why there are no more.
    pub stopped: Stopped,
}

/// The batch of a snapshot; `None` if there are no candidates. The first member is taken even if it alone is over the limit.
pub fn choose<K: Copy>(candidates: &[Candidate<K>], limits: &impl Limits) -> Option<Choice<K>> {
    let first = candidates.iter().min_by_key(|candidate| candidate.rank)?;
    if first.alone {
        return Some(Choice { group: first.group, members: vec![first.key], rows: first.rows, stopped: Stopped::Alone });
    }
    let Limit { knee, memory } = limits.limit(first.group);
    let most = knee.min(memory).max(1);
    let mut others: Vec<_> = candidates.iter().filter(|c| c.group == first.group && !c.alone).collect();
    // No more than `most` of them can be members: the rest need no order.
    if others.len() > most as usize {
        others.select_nth_unstable_by_key(most as usize, |c| c.rank);
        others.truncate(most as usize + 1);
    }
    others.sort_unstable_by_key(|c| c.rank);
    let (mut members, mut rows, mut stopped) = (Vec::with_capacity(others.len()), 0, Stopped::NoOther);
    // The longest step that no member in time is made late by.
    let mut step_max = u64::MAX;
    for candidate in others {
        let own = if candidate.rank.late { u64::MAX } else { candidate.time / u64::from(candidate.left.max(1)) };
        let fits = rows + candidate.rows <= most;
        let in_time = || limits.step(first.group, rows + candidate.rows) <= step_max.min(own);
        if members.is_empty() || (fits && in_time()) {
            rows += candidate.rows;
            step_max = step_max.min(own);
            members.push(candidate.key);
        } else {
            stopped = match (fits, memory < knee) {
                (true, _) => Stopped::Target,
                (false, true) => Stopped::Memory,
                (false, false) => Stopped::Knee,
            };
        }
    }
    Some(Choice { group: first.group, members, rows, stopped })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::rank::{Facts, Rank};

    fn candidate(key: u32, group: u32, rows: u32, target: u64) -> Candidate<u32> {
        let facts = Facts {
            priority: 0,
            arrival: 0,
            since: 0,
            target,
            rest: 1000,
            solo: 1000,
            over_share: false,
            serial: u64::from(key),
        };
        Candidate { key, group: Group(group), rows, alone: false, rank: Rank::at(0, 1 << 40, &facts), left: 10, time: target }
    }

    /// Steps take 90 microseconds and 5 for each row.
    struct Table(Limit);

    impl Limits for Table {
        fn limit(&self, _group: Group) -> Limit {
            self.0
        }

        fn step(&self, _group: Group, rows: u32) -> u64 {
            90 + 5 * u64::from(rows)
        }
    }

    #[test]
    fn decisions() {
        let c = candidate;
        let late = 100;
        let mut alone = c(1, 0, 2, 2000);
        alone.alone = true;
        let cases: Vec<(&str, Vec<Candidate<u32>>, u32, u32)> = vec![
            ("nobody", vec![], 8, 99),
            ("one", vec![c(1, 0, 2, 2000)], 8, 99),
            ("one over the limit", vec![c(1, 0, 2, 2000)], 1, 99),
            ("equals in order up to the knee", (0..6).map(|k| c(k, 0, 2, 9000)).collect(), 8, 99),
            ("up to what memory holds", (0..6).map(|k| c(k, 0, 2, 9000)).collect(), 8, 4),
            ("the urgent one decides the group", vec![c(1, 0, 2, 90_000), c(2, 1, 2, 1100), c(3, 0, 2, 90_000)], 8, 99),
            ("a row without guidance fills the hole", vec![c(1, 0, 2, 2000), c(2, 0, 2, 2000), c(3, 0, 1, 2000)], 3, 99),
            ("who is late comes last", vec![c(1, 0, 2, late), c(2, 0, 2, 2000), c(3, 0, 2, 2000)], 4, 99),
            ("no member is made late", vec![c(1, 0, 2, 1100), c(2, 0, 2, 90_000), c(3, 0, 2, 90_000)], 8, 99),
            ("but who is late anyway does not count", vec![c(1, 0, 2, 90), c(2, 0, 2, 90), c(3, 0, 2, 90)], 8, 99),
            ("a suspect is run alone", vec![alone, c(2, 0, 2, 2000)], 8, 99),
            ("and nobody is run with one", vec![c(0, 0, 2, 2000), alone, c(2, 0, 2, 2000)], 8, 99),
        ];
        let lines: Vec<_> = cases
            .into_iter()
            .map(|(name, candidates, knee, memory)| match choose(&candidates, &Table(Limit { knee, memory })) {
                None => format!("{name}: -"),
                Some(b) => format!("{name}: group {} {:?}, {} rows, {:?}", b.group.0, b.members, b.rows, b.stopped),
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
