//! A Redis of a test's own, from the programs that are installed, reached by a Unix socket: so that it can be stopped and started again.
//!
//! It must end with the test program, also when that is killed: like our PostgreSQL it has a small shell script as its parent, which reads
//! from a pipe that we hold open.

use std::{
    env,
    io::{BufRead, BufReader},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::find::TestingError;

/// `$1` is the program, `$2` the socket. Its first line is the server's process.
const SCRIPT: &str = r#"
"$1" --port 0 --unixsocket "$2" --save '' --appendonly no --daemonize no --logfile "$2.log" >/dev/null 2>&1 &
server=$!
trap 'kill -CONT $server; kill -KILL $server; wait $server' EXIT
trap '' INT HUP TERM
echo $server
cat >/dev/null
"#;

/// A Redis is there at once or not at all; a busy machine takes longer.
const START_MAX: Duration = Duration::from_secs(60);

/// A Redis that ends with this value.
#[derive(Debug)]
pub struct RedisServer {
    dir: TempDir,
    program: PathBuf,
    running: Option<(Child, String)>,
}

impl RedisServer {
    /// Starts one.
    ///
    /// # Errors
    /// If there is none installed; the message says what to install.
    pub fn start() -> Result<Self, TestingError> {
        let program = program().ok_or(TestingError::NoRedis)?;
        let dir = TempDir::with_prefix("easel-redis-").map_err(TestingError::Files)?;
        let mut server = Self { dir, program, running: None };
        server.start_again()?;
        Ok(server)
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Ends it at once, as a crash would. What it held is gone.
    pub fn stop(&mut self) {
        if let Some((mut script, _)) = self.running.take() {
            drop(script.stdin.take());
            let _ = script.wait();
        }
        let _ = std::fs::remove_file(self.socket());
    }

    /// Starts it again, under the same address and empty.
    pub fn start_again(&mut self) -> Result<(), TestingError> {
        self.stop();
        let failed = |error: std::io::Error| TestingError::Start(error.to_string());
        let mut script = Command::new("sh")
            .args(["-c", SCRIPT, "sh"])
            .args([&self.program, &self.socket()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let mut line = String::new();
        let out = script.stdout.take().expect("stdout is a pipe. This is a bug.");
        BufReader::new(out).read_line(&mut line).map_err(failed)?;
        self.running = Some((script, line.trim().to_owned()));
        let begun = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            if begun.elapsed() > START_MAX {
                return Err(TestingError::Start("Redis does not listen".to_owned()));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Makes it say nothing any more, connections open, until [`Self::go_on`].
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let (_, process) = self.running.as_ref().expect("it is not stopped");
        let status = Command::new("kill").args([signal, process]).status();
        assert!(status.is_ok_and(|status| status.success()), "kill {signal} {process}");
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("redis.sock")
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Where a server's program is in `PATH`.
fn program() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let names = ["redis-server", "valkey-server"];
    env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name))).find(|program| program.is_file())
}
