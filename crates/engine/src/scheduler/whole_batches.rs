//! The policies that run a batch to its end before they begin another: one at a time, static batches, request-level batches.

use std::cmp::Reverse;

use super::{
    Action, Choice, Policy, Scheduler, Stopped, micros,
    work::{Part, Where},
};

impl Scheduler {
    pub(super) fn next_of_batch(&mut self, device: usize, now: u64) -> Action {
        if self.devices[device].batch.is_empty()
            && let Some(wait) = self.gather(device, now)
        {
            return wait;
        }
        if let Some(action) = self.take_in(device) {
            return action;
        }
        // All of it is prepared, then all of it stepped, then all of it decoded.
        let preparing = self.devices[device].batch.iter().any(|key| {
            let place = self.parts[*key].place;
            matches!(place, Where::Preparing { .. } | Where::Admitting { .. })
        });
        let mut ready = self.ready(device, now);
        if (preparing || ready.is_empty())
            && let Some(action) = self.slice(device, now, false)
        {
            return action;
        }
        // Members that are done already wait for the others.
        let behind = ready.iter().map(|c| self.parts[c.key].done).min();
        ready.retain(|c| Some(self.parts[c.key].done) == behind);
        if ready.is_empty() {
            return self.wait(None);
        }
        let mut taken = 0;
        ready.sort_unstable_by_key(|c| c.rank);
        let knee = self.limit(device, ready[0].group);
        let most = match self.rules.policy {
            Policy::Static { rows, .. } => rows,
            _ => knee.knee,
        };
        ready.retain(|c| {
            taken += c.rows;
            taken == c.rows || taken <= most.min(knee.memory)
        });
        let members = ready.iter().map(|c| c.key).collect();
        self.step(device, Choice { group: ready[0].group, members, rows: taken, stopped: Stopped::NoOther })
    }

    /// Puts the next batch together, or says how long to wait for it.
    fn gather(&mut self, device: usize, now: u64) -> Option<Action> {
        let order = |part: &Part| (Reverse(part.facts.priority), part.facts.arrival, part.facts.serial);
        let mut line = self.waiting.clone();
        let Some(head) = line.iter().copied().min_by_key(|key| order(&self.parts[*key])) else { return Some(self.wait(None)) };
        let (group, alike) = (self.parts[head].group, self.requests[self.parts[head].request].alike);
        let model = self.groups[group.0 as usize].model;
        if !self.devices[device].has(model) {
            self.make_room(device, model);
            return self.take_in(device).or_else(|| Some(self.wait(None)));
        }
        let rows = match self.rules.policy {
            Policy::Static { rows, .. } => rows,
            _ => self.limit(device, group).knee,
        };
        let one_request = matches!(self.rules.policy, Policy::OneAtATime);
        line.retain(|key| {
            let part = &self.parts[*key];
            part.group == group
                && self.requests[part.request].alike == alike
                && (!one_request || part.request == self.parts[head].request)
        });
        line.sort_unstable_by_key(|key| order(&self.parts[*key]));
        let (mut batch, mut taken) = (Vec::new(), 0);
        for key in line {
            let branches = self.parts[key].branches;
            if batch.is_empty() || taken + branches <= rows {
                taken += branches;
                batch.push(key);
            }
        }
        if let Policy::Static { rows, window } = self.rules.policy {
            let until = self.requests[self.parts[head].request].arrival + micros(window);
            if taken + self.parts[head].branches <= rows && now < until && !self.draining {
                return Some(self.wait(Some(until)));
            }
        }
        batch.iter().for_each(|key| self.reserve(device, *key));
        self.devices[device].bring = batch.iter().copied().collect();
        self.devices[device].batch = batch;
        None
    }
}
