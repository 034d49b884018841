//! A1111's "infotext": the block of text in which a picture says how it was made, and which other programs read back.
//!
//! ```text
//! <prompt, any number of lines>
//! Negative prompt: <negative prompt, any number of lines; the part is left out if empty>
//! Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x768, …
//! ```
//!
//! Values with a comma, a colon or a newline are written as JSON strings. Reading is as forgiving as A1111's: the last line is taken for
//! parameters only if it has at least three of them. Written byte for byte as A1111 writes it, because sites parse it.

use std::{fmt, sync::LazyLock};

use easel_types::{SamplerKind, SigmaSchedule};
use regex::Regex;

const NEGATIVE: &str = "Negative prompt:";

/// Fewer parameters in the last line, and it is part of the prompt.
const PARAMETERS_MIN: usize = 3;

/// `key: value` or `key: "JSON string"`, up to a comma or the end; the semantics of A1111's own expression.
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)"#).expect("the expression is well-formed")
});

/// How a picture was made, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Infotext {
    /// What to draw.
    pub prompt: String,
    /// What to avoid; empty if nothing.
    pub negative_prompt: String,
    /// The parameters in their order, values unquoted.
    pub parameters: Vec<(String, String)>,
}

impl Infotext {
    /// Adds a parameter at the end.
    pub fn push(&mut self, key: &str, value: impl fmt::Display) {
        self.parameters.push((key.to_owned(), value.to_string()));
    }

    /// The value of a parameter; the last one if it is there twice, as in A1111.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// A value of the form `512x768`, such as `Size` or `Hires resize`, as two numbers.
    pub fn size(&self, key: &str) -> Option<(u32, u32)> {
        let (width, height) = self.get(key)?.split_once('x')?;
        Some((width.parse().ok()?, height.parse().ok()?))
    }

    /// Reads any text; what has no parameters is a prompt.
    pub fn parse(text: &str) -> Self {
        let text = text.trim();
        let (above, last) = text.rsplit_once('\n').map_or(("", text), |(above, last)| (above, last));
        let found: Vec<_> = PARAMETER.captures_iter(last).collect();
        let prompts = if found.len() < PARAMETERS_MIN { text } else { above };
        let mut infotext = Self::default();
        infotext.read_prompts(prompts);
        if found.len() >= PARAMETERS_MIN {
            let pairs = found.iter().map(|found| (found[1].to_owned(), unquote(&found[2])));
            infotext.parameters = pairs.filter(|(_, value)| !value.is_empty()).collect();
        }
        infotext
    }

    fn read_prompts(&mut self, text: &str) {
        let mut negative = false;
        for line in text.split('\n') {
            let mut line = line.trim();
            if let Some(rest) = line.strip_prefix(NEGATIVE) {
                negative = true;
                line = rest.trim();
            }
            let part = if negative { &mut self.negative_prompt } else { &mut self.prompt };
            if !part.is_empty() {
                part.push('\n');
            }
            part.push_str(line);
        }
    }
}

impl fmt::Display for Infotext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.prompt.clone();
        if !self.negative_prompt.is_empty() {
            text.push_str(&format!("\n{NEGATIVE} {}", self.negative_prompt));
        }
        let parameters: Vec<_> = self.parameters.iter().map(|(key, value)| format!("{key}: {}", quote(value))).collect();
        text.push('\n');
        text.push_str(&parameters.join(", "));
        f.write_str(text.trim())
    }
}

/// As a JSON string where it would otherwise end too early.
fn quote(value: &str) -> String {
    if value.contains([',', '\n', ':']) { serde_json::Value::from(value).to_string() } else { value.to_owned() }
}

fn unquote(value: &str) -> String {
    if value.len() >= 2 && value.starts_with('"') && value.ends_with('"') {
        return serde_json::from_str(value).unwrap_or_else(|_| value.to_owned());
    }
    value.to_owned()
}

/// A sampler by the name A1111 shows.
pub fn sampler_label(sampler: SamplerKind) -> &'static str {
    match sampler {
        SamplerKind::Ddim => "DDIM",
        SamplerKind::Ddpm => "DDPM",
        SamplerKind::Pndm => "PLMS",
        SamplerKind::Euler => "Euler",
        SamplerKind::EulerAncestral => "Euler a",
        SamplerKind::Heun => "Heun",
        SamplerKind::Dpm2 => "DPM2",
        SamplerKind::Dpm2Ancestral => "DPM2 a",
        SamplerKind::Lms => "LMS",
        SamplerKind::Dpmpp2m => "DPM++ 2M",
        SamplerKind::Dpmpp2mSde => "DPM++ 2M SDE",
        SamplerKind::Dpmpp2mSdeHeun => "DPM++ 2M SDE Heun",
        SamplerKind::Dpmpp3m => "DPM++ 3M",
        SamplerKind::Dpmpp3mSde => "DPM++ 3M SDE",
        SamplerKind::Dpmpp2s => "DPM++ 2S",
        SamplerKind::Dpmpp3s => "DPM++ 3S",
        SamplerKind::Dpmpp2sAncestral => "DPM++ 2S a",
        SamplerKind::DpmppSde => "DPM++ SDE",
        SamplerKind::UniPc => "UniPC",
        SamplerKind::Deis => "DEIS",
        SamplerKind::Ipndm => "IPNDM",
        SamplerKind::Lcm => "LCM",
        SamplerKind::Tcd => "TCD",
        SamplerKind::FlowMatchEuler => "Flow Match Euler",
    }
}

/// A sigma schedule by the name A1111 shows. Easel's `normal` is A1111's "Uniform".
pub fn schedule_label(schedule: SigmaSchedule) -> &'static str {
    match schedule {
        SigmaSchedule::Normal => "Uniform",
        SigmaSchedule::Karras => "Karras",
        SigmaSchedule::Exponential => "Exponential",
        SigmaSchedule::Polyexponential => "Polyexponential",
        SigmaSchedule::Beta => "Beta",
        SigmaSchedule::SgmUniform => "SGM Uniform",
        SigmaSchedule::Simple => "Simple",
        SigmaSchedule::DdimUniform => "DDIM",
        SigmaSchedule::KlOptimal => "KL Optimal",
        SigmaSchedule::AlignYourSteps => "Align Your Steps",
        SigmaSchedule::Turbo => "Turbo",
    }
}
