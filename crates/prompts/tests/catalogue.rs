//! The catalogue that comes with the program, and an operator's.

use std::{collections::HashSet, fs, path::Path};

use easel_prompts::{Catalogue, Language, PLACEHOLDER, PromptsError, Style};

#[test]
fn there_are_at_least_two_thousand_styles_in_sixty_categories() {
    let catalogue = Catalogue::embedded();
    assert!(catalogue.styles().len() >= 2_000, "{}", catalogue.styles().len());
    let used: HashSet<_> = catalogue.styles().iter().map(|style| &style.category).collect();
    assert!(used.len() >= 60, "{}", used.len());
    for category in catalogue.categories() {
        let whole = |id: &&String| **id == category.id || id.starts_with(&format!("{}/", category.id));
        assert!(used.iter().any(whole), "{} is empty", category.id);
    }
}

#[test]
fn no_two_styles_share_an_id_a_name_or_words() {
    let catalogue = Catalogue::embedded();
    let letters = |text: &str| text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let distinct = |what: &str, of: &dyn Fn(&Style) -> String| {
        let mut seen = HashSet::new();
        for style in catalogue.styles() {
            assert!(seen.insert(of(style)), "the {what} of {} is not its own", style.id);
        }
    };
    distinct("id", &|style| style.id.clone());
    for language in Language::ALL {
        distinct("name", &|style| letters(style.names.get(language)));
    }
    distinct("prompt", &|style| letters(&style.prompt));
}

#[test]
fn every_style_is_whole() {
    let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let cyrillic = |c: char| ('\u{0400}'..='\u{04ff}').contains(&c);
    for style in Catalogue::embedded().styles() {
        let id = &style.id;
        assert_eq!(style.prompt.matches(PLACEHOLDER).count(), 1, "{id}");
        let own = style.prompt.replace(PLACEHOLDER, "");
        assert!(own.split_whitespace().count() >= 6, "{id} says too little");
        assert!((30..=240).contains(&own.chars().count()), "{id}");
        assert!(!style.negative.is_empty() && style.negative.chars().count() <= 160, "{id}");
        assert!(!style.tags.is_empty(), "{id}");
        assert!(style.names.zh.chars().any(han) && !style.names.zh.chars().any(cyrillic), "{id}");
        assert!(style.names.ru.chars().any(cyrillic) && !style.names.ru.chars().any(|c| c.is_ascii_alphabetic()), "{id}");
        assert!(!style.names.en.chars().any(|c| han(c) || cyrillic(c)), "{id}");
        for name in [&style.names.en, &style.names.zh, &style.names.ru] {
            assert!((2..=80).contains(&name.chars().count()), "{id}");
        }
    }
}

/// Trademarks and living artists that prompts elsewhere are full of.
const BANNED: &str = "pixiv disney pixar ghibli marvel nintendo playstation xbox lego barbie pokemon polaroid kodak fujifilm leica nikon canon \
    hasselblad instax technicolor cinemascope photoshop unreal octane blender artstation deviantart instagram google adobe xerox risograph vhs \
    bakelite plasticine plexiglas crayola sharpie copic netflix rutkowski artgerm beeple miyazaki shinkai banksy kusama hockney hirst koons \
    murakami mucha wlop sakimichan kuvshinov gameboy famicom commodore macintosh iphone ferrari porsche vespa rolex";

#[test]
fn no_style_names_a_trademark_or_an_artist() {
    for style in Catalogue::embedded().styles() {
        let text = format!("{} {} {} {}", style.names.en, style.prompt, style.negative, style.tags.join(" ")).to_lowercase();
        for word in text.split(|c: char| !c.is_alphanumeric()) {
            assert!(!BANNED.split_whitespace().any(|banned| banned == word), "{} says {word}", style.id);
        }
    }
}

const GOOD: &str = r#"{"id":"house-look","category":"photography/portrait","names":{"en":"House look","zh":"本店风格","ru":"Наш стиль"},"prompt":"{prompt}, our own light"}"#;

