//! How an action went: where pictures go next, what is learnt of costs and memory, and what failures do to whom.

use std::time::Duration;

use easel_backend::{BackendError, Prepared, Result as BackendResult, Slot};

use super::{
    Action, Effect, Group, Member, Model, PartKey, Scheduler, Stopped, micros, residency::settle, whole_micros, work::Where,
};

/// Steps at the memory's limit after which one row more is tried.
const STEPS_TO_TRY_MORE: u32 = 100;

/// Why a request ended without pictures.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The backend's reason.
    Backend(BackendError),
    /// Its code panicked, twice if others were in the batch.
    Panic(String),
    /// It took longer than it was given.
    TimeLimit,
    /// The server ends.
    ShuttingDown,
}

/// The outcome of an [`Action`], and how long it took.
#[derive(Debug)]
pub enum Report {
    /// Of [`Action::Load`].
    Loaded(Model, BackendResult<()>),
    /// Of [`Action::Admit`].
    Admitted(PartKey, BackendResult<Slot>),
    /// Of [`Action::Prepare`].
    Prepared(PartKey, BackendResult<Prepared>),
    /// Of [`Action::Step`].
    Stepped(Vec<Member>, BackendResult<()>),
    /// Of [`Action::Preview`].
    Previewed(PartKey),
    /// Of [`Action::Decode`]; true when the picture is there.
    Decoded(PartKey, BackendResult<bool>),
    /// Any of them panicked.
    Panicked(Action, String),
}

impl Scheduler {
    /// Takes in how an action went that took until `now` and `took` seconds.
    pub fn report(&mut self, device: usize, report: Report, took: f64, now: Duration) {
        let at = micros(now);
        self.now = at;
        self.devices[device].doing = None;
        match report {
            Report::Loaded(model, result) => self.loaded(device, model, result, took, at),
            Report::Admitted(key, result) => self.admitted(device, key, result, at),
            Report::Prepared(key, result) => self.prepared(device, key, result, took),
            Report::Stepped(members, result) => self.stepped(device, &members, result, took, at),
            Report::Previewed(key) => self.previewed(device, key, took),
            Report::Decoded(key, result) => self.decoded(device, key, result, took),
            Report::Panicked(action, text) => self.panicked(device, action, text),
        }
    }

    fn loaded(&mut self, device: usize, model: Model, result: BackendResult<()>, took: f64, now: u64) {
        self.devices[device].loading = None;
        self.devices[device].stale = true;
        match result {
            Ok(()) => {
                self.models[model.0 as usize].load.learn(took);
                self.devices[device].add_resident(model, now);
                self.devices[device].settled = now + (settle(took) * 1e6) as u64;
                self.effects.push(Effect::Loaded { device, model, seconds: took });
            }
            Err(BackendError::Device(reason)) => self.lose(device, &reason),
            // The estimate of its size was wrong: put another one out, or wait for those in use.
            Err(BackendError::OutOfMemory(_)) if !self.devices[device].resident.is_empty() => {
                let taken: u64 = self.devices[device].resident.iter().map(|l| self.models[l.model.0 as usize].bytes).sum();
                self.devices[device].memory = Some(taken.saturating_sub(1) + self.models[model.0 as usize].bytes);
                self.make_room(device, model);
            }
            Err(error) => {
                self.models[model.0 as usize].broken = Some(error.clone());
                self.fail_model(model, &Failure::Backend(error));
            }
        }
    }

    /// Every request for a model that cannot be had.
    pub(super) fn fail_model(&mut self, model: Model, failure: &Failure) {
        let wants = |key: &PartKey| self.groups[self.parts[*key].group.0 as usize].model == model;
        let requests: Vec<_> = self.waiting.iter().filter(|key| wants(key)).map(|key| self.parts[*key].request).collect();
        for request in requests {
            self.end(request, Effect::Failed(request, failure.clone()));
        }
    }

    fn admitted(&mut self, device: usize, key: PartKey, result: BackendResult<Slot>, now: u64) {
        match result {
            Ok(slot) => {
                let Some(part) = self.parts.get_mut(key).filter(|part| part.place == Where::Admitting { device }) else {
                    self.devices[device].releases.push(slot);
                    return;
                };
                part.place = Where::Preparing { device, slot };
                part.slices = 0;
                let request = part.request;
                let request_state = &mut self.requests[request];
                if request_state.started.is_none() {
                    request_state.started = Some(now);
                    self.waiting_requests -= 1;
                    self.effects.push(Effect::Started(request));
                }
            }
            Err(error) => self.not_taken_in(device, key, error),
        }
    }

