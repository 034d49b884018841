//! Where jobs run: each row of the tables differs from the first in what it names.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::time::Duration;

use easel_providers::{
    Accepted, Candidate, Decision, Failure, FailureClass, FallbackReason, JobRules, Local, Micros, OverBudget, Owner, Quote,
    Refusal, Rules, Situation, Tenant, Tried, Unfit, route,
};

/// A situation in which everything is allowed.
#[derive(Clone)]
struct Case {
    rules: Rules,
    tenant: Tenant,
    job: JobRules,
    local: Local,
    candidates: Vec<Candidate>,
    tried: Vec<Tried>,
}

fn candidate(name: &str) -> Candidate {
    Candidate {
        provider: name.parse().unwrap(),
        owner: Owner::Operator,
        region: None,
        model: "m".into(),
        quote: Ok(Quote { per_picture: Micros(100), pictures: 1, total: Micros(100) }),
        breaker: None,
        budget: Ok(()),
    }
}

fn open() -> Case {
    Case {
        rules: Rules { enabled: true, max_wait: Duration::from_secs(60), attempts_max: 3 },
        tenant: Tenant { allow_external: true, ..Tenant::default() },
        job: JobRules { allow_fallback: true, time_left: Duration::from_secs(300), cost_max: Micros(100) },
        local: Local::ModelMissing,
        candidates: vec![candidate("fal"), candidate("replicate")],
        tried: Vec::new(),
    }
}

impl Case {
    fn decide(&self) -> Decision {
        let Self { rules, tenant, job, local, candidates, tried } = self;
        route(&Situation { rules, tenant, job, local: *local, candidates, tried })
    }
}

fn tried(provider: &str, class: FailureClass, accepted: Accepted) -> Tried {
    Tried { provider: provider.parse().unwrap(), class, accepted }
}

fn external(candidate: usize, reason: FallbackReason) -> Decision {
    Decision::External { candidate, reason }
}

fn ready(seconds: u64) -> Local {
    Local::Ready { wait: Duration::from_secs(seconds) }
}

#[test]
fn each_state_here_has_its_answer() {
    use Decision::{Fail, Local as Here};
    for (local, allowed, forbidden) in [
        (ready(0), Here, Here),
        (ready(60), Here, Here),
        (ready(61), external(0, FallbackReason::QueueWait), Here),
        (Local::ModelMissing, external(0, FallbackReason::ModelMissing), Fail(Failure::Unavailable)),
        (Local::NoDevice, external(0, FallbackReason::NoDevice), Fail(Failure::Unavailable)),
        (Local::OutOfMemory, external(0, FallbackReason::OutOfMemory), Fail(Failure::Unavailable)),
        (Local::EngineFailed, external(0, FallbackReason::EngineFailed), Fail(Failure::Unavailable)),
        (Local::UserError, Fail(Failure::UserError), Fail(Failure::UserError)),
        (Local::Moderated, Fail(Failure::Moderated), Fail(Failure::Moderated)),
    ] {
        let case = Case { local, ..open() };
        assert_eq!(case.decide(), allowed, "{local:?}");
        // Each of the three who must agree can say no, and without a provider there is nobody to ask.
        let mut refusals = vec![case.clone(), case.clone(), case.clone(), case.clone()];
        refusals[0].rules.enabled = false;
        refusals[1].tenant.allow_external = false;
        refusals[2].job.allow_fallback = false;
        refusals[3].candidates.clear();
        for refusal in refusals {
            assert_eq!(refusal.decide(), forbidden, "{local:?}");
        }
    }
}

#[test]
fn nothing_leaves_unless_somebody_said_so() {
    let case = Case { rules: Rules::default(), tenant: Tenant::default(), ..open() };
    assert_eq!(case.decide(), Decision::Fail(Failure::Unavailable));
    let tenant: Tenant = serde_json::from_str("{}").unwrap();
    assert!(!tenant.allow_external && !Rules::default().enabled);
}

