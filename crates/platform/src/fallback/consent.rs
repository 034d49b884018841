//! Who lets their prompts leave this host, and to whom. Who has said nothing does not.

use easel_providers::{ProviderId, Tenant};
use easel_store::{audit, provider_consents};

use super::Fallback;
use crate::{PlatformError, accounts::Actor};

/// Providers or regions somebody may name.
const NAMES_MAX: usize = 32;

/// What somebody says of their prompts and pictures.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Consent {
    /// They may leave this host.
    pub allow_external: bool,
    /// To these providers alone; empty is any.
    pub providers: Vec<String>,
    /// To providers of these regions alone; empty is any.
    pub regions: Vec<String>,
}

impl Fallback {
    /// What somebody has said.
    pub async fn consent(&self, user_id: &str) -> Result<Consent, PlatformError> {
        let Some(row) = provider_consents::of_user(&self.context.db, user_id).await? else { return Ok(Consent::default()) };
        let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        Ok(Consent { allow_external: row.allow_external, providers: words(&row.providers), regions: words(&row.regions) })
    }

    /// Notes what somebody says. It counts from the next decision on.
    pub async fn set_consent(&self, actor: &Actor, consent: &Consent) -> Result<(), PlatformError> {
        let moment = self.context.moment();
        let row = provider_consents::Consent {
            allow_external: consent.allow_external,
            providers: joined("providers", &consent.providers)?,
            regions: joined("regions", &consent.regions)?,
            updated_at: moment.now,
        };
        let detail = serde_json::json!({ "allow_external": consent.allow_external }).to_string();
        let mut tx = self.context.db.begin().await?;
        provider_consents::put(&mut tx, actor.id(), &row).await?;
        audit::append(&mut tx, &moment, actor.record("external.consent", Some(("user", actor.id())), &detail)).await?;
        Ok(tx.commit().await?)
    }

    /// As routing takes it. A region or name that nobody has leaves nobody to ask.
    pub(super) async fn tenant(&self, user_id: &str) -> Result<Tenant, PlatformError> {
        let Consent { allow_external, providers, regions } = self.consent(user_id).await?;
        let named = providers.iter().filter_map(|name| name.parse::<ProviderId>().ok()).collect();
        Ok(Tenant { allow_external, providers: named, regions })
    }
}

fn joined(field: &'static str, names: &[String]) -> Result<String, PlatformError> {
    if names.len() > NAMES_MAX || names.iter().any(|name| name.parse::<ProviderId>().is_err()) {
        return Err(PlatformError::Invalid {
            field,
            problem: "must be at most 32 names of letters, digits, dashes and underscores",
        });
    }
    Ok(names.join(" "))
}
