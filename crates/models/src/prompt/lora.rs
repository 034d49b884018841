//! `<lora:name:weight>` tags, taken out of the prompt before its attention syntax is read.
//!
//! The forms A1111 takes: `<lora:name>`, `<lora:name:0.8>`, `<lora:name:0.6:0.9>` (text encoder, then denoiser) and the named `te=` and
//! `unet=`; `lyco` is another spelling of `lora`. Any other `<…>` is text.

use super::PromptError;

/// A LoRA asked for in a prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraTag {
    /// The adapter's name.
    pub name: String,
    /// Its weight in the denoiser.
    pub weight: f64,
    /// Its weight in the text encoders.
    pub text_encoder_weight: f64,
}

/// Splits `prompt` into its text without tags, and the tags in their order.
pub fn extract(prompt: &str) -> Result<(String, Vec<LoraTag>), PromptError> {
    let (mut text, mut tags) = (String::with_capacity(prompt.len()), Vec::new());
    let mut rest = prompt;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        match tag_at_start(rest) {
            Some((tag, arguments)) => {
                tags.push(parse(tag, arguments)?);
                rest = &rest[tag.len()..];
            }
            None => {
                text.push('<');
                rest = &rest[1..];
            }
        }
    }
    text.push_str(rest);
    Ok((text, tags))
}

/// The whole tag and what stands between its first colon and `>`, if `text` starts with one.
fn tag_at_start(text: &str) -> Option<(&str, &str)> {
    let body = ["<lora:", "<lyco:"].iter().find_map(|kind| text.strip_prefix(kind))?;
    let end = body.find('>').filter(|&end| end > 0)?;
    Some((&text[..text.len() - body.len() + end + 1], &body[..end]))
}

fn parse(tag: &str, arguments: &str) -> Result<LoraTag, PromptError> {
    let (mut positional, mut text_encoder, mut denoiser) = (Vec::new(), None, None);
    for argument in arguments.split(':') {
        match argument.split_once('=').map(|(key, value)| (key.trim(), value)) {
            Some(("te", value)) => text_encoder = Some(number(value)?),
            Some(("unet", value)) => denoiser = Some(number(value)?),
            // `dyn=` bounds the rank at run time; the result is the same adapter, so it is read and left.
            Some(("dyn", _)) => {}
            _ => positional.push(argument.trim()),
        }
    }
    let name = positional.first().copied().unwrap_or_default();
    if name.is_empty() {
        return Err(PromptError::BadLora(tag.chars().take(80).collect()));
    }
    let first = positional.get(1).map(|value| number(value)).transpose()?;
    let second = positional.get(2).map(|value| number(value)).transpose()?;
    let text_encoder_weight = text_encoder.or(first).unwrap_or(1.0);
    let weight = denoiser.or(second).unwrap_or(text_encoder_weight);
    Ok(LoraTag { name: name.to_owned(), weight, text_encoder_weight })
}

fn number(text: &str) -> Result<f64, PromptError> {
    let text = text.trim();
    text.parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
        .ok_or_else(|| PromptError::BadWeight(text.chars().take(40).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(name: &str, weight: f64, text_encoder_weight: f64) -> LoraTag {
        LoraTag { name: name.to_owned(), weight, text_encoder_weight }
    }

    #[test]
    fn tags_leave_the_text() {
        let (text, tags) = extract("a <lora:ink:0.8>cat<lora:b>").expect("well formed");
        assert_eq!(text, "a cat");
        assert_eq!(tags, [tag("ink", 0.8, 0.8), tag("b", 1.0, 1.0)]);
    }

    #[test]
    fn two_weights_and_named_weights() {
        let (_, tags) = extract("<lora:a:0.5:0.7><lyco:b:te=0.2:unet=0.9><lora:c:0.3:unet=1>").expect("well formed");
        assert_eq!(tags, [tag("a", 0.7, 0.5), tag("b", 0.9, 0.2), tag("c", 1.0, 0.3)]);
    }

    #[test]
    fn other_angle_brackets_are_text() {
        for text in ["<3", "a < b > c", "<lora:", "<lora:>", "<b:c>", "<<lora", "é<"] {
            assert_eq!(extract(text).expect("text"), (text.to_owned(), Vec::new()));
        }
    }

    #[test]
    fn malformed_tags_are_named() {
        assert!(matches!(extract("<lora:a:strong>"), Err(PromptError::BadWeight(w)) if w == "strong"));
        assert!(matches!(extract("<lora::1>"), Err(PromptError::BadLora(_))));
    }
}
