//! A hundred clients at once, each with other values: everyone gets the picture that the same request gives alone.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use common::Home;
use serde_json::{Value, json};

const CLIENTS: u64 = 100;

/// Values that differ in everything from one client to the next.
fn body(client: u64) -> Value {
    let pick = |list: &[&str], every: u64| list[(client / every) as usize % list.len()].to_owned();
    let colours = ["red", "green", "blue", "yellow", "orange", "purple", "white", "black"];
    let mut body = json!({
        "prompt": format!("a {} {}", pick(&colours, 1), pick(&["circle", "star", "cross"], 3)),
        "seed": client * 7919,
        "num_inference_steps": 1 + client % 4,
        "guidance_scale": ([1.0, 3.0, 5.5][client as usize % 3]),
        "sampler": pick(&["euler", "euler_ancestral", "dpmpp_2m", "ddim", "heun"], 1),
        "width": ([64, 96, 128][(client / 2) as usize % 3]),
        "height": ([64, 128][(client / 5) as usize % 2]),
        "response_format": "b64_json",
    });
    if client.is_multiple_of(2) {
        body["negative_prompt"] = json!(pick(&colours, 7));
    }
    // DDIM is defined on its own timesteps only.
    if client.is_multiple_of(3) && body["sampler"] != "ddim" {
        body["schedule"] = json!("karras");
    }
    if client.is_multiple_of(10) {
        body["n"] = json!(2);
    }
    body
}

/// The decoded pixels of every picture of the answer.
fn draw(address: &str, body: &Value) -> Vec<image::RgbImage> {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(900))).unwrap();
    let head = "POST /v1/images/generations HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\nconnection: close";
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{body}: {}", &answer[..answer.len().min(500)]);
    let (_, json) = answer.split_once("\r\n\r\n").unwrap();
    let json: Value = serde_json::from_str(json).unwrap();
    let pictures = json["data"].as_array().unwrap().iter().map(|data| {
        let png = BASE64.decode(data["b64_json"].as_str().unwrap()).unwrap();
        assert_eq!(&png[1..4], b"PNG");
        image::load_from_memory(&png).unwrap().to_rgb8()
    });
    pictures.collect()
}

#[test]
fn a_hundred_clients_get_what_they_would_get_alone() {
    let home = Home::new();
    let server = home.serve(&["--device", "cpu", "--measure", "false"]);
    server.wait_until_ready();
    let address = server.address.as_str();
    let together: Vec<_> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|client| scope.spawn(move || draw(address, &body(client)))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let metrics = server.get("/metrics");
    let of = |name: &str| -> f64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {metrics}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    assert!(of("easel_engine_batch_rows_sum") / of("easel_engine_batch_rows_count") > 2.0, "batches were shared: {metrics}");
    for (client, pictures) in (0..CLIENTS).zip(together) {
        let body = body(client);
        let size = (body["width"].as_u64().unwrap() as u32, body["height"].as_u64().unwrap() as u32);
        assert!(pictures.iter().all(|picture| picture.dimensions() == size));
        assert_eq!(pictures.len() as u64, body["n"].as_u64().unwrap_or(1));
        assert!(pictures == draw(&server.address, &body), "client {client} got another picture than alone: {body}");
    }
}
