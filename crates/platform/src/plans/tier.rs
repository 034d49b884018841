//! Which models a plan opens: each belongs to a tier, and a plan opens its own and those below.

use serde::{Deserialize, Serialize};

/// From what everybody may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelTier {
    /// What no other tier claims.
    Basic,
    /// Better ones.
    Advanced,
    /// Every model there is.
    All,
}

impl ModelTier {
    /// As written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Advanced => "advanced",
            Self::All => "all",
        }
    }
}

/// The tiers of models, by their names or by how those begin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tiers(Vec<(String, ModelTier)>);

impl Tiers {
    /// As the file has them. `Err` is the name that cannot be one.
    pub(super) fn new(named: impl IntoIterator<Item = (String, ModelTier)>) -> Result<Self, String> {
        let tiers: Vec<_> = named.into_iter().collect();
        let ending = |name: &str| name.strip_suffix('*').unwrap_or(name).to_owned();
        match tiers.iter().find(|(name, _)| name.is_empty() || ending(name).contains('*')) {
            Some((name, _)) => Err(name.clone()),
            None => Ok(Self(tiers)),
        }
    }

    /// A model's: of its name if it is there, else of the longest beginning.
    pub(super) fn of(&self, model: &str) -> ModelTier {
        let fits = |name: &str| match name.strip_suffix('*') {
            Some(beginning) => model.starts_with(beginning).then_some((false, beginning.len())),
            None => (name == model).then_some((true, name.len())),
        };
        let best = self.0.iter().filter_map(|(name, tier)| Some((fits(name)?, *tier))).max_by_key(|(fit, _)| *fit);
        best.map_or(ModelTier::Basic, |(_, tier)| tier)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_goes_before_a_beginning_and_a_longer_one_before_a_shorter() {
        let named = [("*", ModelTier::All), ("org/*", ModelTier::Advanced), ("org/small", ModelTier::Basic)];
        let tiers = Tiers::new(named.map(|(name, tier)| (name.to_owned(), tier))).unwrap();
        let of = |model| tiers.of(model).name();
        assert_eq!([of("org/small"), of("org/smaller"), of("other"), of("org")], ["basic", "advanced", "all", "all"]);
        assert_eq!(Tiers::default().of("anything"), ModelTier::Basic);
        for bad in ["", "a*b", "**"] {
            assert_eq!(Tiers::new([(bad.to_owned(), ModelTier::All)]), Err(bad.to_owned()));
        }
    }
}
