//! What A1111's clients do with answers.

use axum::{
    body::Body,
    http::{Method, Request},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use easel_imaging::{DecodeLimits, EncodeOptions, Format, PARAMETERS, decode, encode, read_png_text};
use easel_types::Rgb8;
use serde_json::Value;

use crate::common::{Answer, native::Native};

pub const TXT2IMG: &str = "/sdapi/v1/txt2img";
pub const IMG2IMG: &str = "/sdapi/v1/img2img";

/// A picture in one colour.
pub fn even(width: u32, height: u32, colour: [u8; 3]) -> Rgb8 {
    Rgb8::new(width, height, colour.repeat((width * height) as usize)).expect("a size")
}

/// White from `left` on, black before it.
pub fn right_of(left: u32, width: u32, height: u32) -> Rgb8 {
    let pixels = (0..width * height).flat_map(|at| [if at % width >= left { 255 } else { 0 }; 3]).collect();
    Rgb8::new(width, height, pixels).expect("a size")
}

/// As webuiapi sends pictures.
pub fn data_url(picture: &Rgb8) -> String {
    let file = encode(picture, &EncodeOptions::new(Format::Png)).expect("a file");
    format!("data:image/png;base64,{}", BASE64_STANDARD.encode(file))
}

/// The files of an answer.
pub fn files(answer: &Value) -> Vec<Vec<u8>> {
    let images = answer["images"].as_array().unwrap_or_else(|| panic!("{answer}"));
    images.iter().map(|image| BASE64_STANDARD.decode(image.as_str().expect("base64")).expect("base64")).collect()
}

/// The pictures of an answer.
pub fn pictures(answer: &Value) -> Vec<Rgb8> {
    files(answer).iter().map(|file| decode(file, &DecodeLimits::default()).expect("a picture").rgb).collect()
}

/// `info`, which is JSON in a string.
pub fn info(answer: &Value) -> Value {
    serde_json::from_str(answer["info"].as_str().unwrap_or_else(|| panic!("{answer}"))).expect("JSON")
}

/// The text in a PNG file.
pub fn text(file: &[u8]) -> String {
    read_png_text(file, PARAMETERS, &DecodeLimits::default()).expect("a PNG file").expect("a text")
}

impl Native {
    /// An answer that must be one.
    pub async fn ok(&self, path: &str, token: &str, body: Value) -> Value {
        let answer = self.post(path, token, body).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// A list, or whatever a route without a body says.
    pub async fn read(&self, path: &str, token: &str) -> Value {
        let answer = self.get(path, token).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.json());
        answer.json()
    }

    /// With a header of one's own.
    pub async fn with(&self, method: Method, path: &str, header: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(path).header("host", "easel.test");
        if let Some(value) = header {
            request = request.header("authorization", value);
        }
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(body).expect("a well-formed request")).await
    }
}
