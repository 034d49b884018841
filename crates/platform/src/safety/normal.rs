//! Texts as they are compared with lists of terms: what looks or reads alike becomes alike.
//!
//! Compatibility forms are taken apart (NFKD, which folds what NFKC folds), marks and invisible characters dropped, letters of other scripts that
//! look like Latin ones replaced by those (Unicode's confusables, UTS 39), case folded. Then everything that is neither letter nor digit parts
//! words. Terms go through the same, so that a language's own words stay comparable with themselves.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_security::skeleton;

/// A text in the ways it can be read, each with a space before, after and between its words.
pub(super) fn readings(text: &str) -> Vec<String> {
    let mut readings = Vec::new();
    // Capitals look like other letters than small ones do (В like B, в like none), so both are looked at. `red-cat` is read as two words, and as
    // one.
    let folds = [fold(text), plain(text).flat_map(latin).flat_map(char::to_lowercase).collect()];
    for (folded, parted) in folds.iter().flat_map(|folded| [(folded, true), (folded, false)]) {
        let words = words(folded, parted);
        let digits: String = words.chars().map(letter_for).collect();
        for reading in [squeezed(&words), squeezed(&digits), digits, words] {
            if !readings.contains(&reading) {
                readings.push(reading);
            }
        }
    }
    readings
}

/// A term as it is looked for: words with a space around each. `None` if there is no word in it.
pub(super) fn term(text: &str) -> Option<String> {
    Some(words(&fold(text), true)).filter(|words| words.len() > 1)
}

fn fold(text: &str) -> String {
    plain(text).flat_map(char::to_lowercase).flat_map(latin).collect()
}

fn plain(text: &str) -> impl Iterator<Item = char> {
    text.nfkd().filter(|&c| !is_combining_mark(c) && !is_invisible(c))
}

/// The Latin letter that a letter of another script looks like.
fn latin(c: char) -> Option<char> {
    if c.is_ascii() || !c.is_alphabetic() {
        return Some(c);
    }
    let mut buffer = [0; 4];
    let mut looks = skeleton(c.encode_utf8(&mut buffer));
    match (looks.next(), looks.next()) {
        (Some(alike), None) if alike.is_ascii_alphabetic() => Some(alike),
        _ => Some(c),
    }
}

/// Soft hyphens, joiners, directions, tags, variation selectors: nobody sees them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e01ef}')
}

/// Words with a space around each. Signs part words, or are left out of them; letters standing alone in a row are one word.
fn words(folded: &str, parted: bool) -> String {
    let sign_in_word = |c: &char| parted || c.is_whitespace();
    let is_letter = |c: char| c.is_alphanumeric() || c == '@' || c == '$';
    let kept: String =
        folded.chars().filter_map(|c| if is_letter(c) { Some(c) } else { Some(' ').filter(|_| sign_in_word(&c)) }).collect();
    let mut words = String::from(" ");
    let mut alone = false;
    for word in kept.split_whitespace() {
        let single = word.chars().count() == 1;
        if alone && single {
            words.pop();
        }
        words.push_str(word);
        words.push(' ');
        alone = single;
    }
    words
}

/// The letter that a digit or sign is written for.
fn letter_for(c: char) -> char {
    match c {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        _ => c,
    }
}

/// Three and more of a letter are one.
fn squeezed(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for run in letters.chunk_by(|a, b| a == b) {
        let times = if run.len() >= 3 { 1 } else { run.len() };
        out.extend(run.iter().take(times));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_alike_is_alike() {
        let plain = " forbidden fruit ";
        for text in [
            "Forbidden Fruit",
            "ＦＯＲＢＩＤＤＥＮ　ｆｒｕｉｔ",
            "fоrbiddеn fruit", // Cyrillic o and e
            "FОRВIDDEN FRUIТ", // Cyrillic O, V and T
            "fo\u{200b}rbid\u{ad}den fruit",
            "förbíddèn früit",
            "f0rb1dd3n fru17",
            "f o r b i d d e n fruit",
            "f.o.r.b.i.d.d.e.n-fruit",
            "forbidden_fruit",
            "forbid-den fruit",
            "forbiiiidden fruuuuit",
            "((forbidden fruit:1.3))",
            "𝖋𝖔𝖗𝖇𝖎𝖉𝖉𝖊𝖓 𝒻𝓇𝓊𝒾𝓉",
        ] {
            assert!(readings(text).iter().any(|reading| reading.contains(plain)), "{text}: {:?}", readings(text));
        }
        assert!(readings("a red cat, 8k").contains(&" a red cat 8k ".to_owned()));
    }

    #[test]
    fn a_language_of_its_own_stays_itself() {
        let russian = term("бомба").unwrap();
        assert!(readings("Большая БОМБА!").iter().any(|reading| reading.contains(&russian)));
        assert_eq!(term(" ,;"), None);
    }
}
