//! What a plan includes and what pictures cost: one file, ours or the operator's, checked whole when it is read.

mod overrides;
mod pack;
mod quote;
mod tier;

use std::{collections::BTreeMap, str::FromStr};

use easel_store::Credits;
use easel_types::Quality;
use serde::{Deserialize, Serialize};

use crate::{
    PlatformError,
    credits::Rollover,
    run_time::{Key, RunTime},
};
use tier::Tiers;

pub use overrides::Overrides;
pub use pack::{Interval, Pack};
pub use quote::Quote;
pub use tier::ModelTier;

/// The catalogue that is used where nobody says.
const EMBEDDED: &str = include_str!("plans.toml");
/// All that come with the program, by the names they are chosen by.
const SHIPPED: [(&str, &str); 3] =
    [("saas", EMBEDDED), ("daily", include_str!("plans/daily.toml")), ("studio", include_str!("plans/studio.toml"))];
/// What prices are in where nobody says.
const CURRENCY: &str = "usd";

/// The name of the built-in account's plan, which no catalogue has.
pub const LOCAL_PLAN: &str = "local";

/// One plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// How it is stored.
    pub name: String,
    /// How it is shown.
    pub title: String,
    /// Other names it is known by.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// A month's price in the currency's hundredths; `None` is by arrangement, or nothing.
    pub price_cents: Option<i64>,
    /// A year's; ten months' where none is given.
    pub price_cents_year: Option<i64>,
    /// Whole credits on registration, good for ever.
    #[serde(default)]
    pub signup_credits: i64,
    /// Whole credits each day, good until midnight UTC.
    #[serde(default)]
    pub daily_credits: i64,
    /// Whole credits each month, good until it ends.
    #[serde(default)]
    pub monthly_credits: i64,
    /// What is used is counted and not charged.
    #[serde(default)]
    pub unlimited_credits: bool,
    /// Pictures a day (UTC).
    pub images_daily_max: Option<i64>,
    /// Jobs that have not ended.
    pub jobs_open_max: Option<i64>,
    /// Bytes of stored pictures.
    pub storage_bytes_max: Option<i64>,
    /// Higher goes first, 0 to 100.
    #[serde(default)]
    pub priority: i64,
    /// Pictures carry a visible mark.
    #[serde(default)]
    pub watermark: bool,
    /// Which models.
    pub model_tier: ModelTier,
    /// May make and use API keys.
    #[serde(default)]
    pub api_access: bool,
    /// May use pictures commercially.
    #[serde(default)]
    pub commercial_licence: bool,
    /// What help is promised.
    #[serde(default)]
    pub support: String,
    /// Being there is promised.
    #[serde(default)]
    pub sla: bool,
    /// May show the server under a name of their own.
    #[serde(default)]
    pub white_label: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    prices: PriceTexts,
    #[serde(default)]
    tiers: BTreeMap<String, ModelTier>,
    plan: Vec<Plan>,
    #[serde(default)]
    pack: Vec<Pack>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceTexts {
    currency: Option<String>,
    default: String,
    quality: BTreeMap<String, String>,
    #[serde(default)]
    models: BTreeMap<String, String>,
}

impl Plan {
    /// The built-in account's: whoever runs the server may do what it can. No API access, so that nothing of it works from elsewhere.
    fn local() -> Self {
        Self {
            name: LOCAL_PLAN.to_owned(),
            title: "This machine".to_owned(),
            aliases: Vec::new(),
            price_cents: None,
            price_cents_year: None,
            signup_credits: 0,
            daily_credits: 0,
            monthly_credits: 0,
            unlimited_credits: true,
            images_daily_max: None,
            jobs_open_max: None,
            storage_bytes_max: None,
            priority: 0,
            watermark: false,
            model_tier: ModelTier::All,
            api_access: false,
            commercial_licence: true,
            support: String::new(),
            sla: false,
            white_label: false,
        }
    }

    /// What so long costs; `None` is by arrangement, or nothing.
    pub fn price(&self, interval: Interval) -> Option<i64> {
        match interval {
            Interval::Month => self.price_cents,
            Interval::Year => self.price_cents_year.or(self.price_cents?.checked_mul(10)),
        }
    }
}

