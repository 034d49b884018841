//! What each provider's models can do and what they cost: a data file (`data/catalogue.toml`), because both change without notice.
//!
//! The operator's own file replaces the entries it names. A model that is in neither is not asked for: what it costs would be unknown.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize, de};
use thiserror::Error;

use crate::{Field, Kind, Micros};

/// The file that comes with the program.
const SHIPPED: &str = include_str!("../data/catalogue.toml");

/// What a model can start from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// A prompt.
    Text,
    /// A picture.
    Image,
    /// A picture of which a part is drawn anew.
    Inpaint,
}

macro_rules! pair {
    ($name:ident, $sign:literal, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub u32, pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{}", $sign, "{}"), self.0, self.1)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                let number = |text: &str| text.parse::<u32>().ok().filter(|number| (1..=16384).contains(number));
                let pair = text.split_once($sign).and_then(|(width, height)| Some(Self(number(width)?, number(height)?)));
                pair.ok_or_else(|| de::Error::custom(concat!("it must be like `3", $sign, "2`")))
            }
        }
    };
}

pair!(Size, "x", "Width and height in pixels: `1024x1536`.");
pair!(Ratio, ":", "Width to height: `2:3`.");

/// Which sizes a model draws.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Sizes {
    /// These.
    List(Vec<Size>),
    /// Shapes, each with about so many pixels.
    Ratios {
        /// The shapes.
        of: Vec<Ratio>,
        /// Width times height.
        pixels: u32,
    },
    /// Any whose sides are multiples of a number and within limits.
    Free {
        /// The sides are multiples of it.
        multiple: u32,
        /// The shortest side.
        min: u32,
        /// The longest side.
        max: u32,
        /// Width times height at most.
        pixels_max: u64,
    },
}

/// What a picture costs, for the first row that fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Of this size alone.
    #[serde(default)]
    pub size: Option<Size>,
    /// Of this quality alone.
    #[serde(default)]
    pub quality: Option<String>,
    /// A picture.
    pub micros: Micros,
    /// Rather than a picture: every megapixel that was begun.
    #[serde(default)]
    pub per_megapixel: bool,
}

/// What a model can do and costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capabilities {
    /// Where it can start from.
    pub tasks: Vec<Ability>,
    /// Pictures of one call.
    #[serde(default = "one")]
    pub pictures_max: u32,
    /// The sizes.
    pub sizes: Sizes,
    /// The provider's own qualities, the default first; none if it knows none.
    #[serde(default)]
    pub qualities: Vec<String>,
    /// The fields it knows.
    #[serde(default)]
    pub accepts: Vec<Field>,
    /// The most steps.
    #[serde(default)]
    pub steps_max: Option<u32>,
    /// The largest seed.
    #[serde(default = "seed_max")]
    pub seed_max: u64,
    /// The longest prompt in characters.
    #[serde(default)]
    pub prompt_max: Option<usize>,
    /// What it costs.
    pub prices: Vec<Price>,
    /// The field that names the picture it starts from, where models differ (Replicate, Together).
    #[serde(default)]
    pub image_field: Option<String>,
    /// Another path for pictures that start from one (fal), or for those with a mask (Black Forest Labs).
    #[serde(default)]
    pub edit_model: Option<String>,
    /// The version's hash, where the provider asks for one (Replicate's community models).
    #[serde(default)]
    pub version: Option<String>,
}

fn one() -> u32 {
    1
}

fn seed_max() -> u64 {
    u64::from(u32::MAX)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    models: Vec<toml::Table>,
}

/// The names of a model are taken out of its table; what is left are its capabilities, and nothing else.
fn entry(mut table: toml::Table) -> Result<(Kind, String, Capabilities), toml::de::Error> {
    let mut take = |name: &str| table.remove(name).ok_or_else(|| de::Error::custom(format!("a model has no {name}")));
    let (provider, name) = (take("provider")?.try_into()?, take("name")?.try_into()?);
    Ok((provider, name, table.try_into()?))
}

/// All models of all providers.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue(BTreeMap<(Kind, String), Capabilities>);

impl Catalogue {
    /// The one that comes with the program.
    pub fn shipped() -> Self {
        Self::parse(SHIPPED).expect("the shipped file is read in a test. This is a bug.")
    }

