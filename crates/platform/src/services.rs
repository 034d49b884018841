//! Every service over one context: what the server makes once and hands to whoever speaks for people.

use std::fmt;

use easel_blobs::Blobs;
use easel_imaging::{Finisher, Processor};

use crate::{
    Context, PlatformError,
    accounts::{self, Accounts},
    credits::CreditDesk,
    events::Events,
    gallery::{self, Gallery},
    images::{Images, UploadLimits},
    jobs::{self, Jobs},
    moderation::{self, Moderation},
    organizations::Organizations,
    overview::Overview,
    plans::Catalogue,
    privacy::Privacy,
    prompts::{self, Prompts},
    safety::{Filter, Guard, Looks},
    social::{self, Social},
    subscriptions::Subscriptions,
};

/// The services' settings.
#[derive(Clone, Default)]
pub struct PlatformSettings {
    /// Of accounts.
    pub accounts: accounts::Settings,
    /// Of jobs.
    pub jobs: jobs::Settings,
    /// Of pictures that are sent.
    pub uploads: UploadLimits,
    /// Of galleries.
    pub gallery: gallery::Settings,
    /// Of what people do with others' pictures.
    pub social: social::Settings,
    /// Of moderation.
    pub moderation: moderation::Settings,
    /// People see one another within their organisation, and nobody else.
    pub multi_tenant: bool,
    /// What texts are looked through for; `None` is for the lists that come with the program.
    pub filter: Option<Filter>,
    /// Who looks at pictures, if anybody does.
    pub looks: Option<Looks>,
    /// Of what helps to write a prompt.
    pub prompts: prompts::Settings,
    /// What finishes pictures.
    pub processor: Processor,
    /// What the names of pictures' files are made with; the same on every node.
    pub secret: Vec<u8>,
}

impl fmt::Debug for PlatformSettings {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformSettings").field("accounts", &self.accounts).field("jobs", &self.jobs).finish_non_exhaustive()
    }
}

/// The services.
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
    /// What was drawn for them, and what they sent.
    pub images: Images,
    /// What others hear of it.
    pub events: Events,
    /// What is forgotten.
    pub privacy: Privacy,
    /// Their pictures.
    pub gallery: Gallery,
    /// Everybody's pictures.
    pub social: Social,
    /// What is fit to be seen.
    pub moderation: Moderation,
    /// Who belongs together.
    pub organizations: Organizations,
    /// What helps to write a prompt.
    pub prompts: Prompts,
    /// What is paid for.
    pub subscriptions: Subscriptions,
    /// The whole, for administrators.
    pub overview: Overview,
    /// Pictures' bytes.
    pub blobs: Blobs,
    /// What finishes pictures.
    pub finisher: Finisher,
    pub(crate) secret: Vec<u8>,
}

impl fmt::Debug for Platform {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Platform").field("context", &self.context).field("finisher", &self.finisher).finish_non_exhaustive()
    }
}

impl Platform {
    /// All of them.
    pub fn new(context: Context, catalogue: Catalogue, blobs: Blobs, settings: PlatformSettings) -> Result<Self, PlatformError> {
        let guard = Guard::new(context.clone(), settings.filter.unwrap_or_else(Filter::embedded)).with_looks(settings.looks);
        let jobs = Jobs::new(context.clone(), catalogue.clone(), settings.jobs)
            .with_guard(guard.clone())
            .with_legal(settings.accounts.legal.clone());
        let divided = settings.multi_tenant;
        let images = Images::new(context.clone(), catalogue.clone(), blobs.clone(), settings.uploads)
            .with_multi_tenant(divided)
            .with_guard(guard.clone());
        let desk = CreditDesk::new(context.clone(), catalogue.clone());
        Ok(Self {
            accounts: Accounts::new(context.clone(), catalogue.clone(), settings.accounts)?,
            gallery: Gallery::new(context.clone(), catalogue.clone(), guard.clone(), settings.gallery).with_multi_tenant(divided),
            prompts: Prompts::new(context.clone(), guard.clone(), settings.prompts),
            social: Social::new(context.clone(), guard, settings.social).with_multi_tenant(divided),
            moderation: Moderation::new(context.clone(), settings.moderation).with_multi_tenant(divided),
            organizations: Organizations::new(context.clone()),
            subscriptions: Subscriptions::new(context.clone(), catalogue.clone(), desk.clone()),
            overview: Overview::new(context.clone()),
            desk,
            events: Events::new(context.clone()),
            privacy: Privacy::new(context.clone(), jobs.clone(), blobs.clone()),
            finisher: Finisher::new(settings.processor),
            secret: settings.secret,
            jobs,
            images,
            blobs,
            catalogue,
            context,
        })
    }
}
