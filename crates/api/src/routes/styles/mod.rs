//! Styles, for everybody to see.

pub(crate) mod categories;
pub(crate) mod get;
pub(crate) mod list;
