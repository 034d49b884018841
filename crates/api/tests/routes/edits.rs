//! `POST /v1/images/edits` and `/v1/images/variations`: what starts from a picture, and what is paid for it.

use crate::common::{Answer, NOW, Server, server, slow_server};
use axum::{
    body::Body,
    http::{Method, Request},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use easel_engine::sim::picture;
use easel_imaging::{DecodeLimits, EncodeOptions, Format, decode, encode, encode_with_alpha};
use easel_types::{Gray8, Rgb8, Task};
use serde_json::{Value, json};

const BOUNDARY: &str = "a-line-nobody-writes";

/// A part: its name, and a file or a text.
enum Part {
    File(&'static str, Vec<u8>),
    Text(&'static str, String),
}

fn text(name: &'static str, value: impl Into<String>) -> Part {
    Part::Text(name, value.into())
}

fn form(parts: Vec<Part>) -> Vec<u8> {
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(format!("--{BOUNDARY}\r\n").as_bytes());
        let (head, bytes) = match part {
            Part::File(name, bytes) => {
                let file = "filename=\"a.png\"\r\ncontent-type: application/octet-stream";
                (format!("content-disposition: form-data; name=\"{name}\"; {file}"), bytes)
            }
            Part::Text(name, text) => (format!("content-disposition: form-data; name=\"{name}\""), text.into_bytes()),
        };
        body.extend_from_slice(format!("{head}\r\n\r\n").as_bytes());
        body.extend_from_slice(&bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn send(server: &Server, path: &str, parts: Vec<Part>) -> Answer {
    let request = Request::builder().method(Method::POST).uri(path).header("host", "easel.test");
    let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    server.send(request.body(Body::from(form(parts))).expect("a well-formed request")).await
}

async fn edit(server: &Server, parts: Vec<Part>) -> Answer {
    send(server, "/v1/images/edits", parts).await
}

fn gray(width: u32, height: u32) -> Rgb8 {
    Rgb8::new(width, height, vec![90; (width * height) as usize * Rgb8::CHANNELS]).expect("three bytes a pixel")
}

fn png(width: u32, height: u32) -> Vec<u8> {
    encode(&gray(width, height), &EncodeOptions::new(Format::Png)).expect("a file")
}

/// Its left half is transparent.
fn half_transparent(width: u32, height: u32) -> Vec<u8> {
    let alpha = (0..width * height).map(|at| if at % width < width / 2 { 0 } else { 255 }).collect();
    let alpha = Gray8::new(width, height, alpha).expect("a byte a pixel");
    encode_with_alpha(&gray(width, height), &alpha, &EncodeOptions::new(Format::Png)).expect("a file")
}

fn last_task(server: &Server) -> Task {
    server.probe.tasks().pop().expect("something was drawn")
}

/// Its size and strength, and the share of it that is repainted.
fn told(task: &Task) -> (u32, u32, f64, Option<f64>) {
    match task {
        Task::TextToImage => panic!("it starts from noise"),
        Task::ImageToImage { image, strength } => (image.width(), image.height(), *strength, None),
        Task::Inpaint { image, mask, strength } => {
            let white = mask.pixels().iter().map(|value| f64::from(*value) / 255.0).sum::<f64>();
            (image.width(), image.height(), *strength, Some((100.0 * white / mask.pixels().len() as f64).round() / 100.0))
        }
    }
}

#[tokio::test]
async fn a_picture_is_edited_as_a_whole() {
    let server = server().await;
    for name in ["image", "image[]", "image[0]"] {
        let parts = vec![
            Part::File(name, png(128, 128)),
            text("prompt", "a cat"),
            text("response_format", "b64_json"),
            text("seed", "7"),
        ];
        let answer = edit(&server, parts).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.json());
        let json = answer.json();
        let file = STANDARD.decode(json["data"][0]["b64_json"].as_str().unwrap()).unwrap();
        assert_eq!(decode(&file, &DecodeLimits::default()).unwrap().rgb, picture(7, 128, 128));
        assert_eq!((&json["created"], &json["size"]), (&json!(NOW), &json!("128x128")));
        assert_eq!(told(&last_task(&server)), (128, 128, 0.75, None));
    }
}

#[tokio::test]
async fn the_transparent_part_of_a_mask_is_repainted() {
    let server = server().await;
    let masked = |image: Vec<u8>, mask: Option<Vec<u8>>| {
        let mut parts = vec![Part::File("image", image), text("prompt", "a cat"), text("n", "1")];
        parts.extend(mask.map(|mask| Part::File("mask", mask)));
        parts
    };
    assert_eq!(edit(&server, masked(png(128, 128), Some(half_transparent(128, 128)))).await.status, 200);
    assert_eq!(told(&last_task(&server)), (128, 128, 1.0, Some(0.5)), "what is repainted holds nothing to keep");
    assert_eq!(edit(&server, masked(half_transparent(128, 128), None)).await.status, 200);
    assert_eq!(told(&last_task(&server)).3, Some(0.5), "without a mask, the picture's own transparency");
    assert_eq!(edit(&server, masked(png(32, 32), Some(half_transparent(32, 32)))).await.status, 200);
    assert_eq!(told(&last_task(&server)), (128, 128, 1.0, Some(0.5)), "both are brought to the size that is drawn");

    let answer = edit(&server, masked(png(128, 128), Some(half_transparent(64, 64)))).await;
    let error = answer.error();
    assert_eq!((answer.status.as_u16(), &error["code"], &error["param"]), (400, &json!("invalid_size"), &json!("mask")));
}

#[tokio::test]
async fn shapes_strengths_and_sizes_are_as_asked_for() {
    let server = server().await;
    for (parts, expected) in [
        (vec![], (184, 88, 0.75)),
        (vec![text("size", "auto")], (184, 88, 0.75)),
        (vec![text("size", "64x128")], (64, 128, 0.75)),
        (vec![text("strength", "0.3")], (184, 88, 0.3)),
        (vec![text("denoising_strength", "0.3")], (184, 88, 0.3)),
        (vec![text("input_fidelity", "high")], (184, 88, 0.5)),
        (vec![text("input_fidelity", "low"), text("quality", "high"), text("background", "auto")], (184, 88, 0.75)),
    ] {
        let mut all = vec![Part::File("image", png(64, 32)), text("prompt", "a cat")];
        all.extend(parts);
        let answer = edit(&server, all).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        let (width, height, strength, _) = told(&last_task(&server));
        assert_eq!((width, height, strength), expected);
    }
}

#[tokio::test]
async fn extension_fields_come_as_text() {
    let server = server().await;
    let parts = vec![
        Part::File("image", png(128, 128)),
        text("prompt", "a cat"),
        text("negative_prompt", "a dog"),
        text("num_inference_steps", "3"),
        text("loras", r#"[{"name": "ink", "weight": 0.5}]"#),
        text("user", "u-1"),
        text("output_format", "jpeg"),
        text("output_compression", "80"),
    ];
    let answer = edit(&server, parts).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["output_format"]), (200, &json!("jpeg")), "{}", answer.json());
    assert_eq!(server.probe.adapters().pop().unwrap().0[0].name, "ink");
}

#[tokio::test]
async fn json_names_pictures_by_address() {
    let server = server().await;
    let url = format!("data:image/png;base64,{}", STANDARD.encode(png(128, 128)));
    let mask = format!("data:image/png;base64,{}", STANDARD.encode(half_transparent(128, 128)));
    for body in [
        json!({"prompt": "a cat", "images": [{"image_url": url}], "mask": {"image_url": mask}}),
        json!({"prompt": "a cat", "image": url, "mask": mask, "size": null}),
        json!({"prompt": "a cat", "image": [STANDARD.encode(png(128, 128))], "mask": mask}),
    ] {
        let answer = server.post("/v1/images/edits", body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(told(&last_task(&server)).3, Some(0.5));
    }
    for (body, code) in [
        (json!({"prompt": "a cat", "images": [{"file_id": "file-1"}]}), "unsupported_value"),
        (json!({"prompt": "a cat", "images": [5]}), "invalid_type"),
        (json!({"prompt": "a cat", "image": "https://example.org/a.png"}), "url_not_allowed"),
        (json!({"prompt": "a cat", "image": "no base64"}), "picture_invalid"),
        (json!({"prompt": "a cat", "image": STANDARD.encode("no picture")}), "picture_invalid"),
        (json!({"prompt": "a cat", "image": null}), "missing_required_parameter"),
    ] {
        let answer = server.post("/v1/images/edits", body.to_string()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, code), "{body}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let server = server().await;
    let image = || Part::File("image", png(128, 128));
    let cases = [
        (vec![text("prompt", "a cat")], "missing_required_parameter", "image"),
        (vec![text("prompt", "a cat"), text("image", " ")], "missing_required_parameter", "image"),
        (vec![image()], "missing_required_parameter", "prompt"),
        (vec![image(), image(), text("prompt", "a cat")], "unsupported_value", "image"),
        (vec![Part::File("image", vec![0xff; 100]), text("prompt", "a cat")], "picture_invalid", "image"),
        (vec![image(), Part::File("mask", vec![0xff; 100]), text("prompt", "a cat")], "picture_invalid", "mask"),
        (vec![image(), text("prompt", "a cat"), text("strength", "1.5")], "out_of_range", "strength"),
        (vec![image(), text("prompt", "a cat"), text("input_fidelity", "most")], "invalid_value", "input_fidelity"),
        (vec![image(), text("prompt", "a cat"), text("n", "11")], "out_of_range", "n"),
        (vec![image(), text("prompt", "a cat"), text("size", "9x9")], "invalid_size", "width"),
        (vec![image(), text("prompt", "a cat"), text("frame_count", "4")], "unsupported_value", "frame_count"),
        (vec![image(), text("prompt", "a cat"), Part::File("markup", png(128, 128))], "unsupported_value", "markup"),
        (vec![image(), text("prompt", "a cat"), text("background", "transparent")], "unsupported_value", "background"),
    ];
    for (index, (parts, code, param)) in cases.into_iter().enumerate() {
        let answer = edit(&server, parts).await;
        assert_eq!(answer.status, 400, "{index}: {}", answer.json());
        let error = answer.error();
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some(code), Some(param)), "{index}: {error}");
    }
    let many = (0..17).map(|_| image()).collect();
    assert_eq!(edit(&server, many).await.code(), "out_of_range");
    let request = Request::builder().method(Method::POST).uri("/v1/images/edits").header("host", "easel.test");
    let answer = server.send(request.header("content-type", "text/plain").body(Body::from("x")).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (415, "unsupported_media_type"));
    let request = Request::builder().method(Method::POST).uri("/v1/images/edits").header("host", "easel.test");
    let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    let answer = server.send(request.body(Body::from(format!("--{BOUNDARY}\r\nhalf a part"))).unwrap()).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (400, "body_unreadable"));
}

#[tokio::test]
async fn variations_need_no_words() {
    let server = server().await;
    let parts = vec![Part::File("image", half_transparent(128, 128)), text("n", "2"), text("size", "64x64"), text("seed", "5")];
    let answer = send(&server, "/v1/images/variations", parts).await;
    assert_eq!((answer.status.as_u16(), answer.json()["data"].as_array().map(Vec::len)), (200, Some(2)), "{}", answer.json());
    assert!(answer.json()["data"][0]["url"].is_string());
    assert_eq!(told(&last_task(&server)), (64, 64, 0.7, None), "nothing is repainted alone");
    assert_eq!(send(&server, "/v1/images/variations", vec![text("n", "1")]).await.code(), "missing_required_parameter");
}

/// Every frame's event and JSON.
fn frames(answer: &Answer) -> Vec<(String, Value)> {
    let text = String::from_utf8(answer.bytes.clone()).expect("UTF-8");
    let frames = text.split("\n\n").filter(|frame| !frame.is_empty()).map(|frame| {
        let (event, data) = frame.split_once('\n').expect("a name and data");
        let data = serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
        (event.strip_prefix("event: ").expect("a name").to_owned(), data)
    });
    frames.collect()
}

#[tokio::test]
async fn partial_pictures_have_the_size_and_the_format_of_the_whole() {
    let server = slow_server().await;
    let parts = |more: Vec<Part>| {
        let mut parts = vec![Part::File("image", png(128, 128)), text("prompt", "a cat"), text("stream", "true")];
        parts.extend(more);
        parts
    };
    let asked = vec![
        text("partial_images", "2"),
        text("strength", "1"),
        text("steps", "9"),
        text("output_format", "webp"),
        text("seed", "3"),
    ];
    let answer = edit(&server, parts(asked)).await;
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, "text/event-stream"));
    let frames = frames(&answer);
    let names: Vec<_> = frames.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["image_edit.partial_image", "image_edit.partial_image", "image_edit.completed"]);
    for (index, (name, data)) in frames.iter().enumerate() {
        assert_eq!(data["type"], name.as_str());
        let file = decode(&STANDARD.decode(data["b64_json"].as_str().unwrap()).unwrap(), &DecodeLimits::default()).unwrap();
        assert_eq!((file.rgb.width(), file.rgb.height(), file.format), (128, 128, Format::Webp));
        assert_eq!(
            (&data["size"], &data["output_format"], &data["created_at"]),
            (&json!("128x128"), &json!("webp"), &json!(NOW))
        );
        let expected = if index < 2 { json!(index) } else { Value::Null };
        assert_eq!(data["partial_image_index"], expected);
    }
    let answer = edit(&server, parts(vec![text("partial_images", "0")])).await;
    assert_eq!(self::frames(&answer).len(), 1);
}