    /// Out of memory: wait for others to leave, or put a model out; alone on an empty device the picture is too large.
    fn not_taken_in(&mut self, device: usize, key: PartKey, error: BackendError) {
        if let BackendError::Device(reason) = &error {
            return self.lose(device, &reason.clone());
        }
        let Some(part) = self.parts.get(key) else { return };
        let (request, own) = (part.request, self.groups[part.group.0 as usize].model);
        let others = self.devices[device].parts.iter().any(|other| *other != key);
        let idle = self.devices[device].resident.iter().filter(|l| l.model != own && !self.models[l.model.0 as usize].pinned);
        let idle = idle.min_by_key(|l| l.used).map(|l| l.model);
        match (&error, others, idle) {
            (BackendError::OutOfMemory(_), true, _) => {
                self.take_off(key);
                self.parts[key].start_again();
                self.put_waiting(key);
                self.devices[device].full = true;
            }
            (BackendError::OutOfMemory(_), false, Some(model)) => {
                self.take_off(key);
                self.parts[key].start_again();
                self.put_waiting(key);
                self.put_out(device, vec![model]);
            }
            _ => self.end(request, Effect::Failed(request, Failure::Backend(error))),
        }
    }

    fn prepared(&mut self, device: usize, key: PartKey, result: BackendResult<Prepared>, took: f64) {
        self.count_slice(device, took);
        let Some(part) = self.parts.get_mut(key) else { return };
        let Where::Preparing { slot, .. } = part.place else { return };
        match result {
            Err(error) => self.not_taken_in(device, key, error),
            Ok(prepared) => {
                part.slices += 1;
                let cost = self.devices[device].cost_mut(part.group);
                cost.prepare_slice.learn(took);
                if prepared == Prepared::Ready {
                    cost.prepare_slices.learn(f64::from(part.slices));
                    part.slices = 0;
                    part.place = match part.evaluations {
                        0 => Where::Decoding { device, slot },
                        _ => Where::Ready { device, slot },
                    };
                }
            }
        }
    }

    fn count_slice(&mut self, device: usize, took: f64) {
        self.devices[device].gap.count(whole_micros(took));
    }

    fn stepped(&mut self, device: usize, members: &[Member], result: BackendResult<()>, took: f64, now: u64) {
        let this = &mut self.devices[device];
        this.stale = true;
        let step = whole_micros(took);
        this.slice_share += 0.2 * (this.gap.share(step) - this.slice_share);
        this.gap.close(step);
        let alive = |key: &PartKey| self.parts.get(*key).is_some_and(|part| matches!(part.place, Where::Ready { .. }));
        // Some may have ended meanwhile; what the step took is told by all that were in it.
        let told = members.len();
        let members: Vec<_> = members.iter().copied().filter(|member| alive(&member.part)).collect();
        let bad = match result {
            Ok(()) => None,
            Err(BackendError::NonFinite(slot)) => Some(slot),
            Err(error) => return self.not_stepped(device, &members, told, error),
        };
        let Some(first) = members.first() else { return };
        let group = self.parts[first.part].group;
        let (rows, stopped) = (self.devices[device].rows, self.devices[device].stopped);
        self.devices[device].cost_mut(group).learn_step(rows, took);
        let model = self.groups[group.0 as usize].model;
        if let Some(loaded) = self.devices[device].resident.iter_mut().find(|loaded| loaded.model == model) {
            loaded.used = now;
        }
        self.remember_fit(device, group);
        self.effects.push(Effect::Batch { device, group, pictures: told as u32, rows, seconds: took, stopped });
        members.iter().filter(|member| bad != Some(member.slot)).for_each(|member| self.advance(device, member));
        if let Some(member) = members.iter().find(|member| bad == Some(member.slot)) {
            let request = self.parts[member.part].request;
            let failure = Failure::Backend(BackendError::NonFinite(member.slot));
            self.end(request, Effect::Failed(request, failure));
        }
        if !self.rehearsing {
            members.iter().for_each(|member| self.tell_progress(device, member, took, now));
        }
    }

    /// Memory that was short once may be there again: after many steps at the limit it is raised by a row.
    fn remember_fit(&mut self, device: usize, group: Group) {
        let this = &mut self.devices[device];
        if this.stopped == Stopped::Memory
            && let Some((rows, good)) = this.fits.get_mut(&group)
        {
            *good += 1;
            if *good >= STEPS_TO_TRY_MORE {
                (*rows, *good) = (*rows + 1, 0);
            }
        }
    }

    fn advance(&mut self, device: usize, member: &Member) {
        let part = &mut self.parts[member.part];
        part.done += 1;
        let every = self.requests[part.request].preview_every;
        if part.done == part.evaluations {
            part.place = Where::Decoding { device, slot: member.slot };
            part.preview_since = None;
        } else if every > 0 && part.done.is_multiple_of(every) {
            part.preview_since = part.preview_since.or(Some(part.done));
        }
    }

    fn tell_progress(&mut self, device: usize, member: &Member, step: f64, now: u64) {
        // Its request may have ended with this step.
        let Some(part) = self.parts.get(member.part) else { return };
        let (request, picture, done) = (part.request, part.picture, part.done);
        let left = self.left(request, device, step, now);
        self.effects.push(Effect::Evaluated { request, picture, done, left });
    }

