//! How pictures and requests leave: the queue, a device, a user's share, or everything.

use std::cmp::Reverse;

use super::{
    Effect, Failure, PartKey, RequestKey, Scheduler,
    work::{Part, Where},
};

impl Scheduler {
    /// Takes a request out of everything, with all its pictures.
    pub(super) fn end(&mut self, request: RequestKey, effect: Effect) {
        let Some(ended) = self.requests.remove(request) else { return };
        if ended.started.is_none() {
            self.waiting_requests -= 1;
        }
        for key in ended.parts {
            self.drop_part(key);
        }
        if let Some(user) = ended.user
            && let Some(known) = self.users.get_mut(&user)
        {
            known.requests -= 1;
            if known.requests == 0 {
                self.users.remove(&user);
            }
        }
        if !matches!(effect, Effect::Finished(_)) {
            self.surprise();
        }
        self.effects.push(effect);
    }

    /// Takes a picture out of everything.
    pub(super) fn drop_part(&mut self, key: PartKey) {
        self.take_off(key);
        let Some(part) = self.parts.remove(key) else { return };
        self.backlog -= part.work;
        self.leave_share(&part, key);
    }

    /// Takes a picture from where it is: the queue or a device.
    pub(super) fn take_off(&mut self, key: PartKey) {
        let Some(part) = self.parts.get(key) else { return };
        match part.place {
            Where::Waiting { at } => {
                self.leave_line(key);
                self.waiting.swap_remove(at);
                if let Some(moved) = self.waiting.get(at).copied() {
                    self.parts[moved].place = Where::Waiting { at };
                }
            }
            Where::Admitting { device } => self.devices[device].forget(key),
            Where::Preparing { device, slot } | Where::Ready { device, slot } | Where::Decoding { device, slot } => {
                self.devices[device].forget(key);
                self.devices[device].releases.push(slot);
            }
            Where::Nowhere => {}
        }
        self.parts[key].place = Where::Nowhere;
    }

    pub(super) fn put_waiting(&mut self, key: PartKey) {
        self.parts[key].place = Where::Waiting { at: self.waiting.len() };
        self.waiting.push(key);
        self.line_up(key);
        self.devices.iter_mut().for_each(|device| device.stale = true);
    }

    /// The next of the user's pictures moves up into the share. Among equals it counts as having come just now; its target stays, so that
    /// it is as late as others that have waited as long.
    pub(super) fn leave_share(&mut self, part: &Part, key: PartKey) {
        let Some(user) = part.user.and_then(|user| self.users.get_mut(&user)) else { return };
        user.parts.retain(|other| *other != key);
        let next = self.rules.user_share.checked_sub(1).and_then(|last| user.parts.get(last)).copied();
        if let Some(key) = next
            && let Some(next) = self.parts.get_mut(key)
        {
            if next.facts.over_share {
                next.facts.over_share = false;
                next.facts.since = self.now;
            }
            if next.is_waiting() {
                self.stand(key, self.now);
            }
        }
    }

    /// Ends what has run out of time.
    pub(super) fn expire(&mut self, now: u64) {
        while let Some(Reverse((at, request))) = self.limits.peek().copied() {
            if at > now && self.requests.contains_key(request) {
                break;
            }
            self.limits.pop();
            if self.requests.contains_key(request) {
                self.end(request, Effect::Failed(request, Failure::TimeLimit));
            }
        }
    }
}
