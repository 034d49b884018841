//! `/api/v1/legal` and `/api/v1/users/me/consents`: the operator's papers, and who has agreed to them.

pub(crate) mod give;
pub(crate) mod list;
pub(crate) mod papers;