fn folder(lines: &[&str]) -> (tempfile::TempDir, Result<Catalogue, PromptsError>) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ours.jsonl"), lines.join("\n")).expect("writes");
    let catalogue = Catalogue::with_folder(folder.path());
    (folder, catalogue)
}

#[test]
fn an_operators_styles_are_added_and_replace_ours() {
    let ours = Catalogue::embedded();
    let changed = GOOD.replace("house-look", "daguerreotype");
    let (_folder, theirs) = folder(&[
        GOOD,
        "",
        &changed
            .replace("House look", "Plate")
            .replace("本店风格", "银版")
            .replace("Наш стиль", "Пластина")
            .replace("our own", "their own"),
    ]);
    let theirs = theirs.expect("a catalogue");
    assert_eq!(theirs.styles().len(), ours.styles().len() + 1);
    assert_eq!(theirs.style("house-look").expect("is there").prompt, "{prompt}, our own light");
    assert_eq!(theirs.style("daguerreotype").expect("is there").names.en, "Plate");
    assert_ne!(theirs.version().hash, ours.version().hash);
    assert_eq!(ours.version(), Catalogue::embedded().version());
}

#[test]
fn a_single_file_of_styles_will_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("our-styles.txt");
    fs::write(&file, GOOD).expect("writes");
    let theirs = Catalogue::with_folder(&file).expect("a catalogue");
    assert_eq!(theirs.styles().len(), Catalogue::embedded().styles().len() + 1);
    assert_eq!(theirs.style("house-look").expect("is there").names.en, "House look");
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let cases = [
        ("{}".to_owned(), "missing field"),
        ("not json".to_owned(), "expected"),
        (GOOD.replace("{prompt}", ""), "exactly once"),
        (GOOD.replace("{prompt},", "{prompt} {prompt},"), "exactly once"),
        (GOOD.replace(", our own light", ""), "nothing besides"),
        (GOOD.replace("our own", "(our:1.2)"), "syntax"),
        (GOOD.replace("本店风格", "House"), "name in zh"),
        (GOOD.replace("Наш стиль", "Nash stil"), "name in ru"),
        (GOOD.replace("Наш стиль", ""), "is missing"),
        (GOOD.replace("photography/portrait", "photography/none"), "no category"),
        (GOOD.replace("house-look", "House Look"), "the id"),
        (GOOD.replace("our own light", &"light ".repeat(99)), "longer than"),
        (GOOD.replace("\"prompt\"", "\"promt\""), "unknown field"),
    ];
    for (line, expected) in &cases {
        let (_folder, result) = folder(&[
            "",
            GOOD.replace("house-look", "first")
                .replace("House look", "First")
                .replace("本店风格", "第一")
                .replace("Наш стиль", "Первый")
                .replace("our own", "first")
                .as_str(),
            line,
        ]);
        let error = result.expect_err(expected);
        assert_eq!(error.code(), "prompt_data_invalid");
        let text = error.to_string();
        assert!(text.contains("ours.jsonl, line 3: ") && text.contains(expected), "{text}");
    }
}

#[test]
fn what_is_there_already_is_refused() {
    let same_words = GOOD
        .replace("house-look", "other")
        .replace("House look", "Other")
        .replace("本店风格", "其他")
        .replace("Наш стиль", "Другой");
    let cases =
        [(GOOD.to_owned(), "used before"), (GOOD.replace("house-look", "other"), "the name of"), (same_words, "the prompt of")];
    for (second, expected) in &cases {
        let (_folder, result) = folder(&[GOOD, second.as_str()]);
        let text = result.expect_err(expected).to_string();
        assert!(text.contains("line 2") && text.contains(expected), "{text}");
    }
    assert_eq!(Catalogue::with_folder(Path::new("no/such/folder")).expect_err("none").code(), "prompt_data_unreadable");
}
