//! What people are to one another.

pub(crate) mod feed;
pub(crate) mod follow;
pub(crate) mod followers;
pub(crate) mod following;
pub(crate) mod likes;
pub(crate) mod profile;
pub(crate) mod report;
pub(crate) mod set_bio;
pub(crate) mod storage;
pub(crate) mod unfollow;
