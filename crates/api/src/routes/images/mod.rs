//! `/api/v1/images`: pictures, one's own and everybody's.

pub(crate) mod bulk;
pub(crate) mod change;
pub(crate) mod get;
pub(crate) mod like;
pub(crate) mod list;
pub(crate) mod list_public;
pub(crate) mod list_trash;
pub(crate) mod publish;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod template;
pub(crate) mod trash;
pub(crate) mod unlike;
pub(crate) mod view;
pub(crate) mod withdraw;
