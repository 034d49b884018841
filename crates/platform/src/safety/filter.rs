//! Lists of terms, and the worst that is found in a text.
//!
//! A list is a TOML file for one language, ours or the operator's, with categories that say what is done about their terms. A term is one or
//! more whole words; a star at its end lets its last word go on. What is found is told by its category alone: neither the term nor the text
//! it was in goes anywhere from here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    ops::Range,
    path::Path,
    sync::Arc,
};

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

use super::normal;
use crate::PlatformError;

/// Those that come with the program.
const EMBEDDED: &[(&str, &str)] = &[
    ("de", include_str!("lists/de.toml")),
    ("en", include_str!("lists/en.toml")),
    ("es", include_str!("lists/es.toml")),
    ("fr", include_str!("lists/fr.toml")),
    ("ru", include_str!("lists/ru.toml")),
    ("zh", include_str!("lists/zh.toml")),
];
/// No text is looked at further, in characters: requests are shorter.
const LENGTH_MAX: usize = 20_000;
/// How often what is left of a text is looked through for words that stand together only now.
const ROUNDS_MAX: usize = 4;

/// What is done about a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Nothing.
    Allow,
    /// It is noted, and a moderator looks before everybody does.
    Flag,
    /// Its words are left out of what is drawn; other texts are flagged.
    Mask,
    /// It is not taken.
    Refuse,
}

/// How strict the filter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It looks at nothing.
    Off,
    /// What would be refused is flagged.
    Flag,
    /// As the lists say.
    #[default]
    Block,
}

/// A text whose words were left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Masked {
    /// What is left of it.
    pub(super) text: String,
    /// The categories of the words, in order of the alphabet.
    pub(super) categories: Vec<String>,
}

/// What was found in a text: the worst category.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The category's name.
    pub category: String,
    /// What is done about it.
    pub action: Action,
    /// It counts against whoever wrote it.
    pub strike: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Category {
    name: String,
    action: Action,
    #[serde(default)]
    strike: bool,
    terms: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    /// Words of this language are written without spaces between them.
    #[serde(default)]
    unspaced: bool,
    category: Vec<Category>,
}

/// Terms of one kind, and the category of each.
struct Terms {
    automaton: AhoCorasick,
    categories: Vec<usize>,
}

/// The filter. Cheap to clone.
#[derive(Clone)]
pub struct Filter {
    mode: Mode,
    findings: Arc<[Finding]>,
    spaced: Arc<Terms>,
    unspaced: Arc<Terms>,
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let terms = self.spaced.categories.len() + self.unspaced.categories.len();
        f.debug_struct("Filter").field("mode", &self.mode).field("terms", &terms).finish_non_exhaustive()
    }
}

impl Filter {
    /// With the lists that come with the program.
    pub fn embedded() -> Self {
        Self::of_lists(EMBEDDED.iter().copied()).expect("the embedded lists are tested. This is a bug.")
    }

    /// With an operator's lists: every `<language>.toml` of a folder, in the place of ours of the same name. An empty one switches ours off.
    ///
    /// # Errors
    /// [`PlatformError::Settings`] names the list and what is wrong with it, without its terms.
    pub fn from_folder(folder: &Path) -> Result<Self, PlatformError> {
        let mut lists: BTreeMap<String, String> =
            EMBEDDED.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if let (Some(stem), Some("toml")) =
                (path.file_stem().and_then(|stem| stem.to_str()), path.extension().and_then(|e| e.to_str()))
            {
                lists.insert(stem.to_owned(), fs::read_to_string(&path)?);
            }
        }
        Self::of_lists(lists.iter().map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// As strict as this.
    #[must_use]
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// How strict it is.
    pub(super) fn mode(&self) -> Mode {
        self.mode
    }

    /// A text without the words that are masked; `None` if there are none, if it is refused all the same, or if the mode does nothing to texts.
    /// Words that stand one in another too often are left.
    pub(super) fn masked(&self, text: &str) -> Option<Masked> {
        if self.mode != Mode::Block || self.check(text)?.action != Action::Mask {
            return None;
        }
        let (mut text, mut categories) = (text.to_owned(), BTreeSet::new());
        for _ in 0..ROUNDS_MAX {
            let parts = self.masked_parts(&text, &mut categories);
            if parts.is_empty() {
                break;
            }
            text = without(&text, &parts);
        }
        Some(Masked { text, categories: categories.into_iter().collect() })
    }

    /// What of a text is masked, in bytes, in order.
    fn masked_parts(&self, text: &str, categories: &mut BTreeSet<String>) -> Vec<Range<usize>> {
        let text: String = text.chars().take(LENGTH_MAX).collect();
        let mut parts = Vec::new();
        for reading in normal::readings(&text) {
            let together = reading.together();
            for (terms, reading, whole_words) in [(&self.spaced, &reading, true), (&self.unspaced, &together, false)] {
                let mut found_parts = Vec::new();
                for found in terms.automaton.find_overlapping_iter(&reading.text) {
                    let finding = &self.findings[terms.categories[found.pattern().as_usize()]];
                    if finding.action == Action::Mask {
                        categories.insert(finding.category.clone());
                        found_parts.push(found.start()..found.end());
                    }
                }
                parts.extend(reading.sources(&found_parts, whole_words));
            }
        }
        parts.sort_by_key(|part| part.start);
        parts
    }

    fn of_lists<'a>(lists: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, PlatformError> {
        let mut findings = Vec::new();
        let (mut spaced, mut unspaced) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for (name, text) in lists {
            let bad = |what: &str| PlatformError::Settings(format!("the word list {name}: {what}"));
            if text.trim().is_empty() {
                continue;
            }
            // The parser's own words would quote a line of the list.
            let list: List = toml::from_str(text).map_err(|_| bad("is not a list of categories with name, action and terms"))?;
            let terms = if list.unspaced { &mut unspaced } else { &mut spaced };
            for category in list.category {
                for term in &category.terms {
                    terms.0.push(pattern(term, list.unspaced).ok_or_else(|| bad("has a term of less than two letters"))?);
                    terms.1.push(findings.len());
                }
                findings.push(Finding { category: category.name, action: category.action, strike: category.strike });
            }
        }
        let built = |(patterns, categories): (Vec<String>, Vec<usize>)| {
            let automaton = AhoCorasick::new(patterns).map_err(|error| PlatformError::Settings(error.to_string()))?;
            Ok::<_, PlatformError>(Arc::new(Terms { automaton, categories }))
        };
        Ok(Self { mode: Mode::Block, findings: findings.into(), spaced: built(spaced)?, unspaced: built(unspaced)? })
    }

