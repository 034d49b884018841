//! What is taken and what is refused at the door.

use std::{cmp::Reverse, time::Duration};

use super::{
    Facts, PartKey, RequestKey, Scheduler, Submission, micros,
    prices::Priced,
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
        let work = whole_parts(cost.work(new.branches, new.evaluations, knee));
        let now = micros(now);
        self.check_room(new, work * f64::from(new.pictures), now)?;
        self.now = now;
        let Priced { before, step, after, solo } = self.price(new.group, new.branches, new.evaluations, device, now);
        let limit = new.time_limit.map(|limit| now.saturating_add(micros(limit)));
        let target = self.target(now, solo, limit);
        let request = self.requests.insert(Request {
            parts: Vec::new(),
            unfinished: new.pictures as usize,
            user: new.user,
            started: None,
            preview_every: new.preview_every,
            restarts: 0,
            alike: new.alike,
            arrival: now,
            limit,
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
                target,
                rest: 0,
                solo,
                over_share: false,
                serial: self.serial,
            };
            let key = self.parts.insert(Part {
                request,
                picture,
                group: new.group,
                branches: new.branches,
                evaluations: new.evaluations,
                single: new.single.clone(),
                done: 0,
                place: Where::Nowhere,
                user: new.user,
                alone: false,
                preview_since: None,
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
        self.surprise();
        Ok(request)
    }

    /// The user's pictures are put in a line of their own; true if it is beyond the share.
    fn join_share(&mut self, user: Option<u64>, key: PartKey) -> bool {
        let Some(user) = user else { return false };
        let line = &mut self.users.entry(user).or_default().parts;
        line.push_back(key);
        line.len() > self.rules.user_share
    }

    fn check_room(&mut self, new: &Submission, work: f64, now: u64) -> Result<(), Refused> {
        let devices = self.devices_up() as f64;
        let unfinished = new.user.and_then(|user| self.users.get(&user)).map_or(0, |user| user.requests);
        let waiting = self.waiting_requests;
        let over = self.backlog() + work / devices - self.rules.backlog_max.as_secs_f64();
        if unfinished >= self.rules.user_queue_max {
            self.renew_forecast(now);
            let own = self.requests.iter().filter(|(_, request)| request.user == new.user);
            let room = own.filter_map(|(key, _)| self.expected_end(key, now)).min();
            return Err(Refused::UserLimit { unfinished, retry_after: until(room, now) });
        }
        if waiting >= self.rules.queue_max {
            self.renew_forecast(now);
            let line = self.requests.iter().filter(|(_, request)| request.started.is_none());
            let room = line.filter_map(|(key, _)| self.expected_leaving(key, now)).min();
            return Err(Refused::Full { waiting, retry_after: until(room, now) });
        }
        // An idle server takes a request of any size: it can only be served by being taken.
        if over > 0.0 && !self.requests.is_empty() {
            self.renew_forecast(now);
            // However large it is, there is room once everything else is done.
            let room = self.expected_drain((over * devices).min(self.backlog), now);
            return Err(Refused::Full { waiting, retry_after: until(room, now) });
        }
        Ok(())
    }
}

/// For a `Retry-After` header: whole seconds until there is room, at least one and at most ten minutes. If that is not known, because the
/// first rehearsal is still under way or nothing is ever to leave, a second.
fn until(room: Option<u64>, now: u64) -> Duration {
    let micros = room.map_or(0, |room| room.saturating_sub(now));
    Duration::from_secs(micros.div_ceil(1_000_000).clamp(1, 600))
}

/// A whole number of 2^-20 seconds: sums of such numbers are exact up to centuries, in any order, so that nothing drifts and a rehearsal
/// compares the same numbers as the scheduler in earnest.
fn whole_parts(seconds: f64) -> f64 {
    (seconds * f64::from(1 << 20)).round() / f64::from(1 << 20)
}
