//! What will happen if nobody comes any more: the batcher is played forward, several steps at a time.
//!
//! Left out: previews, failures, what the door would do. The policies that run whole batches are forecast as if they were step-level.

use slotmap::SecondaryMap;

use super::{
    Candidate, Limits, Model, RequestKey, Scheduler, choose, micros,
    rank::{Facts, Rank},
    turn::Measured,
    work::{Part, Where},
};

/// Pictures that are played forward; those after them in line are put one after the other.
const PLAYED_MAX: usize = 256;
/// Up to so many pictures are played step by step.
const FINE: usize = 128;
/// With no more pictures than this, a forecast is cheap enough to be made between two steps.
const SMALL: usize = 24;
/// A forecast is repeated after this many microseconds.
const AGE: u64 = 400_000;
/// And no longer believed after this many, for then much may have come.
const AGE_MAX: u64 = 5_000_000;

/// When requests end.
#[derive(Default)]
pub(super) struct Forecast {
    made: u64,
    /// Microseconds.
    ends: SecondaryMap<RequestKey, u64>,
}

/// A picture that is being played.
struct Piece {
    request: RequestKey,
    candidate: Candidate<usize>,
    facts: Facts,
    device: Option<usize>,
    model: Model,
    before: u64,
    step: u64,
    after: u64,
}

impl Piece {
    fn new(at: usize, part: &Part, model: Model) -> Self {
        let left = part.evaluations - part.done;
        let rank = Rank::at(0, 1, &part.facts);
        let candidate = Candidate { key: at, group: part.group, rows: part.branches, alone: part.alone, rank, left, time: 0 };
        let (device, before) = match part.place {
            Where::Waiting { .. } | Where::Nowhere => (None, part.before),
            Where::Admitting { device } | Where::Preparing { device, .. } => (Some(device), part.before),
            Where::Ready { device, .. } | Where::Decoding { device, .. } => (Some(device), 0),
        };
        Self { request: part.request, candidate, facts: part.facts, device, model, before, step: part.step, after: part.after }
    }

    fn at(&self, now: u64, ageing: u64) -> Candidate<usize> {
        let rest = self.before + u64::from(self.candidate.left) * self.step + self.after;
        let rank = Rank::at(now, ageing, &Facts { rest, ..self.facts });
        let time = self.facts.target.saturating_sub(now).saturating_sub(self.after);
        Candidate { rank, time, ..self.candidate }
    }
}

/// A device that is being played.
struct Played {
    device: usize,
    clock: u64,
    models: Vec<Model>,
}

impl Scheduler {
    /// Microseconds at which a request is expected to end, as far as that is known.
    pub(super) fn expected_end(&self, request: RequestKey, now: u64) -> Option<u64> {
        let fresh = now.saturating_sub(self.forecast.made) <= AGE_MAX;
        self.forecast.ends.get(request).copied().filter(|_| fresh)
    }

    /// Makes a forecast if the last one is old and a new one cheap.
    pub(super) fn keep_forecast(&mut self, now: u64) {
        if self.parts.len() <= SMALL && now >= self.forecast.made + AGE {
            self.make_forecast(now);
        }
    }

    pub(super) fn make_forecast(&mut self, now: u64) {
        let mut forecast = Forecast { made: now, ends: SecondaryMap::new() };
        for (request, end) in self.play(now) {
            let known = forecast.ends.entry(request).map(|entry| entry.or_insert(end));
            if let Some(known) = known {
                *known = end.max(*known);
            }
        }
        self.forecast = forecast;
    }