/// All plans, and the prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    plans: Vec<Plan>,
    local: Plan,
    default_price: Credits,
    quality: Vec<(Quality, Credits)>,
    models: BTreeMap<String, Credits>,
    tiers: Tiers,
    packs: Vec<Pack>,
    currency: String,
    rollover: Option<Rollover>,
    run_time: RunTime,
}

impl Catalogue {
    /// The one that comes with the program.
    pub fn embedded() -> Self {
        Self::parse(EMBEDDED).expect("the embedded catalogue is tested. This is a bug.")
    }

    /// The names of those that come with the program.
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// One of those that come with the program.
    pub fn named(name: &str) -> Option<Self> {
        let (_, text) = SHIPPED.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(text).expect("the embedded catalogues are tested. This is a bug."))
    }

    /// With so many whole credits for who registers, whatever the file says.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] for a number that cannot be.
    pub fn with_signup_credits(mut self, credits: i64) -> Result<Self, PlatformError> {
        if credits < 0 || Credits::whole(credits).is_none() {
            return Err(PlatformError::Settings(format!("{credits} credits cannot be given")));
        }
        for plan in &mut self.plans {
            plan.signup_credits = credits;
        }
        Ok(self)
    }

    /// With unused credits of a month carried into the next, as far as this says.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] for a number that cannot be.
    pub fn with_rollover(mut self, rollover: Rollover) -> Result<Self, PlatformError> {
        if rollover.max.is_some_and(|max| max < 0 || Credits::whole(max).is_none()) {
            return Err(PlatformError::Settings("credits cannot be carried over up to that number".to_owned()));
        }
        self.rollover = Some(rollover);
        Ok(self)
    }

    /// What is carried over, if anything is.
    pub fn rollover(&self) -> Option<Rollover> {
        self.rollover
    }

    /// An operator's own.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PlatformError> {
        let bad = |what: String| PlatformError::Settings(format!("plans: {what}"));
        let file: File = toml::from_str(text).map_err(|error| bad(error.to_string()))?;
        let price = |text: &String| decimal(text).ok_or_else(|| bad(format!("{text} is not a price")));
        let models = file
            .prices
            .models
            .iter()
            .map(|(model, text)| Ok((model.clone(), price(text)?)))
            .collect::<Result<_, PlatformError>>()?;
        let factor = |&quality: &Quality| {
            let text =
                file.prices.quality.get(quality.name()).ok_or_else(|| bad(format!("the quality {quality} has no price")))?;
            Ok((quality, price(text)?))
        };
        let quality = Quality::ALL.iter().map(factor).collect::<Result<_, PlatformError>>()?;
        let mut names: Vec<&String> = file.plan.iter().flat_map(|plan| plan.aliases.iter().chain([&plan.name])).collect();
        let local = Plan::local();
        names.push(&local.name);
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(bad(format!("two plans are called {}", pair[0])));
        }
        for plan in &file.plan {
            let amounts = [
                Some(plan.signup_credits),
                Some(plan.daily_credits),
                Some(plan.monthly_credits),
                plan.price_cents,
                plan.price_cents_year,
            ];
            let limits = [plan.images_daily_max, plan.jobs_open_max, plan.storage_bytes_max];
            let credits = [plan.signup_credits, plan.daily_credits, plan.monthly_credits];
            if amounts.into_iter().chain(limits).flatten().any(|value| value < 0)
                || credits.into_iter().any(|credits| Credits::whole(credits).is_none())
                || !(0..=100).contains(&plan.priority)
            {
                return Err(bad(format!("a number of {} is out of range", plan.name)));
            }
        }
        for pack in &file.pack {
            if pack.credits <= 0 || Credits::whole(pack.credits).is_none() || pack.price_cents.is_some_and(|price| price <= 0) {
                return Err(bad(format!("a number of {} is out of range", pack.name)));
            }
        }
        let mut packs: Vec<&str> = file.pack.iter().map(|pack| pack.name.as_str()).collect();
        packs.sort_unstable();
        if let Some(pair) = packs.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(bad(format!("two packs are called {}", pair[0])));
        }
        let currency = file.prices.currency.clone().unwrap_or_else(|| CURRENCY.to_owned());
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
            return Err(bad(format!("{currency} is no currency: three small letters, such as usd")));
        }
        let tiers = Tiers::new(file.tiers).map_err(|name| bad(format!("{name} names no model, and no beginning of one")))?;
        let (default_price, run_time) = (price(&file.prices.default)?, RunTime::default());
        let catalogue = Self {
            default_price,
            plans: file.plan,
            local,
            quality,
            models,
            tiers,
            packs: file.pack,
            currency,
            rollover: None,
            run_time,
        };
        if catalogue.plans.is_empty() {
            return Err(bad("there must be one; the first is what people begin with".to_owned()));
        }
        Ok(catalogue)
    }

    /// What is changed while the server runs. Clones of a catalogue have one.
    pub fn run_time(&self) -> &RunTime {
        &self.run_time
    }

    /// Whole credits for who registers.
    pub fn signup_credits(&self) -> i64 {
        self.run_time.get(Key::NewUserCredits).unwrap_or(self.first().signup_credits)
    }

    /// Every plan, as the file has them.
    pub fn plans(&self) -> &[Plan] {
        &self.plans
    }

    /// The packs that have a price.
    pub fn packs(&self) -> impl Iterator<Item = (&Pack, i64)> {
        self.packs.iter().filter_map(|pack| Some((pack, pack.price_cents?)))
    }

    /// What prices are in: three small letters.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Which tier a model is of.
    pub fn tier_of(&self, model: &str) -> ModelTier {
        self.tiers.of(model)
    }

    /// Whether a plan opens a model.
    ///
    /// # Errors
    /// [`PlatformError::ModelNotInPlan`].
    pub fn check_model(&self, plan: &Plan, model: &str) -> Result<(), PlatformError> {
        let tier = self.tier_of(model);
        if tier <= plan.model_tier { Ok(()) } else { Err(PlatformError::ModelNotInPlan { tier: tier.name() }) }
    }

    /// What tells whether one plan is dearer than another: what people begin with is nothing, what is by arrangement is more than any other.
    pub fn worth(&self, plan: &Plan) -> i64 {
        if plan.name == self.first().name { 0 } else { plan.price_cents.unwrap_or(i64::MAX) }
    }

    /// What people begin with, and fall back to.
    pub fn first(&self) -> &Plan {
        self.plans.first().expect("a catalogue has a plan. This is a bug.")
    }

    /// A plan by its name or another it is known by.
    pub fn find(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == name || plan.aliases.iter().any(|alias| alias == name))
    }

    /// The plan somebody has: one that has ended, or is no longer offered, is the first.
    pub fn of(&self, user: &easel_store::users::User, now: easel_store::Timestamp) -> &Plan {
        if user.plan == LOCAL_PLAN {
            return &self.local;
        }
        let ended = user.plan_ends_at.is_some_and(|ends| ends <= now);
        self.find(&user.plan).filter(|_| !ended).unwrap_or_else(|| self.first())
    }
}

