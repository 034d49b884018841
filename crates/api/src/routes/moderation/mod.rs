//! Reports, decisions and objections.

pub(crate) mod appeal;
pub(crate) mod close;
pub(crate) mod decide;
pub(crate) mod findings;
pub(crate) mod get;
pub(crate) mod open;
pub(crate) mod own;
pub(crate) mod queue;
pub(crate) mod thumbnail;
