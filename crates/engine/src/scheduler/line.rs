//! The queue in rank order. Ranks change with time, but a waiting picture's only at moments that are known beforehand: at the end of a
//! period of ageing, at the edge of a band of slack, when it gets late. So each is put where it belongs when its moment comes, and the
//! first in line is found without looking at the others.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

use super::{Group, Model, PartKey, Rank, Scheduler, micros};

/// What waits, by group.
#[derive(Default)]
pub(super) struct Lines {
    lines: Vec<Line>,
    /// When ranks change next. Entries of pictures that have left or been ranked since are skipped.
    changes: BinaryHeap<Reverse<(u64, PartKey)>>,
}

/// What waits of one group.
#[derive(Default)]
struct Line {
    ranked: BTreeSet<(Rank, PartKey)>,
    arrivals: BTreeSet<(u64, PartKey)>,
    work: f64,
}

/// Where a waiting picture stands.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub rank: Rank,
    /// When the rank changes.
    pub until: u64,
}

/// What waits of a model.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demanded {
    /// Device-seconds.
    pub work: f64,
    /// When the one that has waited longest came.
    pub oldest: u64,
    /// The first in line.
    pub best: Rank,
}

impl Scheduler {
    /// A picture that has just begun to wait.
    pub(super) fn line_up(&mut self, key: PartKey) {
        let part = &self.parts[key];
        let (group, arrival, work) = (part.group.0 as usize, part.facts.arrival, part.work);
        if self.lines.lines.len() <= group {
            self.lines.lines.resize_with(group + 1, Line::default);
        }
        let line = &mut self.lines.lines[group];
        line.arrivals.insert((arrival, key));
        line.work += work;
        self.stand(key, self.now);
    }

    /// A picture that waits no longer.
    pub(super) fn leave_line(&mut self, key: PartKey) {
        let part = &mut self.parts[key];
        let Some(standing) = part.standing.take() else { return };
        let line = &mut self.lines.lines[part.group.0 as usize];
        line.ranked.remove(&(standing.rank, key));
        line.arrivals.remove(&(part.facts.arrival, key));
        line.work -= part.work;
    }

    /// Puts a waiting picture where it belongs.
    pub(super) fn stand(&mut self, key: PartKey, now: u64) {
        let ageing = micros(self.rules.ageing);
        let part = &mut self.parts[key];
        let line = &mut self.lines.lines[part.group.0 as usize];
        if let Some(old) = part.standing.take() {
            line.ranked.remove(&(old.rank, key));
        }
        let facts = part.facts_now();
        let standing = Standing { rank: Rank::at(now, ageing, &facts), until: Rank::until(now, ageing, &facts) };
        line.ranked.insert((standing.rank, key));
        part.standing = Some(standing);
        if standing.until < u64::MAX {
            self.lines.changes.push(Reverse((standing.until, key)));
        }
    }

    /// Ranks everything anew whose moment has come.
    pub(super) fn line_up_all(&mut self, now: u64) {
        self.now = self.now.max(now);
        while let Some(Reverse((at, key))) = self.lines.changes.peek().copied() {
            if at > now {
                break;
            }
            self.lines.changes.pop();
            let due = self.parts.get(key).and_then(|part| part.standing).is_some_and(|standing| standing.until == at);
            if due {
                self.stand(key, now);
            }
        }
    }

    /// The waiting pictures of a group, the first in line first.
    pub(super) fn line(&self, group: Group) -> impl Iterator<Item = (Rank, PartKey)> {
        self.lines.lines.get(group.0 as usize).into_iter().flat_map(|line| line.ranked.iter().copied())
    }

    /// Device-seconds that wait for a model.
    pub(super) fn waiting_work(&self, model: Model) -> f64 {
        self.lines.lines.iter().zip(&self.groups).filter(|(_, group)| group.model == model).map(|(line, _)| line.work).sum()
    }

    /// What waits, by model; only models that something waits for.
    pub(super) fn demands(&self) -> Vec<(Model, Demanded)> {
        let mut demands: Vec<(Model, Demanded)> = Vec::new();
        for (line, group) in self.lines.lines.iter().zip(&self.groups) {
            let (Some((best, _)), Some((oldest, _))) = (line.ranked.first(), line.arrivals.first()) else { continue };
            match demands.iter_mut().find(|(model, _)| *model == group.model) {
                Some((_, known)) => {
                    known.work += line.work;
                    known.oldest = known.oldest.min(*oldest);
                    known.best = known.best.min(*best);
                }
                None => demands.push((group.model, Demanded { work: line.work, oldest: *oldest, best: *best })),
            }
        }
        demands
    }

    /// The line holds what waits, and nothing else.
    pub(super) fn check_line(&self) {
        for (group, line) in self.lines.lines.iter().enumerate() {
            let waiting: Vec<_> = self.waiting.iter().filter(|key| self.parts[**key].group.0 as usize == group).collect();
            assert_eq!((line.ranked.len(), line.arrivals.len()), (waiting.len(), waiting.len()), "the line of group {group}");
            assert!(line.ranked.iter().all(|(rank, key)| self.parts[*key].standing.is_some_and(|s| s.rank == *rank)));
            let work: f64 = waiting.iter().map(|key| self.parts[**key].work).sum();
            assert_eq!(work, line.work, "the work of group {group}");
        }
    }
}
