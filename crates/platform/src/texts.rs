//! Short texts that people write and others read: titles, tags, comments.

use unicode_normalization::UnicodeNormalization;

use crate::PlatformError;

/// Trimmed, composed (NFC), of at most `max` characters, without control characters; lines where they may be.
pub(crate) fn clean(field: &'static str, text: &str, max: usize, lines: bool) -> Result<String, PlatformError> {
    let text: String = text.trim().nfc().collect();
    let printable = |c: char| !c.is_control() || (lines && c == '\n');
    if text.chars().count() > max {
        return Err(PlatformError::Invalid { field, problem: "is too long" });
    }
    if !text.chars().all(printable) {
        return Err(PlatformError::Invalid { field, problem: "has control characters" });
    }
    Ok(text)
}

/// As [`clean`], and not empty.
pub(crate) fn something(field: &'static str, text: &str, max: usize, lines: bool) -> Result<String, PlatformError> {
    let text = clean(field, text, max, lines)?;
    if text.is_empty() { Err(PlatformError::Invalid { field, problem: "is empty" }) } else { Ok(text) }
}

/// Tags as they are stored: composed, in lower case, each once.
pub(crate) fn tags(texts: &[String]) -> Result<Vec<String>, PlatformError> {
    let mut tags: Vec<String> = Vec::new();
    for text in texts {
        let tag = something("tag", &text.nfkc().collect::<String>().to_lowercase(), 50, false)?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Ok(tags)
}

/// Whether all of these can be names of rows; what cannot is nowhere, and PostgreSQL cannot even be asked for a NUL.
pub(crate) fn are_names(ids: &[&str]) -> bool {
    ids.iter().all(|id| !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}
