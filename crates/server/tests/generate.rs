//! `easel generate`: pictures, files, JSON, exit codes.

#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::{process::Command, process::Stdio, time::Duration};

use common::{Home, Ran};
use easel_imaging::{DecodeLimits, Infotext, PARAMETERS, decode, read_png_text};

/// A quick picture of the tiny model.
const QUICK: [&str; 11] =
    ["generate", "a red circle", "--model", "tiny", "--steps", "2", "--width", "64", "--height", "64", "--device=cpu"];

fn quick(home: &Home, more: &[&str]) -> Ran {
    Ran::from(home.command(QUICK).args(more).output().unwrap())
}

fn parameters(png: &[u8]) -> Infotext {
    let text = read_png_text(png, PARAMETERS, &DecodeLimits::default()).unwrap().expect("the file says how it was made");
    Infotext::parse(&text)
}

#[test]
fn a_picture_says_how_it_was_made() {
    let home = Home::with_tiny_model();
    quick(&home, &["--seed", "7", "--negative-prompt", "blue", "--sampler", "euler", "-o", "a.png"]).ok();
    let png = std::fs::read(home.join("a.png")).unwrap();
    let picture = decode(&png, &DecodeLimits::default()).unwrap().rgb;
    assert_eq!((picture.width(), picture.height()), (64, 64));
    let made = parameters(&png);
    assert_eq!((made.prompt.as_str(), made.negative_prompt.as_str()), ("a red circle", "blue"));
    assert_eq!((made.get("Seed"), made.get("Steps"), made.get("Sampler")), (Some("7"), Some("2"), Some("Euler")));
}

#[test]
fn the_same_seed_gives_the_same_file() {
    let home = Home::with_tiny_model();
    quick(&home, &["--seed", "7", "-o", "a.png"]).ok();
    quick(&home, &["--seed", "7", "-o", "b.png"]).ok();
    quick(&home, &["--seed", "8", "-o", "c.png"]).ok();
    let read = |name: &str| std::fs::read(home.join(name)).unwrap();
    assert_eq!(read("a.png"), read("b.png"));
    assert_ne!(read("a.png"), read("c.png"));
}

#[test]
fn several_pictures_and_json() {
    let home = Home::with_tiny_model();
    let ran = quick(&home, &["--n", "2", "--seed", "40", "--json", "--latents-out", "l.safetensors"]).ok();
    assert_eq!(ran.stderr, "", "json goes alone");
    let json = ran.json();
    assert_eq!((&json["images"][0]["file"], &json["images"][1]["file"]), (&"out-0.png".into(), &"out-1.png".into()));
    assert_eq!(json["images"][1]["seed"], 41);
    assert_eq!((&json["seed"], &json["width"], &json["device"]), (&40.into(), &64.into(), &"cpu".into()));
    assert!(json["sampler"].is_string() && json["timings"]["total_seconds"].as_f64().unwrap() > 0.0);
    let second = std::fs::read(home.join("out-1.png")).unwrap();
    assert_eq!(parameters(&second).get("Seed"), Some("41"));
    let latents = std::fs::read(home.join("l.safetensors")).unwrap();
    let latents = safetensors::SafeTensors::deserialize(&latents).unwrap();
    assert_eq!(latents.tensor("latents").unwrap().shape(), [2, 4, 8, 8]);
    let alone = quick(&home, &["--seed", "41", "-o", "alone.png"]).ok();
    assert_eq!(std::fs::read(home.join("alone.png")).unwrap(), second, "{alone:?}");
}

#[test]
fn stdout_takes_a_picture() {
    let home = Home::with_tiny_model();
    let output = home.command(QUICK).args(["-o", "-"]).output().unwrap();
    assert!(output.status.success());
    assert_eq!(parameters(&output.stdout).get("Size"), Some("64x64"));
}

#[test]
fn other_formats_by_their_extension() {
    let home = Home::with_tiny_model();
    for (name, magic) in [("a.jpg", &b"\xff\xd8"[..]), ("a.webp", &b"RIFF"[..])] {
        quick(&home, &["-o", name]).ok();
        assert!(std::fs::read(home.join(name)).unwrap().starts_with(magic), "{name}");
    }
}

#[test]
fn a_picture_from_a_picture_and_a_mask() {
    let home = Home::with_tiny_model();
    quick(&home, &["-o", "start.png", "--seed", "1"]).ok();
    quick(&home, &["--image", "start.png", "--strength", "0.5", "-o", "b.png"]).ok();
    quick(&home, &["--image", "start.png", "--mask", "start.png", "-o", "c.png"]).ok();
    assert_eq!(parameters(&std::fs::read(home.join("b.png")).unwrap()).get("Denoising strength"), Some("0.5"));
    home.write("noise.png", "no picture");
    quick(&home, &["--image", "noise.png"]).fails(3, &["noise.png"]);
}

#[test]
fn bad_parameters_exit_with_3() {
    let home = Home::with_tiny_model();
    quick(&home, &["--width", "65"]).fails(3, &["width", "65"]);
    quick(&home, &["--steps", "0"]).fails(3, &["num_inference_steps"]);
    quick(&home, &["--guidance-scale", "-3"]).fails(3, &["guidance_scale"]);
    let prompt = |prompt: &str| home.run(["generate", prompt, "--model", "tiny", "--steps", "1", "--device", "cpu"]);
    prompt("a <lora:ink:0.8> circle").fails(3, &["ink"]);
    prompt("a (circle:1.2.3)").fails(3, &["1.2.3"]);
    assert!(!home.join("out.png").exists());
}

#[test]
fn ctrl_c_stops_it_and_leaves_nothing() {
    let home = Home::with_tiny_model();
    let mut command = home.command(["generate", "x", "--model", "tiny", "--steps", "200", "--n", "50", "--device", "cpu"]);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let ran = Ran::from(child.wait_with_output().unwrap()).fails(130, &["interrupted"]);
    let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, [".local"], "{ran:?}");
}

#[test]
fn the_built_in_model_needs_nothing_but_the_binary() {
    let home = Home::new();
    home.run(["generate", "a red circle on a blue background", "--steps", "2", "--device", "cpu", "--quiet"]).ok();
    assert_eq!(parameters(&std::fs::read(home.join("out.png")).unwrap()).get("Model"), Some("builtin"));
    let models = home.run(["list", "--json"]).ok().json();
    assert_eq!((&models["models"][0]["id"], &models["models"][0]["builtin"]), (&"builtin".into(), &true.into()));
    home.run(["rm", "builtin"]).fails(3, &["built in"]);
}
