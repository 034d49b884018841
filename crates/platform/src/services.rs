//! Every service over one context: what the server makes once and hands to whoever speaks for people.

use easel_blobs::Blobs;

use crate::{
    Context, PlatformError,
    accounts::{self, Accounts},
    credits::CreditDesk,
    events::Events,
    jobs::{self, Jobs},
    plans::Catalogue,
    privacy::Privacy,
};

/// The services' settings.
#[derive(Debug, Clone, Default)]
pub struct PlatformSettings {
    /// Of accounts.
    pub accounts: accounts::Settings,
    /// Of jobs.
    pub jobs: jobs::Settings,
}

/// The services.
#[derive(Debug)]
pub struct Platform {
    /// What they stand on.
    pub context: Context,
    /// Plans and prices.
    pub catalogue: Catalogue,
    /// Who somebody is.
    pub accounts: Accounts,
    /// What they have.
    pub desk: CreditDesk,
    /// What they asked for.
    pub jobs: Jobs,
    /// What others hear of it.
    pub events: Events,
    /// What is forgotten.
    pub privacy: Privacy,
    /// Pictures' bytes.
    pub blobs: Blobs,
}

impl Platform {
    /// All of them.
    pub fn new(context: Context, catalogue: Catalogue, blobs: Blobs, settings: PlatformSettings) -> Result<Self, PlatformError> {
        let jobs = Jobs::new(context.clone(), catalogue.clone(), settings.jobs);
        Ok(Self {
            accounts: Accounts::new(context.clone(), catalogue.clone(), settings.accounts)?,
            desk: CreditDesk::new(context.clone(), catalogue.clone()),
            events: Events::new(context.clone()),
            privacy: Privacy::new(context.clone(), jobs.clone(), blobs.clone()),
            jobs,
            blobs,
            catalogue,
            context,
        })
    }
}
