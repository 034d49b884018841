//! Taking money: who does it, and what is shared with them.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{ConfigError, Setting, Values, setting::Switch};

/// Whether anything is sold.
pub const ENABLED: Setting = Setting {
    key: "payments.enabled",
    flag: "billing",
    env: &["EASEL_BILLING", "BILLING_ENABLED"],
    placeholder: "BOOL",
    help: "Sell packs and plans; false sells nothing whatever keys there are. Unset: where a provider or a key says who takes the money",
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// Who takes the money.
pub const PROVIDER: Setting = Setting {
    key: "payments.provider",
    flag: "payments",
    env: &["EASEL_PAYMENTS", "PAYMENT_PROVIDER"],
    placeholder: "WHO",
    help: "Who takes the money for packs and plans (docs/payments.md). Unset: nothing is sold",
    choices: Some(|| vec!["manual", "external", "stripe", "creem"]),
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

/// Creem's key.
pub const CREEM_KEY: Setting = Setting {
    key: "payments.creem_key",
    flag: "creem-key",
    env: &["EASEL_CREEM_KEY", "CREEM_API_KEY"],
    placeholder: "KEY",
    help: "Creem's API key, creem_…; one of its test mode, creem_test_…, takes no money",
    secret: true,
    ..Setting::BASE
};

/// What Creem's messages are signed with.
pub const CREEM_SECRET: Setting = Setting {
    key: "payments.creem_secret",
    flag: "creem-secret",
    env: &["EASEL_CREEM_SECRET", "CREEM_WEBHOOK_SECRET"],
    placeholder: "SECRET",
    help: "What Creem signs its webhooks with",
    secret: true,
    ..Setting::BASE
};

/// Creem's products.
pub const CREEM_PRODUCTS: Setting = Setting {
    key: "payments.creem_products",
    flag: "creem-products",
    env: &["EASEL_CREEM_PRODUCTS", "CREEM_PRODUCTS"],
    placeholder: "LIST",
    help: "Which product at Creem each pack and plan is, such as `credits-500=prod_1,basic:month=prod_2,basic:year=prod_3`",
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
pub const SETTINGS: &[&Setting] =
    &[&ENABLED, &PROVIDER, &STRIPE_KEY, &WEBHOOK_SECRET, &CREEM_KEY, &CREEM_SECRET, &CREEM_PRODUCTS, &CHECKOUT_URL];

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
    /// Creem.
    Creem {
        /// The API key.
        key: Zeroizing<String>,
        /// What its webhooks are signed with.
        webhook_secret: Zeroizing<String>,
        /// Its products, by what they are here.
        products: BTreeMap<String, String>,
    },
}

impl Payments {
    /// Reads the section. A key alone chooses whose it is; Stripe, of two.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let enabled = values.get::<Switch>(&ENABLED)?.map(|switch| switch.0);
        if enabled == Some(false) {
            return Ok(Self::Off);
        }
        let provider: Option<String> = values.get(&PROVIDER)?;
        let key: Option<String> = values.get(&STRIPE_KEY)?;
        let secret: Option<String> = values.get(&WEBHOOK_SECRET)?;
        let creem: Option<String> = values.get(&CREEM_KEY)?;
        let needed = |value: Option<String>, what: &str, provider: &str| {
            value.ok_or_else(|| ConfigError::new(format!("`payments.provider = {provider}` needs `{what}`")))
        };
        let named = |key: &Option<String>, name: &str| key.as_ref().map(|_| name.to_owned());
        let chosen = provider.or_else(|| named(&key, "stripe")).or_else(|| named(&creem, "creem"));
        Ok(match chosen.as_deref() {
            None if enabled == Some(true) => {
                return Err(ConfigError::new(format!("`{}` needs `{}`", ENABLED.key, PROVIDER.key)));
            }
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
            Some(name @ "creem") => Self::Creem {
                key: needed(creem, CREEM_KEY.key, name)?.into(),
                webhook_secret: needed(values.get(&CREEM_SECRET)?, CREEM_SECRET.key, name)?.into(),
                products: products(&needed(values.get(&CREEM_PRODUCTS)?, CREEM_PRODUCTS.key, name)?)?,
            },
            Some(other) => {
                let known = "it takes manual, external, stripe or creem";
                return Err(ConfigError::new(format!("`payments.provider` is `{other}`; {known}")));
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
            Self::Creem { .. } => "Creem",
        })
    }
}

/// What stands on either side of each `=`.
fn products(listed: &str) -> Result<BTreeMap<String, String>, ConfigError> {
    let pair = |one: &str| {
        let (name, product) = one.split_once('=')?;
        let (name, product) = (name.trim(), product.trim());
        (!name.is_empty() && !product.is_empty()).then(|| (name.to_owned(), product.to_owned()))
    };
    let bad = |one: &str| ConfigError::new(format!("`{}` has `{one}`, which is no `name=product`", CREEM_PRODUCTS.key));
    let listed = listed.split(',').map(str::trim).filter(|one| !one.is_empty());
    listed.map(|one| pair(one).ok_or_else(|| bad(one))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(given: &[(&Setting, &str)]) -> Result<Payments, ConfigError> {
        let flags = given.iter().map(|(setting, text)| (setting.key, (*text).to_owned())).collect();
        Payments::read(&Values::collect(flags, None, &BTreeMap::new())?)
    }

    #[test]
    fn who_takes_the_money_is_said_or_follows_from_the_key() {
        assert!(matches!(read(&[]), Ok(Payments::Off)));
        let stripe = [(&STRIPE_KEY, "sk_1"), (&WEBHOOK_SECRET, "whsec_1")];
        let creem =
            [(&CREEM_KEY, "creem_1"), (&CREEM_SECRET, "whsec_2"), (&CREEM_PRODUCTS, "basic:month=prod_1, credits-500 = prod_2,")];
        let both = [&stripe[..], &creem[..]].concat();
        assert!(matches!(read(&both), Ok(Payments::Stripe { .. })));
        let Ok(Payments::Creem { webhook_secret, products, .. }) = read(&creem) else { panic!("a key of Creem's alone") };
        assert_eq!(webhook_secret.as_str(), "whsec_2");
        let listed: Vec<_> = products.iter().map(|(name, product)| (name.as_str(), product.as_str())).collect();
        assert_eq!(listed, [("basic:month", "prod_1"), ("credits-500", "prod_2")]);
        let said = [&both[..], &[(&PROVIDER, "creem")][..]].concat();
        assert!(matches!(read(&said), Ok(Payments::Creem { .. })));
        assert!(matches!(read(&[&said[..], &[(&ENABLED, "false")][..]].concat()), Ok(Payments::Off)));
        assert!(read(&[(&ENABLED, "true")]).is_err(), "nobody takes the money");
        for missing in 0..creem.len() {
            let mut some = creem.to_vec();
            some.remove(missing);
            some.push((&PROVIDER, "creem"));
            assert!(read(&some).is_err(), "{missing}");
        }
        for bad in ["prod_1", "=prod_1", "basic:month="] {
            assert!(read(&[creem[0], creem[1], (&CREEM_PRODUCTS, bad)]).is_err(), "{bad}");
        }
    }
}