    /// The worst there is in a text. Nothing that is only allowed is told.
    pub fn check(&self, text: &str) -> Option<Finding> {
        if self.mode == Mode::Off {
            return None;
        }
        let text: String = text.chars().take(LENGTH_MAX).collect();
        let mut worst: Option<&Finding> = None;
        for reading in normal::readings(&text) {
            let together = reading.together();
            for (terms, reading) in [(&self.spaced, &reading), (&self.unspaced, &together)] {
                for found in terms.automaton.find_overlapping_iter(&reading.text) {
                    let finding = &self.findings[terms.categories[found.pattern().as_usize()]];
                    if worst.is_none_or(|worst| (finding.action, finding.strike) > (worst.action, worst.strike)) {
                        worst = Some(finding);
                    }
                }
            }
        }
        let finding = worst.filter(|finding| finding.action != Action::Allow)?.clone();
        Some(match self.mode {
            Mode::Flag => Finding { action: Action::Flag, strike: false, ..finding },
            _ => finding,
        })
    }
}

/// What is looked for: the words with spaces around them, so that they are whole; in languages without spaces the bare letters.
fn pattern(term: &str, unspaced: bool) -> Option<String> {
    let goes_on = term.ends_with('*');
    let words = normal::term(term.trim_end_matches('*'))?;
    let letters: String = words.split(' ').collect();
    if letters.chars().count() < 2 {
        return None;
    }
    Some(if unspaced {
        letters
    } else if goes_on {
        words.trim_end().to_owned()
    } else {
        words
    })
}

