//! A PostgreSQL of our own, from the programs that are installed: a new cluster in a temporary folder, reached by a Unix socket in it.
//!
//! It must end with the test program, also when that is killed. A small shell script is its parent and reads from a pipe that we hold open:
//! when we are gone the pipe closes, the script stops the server and removes the folder. PostgreSQL refuses to run as root, so root starts
//! it as `postgres`, or as `nobody` where there is no such user.

use std::{
    env, fs,
    io::{BufRead, BufReader, Read},
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::find::TestingError;

/// `$1` is the folder, `$2` where the programs are. Its first line says that the server takes connections, or why there is none.
///
/// `fsync=off` because what is tested is our programs' crashes, not the machine's.
const SCRIPT: &str = r#"
dir=$1; bin=$2
finish() { "$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$dir"; }
trap finish EXIT
trap '' INT HUP TERM
"$bin/initdb" -D "$dir/data" -A trust -U postgres -E UTF8 --locale=C --no-sync >"$dir/log" 2>&1 &&
"$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -w -t 60 -o "-k '$dir' -c listen_addresses='' -c fsync=off -c full_page_writes=off" start >"$dir/start" 2>&1 ||
{ echo "$(tail -n 5 "$dir/log" "$dir/start" 2>/dev/null | tr '\n' ' ')"; exit 1; }
echo ready
cat >/dev/null
"#;

/// A server of a test's own, to be stopped in the middle of things; it ends with the test program.
#[derive(Debug)]
pub struct PostgresServer {
    dir: PathBuf,
    programs: PathBuf,
}

impl PostgresServer {
    /// Starts one.
    ///
    /// # Errors
    /// If there is none installed, or it does not start.
    pub fn start() -> Result<Self, TestingError> {
        let programs = programs().ok_or(TestingError::NoPostgres)?;
        Ok(Self { dir: start_from(&programs)?, programs })
    }

    /// Its address.
    pub fn url(&self) -> String {
        address_in(&self.dir)
    }

    /// Stops it as a crash would, everybody's connections with it, and starts it again; back when it takes connections.
    ///
    /// # Errors
    /// If it does not start again.
    pub fn restart(&self) -> Result<(), TestingError> {
        let failed = |error: std::io::Error| TestingError::Start(error.to_string());
        let mut command = as_its_user("sh");
        // What it says goes where the script looks for it; nothing of ours is kept open by the server.
        command.args(["-c", r#""$0" -D "$1/data" -l "$1/log" -m immediate -w -t 60 restart >>"$1/restart" 2>&1 </dev/null"#]);
        let status = command.args([&self.programs.join("pg_ctl"), &self.dir]).current_dir(&self.dir).status().map_err(failed)?;
        if status.success() { Ok(()) } else { Err(TestingError::Start(format!("pg_ctl restart: {status}"))) }
    }
}

/// Starts it and returns its address once it takes connections.
pub(crate) fn start() -> Result<String, TestingError> {
    let programs = programs().ok_or(TestingError::NoPostgres)?;
    Ok(address_in(&start_from(&programs)?))
}

fn address_in(dir: &Path) -> String {
    format!("postgres://postgres@localhost/postgres?host={}", dir.display())
}

/// The program, by whoever the server may run as.
fn as_its_user(program: &str) -> Command {
    match user() {
        Some((user, group)) => {
            let mut command = Command::new("setpriv");
            command.args([&format!("--reuid={user}"), &format!("--regid={group}"), "--clear-groups", program]);
            command
        }
        None => Command::new(program),
    }
}

/// Starts it and returns its folder.
fn start_from(programs: &Path) -> Result<PathBuf, TestingError> {
    // Not a `TempDir`: the script removes what is in it, after we are gone. The socket's path must stay short.
    let dir = tempfile::Builder::new().prefix("easel-pg-").tempdir().map_err(TestingError::Files)?.keep();
    if let Some((user, group)) = user() {
        chown(&dir, Some(user), Some(group)).map_err(TestingError::Files)?;
    }
    let mut child = as_its_user("sh")
        .args(["-c", SCRIPT, "sh"])
        .args([dir.as_path(), programs])
        .current_dir(&dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| TestingError::Start(error.to_string()))?;
    let mut out = BufReader::new(child.stdout.take().expect("stdout is a pipe. This is a bug."));
    let mut line = String::new();
    out.read_line(&mut line).map_err(|error| TestingError::Start(error.to_string()))?;
    if line.trim() != "ready" {
        let _ = out.read_to_string(&mut line);
        let _ = child.wait();
        let _ = fs::remove_dir_all(&dir);
        return Err(TestingError::Start(line.trim().to_owned()));
    }
    // Open as long as this program runs: closing the pipe is what ends the server.
    std::mem::forget(child.stdin.take());
    Ok(dir)
}

/// Where `initdb` and `pg_ctl` are: in `PATH`, or the newest of Debian's folders.
fn programs() -> Option<PathBuf> {
    let has = |dir: &Path| ["initdb", "pg_ctl", "postgres"].iter().all(|name| dir.join(name).is_file());
    let in_path =
        env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>()).find(|dir| has(dir));
    in_path.or_else(|| {
        let versions = fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
        let mut found: Vec<_> =
            versions.filter_map(|entry| Some((entry.file_name().to_str()?.parse::<u32>().ok()?, entry.path()))).collect();
        found.sort();
        found.into_iter().rev().map(|(_, path)| path.join("bin")).find(|dir| has(dir))
    })
}

/// Whom root starts the server as (user, group); `None` for everybody else.
fn user() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok().filter(|output| output.status.success())?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    };
    let of = |name: &str| Some((id(&["-u", name])?, id(&["-g", name])?));
    if id(&["-u"])? != 0 {
        return None;
    }
    of("postgres").or_else(|| of("nobody"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The path that a machine without a running server takes; where one runs it would never be tried otherwise.
    #[test]
    fn a_server_of_our_own_takes_connections() {
        let address = start().unwrap_or_else(|error| panic!("{error}"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(crate::database::execute(&address, "CREATE DATABASE works".to_owned())).unwrap();
    }
}
