//! Finding, applying and suggesting over the whole catalogue. `cargo bench -p easel-benches --bench prompts`.
//!
//! A search must stay well under 5 ms, the misspelt one included: it is asked with every key that is pressed.

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use easel_prompts::{Catalogue, Language, Query, Suggester, Vocabulary};

fn prompts(c: &mut Criterion) {
    let catalogue = Arc::new(Catalogue::embedded());
    let suggester = Suggester::new(Arc::clone(&catalogue), Vocabulary::embedded().into());
    let queries = [
        ("everything", ""),
        ("one letter", "p"),
        ("a word", "watercolour"),
        ("several words", "photograph rainy window night"),
        ("misspelt", "phtograph waterculor"),
        ("chinese", "摄影"),
        ("russian", "портрета у окна"),
    ];
    for (name, text) in queries {
        let query = Query { text: text.into(), limit: 50, ..Query::default() };
        c.bench_function(&format!("search/{name}"), |b| b.iter(|| catalogue.search(&query)));
    }
    c.bench_function("suggest/half a phrase", |b| b.iter(|| suggester.suggest("a cat, so", Language::En, 10)));
    c.bench_function("suggest/after a comma", |b| b.iter(|| suggester.suggest("a cat, candlelight, ", Language::En, 10)));
    let ids = ["linocut", "daguerreotype"];
    c.bench_function("apply/two styles", |b| b.iter(|| catalogue.apply("a cat", None, &ids)));
    c.bench_function("read/embedded", |b| b.iter(Catalogue::embedded));
}

criterion_group!(benches, prompts);
criterion_main!(benches);
