//! What comes in.

use std::time::Duration;

use super::Group;

/// A request as the scheduler sees it.
#[derive(Debug, Clone)]
pub struct Submission {
    /// Model and shape.
    pub group: Group,
    /// Pictures.
    pub pictures: u32,
    /// Denoiser rows of one evaluation.
    pub branches: u32,
    /// Evaluations of the denoiser for one picture.
    pub evaluations: u32,
    /// Evaluations that take one row all the same, `true` at their places; those beyond the end do not.
    pub single: Vec<bool>,
    /// Whose it is; requests of nobody are not held to a share.
    pub user: Option<u64>,
    /// The plan's priority, higher first.
    pub priority: i32,
    /// When it is to be given up, counted from submission.
    pub time_limit: Option<Duration>,
    /// A preview after every so many evaluations; 0 for none.
    pub preview_every: u32,
    /// Requests with the same number are equal in everything that other servers need to be equal to share a batch.
    pub alike: u64,
}
