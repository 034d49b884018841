//! Failures on purpose: a test says which call of the database fails, before it is done or after, so that every one of them can fail once.
//!
//! A server has none; a call then costs one look at an empty option.

use std::{fmt, sync::Arc};

use crate::StoreError;

/// Where a call may fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Point {
    /// Nothing has been done.
    BeforeQuery,
    /// It has been done, and nobody hears of it.
    AfterQuery,
    /// The transaction is not going to be committed.
    BeforeCommit,
    /// It has been, and nobody hears of it.
    AfterCommit,
}

/// Says what fails.
pub trait Faults: Send + Sync {
    /// Whether the call fails here; called for every call of every transaction, in order.
    fn fails(&self, point: Point) -> bool;
}

/// What fails, if anything does.
#[derive(Clone, Default)]
pub(crate) struct Planned(pub(crate) Option<Arc<dyn Faults>>);

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Planned" } else { "None" })
    }
}

impl Planned {
    /// As a connection that breaks.
    pub(crate) fn at(&self, point: Point) -> Result<(), StoreError> {
        match &self.0 {
            Some(faults) if faults.fails(point) => Err(StoreError::Unavailable(sqlx::Error::WorkerCrashed)),
            _ => Ok(()),
        }
    }
}