    /// The end of each picture.
    fn play(&self, now: u64) -> Vec<(RequestKey, u64)> {
        let ageing = micros(self.rules.ageing);
        let mut order: Vec<_> = self.parts.iter().map(|(key, part)| (part.is_waiting(), part.rank(now, ageing), key)).collect();
        if order.len() > PLAYED_MAX {
            order.select_nth_unstable(PLAYED_MAX);
        }
        let later = order.split_off(order.len().min(PLAYED_MAX));
        let model = |part: &Part| self.groups[part.group.0 as usize].model;
        let pieces = order.iter().map(|(.., key)| &self.parts[*key]).enumerate();
        let mut pieces: Vec<_> = pieces.map(|(at, part)| Piece::new(at, part, model(part))).collect();
        let mut ends = Vec::with_capacity(self.parts.len());
        let mut devices: Vec<_> = (0..self.devices.len()).filter(|device| !self.devices[*device].lost).collect::<Vec<_>>();
        let mut played: Vec<_> = devices.drain(..).map(|device| self.played(device, now)).collect();
        for device in &mut played {
            // What is only to be decoded.
            for piece in pieces.iter_mut().filter(|piece| piece.device == Some(device.device) && piece.candidate.left == 0) {
                device.clock += piece.before + piece.after;
                ends.push((piece.request, device.clock));
            }
        }
        let mut last = now;
        let mut busy: Vec<usize> = (0..played.len()).collect();
        while let Some(first) = busy.iter().copied().min_by_key(|at| played[*at].clock) {
            match self.play_batch(&mut played[first], &mut pieces, ageing, &mut ends) {
                true => last = last.max(played[first].clock),
                false => busy.retain(|at| *at != first),
            }
        }
        let devices = played.len().max(1) as f64;
        let mut later: Vec<_> = later.into_iter().map(|(waiting, rank, key)| (waiting, rank, &self.parts[key])).collect();
        later.sort_unstable_by_key(|(waiting, rank, _)| (*waiting, *rank));
        let mut work = 0.0;
        ends.extend(later.into_iter().map(|(.., part)| {
            work += part.work;
            (part.request, last + (work / devices * 1e6) as u64)
        }));
        ends
    }

    fn played(&self, device: usize, now: u64) -> Played {
        let this = &self.devices[device];
        let mut models: Vec<_> = this.resident.iter().map(|loaded| loaded.model).collect();
        let coming = this.loading.or(this.load);
        let load = coming.map_or(0.0, |model| self.models[model.0 as usize].load.seconds());
        models.extend(coming);
        Played { device, clock: now + (load * 1e6) as u64, models }
    }

    /// A batch of one device, for as many steps as it is likely to stay the same; false if there is nothing for it.
    fn play_batch(&self, played: &mut Played, pieces: &mut [Piece], ageing: u64, ends: &mut Vec<(RequestKey, u64)>) -> bool {
        let (device, now) = (played.device, played.clock);
        let open = |piece: &&Piece| piece.candidate.left > 0 && piece.device.is_none_or(|other| other == device);
        let here = pieces.iter().filter(open).filter(|piece| piece.device.is_some() || played.models.contains(&piece.model));
        let candidates: Vec<_> = here.map(|piece| piece.at(now, ageing)).collect();
        let measured = Measured { scheduler: self, device };
        let Some(choice) = choose(&candidates, &measured) else {
            let missing = pieces.iter().filter(open).min_by_key(|piece| piece.at(now, ageing).rank);
            let Some(model) = missing.map(|piece| piece.model) else { return false };
            played.clock += (self.models[model.0 as usize].load.seconds() * 1e6) as u64;
            played.models.push(model);
            return true;
        };
        let least = choice.members.iter().map(|at| pieces[*at].candidate.left).min().unwrap_or(1);
        // Company may come and ranks may change: step by step is exact, a quarter of the rest at once quick.
        let steps = least.div_ceil(if pieces.len() <= FINE { u32::MAX } else { 4 });
        for at in &choice.members {
            let piece = &mut pieces[*at];
            piece.device = Some(device);
            played.clock += std::mem::take(&mut piece.before);
            piece.candidate.left -= steps;
        }
        played.clock += u64::from(steps) * measured.step(choice.group, choice.rows);
        for at in &choice.members {
            let piece = &pieces[*at];
            if piece.candidate.left == 0 {
                played.clock += piece.after;
                ends.push((piece.request, played.clock));
            }
        }
        true
    }
}
