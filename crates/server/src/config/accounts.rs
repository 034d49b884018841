//! Who gets in, what they get, and how they are written to.

use std::path::PathBuf;

use easel_platform::{
    credits::Rollover,
    plans::{Catalogue, Overrides},
};
use easel_types::Quality;

use super::{ConfigError, Fallback, Setting, Values, outside};

/// Whether everybody needs an account.
pub const AUTH: Setting = Setting {
    key: "auth",
    flag: "auth",
    env: &["EASEL_AUTH"],
    placeholder: "WHEN",
    help: "auto: on a loopback address and without an administrator, this machine needs no account; required: everybody does",
    default: Fallback::Fixed("auto"),
    choices: Some(|| vec!["auto", "required"]),
    ..Setting::BASE
};

/// Whether credits are charged.
pub const CREDITS: Setting = Setting {
    key: "credits",
    flag: "credits",
    env: &["EASEL_CREDITS", "CREDITS_ENABLED"],
    placeholder: "BOOL",
    help: "Charge credits; false only counts what is used",
    default: Fallback::Fixed("true"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// Plans and prices that come with the program.
pub const CATALOGUE: Setting = Setting {
    key: "plans",
    flag: "plans",
    env: &["EASEL_PLANS", "PLAN_CATALOGUE"],
    placeholder: "NAME",
    help: "Plans and prices: saas (free, basic, pro, enterprise), daily (credits each day) or studio (FLUX.1, tiers of models)",
    default: Fallback::Fixed("saas"),
    choices: Some(|| Catalogue::shipped().collect()),
    ..Setting::BASE
};

/// What registering gives.
pub const SIGNUP_CREDITS: Setting = Setting {
    key: "signup_credits",
    flag: "signup-credits",
    env: &["EASEL_SIGNUP_CREDITS", "NEW_USER_CREDITS"],
    placeholder: "N",
    help: "Whole credits for who registers. Unset: what their plan gives",
    ..Setting::BASE
};

/// What a picture costs.
pub const COST: Setting = Setting {
    key: "credit_cost",
    flag: "credit-cost",
    env: &["EASEL_CREDIT_COST", "TASK_COST_CREDITS"],
    placeholder: "CREDITS",
    help: "What one picture costs of a model that names no price. Unset: what the plans say (1)",
    ..Setting::BASE
};

/// What that is multiplied with.
pub const COST_NORMAL: Setting = Setting {
    key: "credit_cost_normal",
    flag: "credit-cost-normal",
    env: &["EASEL_CREDIT_COST_NORMAL", "CREDIT_COST_NORMAL"],
    placeholder: "FACTOR",
    help: "What a model's price is multiplied with for a picture as it is drawn. Unset: what the plans say (1)",
    ..Setting::BASE
};

/// What that is multiplied with at 2K.
pub const COST_2K: Setting = Setting {
    key: "credit_cost_2k",
    flag: "credit-cost-2k",
    env: &["EASEL_CREDIT_COST_2K", "CREDIT_COST_2K"],
    placeholder: "FACTOR",
    help: "The same for 2K. Unset: what the plans say (2)",
    ..Setting::BASE
};

/// What that is multiplied with at 4K.
pub const COST_4K: Setting = Setting {
    key: "credit_cost_4k",
    flag: "credit-cost-4k",
    env: &["EASEL_CREDIT_COST_4K", "CREDIT_COST_4K"],
    placeholder: "FACTOR",
    help: "The same for 4K. Unset: what the plans say (4)",
    ..Setting::BASE
};

/// What the plan `free` gives each day.
pub const DAILY_FREE: Setting = Setting {
    key: "daily_credits.free",
    flag: "daily-credits-free",
    env: &["EASEL_DAILY_CREDITS_FREE", "FREE_CREDITS_PER_DAY"],
    placeholder: "N",
    help: "Whole credits a day of the plan free, where it gives some each day (plans = daily). Unset: what the plans say (10)",
    ..Setting::BASE
};

/// What the plan `pro` gives each day.
pub const DAILY_PRO: Setting = Setting {
    key: "daily_credits.pro",
    flag: "daily-credits-pro",
    env: &["EASEL_DAILY_CREDITS_PRO", "PRO_CREDITS_PER_DAY"],
    placeholder: "N",
    help: "The same of the plan pro. Unset: what the plans say (100)",
    ..Setting::BASE
};

/// What the plan `enterprise` gives each day.
pub const DAILY_ENTERPRISE: Setting = Setting {
    key: "daily_credits.enterprise",
    flag: "daily-credits-enterprise",
    env: &["EASEL_DAILY_CREDITS_ENTERPRISE", "ENTERPRISE_CREDITS_PER_DAY"],
    placeholder: "N",
    help: "The same of the plan enterprise. Unset: what the plans say (1000)",
    ..Setting::BASE
};

/// Whether unused credits are kept.
pub const ROLLOVER: Setting = Setting {
    key: "credit_rollover",
    flag: "credit-rollover",
    env: &["EASEL_CREDIT_ROLLOVER", "CREDIT_ROLLOVER"],
    placeholder: "BOOL",
    help: "Carry what is left of a month's credits of a plan into the next month",
    default: Fallback::Fixed("false"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// How many of them.
pub const ROLLOVER_MAX: Setting = Setting {
    key: "credit_rollover_max",
    flag: "credit-rollover-max",
    env: &["EASEL_CREDIT_ROLLOVER_MAX", "CREDIT_ROLLOVER_MAX"],
    placeholder: "N",
    help: "Whole credits carried over at most. Unset: as many as the plan gives in a month",
    ..Setting::BASE
};

/// Plans and prices of the operator's own.
pub const PLANS: Setting = Setting {
    key: "plans_file",
    flag: "plans-file",
    env: &["EASEL_PLANS_FILE"],
    placeholder: "FILE",
    help: "Plans and prices of your own (TOML, as crates/platform/src/plans.toml), in place of `plans`",
    ..Setting::BASE
};

/// The mail server.
pub const SMTP: Setting = Setting {
    key: "mail.smtp_url",
    flag: "smtp-url",
    env: &["EASEL_SMTP_URL"],
    placeholder: "URL",
    help: "Mail server, such as smtps://user:password@host:465. Unset: mail becomes files in the data folder's `outbox`",
    secret: true,
    ..Setting::BASE
};

/// Who mail comes from.
pub const MAIL_FROM: Setting = Setting {
    key: "mail.from",
    flag: "mail-from",
    env: &["EASEL_MAIL_FROM", "FROM_EMAIL"],
    placeholder: "ADDRESS",
    help: "Who mail comes from",
    default: Fallback::Fixed("Easel <easel@localhost>"),
    ..Setting::BASE
};

/// Whether an address must be proved before its owner logs in.
pub const VERIFICATION: Setting = Setting {
    key: "verification_required",
    flag: "verification-required",
    env: &["EASEL_VERIFICATION_REQUIRED"],
    placeholder: "BOOL",
    help: "People must prove their address before they log in",
    default: Fallback::Fixed("false"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// Whether passwords let anybody in.
pub const PASSWORDS: Setting = Setting {
    key: "password_login",
    flag: "password-login",
    env: &["EASEL_PASSWORD_LOGIN", "PASSWORD_LOGIN"],
    placeholder: "BOOL",
    help: "People log in and register with passwords; false leaves the identity providers of `oidc_file` alone",
    default: Fallback::Fixed("true"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// Whether anybody may make an account.
pub const REGISTRATION: Setting = Setting {
    key: "registration",
    flag: "registration",
    env: &["EASEL_REGISTRATION"],
    placeholder: "BOOL",
    help: "Anybody may make an account",
    default: Fallback::Fixed("true"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// Whether people are divided.
pub const MULTI_TENANT: Setting = Setting {
    key: "multi_tenant",
    flag: "multi-tenant",
    env: &["EASEL_MULTI_TENANT", "MULTI_TENANT"],
    placeholder: "BOOL",
    help: "People see the pictures and pages of their own organisation alone; a superuser makes organisations and moves people",
    default: Fallback::Fixed("false"),
    choices: Some(|| vec!["true", "false"]),
    ..Setting::BASE
};

/// The settings of this section.
pub const SETTINGS: &[&Setting] = &[
    &AUTH,
    &REGISTRATION,
    &PASSWORDS,
    &CREDITS,
    &CATALOGUE,
    &PLANS,
    &SIGNUP_CREDITS,
    &COST,
    &COST_NORMAL,
    &COST_2K,
    &COST_4K,
    &DAILY_FREE,
    &DAILY_PRO,
    &DAILY_ENTERPRISE,
    &ROLLOVER,
    &ROLLOVER_MAX,
    &SMTP,
    &MAIL_FROM,
    &VERIFICATION,
    &MULTI_TENANT,
];

/// Who gets in, what they get, and how they are written to.
pub struct Accounts {
    /// Everybody needs an account.
    pub required: bool,
    /// Anybody may make an account.
    pub registration: bool,
    /// Passwords let people in.
    pub password_login: bool,
    /// Credits are charged.
    pub charging: bool,
    /// Which plans and prices of those that come with the program.
    pub catalogue: String,
    /// Plans and prices of the operator's own.
    pub plans: Option<PathBuf>,
    /// Whole credits for who registers, whatever the plan gives.
    pub signup_credits: Option<i64>,
    /// Prices and daily credits in the place of the plans'.
    pub prices: Overrides,
    /// What of a month's credits is carried into the next.
    pub rollover: Option<Rollover>,
    /// The mail server's address, which may hold a password.
    pub smtp: Option<String>,
    /// Who mail comes from.
    pub mail_from: String,
    /// An address must be proved before its owner logs in.
    pub verification_required: bool,
    /// People see one another within their organisation, and nobody else.
    pub multi_tenant: bool,
}

impl Accounts {
    /// Reads the section.
    pub fn read(values: &Values) -> Result<Self, ConfigError> {
        let required = match values.require::<String>(&AUTH)?.as_str() {
            "auto" => false,
            "required" => true,
            other => return Err(ConfigError::new(format!("`auth` is `{other}`; it takes auto or required"))),
        };
        Ok(Self {
            required,
            registration: values.switch(&REGISTRATION)?,
            password_login: password_login(values)?,
            charging: values.switch(&CREDITS)?,
            catalogue: values.require(&CATALOGUE)?,
            signup_credits: values.get(&SIGNUP_CREDITS)?,
            prices: prices(values)?,
            rollover: values.switch(&ROLLOVER)?.then_some(Rollover { max: values.get(&ROLLOVER_MAX)? }),
            plans: values.get::<String>(&PLANS)?.map(PathBuf::from),
            smtp: values.get(&SMTP)?,
            mail_from: values.require(&MAIL_FROM)?,
            verification_required: values.switch(&VERIFICATION)?,
            multi_tenant: values.switch(&MULTI_TENANT)?,
        })
    }
}

fn prices(values: &Values) -> Result<Overrides, ConfigError> {
    let mut set = Overrides { default_price: values.get(&COST)?, ..Overrides::default() };
    for (quality, setting) in [(Quality::Normal, &COST_NORMAL), (Quality::TwoK, &COST_2K), (Quality::FourK, &COST_4K)] {
        set.quality.extend(values.get::<String>(setting)?.map(|text| (quality, text)));
    }
    for (plan, setting) in [("free", &DAILY_FREE), ("pro", &DAILY_PRO), ("enterprise", &DAILY_ENTERPRISE)] {
        set.daily_credits.extend(values.get::<i64>(setting)?.map(|credits| (plan.to_owned(), credits)));
    }
    Ok(set)
}

/// Nobody is locked out by it.
fn password_login(values: &Values) -> Result<bool, ConfigError> {
    let on = values.switch(&PASSWORDS)?;
    if !on && values.get::<String>(&outside::PROVIDERS)?.is_none() {
        let message = format!("`{}` is false and `{}` is not set: nobody could log in", PASSWORDS.key, outside::PROVIDERS.key);
        return Err(ConfigError::new(message));
    }
    Ok(on)
}

impl std::fmt::Debug for Accounts {
    /// Without what may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("required", &self.required).field("charging", &self.charging).finish_non_exhaustive()
    }
}
