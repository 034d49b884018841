//! The rows and words that callers of the rules see, under one name, so that they need not know the database to speak of them.

pub use easel_store::{
    Credits, Timestamp,
    api_keys::ApiKey,
    images::Image,
    jobs::{Job, JobState},
    leases::{Beat, Lease},
    ledger::{Balance, GrantRow, Page, Transfer},
    sessions::Session,
    uploads::Upload,
    usage::Usage,
    users::{Role, User},
};
