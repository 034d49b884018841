//! Ways into one's account that are somebody else's.

pub(crate) mod list;
pub(crate) mod unlink;
