//! The invariants in code, for tests: everything is where it says it is.

use std::collections::HashSet;

use super::{Rank, Scheduler, micros, work::Where};

impl Scheduler {
    /// Panics if anything contradicts something else. Looks at everything: for simulations.
    pub fn check(&self) {
        let ageing = micros(self.rules.ageing);
        let mut on_devices = 0;
        for (key, part) in &self.parts {
            assert!(self.requests.contains_key(part.request), "a picture of nobody");
            let device = match part.place {
                Where::Waiting { at } => {
                    assert_eq!(self.waiting[at], key, "not where it waits");
                    let standing = part.standing.expect("in line");
                    let rank = Rank::at(self.now, ageing, &part.facts_now());
                    assert!(standing.rank == rank || standing.until <= self.now, "not where it belongs in the line");
                    continue;
                }
                Where::Admitting { device }
                | Where::Preparing { device, .. }
                | Where::Ready { device, .. }
                | Where::Decoding { device, .. } => device,
                Where::Nowhere => panic!("neither waiting nor on a device"),
            };
            on_devices += 1;
            assert!(part.standing.is_none(), "in line and on a device");
            assert_eq!(self.devices[device].parts.iter().filter(|other| **other == key).count(), 1, "on a device, and not");
        }
        assert_eq!(self.devices.iter().map(|device| device.parts.len()).sum::<usize>(), on_devices, "a device has what is gone");
        assert_eq!(self.waiting.len() + on_devices, self.parts.len());
        self.check_line();
        for device in &self.devices {
            let slots: Vec<_> =
                device.parts.iter().filter_map(|key| self.parts[*key].slot()).chain(device.releases.clone()).collect();
            assert_eq!(slots.iter().collect::<HashSet<_>>().len(), slots.len(), "one slot, two pictures");
        }
        let waiting = self.requests.values().filter(|request| request.started.is_none()).count();
        assert_eq!(self.waiting_requests, waiting, "requests that wait");
        let unfinished: f64 = self.parts.values().map(|part| part.work).sum();
        assert_eq!(self.backlog, unfinished, "the backlog");
        for (user, known) in &self.users {
            let own = self.requests.values().filter(|request| request.user == Some(*user)).count();
            assert_eq!(known.requests, own, "a user's requests");
            for (at, key) in known.parts.iter().enumerate() {
                assert_eq!(self.parts[*key].facts.over_share, at >= self.rules.user_share, "a user's share");
            }
        }
    }
}