#[test]
fn who_cannot_serve_is_passed_over() {
    type Reason = (&'static str, fn(&mut Candidate));
    let reasons: [Reason; 8] = [
        ("open", |c| c.breaker = Some(Refusal::Open)),
        ("paused", |c| c.breaker = Some(Refusal::Paused)),
        ("locked", |c| c.breaker = Some(Refusal::Locked)),
        ("budget", |c| c.budget = Err(OverBudget::Day)),
        ("unknown spend", |c| c.budget = Err(OverBudget::Unknown)),
        ("cannot", |c| c.quote = Err(Unfit::Task)),
        ("no price", |c| c.quote = Err(Unfit::Price)),
        ("dearer than settled", |c| c.quote = Ok(Quote { per_picture: Micros(101), pictures: 1, total: Micros(101) })),
    ];
    for (why, spoil) in reasons {
        let mut case = open();
        spoil(&mut case.candidates[0]);
        assert_eq!(case.decide(), external(1, FallbackReason::ModelMissing), "{why}");
        spoil(&mut case.candidates[1]);
        assert_eq!(case.decide(), Decision::Fail(Failure::Unavailable), "{why}");
        // Here it takes long, but it comes.
        case.local = ready(600);
        assert_eq!(case.decide(), Decision::Local, "{why}");
    }
    // What a user's own account costs is the user's.
    let mut case = open();
    case.candidates[0].quote = Ok(Quote { per_picture: Micros(900), pictures: 1, total: Micros(900) });
    case.candidates[0].owner = Owner::User;
    assert_eq!(case.decide(), external(0, FallbackReason::ModelMissing));
}

#[test]
fn a_tenant_names_providers_and_regions() {
    let mut case = open();
    case.tenant.providers = vec!["replicate".parse().unwrap()];
    assert_eq!(case.decide(), external(1, FallbackReason::ModelMissing));
    case.tenant.regions = vec!["eu".into()];
    assert_eq!(case.decide(), Decision::Fail(Failure::Unavailable), "a provider that says nothing of its region is in none");
    case.candidates[1].region = Some("eu".into());
    assert_eq!(case.decide(), external(1, FallbackReason::ModelMissing));
}

#[test]
fn what_came_of_one_provider_decides_about_the_next() {
    use FailureClass::*;
    for (class, accepted, wanted) in [
        (Transient, Accepted::No, external(1, FallbackReason::ModelMissing)),
        (RateLimited, Accepted::No, external(1, FallbackReason::ModelMissing)),
        (Quota, Accepted::No, external(1, FallbackReason::ModelMissing)),
        (Permanent, Accepted::No, external(1, FallbackReason::ModelMissing)),
        (Garbage, Accepted::No, external(1, FallbackReason::ModelMissing)),
        // It failed for certain: it is paid at most once.
        (Transient, Accepted::Yes, external(1, FallbackReason::ModelMissing)),
        // Nobody can tell: nobody else is paid.
        (Timeout, Accepted::Unknown, Decision::Fail(Failure::OutcomeUnknown)),
        (Garbage, Accepted::Unknown, Decision::Fail(Failure::OutcomeUnknown)),
        (UserError, Accepted::No, Decision::Fail(Failure::UserError)),
        (Moderated, Accepted::No, Decision::Fail(Failure::Moderated)),
        (Moderated, Accepted::Unknown, Decision::Fail(Failure::Moderated)),
    ] {
        let case = Case { tried: vec![tried("fal", class, accepted)], ..open() };
        assert_eq!(case.decide(), wanted, "{class} {accepted:?}");
    }
    let both = vec![tried("fal", Transient, Accepted::No), tried("replicate", Transient, Accepted::No)];
    assert_eq!(Case { tried: both.clone(), ..open() }.decide(), Decision::Fail(Failure::Unavailable), "nobody is asked twice");
    // As many as the operator allows.
    let mut case = Case { tried: both, ..open() };
    case.candidates.push(candidate("stability"));
    assert_eq!(case.decide(), external(2, FallbackReason::ModelMissing));
    case.rules.attempts_max = 2;
    assert_eq!(case.decide(), Decision::Fail(Failure::Unavailable));
    // As long as there is time.
    case.rules.attempts_max = 3;
    case.job.time_left = Duration::ZERO;
    assert_eq!(case.decide(), Decision::Fail(Failure::Timeout));
}
