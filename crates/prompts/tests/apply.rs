//! Styles around a user's words, and records that make the same prompt again.

use std::{fs, sync::LazyLock};

use easel_prompts::{Catalogue, STYLES_MAX, StyledPrompt};
use proptest::prelude::*;

fn house() -> (tempfile::TempDir, Catalogue) {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |id: &str, zh: &str, ru: &str, prompt: &str, negative: &str| {
        format!(
            r#"{{"id":"{id}","category":"film","names":{{"en":"{id} style","zh":"{zh}","ru":"{ru}"}},"prompt":"{prompt}","negative":"{negative}"}}"#
        )
    };
    let lines = [
        line("one", "一号", "Первый", "painting of {prompt} in fog, thick strokes, soft light", "photo, sharp edges"),
        line("two", "二号", "Второй", "film frame of {prompt} at night, soft light, grain", "painting, day"),
    ];
    fs::write(folder.path().join("house.jsonl"), lines.join("\n")).expect("writes");
    let catalogue = Catalogue::with_folder(folder.path()).expect("reads");
    (folder, catalogue)
}

#[test]
fn one_style_goes_around_the_words() {
    let (_folder, catalogue) = house();
    let styled = catalogue.apply("a (red:1.2) fox, ", Some("text"), &["one"]).expect("applies");
    assert_eq!(styled.prompt, "painting of a (red:1.2) fox in fog, thick strokes, soft light");
    assert_eq!(styled.negative.as_deref(), Some("text, photo, sharp edges"));
    assert_eq!(styled.raw_prompt, "a (red:1.2) fox, ");
}

#[test]
fn several_styles_say_each_thing_once_and_forbid_nothing_asked_for() {
    let (_folder, catalogue) = house();
    let styled = catalogue.apply("a fox", None, &["one", "two"]).expect("applies");
    assert_eq!(styled.prompt, "film frame of painting of a fox in fog at night, thick strokes, soft light, grain");
    assert_eq!(styled.negative.as_deref(), Some("photo, sharp edges, day"));
    let photo = catalogue.apply("a photo of a fox, Soft Light", None, &["one"]).expect("applies");
    assert_eq!(photo.prompt, "painting of a photo of a fox, Soft Light in fog, thick strokes");
    assert_eq!(photo.negative.as_deref(), Some("sharp edges"));
}

#[test]
fn without_styles_nothing_changes() {
    let (_folder, catalogue) = house();
    let none: [&str; 0] = [];
    let styled = catalogue.apply("  a fox , ", None, &none).expect("applies");
    assert_eq!((styled.prompt.as_str(), styled.negative), ("  a fox , ", None));
    assert_eq!(catalogue.apply("", None, &["one"]).expect("applies").prompt, "painting in fog, thick strokes, soft light");
    assert_eq!(
        catalogue.apply("{prompt}", None, &["one"]).expect("applies").prompt,
        "painting of {prompt} in fog, thick strokes, soft light"
    );
}

#[test]
fn a_record_makes_the_same_prompt_again_or_says_why_not() {
    let (folder, catalogue) = house();
    let record = catalogue.apply("a fox", Some("text"), &["two", "one"]).expect("applies");
    let kept = serde_json::to_string(&record).expect("is JSON");
    let read: StyledPrompt = serde_json::from_str(&kept).expect("reads");
    assert_eq!(catalogue.reproduce(&read).expect("reproduces"), record);
    let file = folder.path().join("house.jsonl");
    let text = fs::read_to_string(&file).expect("reads");
    fs::write(&file, text.replace("一号", "壹号")).expect("writes");
    let renamed = Catalogue::with_folder(folder.path()).expect("reads");
    assert_eq!(renamed.reproduce(&read).expect("a name is not the words").prompt, record.prompt);
    fs::write(&file, text.replace("grain", "dust")).expect("writes");
    let changed = Catalogue::with_folder(folder.path()).expect("reads");
    assert_eq!(changed.reproduce(&read).expect_err("changed").code(), "style_changed");
    assert_eq!(Catalogue::embedded().reproduce(&read).expect_err("gone").code(), "style_not_found");
}

#[test]
fn what_cannot_be_combined_is_refused_without_repeating_it() {
    let catalogue = Catalogue::embedded();
    assert_eq!(catalogue.apply("x", None, &["linocut", "linocut"]).expect_err("twice").code(), "style_repeated");
    let error = catalogue.apply("x", None, &["<script>"]).expect_err("unknown");
    assert_eq!(error.code(), "style_not_found");
    assert!(!error.to_string().contains("script"));
    let many: Vec<&str> = catalogue.styles().iter().take(STYLES_MAX + 1).map(|style| style.id.as_str()).collect();
    assert_eq!(catalogue.apply("x", None, &many).expect_err("many").code(), "styles_too_many");
}

/// Read once for all cases.
static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(Catalogue::embedded);

proptest! {
    #[test]
    fn whatever_is_written_stays_and_comes_again(words in "[^ ,]\\PC{0,60}[^ ,]", picks in prop::collection::hash_set(0usize..2000, 1..4)) {
        let catalogue = &*CATALOGUE;
        let ids: Vec<&str> = picks.iter().map(|&at| catalogue.styles()[at].id.as_str()).collect();
        let styled = catalogue.apply(&words, None, &ids).expect("applies");
        prop_assert!(styled.prompt.contains(words.trim().trim_end_matches(|c: char| c == ',' || c.is_whitespace())));
        prop_assert_eq!(&catalogue.reproduce(&styled).expect("reproduces"), &styled);
    }
}