    /// From the text of a file.
    pub fn parse(text: &str) -> Result<Self, CatalogueError> {
        let syntax = |error: toml::de::Error| CatalogueError::Syntax(error.message().to_owned());
        let file: File = toml::from_str(text).map_err(syntax)?;
        let mut models = BTreeMap::new();
        for table in file.models {
            let (provider, name, capabilities) = entry(table).map_err(syntax)?;
            check(provider, &name, &capabilities)?;
            if models.insert((provider, name.clone()), capabilities).is_some() {
                return Err(CatalogueError::Model { name, problem: "is there twice" });
            }
        }
        Ok(Self(models))
    }

    /// With an operator's entries in place of these.
    #[must_use]
    pub fn with(mut self, own: Self) -> Self {
        self.0.extend(own.0);
        self
    }

    /// One model of one provider.
    pub fn get(&self, kind: Kind, model: &str) -> Option<&Capabilities> {
        self.0.get(&(kind, model.to_owned()))
    }

    /// The models of a provider, by name.
    pub fn models(&self, kind: Kind) -> impl Iterator<Item = (&str, &Capabilities)> {
        self.0.iter().filter(move |((of, _), _)| *of == kind).map(|((_, name), capabilities)| (name.as_str(), capabilities))
    }
}

/// Whether a model makes sense, and names nothing that its service's protocol has no word for.
pub(crate) fn check(kind: Kind, name: &str, model: &Capabilities) -> Result<(), CatalogueError> {
    let found = problem(name, model).or_else(|| unspoken(kind, model));
    found.map_or(Ok(()), |problem| Err(CatalogueError::Model { name: name.to_owned(), problem }))
}

fn unspoken(kind: Kind, model: &Capabilities) -> Option<&'static str> {
    use Ability::{Image, Inpaint, Text};
    use Field::{GuidanceScale, NegativePrompt, NumInferenceSteps, Seed, Strength};
    let (tasks, fields, qualities): (&[Ability], &[Field], bool) = match kind {
        Kind::Openai => (&[Text, Image, Inpaint], &[], true),
        Kind::OpenaiCompatible => (&[Text, Image, Inpaint], &[NegativePrompt, Seed, NumInferenceSteps, GuidanceScale], true),
        Kind::Stability => (&[Text, Image, Inpaint], &[NegativePrompt, Seed, Strength], false),
        Kind::Replicate | Kind::Fal => {
            (&[Text, Image, Inpaint], &[NegativePrompt, Seed, NumInferenceSteps, GuidanceScale, Strength], false)
        }
        Kind::Gemini => (&[Text, Image], &[], true),
        Kind::Imagen => (&[Text], &[], true),
        Kind::Bfl => (&[Text, Image, Inpaint], &[Seed, NumInferenceSteps, GuidanceScale], false),
        Kind::Together => (&[Text, Image], &[NegativePrompt, Seed, NumInferenceSteps, GuidanceScale], false),
    };
    let spoken = model.tasks.iter().all(|task| tasks.contains(task))
        && model.accepts.iter().all(|field| fields.contains(field))
        && (qualities || model.qualities.is_empty());
    (!spoken).then_some("names a task, a field or a quality that its service is not told")
}

fn problem(name: &str, model: &Capabilities) -> Option<&'static str> {
    let in_path = |text: &str| {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '/' | '-' | '_' | '.' | ':');
        !text.is_empty() && !text.starts_with('/') && !text.contains("..") && text.chars().all(fits)
    };
    if !in_path(name) || !model.edit_model.as_deref().is_none_or(in_path) {
        return Some("has a name that is no path");
    }
    let no_sizes = match &model.sizes {
        Sizes::List(sizes) => sizes.is_empty(),
        Sizes::Ratios { of, pixels } => of.is_empty() || *pixels == 0,
        Sizes::Free { multiple, min, max, pixels_max } => {
            *multiple == 0 || *min == 0 || min > max || *pixels_max < u64::from(*min) * u64::from(*min)
        }
    };
    if no_sizes || model.tasks.is_empty() || model.pictures_max == 0 {
        return Some("can draw nothing: it needs tasks, sizes and at least one picture");
    }
    if model.prices.iter().any(|price| price.quality.as_ref().is_some_and(|quality| !model.qualities.contains(quality))) {
        return Some("has a price for a quality that it does not name");
    }
    None
}

/// Why a file is not a catalogue.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum CatalogueError {
    /// Not TOML, or with fields nobody knows.
    #[error("the providers' catalogue cannot be read: {0}")]
    Syntax(String),
    /// A model that makes no sense.
    #[error("the model {name} of the providers' catalogue {problem}")]
    Model {
        /// Which.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}
