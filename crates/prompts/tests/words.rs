//! Building, enhancing, random prompts and suggestions: pure functions of words and seed.

use std::collections::HashSet;

use easel_prompts::{
    Amount, Catalogue, EnhanceRequest, Enhanced, Kind, Language, PromptParts, Slot, Suggester, Vocabulary, complete_own,
};

fn enhance(vocabulary: &Vocabulary, prompt: &str, seed: u64) -> Enhanced {
    let request = EnhanceRequest { prompt: prompt.into(), seed, amount: Amount::Many, ..EnhanceRequest::default() };
    vocabulary.enhance_by_rule(&request)
}

#[test]
fn parts_become_a_prompt_and_ids_their_words() {
    let vocabulary = Vocabulary::embedded();
    let parts = PromptParts {
        subject: "a fox, soft window light".into(),
        medium: "medium-linocut-print".into(),
        light: "soft window light".into(),
        quality: vec![String::new(), "quality-fine-detail".into()],
        ..PromptParts::default()
    };
    assert_eq!(parts.build(&vocabulary), "a fox, soft window light, linocut print, fine detail");
    assert_eq!(PromptParts::default().build(&vocabulary), "");
}

#[test]
fn enhancement_keeps_the_words_and_is_the_same_for_the_same_seed() {
    let vocabulary = Vocabulary::embedded();
    let once = enhance(&vocabulary, "a (red:1.2) fox in a forest, ", 7);
    assert_eq!(once, enhance(&vocabulary, "a (red:1.2) fox in a forest, ", 7));
    assert!(once.prompt.starts_with("a (red:1.2) fox in a forest, "), "{}", once.prompt);
    assert_eq!(once.added.len(), 7);
    let different: HashSet<String> = (0..50).map(|seed| enhance(&vocabulary, "a fox", seed).prompt).collect();
    assert!(different.len() > 40, "{}", different.len());
    for (amount, most) in [(Amount::Few, 2), (Amount::Some, 4), (Amount::Many, 7)] {
        let request = EnhanceRequest { prompt: "a fox".into(), amount, ..EnhanceRequest::default() };
        assert_eq!(vocabulary.enhance_by_rule(&request).added.len(), most);
    }
}

/// What a prompt says, and facts that must not be added to it, for every seed.
const CONTRADICTIONS: &[(&str, &[&str])] = &[
    ("a street at night", &["time:day", "time:dawn", "time:dusk", "place:indoor", "place:space"]),
    ("улица ночью", &["time:day", "time:dawn", "time:dusk", "place:indoor"]),
    ("夜晚的街道", &["time:day", "time:dawn", "time:dusk", "place:indoor"]),
    ("a kitchen in the morning", &["place:outdoor", "time:night", "weather:snow"]),
    ("кухня утром", &["place:outdoor", "time:night"]),
    ("an oil painting of a castle", &["medium:photo", "medium:render", "medium:pixel"]),
    ("black and white photo of a man", &["colour:vivid", "colour:pastel", "colour:warm", "medium:painting"]),
    ("a beach in summer, sunny", &["season:winter", "weather:snow", "weather:rain", "weather:fog", "time:night"]),
    ("a forest without snow", &["weather:snow"]),
    ("лес без снега", &["weather:snow"]),
    ("没有雪的森林", &["weather:snow"]),
    ("an abandoned empty valley", &["people:some"]),
    ("a coral reef underwater", &["place:outdoor", "place:indoor", "place:space"]),
    ("macro of a beetle", &["view:wide", "view:full"]),
    ("a joyful dance", &["mood:sad", "mood:fear"]),
    ("a blurry memory of a house", &["focus:sharp"]),
];

#[test]
fn what_is_added_contradicts_neither_the_words_nor_itself() {
    let vocabulary = Vocabulary::embedded();
    for (prompt, forbidden) in CONTRADICTIONS {
        for seed in 0..200 {
            let mut said: Vec<String> = Vec::new();
            for id in enhance(&vocabulary, prompt, seed).added {
                let term = vocabulary.term(&id).expect("is a term");
                for fact in &term.says {
                    assert!(!forbidden.contains(&fact.as_str()), "{prompt}: {id}");
                    let axis = fact.split(':').next().expect("has an axis");
                    let other = said.iter().find(|said| said.starts_with(&format!("{axis}:")) && *said != fact);
                    assert!(other.is_none() || axis == "subject", "{prompt}: {id} against {other:?}");
                    said.push(fact.clone());
                }
            }
        }
    }
}

