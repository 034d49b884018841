//! What is taken and what is refused at the door.

use std::{cmp::Reverse, time::Duration};

use super::{
    Facts, PartKey, RequestKey, Scheduler, Submission, micros,
    work::{Part, Request, Where},
};

/// Why a request was not taken.
#[derive(Debug, Clone, PartialEq)]
pub enum Refused {
    /// Everybody's requests together are too many.
    Full {
        /// Requests that wait.
        waiting: usize,
        /// When there is likely to be room.
        retry_after: Duration,
    },
    /// The user's own requests are too many.
    UserLimit {
        /// The user's unfinished requests.
        unfinished: usize,
        /// When there is likely to be room.
        retry_after: Duration,
    },
    /// Nothing new is taken.
    Draining,
    /// There is no device left.
    NoDevice,
    /// The model cannot be loaded.
    BrokenModel(easel_backend::BackendError),
}

impl Scheduler {
    /// Takes a request in, or says why not and when to come back.
    pub fn submit(&mut self, new: &Submission, now: Duration) -> Result<RequestKey, Refused> {
        if self.draining {
            return Err(Refused::Draining);
        }
        let Some(device) = self.devices.iter().position(|device| !device.lost) else { return Err(Refused::NoDevice) };
        let model = self.groups[new.group.0 as usize].model;
        if let Some(error) = &self.models[model.0 as usize].broken {
            return Err(Refused::BrokenModel(error.clone()));
        }
        let knee = self.limit(device, new.group).knee;
        let cost = self.cost(device, new.group);
        let work = cost.work(new.branches, new.evaluations, knee);
        let solo = cost.solo(new.branches, new.evaluations);
        let [before, step, after] = [cost.before(), cost.step.seconds(new.branches), cost.after()].map(|s| (s * 1e6) as u64);
        self.check_room(new, work * f64::from(new.pictures))?;

        let now = micros(now);
        self.now = now;
        let target = now.saturating_add((solo * self.rules.target_factor * 1e6) as u64);
        let limit = new.time_limit.map(|limit| now.saturating_add(micros(limit)));
        let request = self.requests.insert(Request {
            parts: Vec::new(),
            unfinished: new.pictures as usize,
            user: new.user,
            started: None,
            preview_every: new.preview_every,
            restarts: 0,
            alike: new.alike,
            arrival: now,
        });
        self.waiting_requests += 1;
        if let Some(user) = new.user {
            self.users.entry(user).or_default().requests += 1;
        }
        for picture in 0..new.pictures {
            self.serial += 1;
            let facts = Facts {
                priority: new.priority,
                arrival: now,
                since: now,
                target: limit.map_or(target, |limit| limit.min(target)),
                rest: 0,
                solo: (solo * 1e6) as u64,
                over_share: false,
                serial: self.serial,
            };
            let key = self.parts.insert(Part {
                request,
                picture,
                group: new.group,
                branches: new.branches,
                evaluations: new.evaluations,
                done: 0,
                place: Where::Nowhere,
                user: new.user,
                alone: false,
                preview_due: false,
                slices: 0,
                work,
                before,
                step,
                after,
                facts,
                standing: None,
            });
            self.parts[key].facts.over_share = self.join_share(new.user, key);
            self.requests[request].parts.push(key);
            self.backlog += work;
            self.put_waiting(key);
        }
        if let Some(limit) = limit {
            self.limits.push(Reverse((limit, request)));
        }
        Ok(request)
    }

    /// The user's pictures are put in a line of their own; true if it is beyond the share.
    fn join_share(&mut self, user: Option<u64>, key: PartKey) -> bool {
        let Some(user) = user else { return false };
        let line = &mut self.users.entry(user).or_default().parts;
        line.push_back(key);
        line.len() > self.rules.user_share
    }

    fn check_room(&self, new: &Submission, work: f64) -> Result<(), Refused> {
        let devices = self.devices_up() as f64;
        let unfinished = new.user.and_then(|user| self.users.get(&user)).map_or(0, |user| user.requests);
        let one = self.backlog() / self.requests.len().max(1) as f64;
        if unfinished >= self.rules.user_queue_max {
            return Err(Refused::UserLimit { unfinished, retry_after: whole_seconds(one) });
        }
        if self.waiting_requests >= self.rules.queue_max {
            return Err(Refused::Full { waiting: self.waiting_requests, retry_after: whole_seconds(one) });
        }
        let over = self.backlog() + work / devices - self.rules.backlog_max.as_secs_f64();
        // An idle server takes a request of any size: it can only be served by being taken.
        if over > 0.0 && !self.requests.is_empty() {
            return Err(Refused::Full { waiting: self.waiting_requests, retry_after: whole_seconds(over) });
        }
        Ok(())
    }
}

/// For a `Retry-After` header: at least a second, at most ten minutes.
fn whole_seconds(seconds: f64) -> Duration {
    Duration::from_secs((seconds.ceil() as u64).clamp(1, 600))
}
