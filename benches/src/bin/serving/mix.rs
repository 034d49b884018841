//! What is asked for.

use std::time::Duration;

use easel_engine::{
    scheduler::{Group, Submission},
    sim::{
        cluster::Arrival,
        traffic::{self, Process},
    },
};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind {
    /// Of how many this is one.
    pub weight: u32,
    /// Model.
    pub model: &'static str,
    /// Width and height.
    pub side: u32,
    /// Steps, of one evaluation each.
    pub steps: u32,
    /// With guidance: two rows a step.
    pub guidance: bool,
}

/// Kinds that come together.
#[derive(Debug, Clone)]
pub struct Mix {
    /// Its name on the command line.
    pub name: &'static str,
    /// In words.
    pub text: &'static str,
    /// What comes.
    pub kinds: Vec<Kind>,
}

impl Mix {
    /// Requests differ in size, steps or guidance.
    pub fn heterogeneous(&self) -> bool {
        self.kinds.len() > 1
    }

    /// `count` requests at `rate` a second; `place` tells a kind's shape.
    pub fn traffic(&self, process: Process, rate: f64, count: usize, seed: u64, place: impl Fn(&Kind) -> usize) -> Vec<Arrival> {
        let mut rng = SmallRng::seed_from_u64(seed);
        // What is asked for does not depend on how fast it comes: policies and rates are compared on the same requests.
        let kinds: Vec<_> = (0..count).map(|_| self.draw(&mut rng)).collect();
        let moments = traffic::arrivals(process, rate, count, &mut rng);
        moments.into_iter().zip(kinds).map(|(at, kind)| arrival(at, &kind, place(&kind))).collect()
    }

    fn draw(&self, rng: &mut SmallRng) -> Kind {
        let total: u32 = self.kinds.iter().map(|kind| kind.weight).sum();
        let mut ticket = rng.random_range(0..total);
        for kind in &self.kinds {
            if ticket < kind.weight {
                return *kind;
            }
            ticket -= kind.weight;
        }
        self.kinds[0]
    }
}

fn arrival(at: Duration, kind: &Kind, shape: usize) -> Arrival {
    let submission = Submission {
        group: Group(shape as u32),
        pictures: 1,
        branches: 1 + u32::from(kind.guidance),
        evaluations: kind.steps,
        single: Vec::new(),
        user: None,
        priority: 0,
        time_limit: None,
        preview_every: 0,
        alike: u64::from(kind.steps) * 2 + u64::from(kind.guidance),
    };
    Arrival { at, submission, leaves_after: None }
}

/// All of them.
pub fn all() -> Vec<Mix> {
    let kind = |weight, model, side, steps, guidance| Kind { weight, model, side, steps, guidance };
    let sizes =
        |model, weights: [u32; 3]| [512, 768, 1024].into_iter().zip(weights).map(|(s, w)| kind(w, model, s, 20, true)).collect();
    // Fewer steps, because these runs take real time. A step of the built-in model costs a processor nearly the same at 64 and at 96; at these sizes
    // costs lie as far apart as those of SD 1.5 on a card.
    let small = |weights: [u32; 3]| {
        [128, 192, 256].into_iter().zip(weights).map(|(s, w)| kind(w, crate::real::MODEL, s, 8, true)).collect()
    };
    let steps_of = |model, side, counts: [u32; 4]| {
        let all = counts.into_iter().flat_map(|steps| [true, false].map(|guidance| (steps, guidance)));
        all.map(|(steps, guidance)| kind(1, model, side, steps, guidance)).collect()
    };
    let steps = |model, side| steps_of(model, side, [4, 20, 30, 50]);
    vec![
        Mix { name: "sd15", text: "SD 1.5, 512, 20 steps", kinds: vec![kind(1, "sd15", 512, 20, true)] },
        Mix { name: "sdxl", text: "SDXL, 1024, 20 steps", kinds: vec![kind(1, "sdxl", 1024, 20, true)] },
        Mix { name: "sd15-U", text: "SD 1.5, 512/768/1024 alike, 20 steps", kinds: sizes("sd15", [1, 1, 1]) },
        Mix { name: "sd15-S", text: "SD 1.5, 512/768/1024 as 70/20/10, 20 steps", kinds: sizes("sd15", [7, 2, 1]) },
        Mix { name: "sd15-H", text: "SD 1.5, 512, 4/20/30/50 steps, guidance on/off", kinds: steps("sd15", 512) },
        Mix { name: "sdxl-U", text: "SDXL, 512/768/1024 alike, 20 steps", kinds: sizes("sdxl", [1, 1, 1]) },
        Mix { name: "sdxl-S", text: "SDXL, 512/768/1024 as 70/20/10, 20 steps", kinds: sizes("sdxl", [7, 2, 1]) },
        Mix { name: "sdxl-H", text: "SDXL, 1024, 4/20/30/50 steps, guidance on/off", kinds: steps("sdxl", 1024) },
        Mix { name: "builtin", text: "the built-in model, 64, 8 steps", kinds: vec![kind(1, crate::real::MODEL, 64, 8, true)] },
        Mix { name: "builtin-U", text: "the built-in model, 128/192/256 alike, 8 steps", kinds: small([1, 1, 1]) },
        Mix { name: "builtin-S", text: "the built-in model, 128/192/256 as 70/20/10, 8 steps", kinds: small([7, 2, 1]) },
        Mix {
            name: "builtin-H",
            text: "the built-in model, 64, 2/10/15/25 steps, guidance on/off",
            kinds: steps_of(crate::real::MODEL, 64, [2, 10, 15, 25]),
        },
    ]
}
