//! What is owed when an attempt is left before anything came of it, be it that it is stopped or that whoever waits for it has gone away and its
//! future is dropped: the breaker has its leave back, and a provider that would draw for nobody is told to stop.

use std::sync::Arc;

use easel_providers::{Fleet, ImageProvider, Leave};

use super::{Fallback, journal::Pages};

/// Of one attempt. Dropped with its leave, it gives that back.
pub(super) struct Owed<'a> {
    pub fallback: &'a Fallback,
    pub fleet: &'a Fleet,
    pub provider: &'a Arc<dyn ImageProvider>,
    pub pages: &'a Pages<'a>,
    /// Taken by whoever reports what came of it.
    pub leave: Option<Leave>,
    /// Nobody goes on with the attempt when this is dropped: a job of the queue is gone on with by the next worker, one that a client waited for
    /// is not.
    pub is_last: bool,
}

impl Owed<'_> {
    /// Tells the provider that nobody waits any more, so that it stops costing. It is a courtesy: what was sent counts as paid, whatever it
    /// answers.
    pub async fn cancel(&self) {
        if let Some(task) = self.pages.under_way() {
            let _ = self.provider.cancel(&task).await;
            self.pages.forget();
        }
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            self.fleet.withdraw(leave, self.fallback.now());
        }
        let Some(task) = self.pages.under_way().filter(|_| self.is_last) else { return };
        // Without a runtime the process is ending: what the provider draws is nobody's, and its time ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let provider = Arc::clone(self.provider);
            runtime.spawn(async move {
                if let Err(failure) = provider.cancel(&task).await {
                    tracing::warn!(provider = %failure.provider, class = %failure.class, "a task nobody waits for could not be cancelled");
                }
            });
        }
    }
}
