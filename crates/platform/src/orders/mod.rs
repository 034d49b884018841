//! What a job is to do, as its row keeps it: JSON that any node of any later version understands.
//!
//! An order names stored pictures and holds none. A seed that nobody chose is drawn from the job's id, so that a job that is begun again draws
//! the same picture. Unknown fields are refused: a worker that does not know one would draw something else.

mod drawing;

use easel_types::Quality;
use serde::{Deserialize, Serialize};

pub use drawing::{Control, Drawing, Pictures, Styled, seed_of};

/// The model column of jobs that need none.
pub const NO_MODEL: &str = "upscale";

/// A whole order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// What to do.
    pub work: Work,
    /// How the pictures are stored.
    #[serde(default)]
    pub output: Output,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Draw.
    Draw(Box<Drawing>),
    /// Enlarge a stored picture.
    Upscale {
        /// Which.
        source: Source,
        /// How many times as wide and as high.
        factor: u32,
    },
}

/// A stored picture of the job's owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "from", content = "id", rename_all = "snake_case")]
pub enum Source {
    /// One that was drawn.
    Image(String),
    /// One that was sent.
    Upload(String),
}

/// How pictures are stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// As files.
    pub format: OutputFormat,
    /// How large they become.
    pub quality: Quality,
    /// For JPEG and lossy WebP: 1..=100.
    pub compression: u8,
    /// For WebP.
    pub lossless: bool,
}

impl Default for Output {
    fn default() -> Self {
        Self { format: OutputFormat::Png, quality: Quality::Normal, compression: 95, lossless: true }
    }
}

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// Lossless.
    #[default]
    Png,
    /// Small.
    Jpeg,
    /// Either.
    Webp,
}

impl Order {
    /// As a job's row keeps it.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("orders are plain data. This is a bug.")
    }

    /// From a job's row; `None` if this version does not understand it.
    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The drawn picture it makes another of: what is varied, edited or enlarged.
    pub fn parent(&self) -> Option<&str> {
        let source = match &self.work {
            Work::Draw(drawing) => drawing.start.as_ref()?,
            Work::Upscale { source, .. } => source,
        };
        match source {
            Source::Image(id) => Some(id),
            Source::Upload(_) => None,
        }
    }

    /// The stored pictures it needs.
    pub fn sources(&self) -> Vec<&Source> {
        match &self.work {
            Work::Draw(drawing) => {
                let seen = drawing.controls.iter().map(|control| &control.image);
                drawing.start.iter().chain(&drawing.mask).chain(seen).collect()
            }
            Work::Upscale { source, .. } => vec![source],
        }
    }
}

#[cfg(test)]
mod tests {
    use easel_prompts::{AppliedStyle, CatalogueVersion};
    use easel_types::LoraUse;

    use super::*;

    #[test]
    fn orders_are_read_as_they_are_written() {
        let drawing = Drawing {
            start: Some(Source::Upload("u".to_owned())),
            mask: Some(Source::Image("i".to_owned())),
            strength: Some(0.5),
            loras: vec![LoraUse { name: "ink".to_owned(), weight: 0.8, text_encoder_weight: 0.6 }],
            controls: vec![Control {
                model: "edges".to_owned(),
                image: Source::Upload("c".to_owned()),
                weight: 1.0,
                start: 0.0,
                end: 0.5,
            }],
            styled: Some(Styled {
                raw_prompt: "a circle".to_owned(),
                raw_negative: Some("text".to_owned()),
                styles: vec![AppliedStyle { id: "linocut".to_owned(), hash: "00".to_owned() }],
                catalogue: CatalogueVersion { edition: 1, hash: "11".to_owned() },
            }),
            ..Drawing::new("builtin", "a red circle")
        };
        let orders = [
            Order { work: Work::Draw(Box::new(drawing)), output: Output::default() },
            Order { work: Work::Upscale { source: Source::Image("i".to_owned()), factor: 2 }, output: Output::default() },
        ];
        let Work::Draw(drawn) = &orders[0].work else { panic!("a drawing") };
        assert_eq!(drawn.words(), ("a circle", Some("text")));
        assert_eq!(drawn.styled_prompt().map(|record| record.prompt).as_deref(), Some("a red circle"));
        assert_eq!((orders[0].parent(), orders[1].parent()), (None, Some("i")));
        for order in orders {
            assert_eq!(Order::from_json(&order.to_json()), Some(order.clone()));
            let with_more = order.to_json().replacen('{', "{\"surprise\":1,", 1);
            assert_eq!(Order::from_json(&with_more), None);
        }
        assert_eq!(Order::from_json("{}"), None);
    }
}
