//! The official `openai` packages for Python and Node, and `litellm` as a proxy, unchanged, against the real binary and the built-in model.
//!
//! What those packages send and expect decides, not our reading of it. The packages are installed by name into the build folder on first
//! use (`python3 -m venv` and pip, npm); a test that cannot install them fails and says so.

#![allow(missing_docs)]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, PoisonError},
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
        Self::with(&[])
    }

    fn with(arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut process = Command::new(env!("CARGO_BIN_EXE_easel"))
            .args(["serve", "--port", "0", "--device", "cpu", "--data-dir"])
            .arg(data.path())
            .args(arguments)
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

impl Server {
    fn url(&self) -> String {
        format!("{}/v1", self.address)
    }

    /// One that draws one picture at a time, lets another wait, and refuses whoever comes then.
    fn busy() -> Self {
        Self::with(&["--queue-max", "1", "--rows-max", "1"])
    }
}

/// Tests of one file run at the same time, and of an environment there is one.
static INSTALLING: Mutex<()> = Mutex::new(());

/// The Python of an environment that has these packages.
fn python(environment: &str, requirements: &str) -> PathBuf {
    let _turn = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let venv = tools().join(environment);
    let python = venv.join("bin/python");
    if !python.exists() {
        must(
            Command::new("python3").args(["-m", "venv"]).arg(&venv),
            "making a Python environment (python3 with venv is needed)",
        );
    }
    must(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(clients().join(requirements)),
        "installing packages for Python",
    );
    python
}

/// A folder with the Node package in it. Installing takes away what another test is running, so it is done once.
fn node() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = tools().join("node");
        fs::create_dir_all(&folder).expect("the build folder can be written");
        for name in ["package.json", "package-lock.json", "openai_client.mjs", "openai_retries.mjs"] {
            fs::copy(clients().join(name), folder.join(name)).expect("the client's files can be copied");
        }
        must(
            Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder),
            "installing the openai package for Node",
        );
        folder
    })
}

#[test]
fn the_official_python_client_works_unchanged() {
    let python = python("venv", "requirements.txt");
    let server = Server::start();
    must(Command::new(&python).arg(clients().join("openai_client.py")).arg(server.url()), "the Python client");
}

#[test]
fn the_official_python_client_comes_again_when_it_is_told_to() {
    let python = python("venv", "requirements.txt");
    let (busy, slow) = (Server::busy(), Server::with(&["--timeout-seconds", "1"]));
    must(
        Command::new(&python).arg(clients().join("openai_retries.py")).args([busy.url(), slow.url()]),
        "the Python client's retries",
    );
}

#[test]
fn the_official_node_client_works_unchanged() {
    let folder = node();
    let server = Server::start();
    must(Command::new("node").arg("openai_client.mjs").arg(server.url()).current_dir(folder), "the Node client");
}

#[test]
fn the_official_node_client_comes_again_when_it_is_told_to() {
    let folder = node();
    let server = Server::busy();
    must(Command::new("node").arg("openai_retries.mjs").arg(server.url()).current_dir(folder), "the Node client's retries");
}

#[test]
fn litellm_stands_in_front_as_a_proxy() {
    let python = python("venv-litellm", "litellm_requirements.txt");
    let (server, busy) = (Server::start(), Server::busy());
    // Free a moment ago; a proxy cannot be asked to choose one.
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port").port();
    let mut client = Command::new(&python);
    client.arg(clients().join("litellm_client.py")).args([server.url(), busy.url(), port.to_string()]);
    must(&mut client, "the proxy");
}
