//! What a device does next: between two steps a bounded amount of preparing, decoding and previews, then the best batch there is.

use std::time::Duration;

use easel_backend::BackendError;

use super::{
    Action, Candidate, Group, Limit, Limits, Member, Model, PartKey, Policy, Rank, Scheduler, choose,
    device::{Device, Doing},
    line::Demanded,
    micros,
    residency::{Demand, Resident, evict, worth_loading},
    slices::{Kind, Slice},
    whole_micros,
    work::{Part, Where},
};

impl Scheduler {
    /// What a device is to do now. What it says must be done and then reported, before it is asked again.
    pub fn next(&mut self, device: usize, now: Duration) -> Action {
        let now = micros(now);
        let action = self.decide(device, now);
        let idle = matches!(action, Action::Release(_) | Action::Unload(_) | Action::Wait(_) | Action::Exit);
        self.turns += 1;
        self.devices[device].doing = (!idle).then(|| {
            let seconds = self.expected(device, &action);
            Doing { action: action.clone(), began: now, seconds, order: self.turns }
        });
        action
    }

    fn decide(&mut self, device: usize, now: u64) -> Action {
        self.line_up_all(now);
        self.expire(now);
        let this = &mut self.devices[device];
        if this.lost {
            return Action::Exit;
        }
        if !this.releases.is_empty() {
            return Action::Release(std::mem::take(&mut this.releases));
        }
        if let Some(model) = this.unloads.pop() {
            return Action::Unload(model);
        }
        if self.draining && self.requests.is_empty() {
            return Action::Exit;
        }
        if self.paused {
            return self.wait(None);
        }
        match self.rules.policy {
            Policy::StepLevel => self.next_of_all(device, now),
            _ => self.next_of_batch(device, now),
        }
    }

    /// Rows beyond which a batch of this shape is no better, or does not fit.
    pub(super) fn limit(&self, device: usize, group: Group) -> Limit {
        let this = &self.devices[device];
        let at = group.0 as usize;
        let knee = this.knees[at].unwrap_or_else(|| {
            // Not measured: the knee of another shape of the model, for the same number of pixels.
            let info = &self.groups[at];
            let like = |other: usize| self.groups[other].model == info.model && this.knees[other].is_some();
            (0..self.groups.len()).find(|other| like(*other)).map_or(8, |other| {
                let pixels = u64::from(this.knees[other].unwrap_or(1)) * self.groups[other].pixels;
                (pixels / info.pixels.max(1)).max(1) as u32
            })
        });
        let memory = this.fits.get(&group).map_or(u32::MAX, |(rows, _)| *rows);
        Limit { knee: knee.min(self.rules.rows_max).max(1), memory }
    }

    fn next_of_all(&mut self, device: usize, now: u64) -> Action {
        if self.devices[device].stale {
            self.plan(device, now);
        }
        if let Some(action) = self.take_in(device) {
            return action;
        }
        let ready = self.ready(device, now);
        if let Some(action) = self.slice(device, now, !ready.is_empty()) {
            return action;
        }
        match choose(&ready, &Measured { scheduler: self, device }) {
            Some(choice) => self.step(device, choice),
            None => self.wait(None),
        }
    }

    /// Decides which pictures are to be taken in, and whether a model is to be brought in for some.
    fn plan(&mut self, device: usize, now: u64) {
        let ageing = micros(self.rules.ageing);
        let this = &self.devices[device];
        let mut candidates = Vec::with_capacity(this.parts.len() + 16);
        for key in &this.parts {
            let part = &self.parts[*key];
            if !matches!(part.place, Where::Decoding { .. }) {
                candidates.push(candidate(*key, part, part.rank(now, ageing), now));
            }
        }
        let (here, missing) = self.demands().into_iter().partition(|(model, _)| this.has(*model));
        self.consider_loading(device, now, &candidates, here, missing);
        let this = &self.devices[device];
        let room = self.rules.admitted_max.saturating_sub(this.parts.len());
        let mut bring = Vec::new();
        if this.switching.is_none()
            && !this.full
            && room > 0
            && self.add_first_in_line(device, now, &mut candidates)
            && let Some(choice) = choose(&candidates, &Measured { scheduler: self, device })
        {
            bring = choice.members;
            bring.retain(|key| self.parts[*key].is_waiting());
            bring.truncate(room);
        }
        let this = &mut self.devices[device];
        this.bring = bring.into();
        this.stale = false;
    }

