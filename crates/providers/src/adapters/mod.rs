//! One file for each service. A new one implements [`Protocol`], is named in `Kind` and has a line in `registry.rs`.
//!
//! An adapter writes requests and reads answers; sizes, prices and what is dropped were settled before (`fit.rs`), failures are read in
//! `answer.rs`, addresses and keys are `wire.rs`'s. It keeps no state, so that any process can go on with any task.

pub(crate) mod bfl;
pub(crate) mod fal;
pub(crate) mod gemini;
pub(crate) mod imagen;
pub(crate) mod openai;
pub(crate) mod reading;
pub(crate) mod replicate;
pub(crate) mod stability;
pub(crate) mod together;
pub(crate) mod upload;

use std::collections::BTreeMap;

use easel_outbound::FetchedImage;

use crate::{
    Accepted, Attempt, Cancelled, Capabilities, FailureClass, Fitted, ImageProvider, Kind, Output, Polled, ProviderError,
    ProviderId, Recovery, Submitted, TaskHandle,
    answer::Told,
    provider::Answering,
    wire::{Call, Wire},
};

/// What a service's protocol is made of.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// What a submission is worth whose answer was lost.
    fn recovery(&self) -> Recovery {
        Recovery::GiveUp
    }

    /// Hands work in.
    fn submit(
        &self,
        wire: &Wire,
        order: &Fitted,
        attempt: &Attempt,
    ) -> impl Future<Output = Result<Submitted, ProviderError>> + Send;

    /// Asks about work; only asynchronous services have any.
    fn poll(&self, wire: &Wire, _task: &TaskHandle) -> impl Future<Output = Result<Polled, ProviderError>> + Send {
        let failure = wire.failure(FailureClass::Permanent, Accepted::Unknown, "no_tasks");
        async { Err(failure) }
    }

    /// Tries to stop work.
    fn cancel(&self, _wire: &Wire, _task: &TaskHandle) -> impl Future<Output = Result<Cancelled, ProviderError>> + Send {
        async { Ok(Cancelled::Impossible) }
    }
}

/// An account with a service.
pub(crate) struct Adapter<P> {
    pub wire: Wire,
    pub models: BTreeMap<String, Capabilities>,
    pub protocol: P,
}

impl<P: Protocol> ImageProvider for Adapter<P> {
    fn id(&self) -> &ProviderId {
        &self.wire.id
    }

    fn kind(&self) -> Kind {
        self.wire.kind
    }

    fn capabilities(&self, model: &str) -> Option<&Capabilities> {
        self.models.get(model)
    }

    fn recovery(&self) -> Recovery {
        self.protocol.recovery()
    }

    fn submit<'a>(&'a self, order: &'a Fitted, attempt: &'a Attempt) -> Answering<'a, Submitted> {
        Box::pin(self.protocol.submit(&self.wire, order, attempt))
    }

    fn poll<'a>(&'a self, task: &'a TaskHandle) -> Answering<'a, Polled> {
        Box::pin(async move {
            self.check(task)?;
            self.protocol.poll(&self.wire, task).await
        })
    }

    fn cancel<'a>(&'a self, task: &'a TaskHandle) -> Answering<'a, Cancelled> {
        Box::pin(async move {
            self.check(task)?;
            self.protocol.cancel(&self.wire, task).await
        })
    }

    fn probe(&self) -> Answering<'_, ()> {
        Box::pin(async { self.wire.call(Call::get(self.wire.kind.probe_path(), self.wire.asks())).await.map(drop) })
    }

    fn fetch<'a>(&'a self, output: &'a Output) -> Answering<'a, FetchedImage> {
        Box::pin(self.wire.fetch(output))
    }
}

impl<P> Adapter<P> {
    /// A stored handle is another's word: what it names must be ours, and its id fit for a path.
    fn check(&self, task: &TaskHandle) -> Result<(), ProviderError> {
        let ours = task.provider == self.wire.id && task.kind == self.wire.kind;
        if ours && reading::is_id(&task.id) {
            return Ok(());
        }
        Err(self.wire.failure(FailureClass::Permanent, Accepted::Unknown, "foreign_task"))
    }
}

impl Wire {
    /// For calls that hand in work.
    pub fn submits(&self) -> Told {
        Told { kind: self.kind, submits: true }
    }

    /// For all others.
    pub fn asks(&self) -> Told {
        Told { kind: self.kind, submits: false }
    }

    /// A handle for what was just handed in.
    pub fn handle(&self, order: &Fitted, attempt: &Attempt, id: &str) -> Result<TaskHandle, ProviderError> {
        if !reading::is_id(id) {
            return Err(self.garbage("bad_id"));
        }
        Ok(TaskHandle {
            provider: self.id.clone(),
            kind: self.kind,
            key: attempt.key.clone(),
            model: order.order.model.clone(),
            pictures: order.order.num_images,
            id: id.to_owned(),
            poll_url: None,
        })
    }
}
