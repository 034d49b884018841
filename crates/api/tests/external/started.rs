//! Requests of OpenAI's and A1111's routes that start from a picture, done elsewhere: what arrives there is what was sent here.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use easel_imaging::{DecodeLimits, Decoded, decode, encode_with_alpha};
use easel_types::Gray8;

use super::*;

const EDITS: &str = "/v1/images/edits";
const VARIATIONS: &str = "/v1/images/variations";
const IMG2IMG: &str = "/sdapi/v1/img2img";

/// Red on the left, blue on the right.
fn halves(width: u32, height: u32) -> Rgb8 {
    let colour = |at: u32| -> [u8; 3] { if at % width < width / 2 { [210, 20, 30] } else { [20, 40, 190] } };
    Rgb8::new(width, height, (0..width * height).flat_map(colour).collect()).unwrap()
}

/// Its left half is transparent.
fn left_is_clear(width: u32, height: u32) -> Gray8 {
    Gray8::new(width, height, (0..width * height).map(|at| if at % width < width / 2 { 0 } else { 255 }).collect()).unwrap()
}

fn data_url(file: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(file))
}

fn png(picture: &Rgb8) -> String {
    data_url(&encode(picture, &EncodeOptions::new(Format::Png)).unwrap())
}

fn masking(picture: &Rgb8, alpha: &Gray8) -> String {
    data_url(&encode_with_alpha(picture, alpha, &EncodeOptions::new(Format::Png)).unwrap())
}

fn read(file: &[u8]) -> Decoded {
    decode(file, &DecodeLimits::default()).unwrap()
}

/// Of a `data:` address.
fn read_url(url: &Value) -> Decoded {
    let base64 = url.as_str().and_then(|url| url.strip_prefix("data:image/png;base64,")).unwrap_or_else(|| panic!("{url}"));
    read(&STANDARD.decode(base64).unwrap())
}

/// What a part of a form holds.
fn part(form: &[u8], name: &str) -> Vec<u8> {
    let find = |needle: &[u8], from: usize| {
        let found = form[from..].windows(needle.len()).position(|window| window == needle);
        found.map(|at| from + at).unwrap_or_else(|| panic!("{name} is not in the form"))
    };
    let boundary = &form[..find(b"\r\n", 0)];
    let head = find(format!("name=\"{name}\"").as_bytes(), 0);
    let start = find(b"\r\n\r\n", head) + 4;
    let end = find(&[&b"\r\n"[..], boundary].concat(), start);
    form[start..end].to_vec()
}

/// A server of OpenAI's protocol, which answers with the picture itself.
async fn compatible() -> Fake {
    Fake::start(|_| {
        let Reply::With(_, _, bytes) = file() else { return Reply::Silence };
        Reply::ok(json!({"created": 1, "data": [{"b64_json": STANDARD.encode(bytes)}]}))
    })
    .await
}