    /// Adds those to the candidates who could be in the next batch: as many as fit of the best one's group. False if nobody waits for it.
    fn add_first_in_line(&self, device: usize, now: u64, candidates: &mut Vec<Candidate<PartKey>>) -> bool {
        let groups = (0..self.groups.len() as u32).map(Group);
        let served = groups.filter(|group| self.devices[device].has(self.groups[group.0 as usize].model));
        let first = served.filter_map(|group| self.line(group).next().map(|(rank, _)| (rank, group)));
        let here = candidates.iter().map(|c| (c.rank, c.group));
        let Some((_, group)) = first.chain(here).min() else { return false };
        let Limit { knee, memory } = self.limit(device, group);
        let before = candidates.len();
        for (rank, key) in self.line(group) {
            let part = &self.parts[key];
            // One that is to be run alone is first or not in the batch at all.
            if part.alone && candidates.len() > before {
                continue;
            }
            candidates.push(candidate(key, part, rank, now));
            if candidates.len() - before > knee.min(memory) as usize {
                break;
            }
        }
        candidates.len() > before
    }

    fn consider_loading(
        &mut self,
        device: usize,
        now: u64,
        candidates: &[Candidate<PartKey>],
        here: Vec<(Model, Demanded)>,
        missing: Vec<(Model, Demanded)>,
    ) {
        let this = &self.devices[device];
        if this.load.is_some() {
            return;
        }
        if let Some(model) = this.switching {
            // Nobody may want it any more.
            if this.asked != Some(model) && missing.iter().all(|(wanted, _)| *wanted != model) {
                self.devices[device].switching = None;
            } else {
                self.make_room(device, model);
            }
            return;
        }
        // What an operator asks for does not wait to be worth it.
        if let Some(model) = this.asked {
            return self.make_room(device, model);
        }
        let best_here = candidates.iter().map(|c| c.rank).chain(here.iter().map(|(_, demanded)| demanded.best)).min();
        if now < this.settled && best_here.is_some() {
            return;
        }
        let worth = missing.iter().filter(|(model, wanted)| {
            if this.unfit.contains(model) {
                return false;
            }
            let demand = Demand {
                work: wanted.work,
                waited: (now - wanted.oldest) as f64 / 1e6,
                load: self.models[model.0 as usize].load.seconds(),
                elsewhere: self.elsewhere(device, *model),
                first: best_here.is_none_or(|best| wanted.best < best),
            };
            worth_loading(&demand, best_here.is_none())
        });
        if let Some((model, _)) = worth.min_by_key(|(_, wanted)| wanted.best) {
            self.make_room(device, *model);
        }
    }

    /// Seconds until another device that has the model, or is getting it, gets to something new.
    fn elsewhere(&self, device: usize, model: Model) -> Option<f64> {
        let others = self.devices.iter().enumerate().filter(|(i, d)| *i != device && !d.lost);
        let having = others.filter(|(_, d)| d.has(model) || d.loading == Some(model) || d.load == Some(model));
        having.map(|(_, d)| self.busy_seconds(d)).min_by(f64::total_cmp)
    }

    /// Device-seconds of what is on a device or waits for the models that are there.
    fn busy_seconds(&self, device: &Device) -> f64 {
        let own: f64 = device.parts.iter().map(|key| self.parts[*key].work).sum();
        own + device.resident.iter().map(|loaded| self.waiting_work(loaded.model)).sum::<f64>()
    }

    /// Brings a model in, putting others out for it; if those are in use, waits for them to be done.
    pub(super) fn make_room(&mut self, device: usize, model: Model) {
        let this = &self.devices[device];
        let used = |other: Model| this.parts.iter().any(|key| self.groups[self.parts[*key].group.0 as usize].model == other);
        let residents: Vec<_> = this
            .resident
            .iter()
            .map(|loaded| {
                let info = &self.models[loaded.model.0 as usize];
                Resident { model: loaded.model, bytes: info.bytes, used: loaded.used, free: !info.pinned && !used(loaded.model) }
            })
            .collect();
        let out = evict(&residents, self.models[model.0 as usize].bytes, this.memory);
        let in_use = residents.iter().any(|resident| used(resident.model) && !self.models[resident.model.0 as usize].pinned);
        let this = &mut self.devices[device];
        match out {
            None if in_use => this.switching = Some(model),
            // Pinned models are in the way: it will never fit here.
            None => {
                this.switching = None;
                this.asked = this.asked.filter(|asked| *asked != model);
                this.unfit.push(model);
                if self.devices.iter().all(|device| device.lost || device.unfit.contains(&model)) {
                    let reason = "pinned models leave no room for this one".to_owned();
                    self.fail_model(model, &super::Failure::Backend(BackendError::OutOfMemory(reason)));
                }
            }
            Some(out) => {
                this.switching = None;
                this.load = Some(model);
                self.put_out(device, out);
            }
        }
    }

    pub(super) fn put_out(&mut self, device: usize, models: Vec<Model>) {
        for model in models {
            self.devices[device].resident.retain(|loaded| loaded.model != model);
            self.devices[device].unloads.push(model);
            self.effects.push(super::Effect::Evicted { device, model });
        }
    }

