//! Looking for models that come and go while the engine runs.
//!
//! One look at a time, on a thread that may block. A look counts for everyone who came before it began, so a flood of requests for unknown
//! models costs one look after the other and no more. The default model and pinned ones stay for as long as the engine runs: a request
//! that names none must not get another model than a moment ago.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use easel_backend::ModelSource;
use easel_types::ModelId;

use crate::engine::Shared;

/// Whose turn it is to look, and what was complained about.
#[derive(Default)]
pub(crate) struct Looks {
    turn: tokio::sync::Mutex<()>,
    begun: AtomicU64,
    /// Models that could not be used: said once, tried again at every look.
    unusable: Mutex<HashSet<ModelId>>,
}

impl Looks {
    pub async fn look(&self, shared: &Arc<Shared>) {
        let came = self.begun.load(Ordering::Acquire);
        let _turn = self.turn.lock().await;
        if self.begun.load(Ordering::Acquire) > came {
            return;
        }
        let Some(source) = shared.catalogue().source.clone() else { return };
        self.begun.fetch_add(1, Ordering::AcqRel);
        let shared = Arc::clone(shared);
        let looked = tokio::task::spawn_blocking(move || shared.looks.compare(&*source, &shared));
        if let Err(error) = looked.await {
            tracing::error!(%error, "looking for new models panicked");
        }
    }

    fn compare(&self, source: &dyn ModelSource, shared: &Shared) {
        let there = source.models();
        let known: HashSet<_> = shared.catalogue().models.iter().map(|model| model.id.clone()).collect();
        let mut fresh = Vec::new();
        for id in there.iter().filter(|id| !known.contains(*id)) {
            match source.describe_model(id) {
                Ok(model) => {
                    tracing::info!(model = %id, "a model was installed");
                    self.unusable().remove(id);
                    fresh.push(Arc::new(model));
                }
                Err(error) => {
                    if self.unusable().insert(id.clone()) {
                        tracing::warn!(model = %id, %error, "this model cannot be used and is left out");
                    }
                }
            }
        }
        self.unusable().retain(|id| there.contains(id));
        let mut models = shared.catalogue();
        let default = models.models.first().map(|model| model.id.clone());
        models.models.retain(|model| {
            let stays =
                there.contains(&model.id) || Some(&model.id) == default.as_ref() || shared.config.pinned.contains(&model.id);
            if !stays {
                tracing::info!(model = %model.id, "a model was removed");
            }
            stays
        });
        // A caller that went away lets the next one begin while its own look goes on.
        fresh.retain(|model| models.models.iter().all(|known| known.id != model.id));
        models.models.extend(fresh);
    }

    fn unusable(&self) -> MutexGuard<'_, HashSet<ModelId>> {
        self.unusable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
