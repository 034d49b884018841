//! What devices are told to do.

use std::time::Duration;

use easel_backend::Slot;

use super::{Model, PartKey};

/// One picture's part in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The picture.
    pub part: PartKey,
    /// Its tensors.
    pub slot: Slot,
    /// Index into its table's rows.
    pub index: u32,
}

/// What a device is to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Free slots; needs no report.
    Release(Vec<Slot>),
    /// Put a model out; needs no report.
    Unload(Model),
    /// Bring a model in.
    Load(Model),
    /// Take a picture in.
    Admit(PartKey),
    /// A slice of the work before the first step.
    Prepare(PartKey, Slot),
    /// One evaluation.
    Step(Vec<Member>),
    /// A preview.
    Preview(PartKey, Slot),
    /// A slice of decoding.
    Decode(PartKey, Slot),
    /// Nothing to do until something is submitted or cancelled, or until this moment.
    Wait(Option<Duration>),
    /// Nothing to do ever again.
    Exit,
}
