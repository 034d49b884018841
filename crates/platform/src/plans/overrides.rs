//! Prices and daily credits that an operator sets beside a catalogue, without writing one of their own.

use easel_types::Quality;

use super::{Catalogue, decimal};
use crate::PlatformError;

/// What is set; everything else stays as the catalogue has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// Of one picture from a model that names no price of its own, in decimal credits.
    pub default_price: Option<String>,
    /// What a model's price is multiplied with.
    pub quality: Vec<(Quality, String)>,
    /// Whole credits each day of plans that give some each day, by the plan's name.
    pub daily_credits: Vec<(String, i64)>,
}

impl Catalogue {
    /// With what an operator set.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] for a number that cannot be.
    pub fn with_overrides(mut self, set: &Overrides) -> Result<Self, PlatformError> {
        let price =
            |text: &str| decimal(text).ok_or_else(|| PlatformError::Settings(format!("{text} is not a price in credits")));
        if let Some(text) = &set.default_price {
            self.default_price = price(text)?;
        }
        for (quality, text) in &set.quality {
            let factor = price(text)?;
            self.quality.iter_mut().filter(|(of, _)| of == quality).for_each(|(_, known)| *known = factor);
        }
        for (name, credits) in &set.daily_credits {
            if *credits < 0 || easel_store::Credits::whole(*credits).is_none() {
                return Err(PlatformError::Settings(format!("{credits} credits a day cannot be given")));
            }
            if let Some(plan) = self.plans.iter_mut().find(|plan| plan.name == *name && plan.daily_credits > 0) {
                plan.daily_credits = *credits;
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use easel_store::Credits;

    use super::*;

    #[test]
    fn what_is_set_takes_the_catalogues_place_and_nothing_else_does() {
        let set = Overrides {
            default_price: Some("2".to_owned()),
            quality: vec![(Quality::FourK, "5".to_owned())],
            daily_credits: vec![("free".to_owned(), 20)],
        };
        let unit = |catalogue: &Catalogue, model, quality| catalogue.quote(model, quality, 1).expect("a quote").unit_price;
        let saas = Catalogue::embedded().with_overrides(&set).expect("prices");
        let costs = Quality::ALL.iter().map(|&quality| unit(&saas, "a model", quality)).collect::<Vec<_>>();
        assert_eq!(costs, [2, 4, 10].map(|credits| Credits::whole(credits).expect("fits")));
        assert_eq!(unit(&saas, "seedream-4.0", Quality::Normal), Credits::whole(5).expect("fits"), "its own");
        assert_eq!(saas.first().daily_credits, 0, "its plans give nothing each day");
        let daily = Catalogue::named("daily").expect("a catalogue").with_overrides(&set).expect("prices");
        let days: Vec<_> = daily.plans().iter().map(|plan| plan.daily_credits).collect();
        assert_eq!(days, [20, 100, 1000]);
        assert_eq!(Catalogue::embedded().with_overrides(&Overrides::default()).expect("prices"), Catalogue::embedded());
        for bad in [
            Overrides { default_price: Some("-1".to_owned()), ..Overrides::default() },
            Overrides { quality: vec![(Quality::TwoK, "much".to_owned())], ..Overrides::default() },
            Overrides { daily_credits: vec![("free".to_owned(), -1)], ..Overrides::default() },
        ] {
            assert!(matches!(Catalogue::embedded().with_overrides(&bad), Err(PlatformError::Settings(_))), "{bad:?}");
        }
    }

    /// As the price list of external models says, whatever name of theirs a provider knows them by.
    #[test]
    fn models_of_others_cost_what_they_are_listed_at() {
        let listed = [
            ("nano-banana", 2),
            ("gemini-2.5-flash-image", 2),
            ("nano-banana-pro", 4),
            ("gemini-3-pro-image-preview", 4),
            ("flux-kontext-pro", 3),
            ("black-forest-labs/flux-kontext-pro", 3),
            ("seedream-4.0", 5),
            ("sora-image", 6),
            ("flux-kontext-max", 8),
            ("sim", 1),
        ];
        for catalogue in Catalogue::shipped().filter_map(Catalogue::named) {
            for (model, credits) in listed {
                let quote = catalogue.quote(model, Quality::Normal, 1).expect("a quote");
                assert_eq!(quote.unit_price, Credits::whole(credits).expect("fits"), "{model}");
            }
        }
    }
}
