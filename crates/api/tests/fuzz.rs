//! A thousand bodies nobody should send: the answer is always an error of the client's, with all four keys, and never a hang.

mod common;

use std::time::Duration;

use common::server;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};

const FIELDS: [&str; 23] = [
    "prompt",
    "model",
    "n",
    "size",
    "quality",
    "style",
    "styles",
    "response_format",
    "background",
    "output_format",
    "output_compression",
    "stream",
    "partial_images",
    "user",
    "negative_prompt",
    "steps",
    "guidance_scale",
    "width",
    "height",
    "sampler",
    "schedule",
    "seed",
    "eta",
];

fn valid() -> Value {
    json!({"prompt": "a cat", "n": 1, "size": "64x64", "response_format": "b64_json", "steps": 1, "seed": 7, "guidance_scale": 7.5})
}

/// Values of every type and size, right for some field and wrong for others.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        prop::sample::select(vec![
            "auto",
            "64x64",
            "0x0",
            "-1",
            "NaN",
            "1e400",
            "99999999999999999999",
            "png",
            "euler",
            "../x",
            "\0"
        ])
        .prop_map(Value::from),
        (-2i64..300).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map("[a-z]{1,4}", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

/// JSON that is well-formed and wrong in places; or bytes that are not even JSON.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let wrong_fields = prop::collection::vec((prop::sample::select(FIELDS.to_vec()), value()), 1..4).prop_map(|changes| {
        let mut body = valid();
        for (field, value) in changes {
            body[field] = value;
        }
        body.to_string().into_bytes()
    });
    let mutated = (
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
        prop::option::of(any::<prop::sample::Index>()),
    )
        .prop_map(|(changes, cut)| {
            let mut bytes = valid().to_string().into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            bytes
        });
    let deep = (1usize..100_000, prop::sample::select(vec!["[", "{\"a\":", "{\"prompt\":["]))
        .prop_map(|(depth, open)| open.repeat(depth).into_bytes());
    let number = prop::sample::select(vec!["1e400", "-1e400", "1e-400", "0000", "-", "1.", "9".repeat(5000).leak() as &str])
        .prop_map(|number| format!("{{\"prompt\": \"x\", \"n\": {number}}}").into_bytes());
    let noise = prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![4 => wrong_fields, 4 => mutated, 1 => deep, 1 => number, 1 => noise]
}

#[test]
fn no_body_is_answered_with_anything_but_a_picture_or_the_clients_error() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = runtime.block_on(server());
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) });
    let result = runner.run(&body(), |bytes| {
        let answering = server.post("/v1/images/generations", bytes);
        let answer = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), answering).await });
        let answer = answer.map_err(|_| TestCaseError::fail("a hang"))?;
        if answer.status != 200 {
            prop_assert!(answer.status.is_client_error(), "{}: {}", answer.status, String::from_utf8_lossy(&answer.bytes));
            answer.error();
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    // Counted apart: what is certainly wrong is certainly refused.
    let mut runner = TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) });
    let wrong = prop::sample::select(FIELDS.to_vec()).prop_map(|field| {
        let mut body = valid();
        body[field] = json!({"never": "right"});
        body.to_string()
    });
    runner
        .run(&wrong, |body| {
            let answer = runtime.block_on(server.post("/v1/images/generations", body.clone()));
            // `quality` and its like are free text, but still text.
            prop_assert_eq!(answer.status, 400, "{}", body);
            answer.error();
            Ok(())
        })
        .unwrap();
}
