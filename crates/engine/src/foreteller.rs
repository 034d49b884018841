//! The thread that goes through rehearsals, so that neither a device nor a client waits for one.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{State, engine::Shared, worker};

/// Starts the thread. Without it nothing is foretold but in words, so an engine does without rather than not at all.
pub(crate) fn spawn(shared: Arc<Shared>) {
    let spawned = thread::Builder::new().name("easel-foreteller".to_owned()).spawn(move || foretell(&shared));
    if let Err(error) = spawned {
        tracing::warn!(%error, "the thread that foretells cannot be started: times left are rough");
    }
}

fn foretell(shared: &Shared) {
    let mut core = shared.core();
    while !matches!(shared.state(), State::Failed | State::Stopped) {
        let now = shared.config.clock.now();
        let due = core.scheduler.rehearsal_due();
        if due.is_none_or(|due| due > now) {
            let time = due.map(|due| due.saturating_sub(now).clamp(Duration::from_millis(1), worker::NAP));
            core = shared.wait(core, time);
            continue;
        }
        let rehearsal = core.scheduler.rehearsal(now);
        drop(core);
        let begun = Instant::now();
        let forecast = catch_unwind(AssertUnwindSafe(|| rehearsal.run()));
        if let Err(panic) = &forecast {
            tracing::error!(detail = worker::panic_text(&**panic), "a rehearsal panicked; times left are rough");
        }
        core = shared.core();
        core.scheduler.foresee(forecast.ok(), begun.elapsed());
        // Whoever came to few others was told exactly already.
        if !core.scheduler.is_quickly_rehearsed() {
            core.tell_places_if_few(shared.config.clock.now());
        }
    }
}
