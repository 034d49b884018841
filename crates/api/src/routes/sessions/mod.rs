//! `/api/v1/users/me/sessions`: where somebody is logged in.

pub(crate) mod end;
pub(crate) mod list;