/// A body with more in it.
fn with(body: &Value, more: Value) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_is_asked_of_others_with_its_picture_and_its_mask() {
    let fake = compatible().await;
    let (server, working) = server_of(Kind::OpenaiCompatible, SimConfig::default(), &fake).await;
    let ada = somebody(&server, "ada", Role::User).await;
    let (picture, alpha) = (halves(128, 64), left_is_clear(128, 64));
    let whole = json!({"model": "elsewhere", "prompt": "a heron", "images": [{"image_url": png(&picture)}], "size": "128x64",
        "response_format": "b64_json"});
    let masked = with(&whole, json!({"mask": {"image_url": masking(&picture, &alpha)}}));
    let refused = send(&server, &ada, Method::POST, EDITS, masked.clone()).await;
    assert_eq!((refused.code().as_str(), fake.connections()), ("model_not_found", 0), "nobody has agreed");
    agrees(&server, &ada).await;

    let answer = send(&server, &ada, Method::POST, EDITS, masked.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let answer = answer.json();
    assert_eq!(
        (&answer["served_by"]["provider"], &answer["served_by"]["reason"]),
        (&json!("openai_compatible"), &json!("model_missing")),
        "{answer}"
    );
    let sent = fake.asked("POST").pop().unwrap();
    assert!(sent.path.ends_with("/images/edits"), "{}", sent.path);
    assert_eq!((part(&sent.body, "prompt"), part(&sent.body, "size")), (b"a heron".to_vec(), b"128x64".to_vec()));
    assert_eq!(read(&part(&sent.body, "image")).rgb, picture);
    assert_eq!(read(&part(&sent.body, "mask")).alpha, Some(alpha.clone()), "what is transparent is drawn anew, there as here");

    // Without a mask, what of the picture is transparent is drawn anew; without that, all of it.
    let clear = with(&whole, json!({"images": [{"image_url": masking(&picture, &alpha)}]}));
    assert_eq!(send(&server, &ada, Method::POST, EDITS, clear).await.status, 200);
    assert_eq!(read(&part(&fake.asked("POST").pop().unwrap().body, "mask")).alpha, Some(alpha));
    assert_eq!(send(&server, &ada, Method::POST, EDITS, whole).await.status, 200);
    let sent = fake.asked("POST").pop().unwrap();
    assert_eq!(read(&part(&sent.body, "image")).rgb, picture);
    assert!(!sent.text().contains("name=\"mask\""));

    let streamed = send(&server, &ada, Method::POST, EDITS, with(&masked, json!({"stream": true}))).await;
    let events = String::from_utf8(streamed.bytes).unwrap();
    assert!(events.contains("event: image_edit.completed") && events.contains("\"served_by\""), "{events}");
    let job = last_job(&server, &ada).await;
    assert_eq!((&job["state"], &job["images_delivered"]), (&json!("completed"), &json!(1)));
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_variation_with_words_is_asked_of_others_and_one_without_stays_here() {
    let fake = at_once(Kind::Fal).await;
    let (server, working) = server_of(Kind::Fal, SimConfig::default(), &fake).await;
    let ada = somebody(&server, "ada", Role::User).await;
    agrees(&server, &ada).await;
    let picture = halves(256, 256);
    let body = json!({"model": "elsewhere", "images": [{"image_url": png(&picture)}], "size": "256x256",
        "response_format": "b64_json"});
    let silent = send(&server, &ada, Method::POST, VARIATIONS, body.clone()).await;
    assert_eq!((silent.status.as_u16(), silent.code().as_str()), (404, "model_not_found"), "others draw from words");
    let words = with(&body, json!({"prompt": "a heron"}));
    // fal's model knows no masks.
    let masked = with(&words, json!({"mask": {"image_url": masking(&picture, &left_is_clear(256, 256))}}));
    assert_eq!(send(&server, &ada, Method::POST, EDITS, masked).await.code(), "model_not_found");
    assert_eq!(fake.connections(), 0);

    let answer = send(&server, &ada, Method::POST, VARIATIONS, words).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["served_by"]["provider"], "fal");
    let sent = fake.asked("POST").pop().unwrap();
    assert!(sent.path.starts_with("/fal-ai/flux/dev/image-to-image"), "{}", sent.path);
    assert_eq!((&sent.json()["prompt"], &sent.json()["strength"]), (&json!("a heron"), &json!(0.7)));
    assert_eq!(read_url(&sent.json()["image_url"]).rgb, picture);
    assert_eq!(last_job(&server, &ada).await["images_delivered"], 1);
    working.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn img2img_is_asked_of_others_with_its_picture() {
    let fake = at_once(Kind::Fal).await;
    let (server, working) = server_of(Kind::Fal, SimConfig::default(), &fake).await;
    let ada = somebody(&server, "ada", Role::User).await;
    let picture = halves(256, 256);
    let settings = json!({"sd_model_checkpoint": "elsewhere"});
    let wish = json!({"prompt": "a heron", "steps": 4, "width": 256, "height": 256, "denoising_strength": 0.55,
        "init_images": [png(&picture)], "override_settings": settings});
    assert_eq!(send(&server, &ada, Method::POST, IMG2IMG, wish.clone()).await.status, 404, "nobody has agreed");
    agrees(&server, &ada).await;
    // What is put back into another picture is this host's work.
    let masked = with(&wish, json!({"mask": png(&halves(256, 256))}));
    assert_eq!(send(&server, &ada, Method::POST, IMG2IMG, masked).await.status, 404);
    assert_eq!(fake.connections(), 0);

    let answer = send(&server, &ada, Method::POST, IMG2IMG, wish).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let info: Value = serde_json::from_str(answer.json()["info"].as_str().unwrap()).unwrap();
    assert_eq!((&info["served_by"]["provider"], &info["denoising_strength"]), (&json!("fal"), &json!(0.55)));
    let sent = fake.asked("POST").pop().unwrap();
    assert!(sent.path.starts_with("/fal-ai/flux/dev/image-to-image"), "{}", sent.path);
    assert_eq!((&sent.json()["strength"], &sent.json()["num_images"]), (&json!(0.55), &json!(1)));
    assert_eq!(read_url(&sent.json()["image_url"]).rgb, picture);
    let job = last_job(&server, &ada).await;
    assert_eq!((&job["state"], &job["images_delivered"]), (&json!("completed"), &json!(1)));
    assert!(!job.to_string().contains("base64"), "nothing of the picture is kept");
    working.abort();
}
