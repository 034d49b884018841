//! People who use a running server, by small requests of their own.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

use super::{Ran, Server};

/// Everybody's.
pub const PASSWORD: &str = "a long sentence nobody says";
/// One answer: its status, its head and its body.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A request over a connection of its own; HTTP/1.0, so that the answer is not cut into chunks.
pub fn call(server: &Server, method: &str, path: &str, token: &str, body: Option<&Value>) -> Answer {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut head = format!("{method} {path} HTTP/1.0\r\nhost: {}\r\n", server.address);
    if !token.is_empty() {
        head.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    let body = body.map(Value::to_string).unwrap_or_default();
    if !body.is_empty() {
        head.push_str("content-type: application/json\r\n");
    }
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: bytes[end + 4..].to_vec() }
}

pub fn post(server: &Server, path: &str, token: &str, body: &Value) -> Answer {
    call(server, "POST", path, token, Some(body))
}

pub fn logged_in(server: &Server, email: &str) -> String {
    let login = json!({"email": email, "password": PASSWORD});
    let answer = post(server, "/api/v1/auth/login", "", &login);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

pub fn registered(server: &Server, email: &str) -> String {
    let answer = post(server, "/api/v1/auth/register", "", &json!({"email": email, "password": PASSWORD}));
    assert_eq!(answer.status, 201, "{}", answer.text());
    logged_in(server, email)
}

/// Runs `easel admin create-superuser`, which reads the password.
pub fn told_the_password(command: &mut Command) -> Ran {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    child.wait_with_output().unwrap().into()
}

/// The text of an answer's field.
#[track_caller]
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
