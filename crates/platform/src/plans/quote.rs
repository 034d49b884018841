//! What pictures cost: one formula, for what is shown before and for what is charged.

use easel_store::Credits;
use easel_types::Quality;
use serde::Serialize;

use super::Catalogue;
use crate::run_time::Key;

/// What a job costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Quote {
    /// One picture.
    pub unit_price: Credits,
    /// All of them: what is set aside.
    pub total: Credits,
}

impl Catalogue {
    /// What pictures cost: the model's price times the quality's factor, rounded up to a millionth of a credit, times their number. `None` if
    /// that is more than there is, or there are none.
    pub fn quote(&self, model: &str, quality: Quality, images: i64) -> Option<Quote> {
        let default = || self.run_time.get(Key::TaskCostCredits).and_then(Credits::whole).unwrap_or(self.default_price);
        let price = self.models.get(model).copied().unwrap_or_else(default);
        let (_, factor) = self.quality.iter().find(|(of, _)| *of == quality)?;
        let product = i128::from(price.0) * i128::from(factor.0);
        let unit_price = Credits(i64::try_from((product + i128::from(Credits::UNIT - 1)) / i128::from(Credits::UNIT)).ok()?);
        let total = unit_price.times(images).filter(|_| images > 0)?;
        Some(Quote { unit_price, total })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plans::EMBEDDED;

    #[test]
    fn one_formula_and_rounding_up() {
        let text = EMBEDDED
            .replace("# \"org/model\" = \"2.5\"", "\"a\" = \"2.5\"\n\"b\" = \"0.000001\"")
            .replace("\"2k\" = \"2\"", "\"2k\" = \"1.5\"");
        let catalogue = Catalogue::parse(&text).unwrap();
        let quote =
            |model, quality, images| catalogue.quote(model, quality, images).map(|quote| (quote.unit_price.0, quote.total.0));
        assert_eq!(quote("a", Quality::TwoK, 3), Some((3_750_000, 11_250_000)));
        assert_eq!(quote("b", Quality::TwoK, 2), Some((2, 4)), "one and a half millionths are two");
        assert_eq!(quote("unknown", Quality::FourK, 2), Some((4_000_000, 8_000_000)));
        assert_eq!(quote("a", Quality::Normal, i64::MAX), None);
        assert_eq!(quote("a", Quality::Normal, 0), None);
    }

    /// Over prices, factors and numbers of every kind: nothing is lost, nothing is charged twice, and no millionth more than the next.
    #[test]
    fn a_price_is_the_product_rounded_up() {
        let amounts =
            [0, 1, 2, 3, 499_999, 500_000, 999_999, 1_000_000, 1_000_001, 2_500_000, 7_777_777, 12_000_000, 1_000_000_000_007];
        let mut catalogue = Catalogue::embedded();
        let mut tried = 0;
        for price in amounts {
            catalogue.models.insert("a".to_owned(), Credits(price));
            let mut before = Credits::ZERO;
            for factor in amounts {
                for (_, known) in &mut catalogue.quality {
                    *known = Credits(factor);
                }
                let exact = i128::from(price) * i128::from(factor);
                for images in [1, 2, 7, 10_000] {
                    let Some(Quote { unit_price, total }) = catalogue.quote("a", Quality::TwoK, images) else {
                        assert!(
                            exact / 1_000_000 * i128::from(images) > i128::from(i64::MAX) - 1_000_000,
                            "{price} {factor} {images}"
                        );
                        continue;
                    };
                    let over = i128::from(unit_price.0) * 1_000_000 - exact;
                    assert!((0..1_000_000).contains(&over), "{price} times {factor} is {unit_price}");
                    assert_eq!(i128::from(total.0), i128::from(unit_price.0) * i128::from(images));
                    assert!(unit_price >= before, "more of a factor costs no less");
                    before = unit_price;
                    tried += 1;
                }
            }
        }
        assert!(tried > 600, "{tried}");
    }
}