#[test]
fn detail_fits_the_subject_and_what_is_settled_is_left_alone() {
    let vocabulary = Vocabulary::embedded();
    let slots = |prompt: &str, seed| -> Vec<(Slot, String)> {
        let added = enhance(&vocabulary, prompt, seed).added;
        added.into_iter().map(|id| (vocabulary.term(&id).expect("is a term").slot, id)).collect()
    };
    for seed in 0..100 {
        let details = |prompt| slots(prompt, seed).into_iter().filter(|(slot, _)| *slot == Slot::Detail).map(|(_, id)| id);
        for id in details("a bowl of soup") {
            assert!(vocabulary.term(&id).expect("is a term").needs.contains(&"subject:food".to_owned()), "{id}");
        }
        for id in details("портрет рыцаря") {
            assert!(vocabulary.term(&id).expect("is a term").needs.contains(&"subject:person".to_owned()), "{id}");
        }
        let settled = slots("a melancholic watercolour close-up by candlelight", seed);
        for taken in [Slot::Mood, Slot::Medium, Slot::Composition, Slot::Light] {
            assert!(!settled.iter().any(|(slot, _)| *slot == taken), "{settled:?}");
        }
    }
}

#[test]
fn styles_count_as_said_and_nothing_asked_for_is_avoided() {
    let vocabulary = Vocabulary::embedded();
    let catalogue = Catalogue::embedded();
    let style = catalogue.style("daguerreotype").expect("is there").clone();
    for seed in 0..100 {
        let request = EnhanceRequest {
            prompt: "a man".into(),
            negative: Some("candlelight, watermark".into()),
            styles: vec![style.clone()],
            seed,
            amount: Amount::Many,
        };
        let enhanced = vocabulary.enhance_by_rule(&request);
        assert!(!enhanced.prompt.contains("painting") && !enhanced.prompt.contains("candlelight"), "{}", enhanced.prompt);
        let negative = enhanced.negative.expect("says something");
        assert!(negative.starts_with("candlelight, watermark, ") && negative.matches("watermark").count() == 1, "{negative}");
        assert!(negative.contains("deformed hands"), "{negative}");
        let hands = enhance(&vocabulary, "a blurry man, deformed hands", seed).negative.expect("says something");
        assert!(!hands.contains("blurry") && !hands.contains("deformed"), "{hands}");
    }
}

#[test]
fn random_prompts_are_whole_and_tell_the_same_in_every_language() {
    let vocabulary = Vocabulary::embedded();
    let mut seen = HashSet::new();
    for seed in 0..500 {
        let told = vocabulary.random(seed);
        assert_eq!(told, vocabulary.random(seed));
        for language in Language::ALL {
            let text = told.get(language);
            assert!(!text.contains(['{', '}']) && text.chars().count() >= 8, "{text}");
        }
        assert!(
            told.en.chars().all(|c| c.is_ascii() || c == 'é') && !told.ru.chars().any(|c| c.is_ascii_alphabetic()),
            "{told:?}"
        );
        let pairs = [
            ("heron", "鹭", "цапля"),
            ("tram", "电车", "трамвай"),
            ("birch wood", "白桦林边", "опушке"),
            ("at dusk", "黄昏时分", "в сумерках"),
        ];
        for (en, zh, ru) in pairs {
            assert_eq!((told.en.contains(en), told.en.contains(en)), (told.zh.contains(zh), told.ru.contains(ru)), "{told:?}");
        }
        seen.insert(told.en);
    }
    assert!(seen.len() > 480, "{}", seen.len());
}

