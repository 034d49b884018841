//! Texts as they are compared with lists of terms: what looks or reads alike becomes alike.
//!
//! Compatibility forms are taken apart (NFKD, which folds what NFKC folds), marks and invisible characters dropped, letters of other scripts that
//! look like Latin ones replaced by those (Unicode's confusables, UTS 39), case folded. Then everything that is neither letter nor digit parts
//! words. Terms go through the same, so that a language's own words stay comparable with themselves.

use std::{iter::once, ops::Range};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_security::skeleton;

/// A letter of a reading, and what of the text it stands for, in bytes.
#[derive(Debug, Clone, Copy)]
struct Letter {
    c: char,
    from: usize,
    to: usize,
}

/// Parts words; it stands for nothing.
const SPACE: Letter = Letter { c: ' ', from: 0, to: 0 };

/// A text in one of the ways it can be read.
#[derive(Debug)]
pub(super) struct Reading {
    /// What is read: words with a space before, after and between them.
    pub(super) text: String,
    letters: Vec<Letter>,
}

impl Reading {
    fn of(letters: Vec<Letter>) -> Self {
        Self { text: letters.iter().map(|letter| letter.c).collect(), letters }
    }

    /// Without the spaces.
    pub(super) fn together(&self) -> Self {
        Self::of(self.letters.iter().copied().filter(|letter| letter.c != ' ').collect())
    }

    /// Where each letter begins in what is read.
    fn starts(&self) -> Vec<usize> {
        let begin = |at: &mut usize, letter: &Letter| {
            let start = *at;
            *at += letter.c.len_utf8();
            Some(start)
        };
        self.letters.iter().scan(0, begin).collect()
    }

    /// What parts of the reading stand for in the text, all in bytes. Whole words are taken to their ends.
    pub(super) fn sources(&self, parts: &[Range<usize>], whole_words: bool) -> Vec<Range<usize>> {
        let starts = self.starts();
        let is_letter = |at: usize| self.letters.get(at).is_some_and(|letter| letter.c != ' ');
        let source = |part: &Range<usize>| {
            let first = starts.partition_point(|&start| start < part.start);
            let mut end = starts.partition_point(|&start| start < part.end);
            while whole_words && end > first && is_letter(end - 1) && is_letter(end) {
                end += 1;
            }
            let mut letters = self.letters.get(first..end)?.iter().filter(|letter| letter.c != ' ');
            let begin = letters.next()?;
            Some(begin.from..letters.next_back().unwrap_or(begin).to)
        };
        parts.iter().filter_map(source).collect()
    }
}

/// A text in the ways it can be read.
pub(super) fn readings(text: &str) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    // Capitals look like other letters than small ones do (В like B, в like none), so both are looked at. `red-cat` is read as two words, and as
    // one.
    let folds = [fold(text), mapped(mapped(plain(text), latin), char::to_lowercase)];
    for (folded, parted) in folds.iter().flat_map(|folded| [(folded, true), (folded, false)]) {
        let words = words(folded, parted);
        let digits: Vec<Letter> = words.iter().map(|&letter| Letter { c: letter_for(letter.c), ..letter }).collect();
        for letters in [squeezed(&words), squeezed(&digits), digits, words] {
            let reading = Reading::of(letters);
            if readings.iter().all(|other| other.text != reading.text) {
                readings.push(reading);
            }
        }
    }
    readings
}

/// A term as it is looked for: words with a space around each. `None` if there is no word in it.
pub(super) fn term(text: &str) -> Option<String> {
    Some(Reading::of(words(&fold(text), true)).text).filter(|words| words.len() > 1)
}

/// Whether a character belongs to the one before it, or is seen by nobody.
pub(super) fn is_part_of_another(c: char) -> bool {
    is_combining_mark(c) || is_invisible(c)
}

fn fold(text: &str) -> Vec<Letter> {
    mapped(mapped(plain(text), char::to_lowercase), latin)
}

fn plain(text: &str) -> Vec<Letter> {
    let apart = |(from, c): (usize, char)| {
        let to = from + c.len_utf8();
        once(c).nfkd().filter(|&c| !is_part_of_another(c)).map(move |c| Letter { c, from, to })
    };
    text.char_indices().flat_map(apart).collect()
}

fn mapped<I: IntoIterator<Item = char>>(letters: Vec<Letter>, to: impl Fn(char) -> I) -> Vec<Letter> {
    let mut out = Vec::with_capacity(letters.len());
    for letter in letters {
        out.extend(to(letter.c).into_iter().map(|c| Letter { c, ..letter }));
    }
    out
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
fn words(folded: &[Letter], parted: bool) -> Vec<Letter> {
    let is_letter = |c: char| c.is_alphanumeric() || c == '@' || c == '$';
    let parts_words = |c: char| parted || c.is_whitespace();
    let kept = folded.iter().copied().filter(|letter| is_letter(letter.c) || parts_words(letter.c));
    let mut words = vec![SPACE];
    let mut word = Vec::new();
    let mut alone = false;
    for letter in kept.chain(once(SPACE)) {
        if is_letter(letter.c) {
            word.push(letter);
            continue;
        }
        if word.is_empty() {
            continue;
        }
        let single = word.len() == 1;
        if alone && single {
            words.pop();
        }
        words.append(&mut word);
        words.push(SPACE);
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
fn squeezed(letters: &[Letter]) -> Vec<Letter> {
    let mut out = Vec::with_capacity(letters.len());
    for run in letters.chunk_by(|a, b| a.c == b.c) {
        match run {
            [first, _, .., last] => out.push(Letter { to: last.to, ..*first }),
            run => out.extend_from_slice(run),
        }
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
            assert!(readings(text).iter().any(|reading| reading.text.contains(plain)), "{text}: {:?}", readings(text));
        }
        assert!(readings("a red cat, 8k").iter().any(|reading| reading.text == " a red cat 8k "));
    }

    #[test]
    fn a_language_of_its_own_stays_itself() {
        let russian = term("бомба").unwrap();
        assert!(readings("Большая БОМБА!").iter().any(|reading| reading.text.contains(&russian)));
        assert_eq!(term(" ,;"), None);
    }
}