/// A text without these parts of it, which may overlap, and without the space that would be one too many.
fn without(text: &str, parts: &[Range<usize>]) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    for part in parts {
        kept.push_str(text.get(at..part.start).unwrap_or_default());
        if part.end <= at {
            continue;
        }
        at = part.end;
        let rest = text.get(at..).unwrap_or_default();
        at += rest.chars().take_while(|&c| normal::is_part_of_another(c)).map(char::len_utf8).sum::<usize>();
        if kept.is_empty() || kept.ends_with(char::is_whitespace) {
            let space = text.get(at..).and_then(|rest| rest.chars().next()).filter(|c| c.is_whitespace());
            at += space.map_or(0, char::len_utf8);
        }
    }
    kept.push_str(text.get(at..).unwrap_or_default());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "[[category]]\nname = \"fruit\"\naction = \"refuse\"\nstrike = true\nterms = [\"forbidden fruit\", \"quince*\"]\n\
                        [[category]]\nname = \"nuts\"\naction = \"flag\"\nterms = [\"hazel nut\"]\n";

    fn filter() -> Filter {
        Filter::of_lists(
            [("en", LIST), ("zh", "unspaced = true\n[[category]]\nname = \"水果\"\naction = \"refuse\"\nterms = [\"禁果\"]")]
                .into_iter(),
        )
        .unwrap()
    }

    #[test]
    fn whole_words_are_found_and_their_like_are_not() {
        let found = |text: &str| filter().check(text).map(|finding| (finding.category, finding.action));
        let refused = Some(("fruit".to_owned(), Action::Refuse));
        for text in
            ["forbidden fruit", "a FORBIDDEN,fruit!", "f0rbidden fru1t", "two quinces", "q.u.i.n.c.e", "hazel nut and quince"]
        {
            assert_eq!(found(text), refused, "{text}");
        }
        assert_eq!(found("one hazel nut"), Some(("nuts".to_owned(), Action::Flag)));
        assert_eq!(found("画一个禁果吧"), Some(("水果".to_owned(), Action::Refuse)));
        for text in ["forbidden fruits", "unforbidden fruit", "a quin", "fruit forbidden", "witch hazel nuts", ""] {
            assert_eq!(found(text), None, "{text}");
        }
    }

    #[test]
    fn the_mode_softens_or_switches_off() {
        let finding = filter().with_mode(Mode::Flag).check("quince").unwrap();
        assert_eq!((finding.action, finding.strike), (Action::Flag, false));
        assert_eq!(filter().with_mode(Mode::Off).check("quince"), None);
    }

    #[test]
    fn words_are_left_out_and_what_stands_around_them_stays() {
        let list = "[[category]]\nname = \"brands\"\naction = \"mask\"\nterms = [\"acme\", \"umbrella corp\", \"globex*\"]\n\
                    [[category]]\nname = \"owls\"\naction = \"mask\"\nterms = [\"owl\"]";
        let chinese = "unspaced = true\n[[category]]\nname = \"brands\"\naction = \"mask\"\nterms = [\"禁果\", \"禁树果花\"]";
        let both = format!("{list}\n{LIST}");
        let filter = Filter::of_lists([("en", both.as_str()), ("zh", chinese)].into_iter()).unwrap();
        let left = |text: &str| filter.masked(text).map(|masked| (masked.text, masked.categories.join(" ")));
        for (text, expected, categories) in [
            ("an ACME truck, red", "an truck, red", "brands"),
            ("acme", "", "brands"),
            ("a truck of the Umbrella-Corp.", "a truck of the .", "brands"),
            ("a globexian, an owl", "a , an ", "brands owls"),
            ("(acme:1.3) truck", "(:1.3) truck", "brands"),
            ("an a.c.m.e truck", "an truck", "brands"),
            ("an аcmé truck", "an truck", "brands"), // Cyrillic a
            ("an acmeeee truck", "an truck", "brands"),
            ("an ac\u{200b}me\u{301} truck", "an truck", "brands"),
            ("画一个禁果吧", "画一个吧", "brands"),
            ("画禁禁果果吧", "画吧", "brands"),
            ("acme and acme", "and ", "brands"),
            ("acme with a hazel nut", "with a hazel nut", "brands"),
        ] {
            assert_eq!(left(text), Some((expected.to_owned(), categories.to_owned())), "{text}");
        }
        for text in ["acmes", "a truck", "hazel nut", "acme and forbidden fruit", ""] {
            assert_eq!(left(text), None, "{text}");
        }
        let joined = left("forbidden acme fruit").unwrap().0;
        let action = |text: &str| filter.check(text).map(|finding| finding.action);
        assert_eq!(action(&joined), Some(Action::Refuse), "what is left is looked at as well");
        let deep = format!("{}{}", "禁树".repeat(50), "果花".repeat(50));
        assert_eq!(action(&left(&deep).unwrap().0), Some(Action::Mask), "some are left");
        for mode in [Mode::Off, Mode::Flag] {
            assert_eq!(filter.clone().with_mode(mode).masked("acme"), None);
        }
        let flagged = filter.clone().with_mode(Mode::Flag).check("acme").unwrap();
        assert_eq!(flagged.action, Action::Flag);
        assert_eq!(filter.check("acme with a hazel nut").unwrap().action, Action::Mask, "more than a flag");
    }

    #[test]
    fn a_list_that_makes_no_sense_is_refused_without_being_quoted() {
        for bad in [LIST.replace("refuse", "burn"), LIST.replace("forbidden fruit", "x"), LIST.replace("terms", "words")] {
            let error = Filter::of_lists([("en", bad.as_str())].into_iter()).unwrap_err().to_string();
            assert!(error.contains("the word list en") && !error.contains("quince"), "{error}");
        }
        assert!(!format!("{:?}", filter()).contains("quince"));
    }

    #[test]
    fn everyday_prompts_pass_the_embedded_lists() {
        let filter = Filter::embedded();
        for text in [
            "a portrait of a child playing in a garden, oil painting",
            "grape harvest scene in Scunthorpe, Essex",
            "naked mole rat, macro photograph",
            "a teenager riding a bicycle, 35mm film",
            "Kinder spielen am Strand",
            "un niño con un perro",
            "enfants dans un parc",
            "ребёнок и собака",
            "一个孩子和一只狗",
            "masterpiece, best quality, 1girl, cherry blossoms",
            "classic assassin's cloak, cocktail glass",
        ] {
            assert_eq!(filter.check(text), None, "{text}");
        }
        let worst = filter.check("c h i l d  p0rn").unwrap();
        assert_eq!((worst.category.as_str(), worst.action, worst.strike), ("child_abuse", Action::Refuse, true));
    }

    #[test]
    fn an_operators_folder_takes_the_place_of_ours() {
        let folder = std::env::temp_dir().join(format!("easel-lists-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("en.toml"), LIST).unwrap();
        fs::write(folder.join("notes.txt"), "quince").unwrap();
        let filter = Filter::from_folder(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(filter.check("quince").is_some() && filter.check("child porn").is_none(), "ours of that name is replaced");
        assert!(filter.check("kinderporno").is_some(), "others stay");
    }
}
