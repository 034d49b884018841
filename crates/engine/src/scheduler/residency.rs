//! Which models are on a device: when to bring another one in, and which to put out for it.
//!
//! Pure functions. Bringing a model in costs its load time, during which nothing is drawn, so a device serves what it has a little longer
//! before it changes. Patience has an end, so that nobody starves behind a popular model. And a model that has come stays for a while:
//! when more models are wanted than fit and everybody has waited long, each would otherwise be put out for the next before it was used.

/// Work that has to be waiting before a change pays, in load times: loading is then at most a fifth of the time.
const WORTH: f64 = 4.0;
/// The longest that a request waits for its model, in load times, once the device could change.
const PATIENCE: f64 = 8.0;
/// The longest patience, in seconds: slow disks must not starve anybody for minutes.
const PATIENCE_MAX: f64 = 60.0;

/// Work that waits for a model that is not on the device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// Device-seconds that wait for it.
    pub work: f64,
    /// Seconds that the first in line has waited.
    pub waited: f64,
    /// Seconds to bring the model in.
    pub load: f64,
    /// Another device has it and is expected to get to it within this many seconds.
    pub elsewhere: Option<f64>,
    /// The first in line outranks everything that the device could do with what it has.
    pub first: bool,
}

/// Whether to bring the model in now. `idle`: there is nothing to do for the models that are there.
pub fn worth_loading(demand: &Demand, idle: bool) -> bool {
    if demand.elsewhere.is_some_and(|seconds| seconds <= demand.load) {
        return false;
    }
    idle || (demand.first && demand.work >= WORTH * demand.load) || demand.waited >= (PATIENCE * demand.load).min(PATIENCE_MAX)
}

/// Seconds that a device stays with its models after bringing one in took so long, unless there is nothing to do for them: loading is
/// then at most a fifth of the time, however many are wanted.
pub fn settle(load: f64) -> f64 {
    (WORTH * load).min(PATIENCE_MAX)
}

/// A model on a device.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resident<M> {
    /// Its name.
    pub model: M,
    /// What it takes.
    pub bytes: u64,
    /// When it was last stepped.
    pub used: u64,
    /// It may be put out: nobody holds it and pictures in the making do not need it.
    pub free: bool,
}

/// The models to put out, the least recently used first, so that `needed` bytes fit into `budget`; `None` if they cannot.
pub fn evict<M: Copy>(residents: &[Resident<M>], needed: u64, budget: Option<u64>) -> Option<Vec<M>> {
    let Some(budget) = budget else { return Some(Vec::new()) };
    let mut taken: u64 = residents.iter().map(|r| r.bytes).sum();
    let mut free: Vec<_> = residents.iter().filter(|r| r.free).collect();
    free.sort_by_key(|r| r.used);
    let mut out = Vec::new();
    for resident in free {
        if taken.saturating_add(needed) <= budget {
            break;
        }
        taken -= resident.bytes;
        out.push(resident.model);
    }
    // A model that is larger than everything is tried all the same once the device is empty: the budget is an estimate.
    (taken.saturating_add(needed) <= budget || taken == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEMAND: Demand = Demand { work: 1.0, waited: 0.0, load: 5.0, elsewhere: None, first: false };

    #[test]
    fn an_idle_device_takes_what_there_is_unless_another_is_quicker() {
        assert!(worth_loading(&DEMAND, true));
        assert!(!worth_loading(&Demand { elsewhere: Some(2.0), ..DEMAND }, true));
        assert!(worth_loading(&Demand { elsewhere: Some(20.0), ..DEMAND }, true));
    }

    #[test]
    fn a_busy_device_changes_for_much_work_or_a_long_wait() {
        assert!(!worth_loading(&DEMAND, false));
        assert!(!worth_loading(&Demand { work: 100.0, ..DEMAND }, false), "what it has is more urgent");
        assert!(worth_loading(&Demand { work: 20.0, first: true, ..DEMAND }, false));
        assert!(worth_loading(&Demand { waited: 40.0, ..DEMAND }, false), "nobody starves");
        assert!(worth_loading(&Demand { waited: 60.0, load: 100.0, ..DEMAND }, false), "not behind a slow disk either");
    }

    #[test]
    fn the_least_recently_used_goes_first_and_pinned_models_stay() {
        let resident = |model, used, free| Resident { model, bytes: 4, used, free };
        let all = [resident('a', 30, true), resident('b', 10, true), resident('c', 5, false), resident('d', 20, true)];
        assert_eq!(evict(&all, 0, Some(16)), Some(vec![]));
        assert_eq!(evict(&all, 4, Some(16)), Some(vec!['b']));
        assert_eq!(evict(&all, 8, Some(16)), Some(vec!['b', 'd']));
        assert_eq!(evict(&all, 16, Some(16)), None, "c is in use");
        assert_eq!(evict(&all, 16, None), Some(vec![]));
        assert_eq!(evict(&all[..1], 40, Some(16)), Some(vec!['a']), "alone it is tried");
    }
}
