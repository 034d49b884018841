//! Text as it is compared: words in lower case, one spelling for each, and Chinese by characters.

use crate::language::Script;

/// The words of a text: lower case, `ё` as `е`, American spelling for the commonest differences, and a run of Chinese as one word.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut han = false;
    for c in text.chars().flat_map(char::to_lowercase) {
        let is_han = Script::of(c) == Some(Script::Han);
        if !c.is_alphanumeric() || is_han != han {
            finish(&mut word, &mut words);
            han = is_han;
        }
        if c.is_alphanumeric() {
            word.push(if c == 'ё' { 'е' } else { c });
        }
    }
    finish(&mut word, &mut words);
    words
}

fn finish(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(one_spelling(std::mem::take(word)));
    }
}

fn one_spelling(word: String) -> String {
    match word.as_str() {
        "grey" => "gray".into(),
        "greys" => "grays".into(),
        _ if word.contains("colour") => word.replace("colour", "color"),
        _ => word,
    }
}

/// What a word is found by: itself, and for a run of Chinese every character and every pair of neighbours.
pub(crate) fn terms(word: &str) -> Vec<String> {
    if !is_han(word) {
        return vec![word.to_owned()];
    }
    let chars: Vec<char> = word.chars().collect();
    let singles = chars.iter().map(char::to_string);
    singles.chain(chars.windows(2).map(|pair| pair.iter().collect())).collect()
}

/// Whether a word is written in Chinese characters.
pub(crate) fn is_han(word: &str) -> bool {
    word.chars().next().and_then(Script::of) == Some(Script::Han)
}

/// The parts of a prompt between its commas, without the empty ones.
pub(crate) fn phrases(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', '，', '、', '\n']).map(str::trim).filter(|phrase| !phrase.is_empty())
}

/// A phrase as it is compared.
pub(crate) fn key(phrase: &str) -> String {
    words(phrase).join(" ")
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_one_spelling_and_chinese_stands_alone() {
        assert_eq!(words("Grey-Watercolour, Ёлка水彩 3d"), ["gray", "watercolor", "елка", "水彩", "3d"]);
        assert_eq!(terms("水彩画"), ["水", "彩", "画", "水彩", "彩画"]);
        assert_eq!(terms("ink"), ["ink"]);
    }

    #[test]
    fn phrases_are_cut_at_commas_of_all_languages() {
        assert_eq!(phrases("a cat, , 夜晚，灯").collect::<Vec<_>>(), ["a cat", "夜晚", "灯"]);
    }
}
