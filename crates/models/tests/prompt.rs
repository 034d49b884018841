//! Prompts against transformers' `CLIPTokenizer` and A1111's chunking; the golden file's origin is `fixtures/prompt/generate.py`.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::{fs, path::Path};

use easel_models::prompt::{
    ClipTokenizer, EncodedPrompt, PromptError, PromptOptions, PromptSyntax, apply_weights, encode_prompt, equalise,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/prompt");

fn fixture(name: &str) -> Value {
    let text = fs::read_to_string(Path::new(FIXTURES).join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn tokenizer() -> ClipTokenizer {
    ClipTokenizer::open(Path::new(FIXTURES).join("tokenizer")).unwrap()
}

fn plain() -> PromptOptions {
    PromptOptions { syntax: PromptSyntax::Plain, ..PromptOptions::default() }
}

fn encode(prompt: &str) -> EncodedPrompt {
    encode_prompt(&tokenizer(), prompt, PromptOptions::default()).unwrap()
}

fn ids_of(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn floats_of(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

#[derive(Clone, Copy, Debug)]
enum Layout {
    Json,
    Vocabulary,
}

/// A tokenizer folder as `generate.py` writes it for a golden case.
fn folder(layout: Layout, case: &Value) -> TempDir {
    let (folder, source) = (tempfile::tempdir().unwrap(), fixture("tokenizer/tokenizer.json"));
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    let vocab = &source["model"]["vocab"];
    match layout {
        Layout::Json => write("tokenizer.json", source.to_string()),
        Layout::Vocabulary => {
            write("vocab.json", vocab.to_string());
            let merges = source["model"]["merges"].as_array().unwrap();
            let line = |merge: &Value| format!("{} {}\n", merge[0].as_str().unwrap(), merge[1].as_str().unwrap());
            write("merges.txt", format!("#version: 0.2\n{}", merges.iter().map(line).collect::<String>()));
        }
    }
    let (bos, eos) = ("<|startoftext|>", "<|endoftext|>");
    let mut config = json!({ "bos_token": bos, "eos_token": eos, "unk_token": eos, "model_max_length": 77 });
    if let Some(pad) = case["config_pad"].as_str() {
        config["pad_token"] = pad.into();
    }
    if case["added_tokens_decoder"] == true {
        let entry =
            |token: &str| (vocab[token].to_string(), json!({ "content": token, "special": true, "normalized": token != "!" }));
        config["added_tokens_decoder"] = Value::Object(["!", bos, eos].map(entry).into_iter().collect());
    }
    write("tokenizer_config.json", config.to_string());
    if let Some(pad) = case["map_pad"].as_str() {
        let flags = |token: &str| json!({ "content": token, "normalized": true, "lstrip": false, "rstrip": false });
        let map = json!({ "bos_token": flags(bos), "eos_token": flags(eos), "unk_token": eos, "pad_token": pad });
        write("special_tokens_map.json", map.to_string());
    }
    folder
}

#[test]
fn ids_are_those_of_transformers_however_the_files_are_laid_out() {
    let golden = fixture("golden.json");
    for (name, case) in golden["cases"].as_object().unwrap() {
        for layout in [Layout::Json, Layout::Vocabulary] {
            let folder = folder(layout, case);
            let tokenizer = ClipTokenizer::open(folder.path()).unwrap();
            assert_eq!(u64::from(tokenizer.pad()), case["pad"].as_u64().unwrap(), "{name} {layout:?}");
            for (prompt, expected) in golden["short"].as_array().unwrap().iter().zip(case["ids"].as_array().unwrap()) {
                let encoded = encode_prompt(&tokenizer, prompt.as_str().unwrap(), plain()).unwrap();
                assert!(encoded.is_plain());
                assert_eq!(encoded.chunks[0].ids, ids_of(expected), "{name} {layout:?} {prompt}");
            }
            for (prompt, expected) in golden["long"].as_array().unwrap().iter().zip(case["long"].as_array().unwrap()) {
                assert_eq!(tokenizer.ids(prompt.as_str().unwrap()).unwrap(), ids_of(expected), "{name} {layout:?} {prompt}");
            }
        }
    }
}

#[test]
fn a_shared_tokenizer_padded_otherwise_is_as_if_its_files_said_so() {
    let golden = fixture("golden.json");
    let tokenizer = ClipTokenizer::open(folder(Layout::Json, &golden["cases"]["sd1"]).path()).unwrap().padded_with("!").unwrap();
    for (prompt, expected) in golden["short"].as_array().unwrap().iter().zip(golden["cases"]["sd2"]["ids"].as_array().unwrap()) {
        assert_eq!(
            encode_prompt(&tokenizer, prompt.as_str().unwrap(), plain()).unwrap().chunks[0].ids,
            ids_of(expected),
            "{prompt}"
        );
    }
    assert!(tokenizer.padded_with("[PAD]").is_err());
}

#[test]
fn weights_restore_the_mean_as_a1111_does() {
    let golden = &fixture("golden.json")["emphasis"];
    let (tokens, width) = (golden["tokens"].as_u64().unwrap() as usize, golden["width"].as_u64().unwrap() as usize);
    let mut hidden = floats_of(&golden["hidden"]);
    apply_weights(&mut hidden, tokens, width, &floats_of(&golden["weights"]));
    for (got, expected) in hidden.iter().zip(floats_of(&golden["expected"])) {
        assert!((got - expected).abs() <= 2e-6 * expected.abs().max(1.0), "{got} {expected}");
    }
}

#[test]
fn nothing_of_a_long_prompt_is_lost() {
    let tokenizer = tokenizer();
    for options in [plain(), PromptOptions::default()] {
        let prompt = "a small house, large tree mountain lake ".repeat(30);
        let encoded = encode_prompt(&tokenizer, &prompt, options).unwrap();
        let ids: Vec<u32> = encoded.chunks.iter().flat_map(|c| c.ids[1..c.eos_position].to_vec()).collect();
        assert_eq!(ids, tokenizer.ids(&prompt).unwrap());
        assert_eq!(encoded.tokens, ids.len());
        assert!(encoded.chunks.len() > 1 && !encoded.is_plain());
        for chunk in &encoded.chunks {
            assert_eq!((chunk.ids.len(), chunk.weights.len(), chunk.ids[0]), (77, 77, tokenizer.bos()));
            assert_eq!(chunk.ids[chunk.eos_position], tokenizer.eos());
        }
    }
}

/// Ids in each chunk before its closing token.
fn lengths(encoded: &EncodedPrompt) -> Vec<usize> {
    encoded.chunks.iter().map(|chunk| chunk.eos_position - 1).collect()
}

#[test]
fn a_full_chunk_is_cut_after_a_near_comma() {
    let sun = |n: usize| "sun ".repeat(n);
    // The comma is id 60; 14 ids after it fill the chunk, and move.
    assert_eq!(lengths(&encode(&format!("{}, {}", sun(60), sun(30)))), [61, 30]);
    // 20 ids after the comma's position still move, 21 do not.
    assert_eq!(lengths(&encode(&format!("{}, {}", sun(55), sun(30)))), [56, 30]);
    assert_eq!(lengths(&encode(&format!("{}, {}", sun(54), sun(30)))), [75, 10]);
    assert_eq!(lengths(&encode(&sun(80))), [75, 5]);
    assert_eq!(lengths(&encode(&format!("{}, {}", sun(74), sun(3)))), [75, 3]);
    assert_eq!(lengths(&encode(&format!("{}, {}", sun(75), sun(3)))), [75, 4]);
    let options = PromptOptions { comma_backtrack: 0, ..PromptOptions::default() };
    let cut = encode_prompt(&tokenizer(), &format!("{}, {}", sun(60), sun(30)), options).unwrap();
    assert_eq!(lengths(&cut), [75, 16]);
}

#[test]
fn break_fills_up_its_chunk() {
    assert_eq!(lengths(&encode("red sun BREAK blue sun lake")), [2, 3]);
    assert_eq!(lengths(&encode("BREAK sun")), [0, 1]);
    assert_eq!(lengths(&encode("sun BREAK")), [1]);
    assert_eq!(lengths(&encode_prompt(&tokenizer(), "sun BREAK moon", plain()).unwrap()).len(), 1);
}

#[test]
fn weights_fall_on_their_tokens() {
    let encoded = encode("a (red:1.5) [sun]");
    let weights = &encoded.chunks[0].weights;
    assert_eq!(weights[..6], [1.0, 1.0, 1.5, (1.0_f64 / 1.1) as f32, 1.0, 1.0]);
    assert!(!encoded.is_plain());
    let literal = encode_prompt(&tokenizer(), "a (red:1.5) [sun]", plain()).unwrap();
    assert!(literal.is_plain() && literal.tokens > encoded.tokens);
}

#[test]
fn loras_are_listed_and_leave_no_tokens() {
    let encoded = encode("a sun<lora:ink:0.8>");
    assert_eq!((encoded.tokens, encoded.loras.len(), encoded.is_plain()), (2, 1, false));
    assert_eq!((encoded.loras[0].name.as_str(), encoded.loras[0].weight), ("ink", 0.8));
    assert!(encode_prompt(&tokenizer(), "<lora:ink:0.8>", plain()).unwrap().loras.is_empty());
}

#[test]
fn two_branches_get_equally_many_chunks() {
    let tokenizer = tokenizer();
    let (mut long, mut short) = (encode(&"sun ".repeat(160)), encode("blue"));
    equalise(&tokenizer, &mut short, &mut long);
    assert_eq!((short.chunks.len(), long.chunks.len()), (3, 3));
    assert_eq!(short.chunks[2], encode("").chunks[0]);
}

#[test]
fn too_much_text_is_refused_not_cut() {
    let tokenizer = tokenizer();
    let error = |prompt: &str| encode_prompt(&tokenizer, prompt, PromptOptions::default()).unwrap_err();
    assert!(matches!(error(&"sun ".repeat(2500)), PromptError::TooLong { got: 2500, unit: "tokens", limit: 2400 }));
    assert!(matches!(error(&"sun ".repeat(10_000)), PromptError::TooLong { unit: "bytes", .. }));
    assert!(matches!(error("(sun:1.2.3)"), PromptError::BadWeight(_)));
}

#[test]
fn the_worst_brackets_are_read_in_reasonable_time() {
    let started = std::time::Instant::now();
    let _ = encode_prompt(&tokenizer(), &"(a".repeat(16_000), PromptOptions::default());
    let _ = encode_prompt(&tokenizer(), &"[a]".repeat(10_000), PromptOptions::default());
    let _ = encode_prompt(&tokenizer(), &"<".repeat(32_000), PromptOptions::default());
    let _ = encode_prompt(&tokenizer(), &"BREAK".repeat(6_500), PromptOptions::default());
    let _ = encode_prompt(&tokenizer(), &"<lora:".repeat(5_000), PromptOptions::default());
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}

#[test]
fn a_very_long_word_is_not_dropped() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.ids(&"x".repeat(30_000)).unwrap().len(), 30_000);
    assert_eq!(tokenizer.ids(&"#".repeat(30_000)).unwrap().len(), 30_000);
}

/// Writes `files` over a sound tokenizer in the older layout and says why it does not open.
fn refusal(files: &[(&str, &str)]) -> String {
    let golden = fixture("golden.json");
    let folder = folder(Layout::Vocabulary, &golden["cases"]["sd1"]);
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    ClipTokenizer::open(folder.path()).expect_err("the files are malformed").to_string()
}

#[test]
fn malformed_files_are_named() {
    let says = |files: &[(&str, &str)], words: &[&str]| {
        let refusal = refusal(files);
        assert!(words.iter().all(|word| refusal.contains(word)), "{refusal}");
    };
    says(&[("vocab.json", "{")], &["vocab.json", "line 1"]);
    says(&[("vocab.json", "{\"a\": -1}")], &["vocab.json"]);
    says(&[("vocab.json", "{\"a\": 1}")], &["merges.txt", "line 2", "not in the vocabulary"]);
    says(&[("merges.txt", "a\n")], &["merges.txt", "line 1"]);
    says(&[("merges.txt", ""), ("vocab.json", "{}")], &["vocab.json", "<|endoftext|>"]);
    // Both halves known, the whole longer than any token: the `tokenizers` crate would panic.
    says(&[("merges.txt", "background</w> background</w>")], &["merges.txt", "background</w>background</w>"]);
    says(&[("tokenizer_config.json", "[]")], &["tokenizer_config.json"]);
    says(&[("tokenizer_config.json", "{\"model_max_length\": 2}")], &["tokenizer_config.json", "model_max_length"]);
    says(&[("tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": \"!\"}}")], &["tokenizer_config.json", "`x`"]);
    says(&[("tokenizer_config.json", "{\"added_tokens_decoder\": {\"1\": \"!\"}}")], &["tokenizer_config.json", "`!`"]);
    says(&[("special_tokens_map.json", "{\"pad_token\": \"[PAD]\"}")], &["[PAD]"]);
    says(&[("special_tokens_map.json", "{\"pad_token\": 3}")], &["special_tokens_map.json"]);
    says(&[("tokenizer.json", "null")], &["tokenizer.json"]);
    says(&[("tokenizer.json", "{\"model\": {\"type\": \"Unigram\"}}")], &["tokenizer.json", "Unigram"]);
    says(
        &[("tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": [[\"a\", \"a\"]]}}")],
        &["merge 0", "`aa`"],
    );
    says(
        &[("tokenizer.json", "{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}}")],
        &["startoftext", "not in"],
    );
    let empty = tempfile::tempdir().unwrap();
    let error = ClipTokenizer::open(empty.path()).unwrap_err();
    assert!(matches!(&error, PromptError::NoTokenizer(_)), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_are_encoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        check_any(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_brackets_are_encoded_or_refused(text in r"([()\[\]\\:<> ,]|BREAK|1\.5|-|<lora:|a|é|🦊){0,60}") {
        check_any(&text);
    }
}

fn check_any(text: &str) {
    thread_local!(static TOKENIZER: ClipTokenizer = tokenizer());
    TOKENIZER.with(|tokenizer| {
        encode_prompt(tokenizer, text, plain()).unwrap();
        match encode_prompt(tokenizer, text, PromptOptions::default()) {
            Ok(encoded) => {
                assert!(encoded.chunks.iter().all(|c| c.ids.len() == 77 && c.weights.iter().all(|w| w.is_finite())));
                assert_eq!(encoded.chunks.iter().map(|c| c.ids.len()).sum::<usize>(), encoded.chunks.len() * 77);
            }
            Err(error) => {
                assert!(matches!(error, PromptError::BadWeight(_) | PromptError::BadLora(_) | PromptError::WeightOverflow(_)))
            }
        }
    });
}
