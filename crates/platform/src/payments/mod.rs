//! Paying: what people order, where they pay for it, and what they get once the payment is told of.
//!
//! An order is written before anybody is sent to pay, at the price of that moment, and is paid once however often the payment is told: credits and
//! the end of the order are one transaction, and the ledger knows the order by its id. What a payment service says counts only with its signature,
//! on the bytes as they came and, where it bears a time, within five minutes; each event is dealt with before it is noted, so that a program that is killed in between
//! deals with it again, and nothing happens twice.
//!
//! | rule | file |
//! |---|---|
//! | what is ordered, and what is listed of it | `order.rs` |
//! | another plan for who has one | `change.rs` |
//! | what follows from a payment, and from one that is taken back | `settle.rs` |
//! | what payment services say, in one language | `told.rs` |
//! | whether it is they who say it | `signature.rs` |
//! | Stripe's own routes | `stripe.rs` |
//! | Creem's own routes, and what it says | `creem.rs`, `creem_events.rs` |
//! | how either is asked | `service.rs` |
//! | what Stripe has against what we have | `compare.rs` |

mod change;
mod compare;
mod creem;
mod creem_events;
mod order;
mod service;
mod settle;
mod signature;
mod stripe;
mod told;

use std::{fmt, sync::Arc};

use easel_outbound::Client;
use easel_store::{purchases, subscriptions::Subscription};
use zeroize::Zeroizing;

use crate::{Context, PlatformError, accounts::Actor, credits::CreditDesk, plans::Catalogue, subscriptions::Subscriptions};

pub use compare::Differences;
pub use creem::CreemAccount;
pub use order::{Started, Wanted};
pub use settle::Paid;
pub use signature::Signed;
pub use stripe::StripeAccount;
pub use told::Heard;

/// Who takes the money.
#[derive(Clone)]
pub enum Provider {
    /// An operator, who says by hand what was paid.
    Manual,
    /// A service of the operator's: people are sent to its page, and it tells by webhooks as Standard Webhooks has them.
    External {
        /// The page.
        checkout_url: String,
        /// `whsec_…`, which signs both ways.
        secret: Zeroizing<String>,
    },
    /// Stripe.
    Stripe(StripeAccount),
    /// Creem.
    Creem(CreemAccount),
}

impl Provider {
    /// As orders name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::External { .. } => "external",
            Self::Stripe(_) => "stripe",
            Self::Creem(_) => "creem",
        }
    }
}

impl fmt::Debug for Provider {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Provider").field(&self.name()).finish()
    }
}

/// Paying. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Payments {
    context: Context,
    catalogue: Arc<Catalogue>,
    subscriptions: Subscriptions,
    provider: Arc<Provider>,
    client: Client,
    /// Where people reach the server; no slash at the end.
    public_url: String,
}

impl Payments {
    /// Through this provider. Browsers come back to pages below `public_url`.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] for a secret or an address that cannot be one, and for a product of nothing that is sold.
    pub fn new(
        context: Context,
        catalogue: Catalogue,
        provider: Provider,
        client: Client,
        public_url: impl Into<String>,
    ) -> Result<Self, PlatformError> {
        if let Provider::External { checkout_url, secret } = &provider {
            signature::key(secret)?;
            easel_outbound::Url::parse(checkout_url)
                .map_err(|_| PlatformError::Settings("the address of the payment page cannot be used".to_owned()))?;
        }
        if let Provider::Creem(account) = &provider {
            account.check(&catalogue)?;
        }
        let desk = CreditDesk::new(context.clone(), catalogue.clone());
        let subscriptions = Subscriptions::new(context.clone(), catalogue.clone(), desk);
        let (catalogue, provider) = (Arc::new(catalogue), Arc::new(provider));
        Ok(Self { context, catalogue, subscriptions, provider, client, public_url: public_url.into() })
    }

    /// Who takes the money.
    pub fn provider(&self) -> &'static str {
        self.provider.name()
    }
}

impl Payments {
    /// Ends somebody's subscription with what is paid for, or takes that back; whoever renews it is told first.
    pub async fn set_cancelled(&self, actor: &Actor, user_id: &str, cancelled: bool) -> Result<Subscription, PlatformError> {
        let live = self.subscriptions.live_of(user_id).await?.ok_or(PlatformError::NotFound("subscription"))?;
        if let Some(reference) = live.provider_ref.as_deref().filter(|_| live.provider == self.provider()) {
            match &*self.provider {
                Provider::Stripe(account) => {
                    let key = self.context.ids.next(self.context.now());
                    account.set_cancelled(&self.client, reference, cancelled, &key).await?;
                }
                // Asked a second time it refuses.
                Provider::Creem(account) if live.cancel_at_period_end != cancelled => {
                    account.set_cancelled(&self.client, reference, cancelled).await?;
                }
                _ => {}
            }
        }
        self.subscriptions.set_cancelled(actor, user_id, cancelled).await
    }

    /// The page of the payment service where somebody looks after what they pay.
    ///
    /// # Errors
    /// [`PlatformError::NotFound`] if it has none, or does not know them.
    pub async fn portal(&self, user_id: &str) -> Result<String, PlatformError> {
        const NONE: PlatformError = PlatformError::NotFound("payment page");
        if !matches!(&*self.provider, Provider::Stripe(_) | Provider::Creem(_)) {
            return Err(NONE);
        }
        let customer = purchases::customer_of(&self.context.db, user_id, self.provider()).await?.ok_or(NONE)?;
        match &*self.provider {
            Provider::Stripe(account) => {
                let back = format!("{}/pricing", self.public_url);
                let key = self.context.ids.next(self.context.now());
                account.portal(&self.client, &customer, &back, &key).await
            }
            Provider::Creem(account) => account.portal(&self.client, &customer).await,
            Provider::Manual | Provider::External { .. } => Err(NONE),
        }
    }
}
