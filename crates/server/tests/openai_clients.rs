//! The official `openai` packages for Python and Node, unchanged, against the real binary and the built-in model.
//!
//! What those packages send and expect decides, not our reading of it. The packages are installed by name into the build folder on first
//! use (`python3 -m venv` and pip, npm); a test that cannot install them fails and says so.

#![allow(missing_docs)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

fn clients() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// A folder that survives between runs, beside the other build products.
fn tools() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients");
    fs::create_dir_all(&folder).expect("the build folder can be written");
    folder
}

fn must(command: &mut Command, what: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{what} failed: {command:?}\n{}{}", text(&output.stdout), text(&output.stderr));
}

/// A server on a free port, stopped when dropped.
struct Server {
    process: Child,
    address: String,
    _data: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut process = Command::new(env!("CARGO_BIN_EXE_easel"))
            .args(["serve", "--port", "0", "--device", "cpu", "--data-dir"])
            .arg(data.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ").map(str::to_owned))
            .expect("the server prints its address");
        // Keep the pipe drained, or the server would block on a full one.
        std::thread::spawn(move || lines.for_each(drop));
        let server = Self { process, address, _data: data };
        while !server.is_ready() {
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    fn is_ready(&self) -> bool {
        let host = self.address.trim_start_matches("http://");
        let mut stream = TcpStream::connect(host).expect("the server listens");
        write!(stream, "GET /health/ready HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.starts_with("HTTP/1.1 200")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

#[test]
fn the_official_python_client_works_unchanged() {
    let venv = tools().join("venv");
    let python = venv.join("bin/python");
    if !python.exists() {
        must(
            Command::new("python3").args(["-m", "venv"]).arg(&venv),
            "making a Python environment (python3 with venv is needed)",
        );
    }
    let requirements = clients().join("requirements.txt");
    must(
        Command::new(&python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"]).arg(requirements),
        "installing the openai package for Python",
    );
    let server = Server::start();
    must(
        Command::new(&python).arg(clients().join("openai_client.py")).arg(format!("{}/v1", server.address)),
        "the Python client",
    );
}

#[test]
fn the_official_node_client_works_unchanged() {
    let folder = tools().join("node");
    fs::create_dir_all(&folder).expect("the build folder can be written");
    for name in ["package.json", "package-lock.json", "openai_client.mjs"] {
        fs::copy(clients().join(name), folder.join(name)).expect("the client's files can be copied");
    }
    must(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder),
        "installing the openai package for Node",
    );
    let server = Server::start();
    must(
        Command::new("node").arg("openai_client.mjs").arg(format!("{}/v1", server.address)).current_dir(&folder),
        "the Node client",
    );
}