#[test]
fn what_is_wrong_with_a_vocabulary_is_said_with_its_line() {
    let line = |rule: &str, en: &str| format!(r#"{{"rule":"{rule}","text":{{"en":"{en}","zh":"{{a}}图","ru":"{{a}} вид"}}}}"#);
    let end = r#"{"rule":"a","text":{"en":"a view","zh":"一图","ru":"вид"}}"#;
    let cases = [
        (format!("{}\n{end}", line("start", "{b} view")), "no rule b"),
        (format!("{}\n{end}", line("start", "a view")), "do not use the same rules"),
        (format!("{}\n{}", line("start", "{a} view"), line("a", "{a} view")), "leads back"),
        (end.to_owned(), "no rule start"),
    ];
    for (grammar, expected) in cases {
        let text = Vocabulary::parse("", "", &grammar).expect_err(expected).to_string();
        assert!(text.contains("grammar.jsonl, line 1") && text.contains(expected), "{text}");
    }
    assert!(Vocabulary::parse("", "", &format!("{}\n{end}", line("start", "{a} view"))).is_ok());
}

#[test]
fn a_phrase_is_completed_in_the_language_it_is_typed_in() {
    let suggester = Suggester::new(Catalogue::embedded().into(), Vocabulary::embedded().into());
    let first = |typed: &str, language| suggester.suggest(typed, language, 8).into_iter().next().expect("suggests");
    let english = first("a cat, gold", Language::En);
    assert_eq!((english.shown.as_str(), english.replaces_from), ("golden hour light", 7));
    let russian = first("кошка, свет золо", Language::Ru);
    assert_eq!((russian.shown.as_str(), russian.prompt.as_str()), ("свет золотого часа", "golden hour light"));
    let chinese = first("猫，烛", Language::Zh);
    assert_eq!((chinese.shown.as_str(), chinese.prompt.as_str()), ("烛光", "candlelight"));
    let last_word = first("a cat by candlel", Language::En);
    assert_eq!((last_word.shown.as_str(), last_word.replaces_from), ("candlelight", 9));
    let styles = suggester.suggest("daguerreo", Language::En, 20);
    assert!(styles.iter().any(|found| found.kind == Kind::Style("daguerreotype".into())), "{styles:?}");
    assert!(suggester.suggest("a cat, gold", Language::En, 30).iter().all(|found| found.prompt != "gold"), "it is there already");
    assert!(suggester.suggest("", Language::En, 8).is_empty());
    assert!(suggester.suggest("qqqq", Language::En, 8).is_empty());
}

#[test]
fn after_a_comma_comes_what_goes_with_what_was_said() {
    let suggester = Suggester::new(Catalogue::embedded().into(), Vocabulary::embedded().into());
    let next = suggester.suggest("a street at night, yellowed varnish, ", Language::Ru, 12);
    assert_eq!(next, suggester.suggest("a street at night, yellowed varnish, ", Language::Ru, 12));
    assert_eq!(next.len(), 12);
    assert_eq!((next[0].prompt.as_str(), &next[0].kind), ("network of age cracks", &Kind::Phrase));
    for suggestion in &next {
        assert_eq!(suggestion.replaces_from, "a street at night, yellowed varnish, ".len());
        if let Kind::Term(id) = &suggestion.kind {
            let says = &suggester.vocabulary().term(id).expect("is a term").says;
            assert!(!says.iter().any(|fact| ["time:day", "time:dawn", "place:indoor"].contains(&fact.as_str())), "{id}");
        }
    }
    let said = suggester.suggest("candlelight, ", Language::En, 30);
    assert!(!said.iter().any(|suggestion| suggestion.prompt == "candlelight"));
}

#[test]
fn what_was_written_before_completes_what_is_begun() {
    let written = ["a cat, gold leaf on black", "a dog, Gold leaf on black, gold rings", "a cat, golden"];
    let found = complete_own("a fox, Gold", written, 2);
    let shown: Vec<&str> = found.iter().map(|found| found.shown.as_str()).collect();
    // Twice, then the newest.
    assert_eq!(shown, ["gold leaf on black", "gold rings"]);
    assert!(found.iter().all(|found| found.replaces_from == 7 && found.kind == Kind::Own));
    assert_eq!(complete_own("gold leaf on black, gold l", written, 9), []);
    assert_eq!(complete_own("a fox, g", written, 9), [], "one letter says too little");
    let long = "gold ".repeat(40);
    assert_eq!(complete_own("gol", [long.as_str()], 9), []);
}
