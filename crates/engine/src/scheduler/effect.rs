//! What comes out: what clients, metrics and logs hear of.

use super::{Failure, Group, Model, RequestKey, Stopped};

/// What somebody should hear of.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Effect {
    /// The device has begun with a request.
    Started(RequestKey),
    /// A picture has done this many evaluations; `left` seconds are expected until the request is finished.
    Evaluated {
        /// The request.
        request: RequestKey,
        /// Which of its pictures.
        picture: u32,
        /// Evaluations done.
        done: u32,
        /// Seconds until the request is finished, as far as one can tell.
        left: f64,
    },
    /// A picture is there.
    Decoded {
        /// The request.
        request: RequestKey,
        /// Which of its pictures.
        picture: u32,
    },
    /// Every picture is there.
    Finished(RequestKey),
    /// It failed.
    Failed(RequestKey, Failure),
    /// It was cancelled.
    Cancelled(RequestKey),
    /// Its device was lost; it waits again.
    Restarted(RequestKey),
    /// A batch was stepped.
    Batch {
        /// The device.
        device: usize,
        /// Model and shape.
        group: Group,
        /// Pictures.
        pictures: u32,
        /// Rows.
        rows: u32,
        /// Seconds it took.
        seconds: f64,
        /// Why it was no larger.
        stopped: Stopped,
    },
    /// A model was brought in.
    Loaded {
        /// The device.
        device: usize,
        /// The model.
        model: Model,
        /// Seconds it took.
        seconds: f64,
    },
    /// A model was put out.
    Evicted {
        /// The device.
        device: usize,
        /// The model.
        model: Model,
    },
    /// A device was lost.
    Lost(usize, String),
}
