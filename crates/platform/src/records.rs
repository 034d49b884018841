//! The rows and words that callers of the rules see, under one name, so that they need not know the database to speak of them.

pub use easel_store::{
    Credits, Timestamp,
    albums::{Album, Placed},
    api_keys::ApiKey,
    comments::Comment,
    follows::Followed,
    images::{Image, Stored},
    jobs::{Job, JobState},
    leases::{Beat, Lease},
    ledger::{Balance, GrantRow, Page, Transfer},
    moderation::Case,
    profiles::Profile,
    reports::Report,
    sessions::Session,
    shares::Share,
    strikes::Found,
    subscriptions::Subscription,
    tags::Counted,
    uploads::Upload,
    usage::Usage,
    users::{Role, User},
};
