//! Taking money: who does it, and what is shared with them.

use zeroize::Zeroizing;

use super::{ConfigError, Setting, Values};

/// Who takes the money.
pub const PROVIDER: Setting = Setting {
    key: "payments.provider",
    flag: "payments",
    env: &["EASEL_PAYMENTS", "PAYMENT_PROVIDER"],
    placeholder: "WHO",
    help: "Who takes the money for packs and plans (docs/payments.md). Unset: nothing is sold",
    choices: Some(|| vec!["manual", "external", "stripe"]),
    ..Setting::BASE
};

/// Stripe's secret key.
pub const STRIPE_KEY: Setting = Setting {
    key: "payments.stripe_key",
    flag: "stripe-key",
    env: &["EASEL_STRIPE_KEY", "STRIPE_SECRET_KEY"],
    placeholder: "KEY",
    help: "Stripe's secret key, sk_…",
    secret: true,
    ..Setting::BASE
};

/// What messages of a payment service are signed with.
pub const WEBHOOK_SECRET: Setting = Setting {
    key: "payments.webhook_secret",
    flag: "payments-secret",
    env: &["EASEL_PAYMENTS_SECRET", "STRIPE_WEBHOOK_SECRET"],
    placeholder: "SECRET",
    help: "What the payment service signs its webhooks with, whsec_…",
    secret: true,
    ..Setting::BASE
};

/// The page of a service of the operator's.
pub const CHECKOUT_URL: Setting = Setting {
    key: "payments.checkout_url",
    flag: "checkout-url",
    env: &["EASEL_CHECKOUT_URL"],
    placeholder: "URL",
    help: "The page where people pay, for `payments.provider = external`",
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[&PROVIDER, &STRIPE_KEY, &WEBHOOK_SECRET, &CHECKOUT_URL];

/// Who takes the money, and what that needs.
pub enum Payments {
    /// Nobody: nothing is sold.
    Off,
    /// An operator, by hand.
    Manual,
    /// A service of the operator's.
    External {
        /// Its page.
        checkout_url: String,
        /// What it signs with.
        secret: Zeroizing<String>,
    },
    /// Stripe.
    Stripe {
        /// The secret key.
        key: Zeroizing<String>,
        /// What its webhooks are signed with.
        webhook_secret: Zeroizing<String>,
    },
}

impl Payments {
    /// Reads the section. A key of Stripe's alone chooses Stripe.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let provider: Option<String> = values.get(&PROVIDER)?;
        let key: Option<String> = values.get(&STRIPE_KEY)?;
        let secret: Option<String> = values.get(&WEBHOOK_SECRET)?;
        let needed = |value: Option<String>, what: &str, provider: &str| {
            value.ok_or_else(|| ConfigError::new(format!("`payments.provider = {provider}` needs `{what}`")))
        };
        let chosen = provider.or_else(|| key.as_ref().map(|_| "stripe".to_owned()));
        Ok(match chosen.as_deref() {
            None => Self::Off,
            Some("manual") => Self::Manual,
            Some(name @ "external") => Self::External {
                checkout_url: needed(values.get(&CHECKOUT_URL)?, CHECKOUT_URL.key, name)?,
                secret: needed(secret, WEBHOOK_SECRET.key, name)?.into(),
            },
            Some(name @ "stripe") => Self::Stripe {
                key: needed(key, STRIPE_KEY.key, name)?.into(),
                webhook_secret: needed(secret, WEBHOOK_SECRET.key, name)?.into(),
            },
            Some(other) => {
                return Err(ConfigError::new(format!("`payments.provider` is `{other}`; it takes manual, external or stripe")));
            }
        })
    }
}

impl std::fmt::Debug for Payments {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Manual => "Manual",
            Self::External { .. } => "External",
            Self::Stripe { .. } => "Stripe",
        })
    }
}
