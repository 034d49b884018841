//! `/api/v1/admin`: for whoever administers the server. Nobody acts on somebody of their own rank or above.

pub(crate) mod change_user;
pub(crate) mod credits;
pub(crate) mod get_user;
pub(crate) mod list_users;
