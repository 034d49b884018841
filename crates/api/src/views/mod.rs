//! How rows of the platform are shown: one file for each thing, and the words they share.

mod session;
mod time;
mod user;

pub(crate) use session::SessionRow;
pub(crate) use time::shown_time;
pub(crate) use user::UserView;
