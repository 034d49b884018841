//! A1111's infotext: byte-true writing, forgiving reading.

use easel_imaging::{
    Infotext,
    infotext::{sampler_label, schedule_label},
};
use easel_types::{SamplerKind, SigmaSchedule};
use proptest::prelude::*;

fn infotext(prompt: &str, negative: &str, parameters: &[(&str, &str)]) -> Infotext {
    let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Infotext { prompt: prompt.to_owned(), negative_prompt: negative.to_owned(), parameters }
}

/// What the expression `\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)` finds in Python's `re`, unquoted.
#[test]
fn parameters_are_found_as_python_finds_them() {
    let cases: [(&str, &[(&str, &str)]); 4] = [
        (
            "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x768",
            &[
                ("Steps", "20"),
                ("Sampler", "DPM++ 2M"),
                ("Schedule type", "Karras"),
                ("CFG scale", "7"),
                ("Seed", "1"),
                ("Size", "512x768"),
            ],
        ),
        (
            r#"Steps: 20, Model: "a, \"b\": c", Lora hashes: "x: abc, y: def", Version: v1.10.1"#,
            &[("Steps", "20"), ("Model", r#"a, "b": c"#), ("Lora hashes", "x: abc, y: def"), ("Version", "v1.10.1")],
        ),
        (
            "Steps: 20, Sampler: Euler a, Hires upscaler: 4x-Ultra Sharp, ADetailer model: face.pt, , Seed: -1",
            &[
                ("Steps", "20"),
                ("Sampler", "Euler a"),
                ("Hires upscaler", "4x-Ultra Sharp"),
                ("ADetailer model", "face.pt"),
                ("Seed", "-1"),
            ],
        ),
        (
            r#"Steps: 2: 3, x: 4, Sch/ed-ule 2: "unclosed, Seed: 9, Größe: 3"#,
            &[("Steps", "2: 3"), ("Sch/ed-ule 2", "\"unclosed"), ("Seed", "9"), ("Größe", "3")],
        ),
    ];
    for (text, parameters) in cases {
        assert_eq!(Infotext::parse(text), infotext("", "", parameters), "{text}");
    }
}

#[test]
fn it_is_written_byte_for_byte() {
    let mut text = infotext("a cat,\nsitting", "blurry: \"bad\"\nugly", &[]);
    text.push("Steps", 20);
    text.push("Sampler", "DPM++ 2M");
    text.push("CFG scale", 7.0);
    text.push("Size", format_args!("{}x{}", 512, 768));
    text.push("Model", "mine, \"quoted\" ü");
    text.push("Lora hashes", "a: 1234");
    let written = "a cat,\nsitting\nNegative prompt: blurry: \"bad\"\nugly\n\
        Steps: 20, Sampler: DPM++ 2M, CFG scale: 7, Size: 512x768, Model: \"mine, \\\"quoted\\\" ü\", Lora hashes: \"a: 1234\"";
    assert_eq!(text.to_string(), written);
    assert_eq!(Infotext::parse(written), text);
    assert_eq!(text.size("Size"), Some((512, 768)));
}

#[test]
fn without_negative_prompt_or_prompt_no_line_is_left_for_them() {
    let parameters = [("Steps", "1"), ("Seed", "2"), ("Size", "8x8")];
    assert_eq!(infotext("a", "", &parameters).to_string(), "a\nSteps: 1, Seed: 2, Size: 8x8");
    assert_eq!(infotext("", "", &parameters).to_string(), "Steps: 1, Seed: 2, Size: 8x8");
}

#[test]
fn a_last_line_with_fewer_than_three_parameters_is_prompt() {
    let text = "a dog: happy, a cat: sad";
    assert_eq!(Infotext::parse(text), infotext(text, "", &[]));
    assert_eq!(Infotext::parse("one\nNegative prompt: two\nthree"), infotext("one", "two\nthree", &[]));
    assert_eq!(Infotext::parse(""), Infotext::default());
}

#[test]
fn labels_are_unique() {
    let samplers: std::collections::BTreeSet<_> = SamplerKind::ALL.iter().map(|kind| sampler_label(*kind)).collect();
    assert_eq!(samplers.len(), SamplerKind::ALL.len());
    let schedules: std::collections::BTreeSet<_> = SigmaSchedule::ALL.iter().map(|kind| schedule_label(*kind)).collect();
    assert_eq!(schedules.len(), SigmaSchedule::ALL.len());
}

/// Prompts are kept but for white space at the ends of lines; a line that itself begins with "Negative prompt:" is the format's own.
fn prompt() -> impl Strategy<Value = String> {
    let line = "[^\\s](?:[^\\n\\r]{0,30}[^\\s])?".prop_filter("the format's own", |line| !line.starts_with("Negative prompt:"));
    prop::collection::vec(line, 1..4).prop_map(|lines| lines.join("\n"))
}

/// A value survives unless it is empty, has white space at its ends, or looks quoted without needing quotes.
fn value() -> impl Strategy<Value = String> {
    "\\PC{1,20}|[a-z\"\\\\,: \n\u{e9}\u{732b}]{1,20}".prop_filter("as documented", |value| {
        let bare_quote = value.starts_with('"') && !value.contains([',', ':', '\n']);
        value.trim() == value && !value.is_empty() && !bare_quote
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn written_and_read_back_is_the_same(
        prompt in prompt(),
        negative in prop::option::of(prompt()),
        values in prop::collection::vec(("[A-Za-z0-9][A-Za-z0-9 /-]{0,10}[A-Za-z0-9]", value()), 3..8),
    ) {
        let text = Infotext { prompt, negative_prompt: negative.unwrap_or_default(), parameters: values };
        let written = text.to_string();
        prop_assert_eq!(Infotext::parse(&written), text, "{}", written);
    }

    #[test]
    fn any_text_is_read(text in "\\PC{0,80}|[a-z\"\\\\,: \n]{0,80}") {
        let _ = Infotext::parse(&text).to_string();
    }
}