    /// Models first, then pictures: both are quick to begin and everything else needs them.
    pub(super) fn take_in(&mut self, device: usize) -> Option<Action> {
        if let Some(model) = self.devices[device].unloads.pop() {
            return Some(Action::Unload(model));
        }
        if let Some(model) = self.devices[device].load.take() {
            let this = &mut self.devices[device];
            this.loading = Some(model);
            this.asked = this.asked.filter(|asked| *asked != model);
            return Some(Action::Load(model));
        }
        while let Some(key) = self.devices[device].bring.pop_front() {
            match self.parts.get(key).map(|part| part.place) {
                Some(Where::Waiting { .. }) if !self.devices[device].full => {
                    self.reserve(device, key);
                    return Some(Action::Admit(key));
                }
                Some(Where::Admitting { device: by }) if by == device => return Some(Action::Admit(key)),
                _ => {}
            }
        }
        None
    }

    /// Nobody else may take it in.
    pub(super) fn reserve(&mut self, device: usize, key: PartKey) {
        self.take_off(key);
        self.parts[key].place = Where::Admitting { device };
        self.devices[device].parts.push(key);
    }

    pub(super) fn ready(&self, device: usize, now: u64) -> Vec<Candidate<PartKey>> {
        let ageing = micros(self.rules.ageing);
        let keys = self.devices[device].parts.iter();
        let ready = keys.filter_map(|key| {
            let part = &self.parts[*key];
            matches!(part.place, Where::Ready { .. }).then(|| candidate(*key, part, part.rank(now, ageing), now))
        });
        ready.collect()
    }

    /// A slice of other work, if there is any and the time for it.
    pub(super) fn slice(&mut self, device: usize, now: u64, step_due: bool) -> Option<Action> {
        let ageing = micros(self.rules.ageing);
        let this = &self.devices[device];
        let slices = this.parts.iter().filter_map(|key| {
            let part = &self.parts[*key];
            let cost = &this.costs[part.group.0 as usize];
            let (kind, seconds) = match (part.place, part.preview_since) {
                (Where::Preparing { .. }, _) => (Kind::Work, cost.prepare_slice.seconds()),
                (Where::Decoding { .. }, _) => (Kind::Work, cost.decode_slice.seconds()),
                (Where::Ready { .. }, Some(since)) => (Kind::Preview(part.done - since), cost.preview.seconds()),
                _ => return None,
            };
            Some(Slice { key: *key, kind, rank: part.rank(now, ageing), time: whole_micros(seconds) })
        });
        let slices: Vec<_> = slices.collect();
        let key = self.devices[device].gap.pick(&slices, step_due)?;
        match self.parts[key].place {
            Where::Preparing { slot, .. } => Some(Action::Prepare(key, slot)),
            Where::Decoding { slot, .. } => Some(Action::Decode(key, slot)),
            Where::Ready { slot, .. } => Some(Action::Preview(key, slot)),
            Where::Waiting { .. } | Where::Admitting { .. } | Where::Nowhere => None,
        }
    }

    pub(super) fn step(&mut self, device: usize, choice: super::Choice<PartKey>) -> Action {
        let members = choice.members.iter().filter_map(|key| match self.parts[*key].place {
            Where::Ready { slot, .. } => Some(Member { part: *key, slot, index: self.parts[*key].done }),
            _ => None,
        });
        let members: Vec<_> = members.collect();
        let rows = members.iter().map(|member| self.parts[member.part].rows()).sum();
        let this = &mut self.devices[device];
        (this.rows, this.stopped) = (rows, choice.stopped);
        Action::Step(members)
    }

    /// Nothing to do until something changes, or until `at`, or until somebody's time runs out.
    pub(super) fn wait(&self, at: Option<u64>) -> Action {
        let limit = self.limits.peek().map(|limit| limit.0.0);
        let until = [limit, at].into_iter().flatten().min();
        Action::Wait(until.map(Duration::from_micros))
    }
}

fn candidate(key: PartKey, part: &Part, rank: Rank, now: u64) -> Candidate<PartKey> {
    let time = part.facts.target.saturating_sub(now).saturating_sub(part.after);
    let left = part.evaluations - part.done;
    Candidate { key, group: part.group, rows: part.rows(), alone: part.alone, rank, left, time }
}

/// What a device has been measured to do.
pub(super) struct Measured<'a> {
    pub scheduler: &'a Scheduler,
    pub device: usize,
}

impl Limits for Measured<'_> {
    fn limit(&self, group: Group) -> Limit {
        self.scheduler.limit(self.device, group)
    }

    fn step(&self, group: Group, rows: u32) -> u64 {
        whole_micros(self.scheduler.cost(self.device, group).step.seconds(rows))
    }
}
