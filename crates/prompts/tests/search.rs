//! Styles are found by words in any language, best first, at a bounded cost.

use easel_prompts::{Catalogue, Language, Query};

fn first(catalogue: &Catalogue, text: &str) -> String {
    let found = catalogue.search(&Query { text: text.into(), limit: 1, ..Query::default() });
    found.styles.first().map_or_else(String::new, |style| style.id.clone())
}

#[test]
fn every_style_is_the_first_for_its_own_name_in_every_language() {
    let catalogue = Catalogue::embedded();
    for style in catalogue.styles() {
        for language in Language::ALL {
            assert_eq!(first(&catalogue, style.names.get(language)), style.id);
        }
    }
}

#[test]
fn beginnings_misspellings_and_other_endings_are_found() {
    let catalogue = Catalogue::embedded();
    assert_eq!(first(&catalogue, "daguer"), "daguerreotype");
    assert_eq!(first(&catalogue, "dagerreotype"), "daguerreotype");
    assert_eq!(first(&catalogue, "дагеротипа"), "daguerreotype");
    assert_eq!(first(&catalogue, "银版"), "daguerreotype");
    assert_eq!(first(&catalogue, "watercolor wet-in-wet"), first(&catalogue, "Watercolour wet in wet"));
    assert_eq!(first(&catalogue, "qqqqqqqq"), "");
}

#[test]
fn all_words_count_and_categories_and_tags_narrow() {
    let catalogue = Catalogue::embedded();
    let query = |text: &str, category: Option<&str>, tags: &[&str]| Query {
        text: text.into(),
        category: category.map(Into::into),
        tags: tags.iter().map(|&tag| tag.into()).collect(),
        limit: usize::MAX,
        ..Query::default()
    };
    let manhwa = catalogue.search(&query("манхва", None, &[]));
    assert!(manhwa.total >= 60, "{}", manhwa.total);
    let both = catalogue.search(&query("webtoon school", None, &[]));
    assert!(both.total > 0 && both.styles.iter().all(|style| style.category.starts_with("manhwa/")));
    let narrowed = catalogue.search(&query("", Some("painting"), &["watercolour"]));
    assert!(narrowed.total > 0 && narrowed.styles.iter().all(|style| style.category == "painting/watercolour"));
    assert_eq!(catalogue.search(&query("", Some("paint"), &[])).total, 0);
    assert_eq!(catalogue.search(&query("", None, &[])).total, catalogue.styles().len());
}

#[test]
fn pages_are_parts_of_one_order() {
    let catalogue = Catalogue::embedded();
    let all = catalogue.search(&Query { text: "ink".into(), limit: 50, ..Query::default() });
    let mut paged = Vec::new();
    for offset in (0..50).step_by(10) {
        paged.extend(catalogue.search(&Query { text: "ink".into(), limit: 10, offset, ..Query::default() }).styles);
    }
    assert_eq!(all.styles, paged);
}

/// What a search costs is counted, not timed: a word that is found costs its places, a misspelt one a pass over the words.
#[test]
fn the_cost_of_a_search_is_bounded() {
    let catalogue = Catalogue::embedded();
    let styles = catalogue.styles().len();
    for text in [
        "a",
        "p",
        "photo",
        "по",
        "в",
        "摄影",
        "的",
        "watercolour of a rainy window at night",
        "phtograph waterculor misspeld",
        "фотографический портрет",
    ] {
        let work = catalogue.search(&Query { text: text.into(), limit: 20, ..Query::default() }).work;
        let words = text.split_whitespace().count();
        assert!(work <= words * 2 * styles, "{text}: {work}");
    }
}