/// A decimal number of at most six places, not negative.
fn decimal(text: &str) -> Option<Credits> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 6 || text.ends_with('.') {
        return None;
    }
    let micros = i64::from_str(&format!("{fraction:0<6}")).ok()?;
    Credits::whole(whole.parse().ok()?)?.plus(Credits(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_catalogue_is_as_the_plans_page_says() {
        let catalogue = Catalogue::embedded();
        let told: Vec<_> = catalogue
            .plans()
            .iter()
            .map(|plan| {
                (
                    plan.name.as_str(),
                    plan.signup_credits,
                    plan.monthly_credits,
                    plan.images_daily_max,
                    plan.priority,
                    plan.api_access,
                )
            })
            .collect();
        let expected = [
            ("free", 100, 0, Some(10), 0, false),
            ("basic", 0, 300, Some(100), 10, false),
            ("pro", 0, 1000, Some(1000), 20, true),
            ("enterprise", 0, 0, None, 30, true),
        ];
        assert_eq!(told, expected);
        let promised = |plan: &&Plan| plan.sla && plan.white_label && plan.unlimited_credits && plan.price_cents.is_none();
        assert_eq!(catalogue.plans().iter().filter(promised).map(|plan| plan.name.as_str()).collect::<Vec<_>>(), ["enterprise"]);
        assert_eq!(catalogue.find("premium").map(|plan| plan.name.as_str()), Some("pro"));
    }

    #[test]
    fn every_catalogue_that_is_shipped_can_be_read() {
        let firsts: Vec<_> = Catalogue::shipped()
            .filter_map(Catalogue::named)
            .map(|catalogue| {
                let plan = catalogue.first();
                (plan.signup_credits, plan.daily_credits, plan.monthly_credits, catalogue.plans().len())
            })
            .collect();
        assert_eq!(firsts, [(100, 0, 0, 4), (0, 10, 0, 3), (0, 0, 10, 3)]);
        assert_eq!(Catalogue::named("none"), None);
        let gifts = Catalogue::embedded().with_signup_credits(10).unwrap();
        assert_eq!(gifts.first().signup_credits, 10);
        assert!(Catalogue::embedded().with_signup_credits(-1).is_err());
    }

    #[test]
    fn a_plan_opens_its_tier_and_those_below() {
        let catalogue = Catalogue::named("studio").unwrap();
        let opens = |plan: &str, model| catalogue.check_model(catalogue.find(plan).unwrap(), model).is_ok();
        let opened = ["free", "basic", "premium"]
            .map(|plan| ["flux-schnell", "flux-dev-fp8", "flux-pro-1.1"].map(|model| opens(plan, model)));
        assert_eq!(opened, [[true, false, false], [true, true, false], [true, true, true]]);
        assert!(catalogue.check_model(&Plan::local(), "flux-pro-1.1").is_ok());
    }

    #[test]
    fn a_year_is_ten_months_and_a_pack_without_a_price_is_not_offered() {
        let catalogue = Catalogue::embedded();
        assert_eq!(catalogue.find("basic").and_then(|plan| plan.price(Interval::Year)), Some(9990));
        assert_eq!(catalogue.find("enterprise").and_then(|plan| plan.price(Interval::Year)), None);
        assert_eq!((catalogue.packs().count(), catalogue.currency()), (0, "usd"));
        let priced = Catalogue::parse(&EMBEDDED.replace("credits = 500", "credits = 500\nprice_cents = 1999")).unwrap();
        assert_eq!(priced.packs().map(|(pack, price)| (pack.credits, price)).collect::<Vec<_>>(), [(500, 1999)]);
    }

    #[test]
    fn a_catalogue_that_makes_no_sense_is_refused() {
        let broken = [
            ("name = \"basic\"", "name = \"free\"", "two plans are called free"),
            ("name = \"basic\"", "name = \"premium\"", "two plans are called premium"),
            ("name = \"basic\"", "name = \"local\"", "two plans are called local"),
            ("signup_credits = 100", "signup_credits = -1", "out of range"),
            ("signup_credits = 100", "signup_credits = 9223372036854775807", "out of range"),
            ("priority = 10", "priority = 1000", "out of range"),
            ("watermark = true", "watermarks = true", "unknown field"),
            ("\"4k\" = \"4\"", "", "the quality 4k has no price"),
            ("default = \"1\"", "default = \"-1\"", "-1 is not a price"),
            ("model_tier = \"advanced\"", "model_tier = \"gold\"", "unknown variant"),
            ("# \"org/model\" = \"advanced\"", "\"a*b\" = \"advanced\"", "a*b names no model"),
            ("credits = 500", "credits = 0", "out of range"),
            ("name = \"credits-500\"", "name = \"credits-100\"", "two packs are called credits-100"),
            ("currency = \"usd\"", "currency = \"US$\"", "US$ is no currency"),
        ];
        for (from, to, why) in broken {
            assert!(EMBEDDED.contains(from));
            let error = Catalogue::parse(&EMBEDDED.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(why), "{to}: {error}");
        }
    }

    #[test]
    fn prices_are_decimals() {
        assert_eq!(decimal("2.5"), Some(Credits(2_500_000)));
        assert_eq!(decimal("0"), Some(Credits(0)));
        for bad in ["", ".", "1.", ".5", "-1", "1e3", "1.0000001", "١", "99999999999999999999"] {
            assert_eq!(decimal(bad), None, "{bad}");
        }
    }
}
