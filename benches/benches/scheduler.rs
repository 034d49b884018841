//! The scheduler's own cost of a step: 64 rows on the device, 10,000 pictures in the queue.
//!
//! `cargo bench -p easel-benches --bench scheduler`. A step is `report` of the last one and `next` until the device has another, with all
//! the planning, taking in, preparing and decoding that comes between; two or three pictures are finished with each and as many new ones
//! are submitted. It must stay under half a millisecond: 2 % of a step of 25 ms.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use easel_backend::{Prepared, Slot};
use easel_engine::scheduler::{Action, Cost, Curve, Effect, Group, Mean, Policy, Report, Rules, Scheduler, Submission};

const STEP: f64 = 0.025;

/// A device in virtual time that always has something to do.
struct Loop {
    scheduler: Scheduler,
    groups: Vec<Group>,
    now: f64,
    slots: u32,
    submitted: u64,
}

impl Loop {
    fn new(policy: Policy, queued: usize) -> Self {
        let rules = Rules {
            policy,
            queue_max: usize::MAX,
            backlog_max: Duration::MAX / 2,
            user_queue_max: usize::MAX,
            admitted_max: 64,
            rows_max: 64,
            ..Rules::default()
        };
        let mut scheduler = Scheduler::new(rules);
        let device = scheduler.add_device(None);
        let model = scheduler.add_model(1, 1.0, false);
        scheduler.set_loaded(device, model, Duration::ZERO);
        let groups: Vec<_> = [512, 768, 1024].iter().map(|side| scheduler.add_group(model, *side, *side)).collect();
        for group in &groups {
            // No knee below 64 rows: as many as there can be.
            let step = Curve::new([(1, STEP * 0.9), (64, STEP)]).expect("a curve");
            let cost = Cost {
                prepare_slice: Mean::guess(0.002),
                prepare_slices: Mean::guess(1.0),
                decode_slice: Mean::guess(0.005),
                ..Cost::measured(step)
            };
            scheduler.set_cost(device, *group, cost);
        }
        let mut this = Self { scheduler, groups, now: 0.0, slots: 0, submitted: 0 };
        (0..queued).for_each(|_| this.submit());
        // Fill the device before anything is measured.
        (0..200).for_each(|_| this.step());
        this
    }

    fn submit(&mut self) {
        self.submitted += 1;
        let i = self.submitted;
        let submission = Submission {
            group: self.groups[i as usize % self.groups.len()],
            pictures: 1,
            branches: 1,
            evaluations: 25,
            single: Vec::new(),
            user: Some(i % 1000),
            priority: [0, 10, 20, 30][i as usize / 3 % 4],
            time_limit: None,
            preview_every: 0,
            alike: 0,
        };
        self.scheduler.submit(&submission, Duration::from_secs_f64(self.now)).expect("room for all");
    }

    /// Until the end of the next step.
    fn step(&mut self) {
        loop {
            let action = self.scheduler.next(0, Duration::from_secs_f64(self.now));
            let (report, took) = match action {
                Action::Step(members) => (Report::Stepped(members, Ok(())), STEP),
                Action::Admit(part) => {
                    self.slots += 1;
                    (Report::Admitted(part, Ok(Slot(self.slots))), 0.0)
                }
                Action::Prepare(part, _) => (Report::Prepared(part, Ok(Prepared::Ready)), 0.002),
                Action::Decode(part, _) => (Report::Decoded(part, Ok(true)), 0.005),
                Action::Release(_) => continue,
                other => panic!("an endless queue, and yet {other:?}"),
            };
            let stepped = matches!(report, Report::Stepped(..));
            self.now += took;
            self.scheduler.report(0, report, took, Duration::from_secs_f64(self.now));
            let finished =
                self.scheduler.take_effects().into_iter().filter(|effect| matches!(effect, Effect::Finished(_))).count();
            (0..finished).for_each(|_| self.submit());
            if stepped {
                return;
            }
        }
    }
}

fn step(c: &mut Criterion) {
    for (name, queued) in [("64 rows, 100 queued", 164), ("64 rows, 10000 queued", 10_064)] {
        let mut device = Loop::new(Policy::StepLevel, queued);
        c.bench_function(&format!("scheduler/step/{name}"), |b| b.iter(|| device.step()));
    }
}

/// Everything that is ahead of so many waiting pictures, on one device.
fn rehearsal(c: &mut Criterion) {
    for queued in [24, 200, 1000] {
        let mut device = Loop::new(Policy::StepLevel, queued);
        let mut run = || {
            let rehearsal = device.scheduler.rehearsal(Duration::from_secs_f64(device.now));
            let forecast = rehearsal.run();
            let actions = forecast.actions();
            device.scheduler.foresee(Some(forecast), Duration::ZERO);
            actions
        };
        let actions = run();
        c.bench_function(&format!("scheduler/rehearsal/{queued} queued, {actions} actions"), |b| b.iter(&mut run));
    }
}

criterion_group!(benches, step, rehearsal);
criterion_main!(benches);