    /// Nothing has changed on the device.
    fn not_stepped(&mut self, device: usize, members: &[Member], told: usize, error: BackendError) {
        if let BackendError::Device(reason) = &error {
            return self.lose(device, &reason.clone());
        }
        match (&error, members) {
            (_, []) => {}
            (_, [one]) if told == 1 => {
                let request = self.parts[one.part].request;
                self.end(request, Effect::Failed(request, Failure::Backend(error)));
            }
            (BackendError::OutOfMemory(_), several) => {
                let rows = self.devices[device].rows;
                let group = self.parts[several[0].part].group;
                self.devices[device].fits.insert(group, ((rows / 2).max(1), 0));
            }
            // One of them is to blame: find out which.
            (_, several) => several.iter().for_each(|member| self.parts[member.part].alone = true),
        }
    }

    fn previewed(&mut self, device: usize, key: PartKey, took: f64) {
        self.count_slice(device, took);
        if let Some(part) = self.parts.get_mut(key) {
            part.preview_since = None;
            self.devices[device].cost_mut(part.group).preview.learn(took);
        }
    }

    fn decoded(&mut self, device: usize, key: PartKey, result: BackendResult<bool>, took: f64) {
        self.count_slice(device, took);
        let Some(part) = self.parts.get_mut(key) else { return };
        let request = part.request;
        match result {
            Err(BackendError::Device(reason)) => self.lose(device, &reason),
            Err(error) => self.end(request, Effect::Failed(request, Failure::Backend(error))),
            Ok(done) => {
                part.slices += 1;
                let cost = self.devices[device].cost_mut(part.group);
                cost.decode_slice.learn(took);
                if done {
                    // Only a whole picture shows that the device works.
                    self.devices[device].panics = 0;
                    let cost = self.devices[device].cost_mut(part.group);
                    cost.decode_slices.learn(f64::from(part.slices));
                    let picture = part.picture;
                    self.drop_part(key);
                    self.effects.push(Effect::Decoded { request, picture });
                    let state = &mut self.requests[request];
                    state.unfinished -= 1;
                    if state.unfinished == 0 {
                        self.end(request, Effect::Finished(request));
                    }
                }
            }
        }
    }

    /// The pictures that were being worked on are not to be used any more. One alone is to blame; of several, each is tried again alone.
    fn panicked(&mut self, device: usize, action: Action, text: String) {
        self.devices[device].panics += 1;
        self.devices[device].loading = None;
        let hopeless = self.devices[device].panics >= self.rules.panics_max;
        let reason = format!("{} panics in a row, the last: {text}", self.rules.panics_max);
        let parts: Vec<PartKey> = match action {
            Action::Step(members) => members.iter().map(|member| member.part).collect(),
            Action::Admit(key) | Action::Prepare(key, _) | Action::Preview(key, _) | Action::Decode(key, _) => vec![key],
            Action::Load(model) => {
                self.models[model.0 as usize].broken = Some(BackendError::Unsupported(text.clone()));
                return self.fail_model(model, &Failure::Panic(text));
            }
            Action::Release(_) | Action::Unload(_) | Action::Wait(_) | Action::Exit => Vec::new(),
        };
        self.devices[device].stale = true;
        let parts: Vec<_> = parts.into_iter().filter(|key| self.parts.contains_key(*key)).collect();
        match parts.as_slice() {
            [one] => {
                let request = self.parts[*one].request;
                self.end(request, Effect::Failed(request, Failure::Panic(text)));
            }
            several => {
                for key in several {
                    self.take_off(*key);
                    self.parts[*key].start_again();
                    self.parts[*key].alone = true;
                    self.put_waiting(*key);
                }
            }
        }
        if hopeless {
            self.lose(device, &reason);
        }
    }

    /// The device can no longer be used. Its requests start again on another one, unless they have seen this before: a request that
    /// takes devices down must not take them all.
    pub fn lose(&mut self, device: usize, reason: &str) {
        self.surprise();
        let this = &mut self.devices[device];
        this.lost = true;
        this.doing = None;
        this.releases.clear();
        this.resident.clear();
        (this.load, this.loading, this.switching, this.asked) = (None, None, None, None);
        this.unloads.clear();
        this.bring.clear();
        let on_it = std::mem::take(&mut this.parts);
        this.batch.clear();
        self.effects.push(Effect::Lost(device, reason.to_owned()));
        let mut requests: Vec<_> = on_it.iter().filter_map(|key| self.parts.get(*key)).map(|part| part.request).collect();
        requests.sort_unstable();
        requests.dedup();
        let others = self.has_future();
        for request in requests {
            self.requests[request].restarts += 1;
            if !others || self.requests[request].restarts > self.rules.restarts_max {
                let failure = Failure::Backend(BackendError::Device(reason.to_owned()));
                self.end(request, Effect::Failed(request, failure));
            } else {
                self.effects.push(Effect::Restarted(request));
            }
        }
        for key in on_it.into_iter().filter(|key| self.parts.contains_key(*key)).collect::<Vec<_>>() {
            self.parts[key].place = Where::Nowhere;
            self.parts[key].start_again();
            self.put_waiting(key);
        }
        self.devices[device].releases.clear();
        if !others {
            self.fail_all(&Failure::Backend(BackendError::Device(reason.to_owned())));
        }
    }
}
