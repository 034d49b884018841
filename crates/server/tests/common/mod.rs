//! The real binary in a home of its own: an empty folder, no inherited settings.

#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "every test file uses a part of this")]

pub mod hub;
pub mod people;

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// A folder that is home, data folder and working folder.
pub struct Home {
    folder: TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The binary with arguments, knowing nothing of the tester's own environment.
    pub fn command<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_easel"));
        command.env_clear().env("HOME", self.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(self.path()).stdin(Stdio::null()).args(arguments);
        command
    }

    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        Ran::from(self.command(arguments).output().unwrap())
    }

    /// Starts a server on a free port and waits until it says where it is.
    pub fn serve(&self, arguments: &[&str]) -> Server {
        let mut command = self.command(["serve", "--port", "0"]);
        let mut child = command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let announced = lines.next().expect("the server says where it is").unwrap();
        let address = announced.strip_prefix("listening on http://").unwrap_or_else(|| panic!("{announced}")).to_owned();
        let hint = lines.next().expect("the server says how to try it").unwrap();
        Server { child, address, hint }
    }
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    /// The one JSON object on stdout.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    #[track_caller]
    pub fn fails(self, code: i32, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(words.iter().all(|word| self.stderr.contains(word)), "{words:?} {self:?}");
        self
    }
}

/// A running server; ended when it is dropped.
pub struct Server {
    pub child: Child,
    pub address: String,
    pub hint: String,
}

impl Server {
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// The exit code, if it ends in time.
    pub fn wait(&mut self, limit: Duration) -> Option<i32> {
        let started = Instant::now();
        while started.elapsed() < limit {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Waits until its model is loaded.
    pub fn wait_until_ready(&self) {
        let started = Instant::now();
        while !self.get("/health/ready").starts_with("HTTP/1.1 200") {
            assert!(started.elapsed() < Duration::from_secs(60), "{}", self.get("/health/ready"));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Sends a request and returns status line and body.
    pub fn get(&self, path: &str) -> String {
        self.send(&format!("GET {path} HTTP/1.1"), "")
    }

    /// Asks for a picture and returns status line and body.
    pub fn generate(&self, body: &Value) -> String {
        self.send("POST /v1/images/generations HTTP/1.1\r\ncontent-type: application/json", &body.to_string())
    }

    fn send(&self, head: &str, body: &str) -> String {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        let head = format!("{head}\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}", self.address);
        write!(stream, "{head}\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A tiny model with random weights in the diffusers layout.
pub fn tiny_model() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/conformance/models/sd1");
    assert!(folder.join("model_index.json").is_file(), "{} is part of the repository", folder.display());
    folder
}

/// A LoRA for the tiny model.
pub fn tiny_lora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/tests/fixtures/conformance/lora/models/Lora/sd1_kohya.safetensors")
}

impl Home {
    /// A home with the tiny model put there by hand as `tiny`.
    pub fn with_tiny_model() -> Self {
        let home = Self::new();
        copy(&tiny_model(), &home.join(".local/share/easel/models/tiny"));
        home
    }

    /// A home with the tiny model imported as `tiny`.
    pub fn with_imported_model() -> Self {
        let home = Self::new();
        let ran = home.command(["import", "--name", "tiny", "--copy"]).arg(tiny_model()).output().unwrap();
        Ran::from(ran).ok();
        home
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap()) {
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
