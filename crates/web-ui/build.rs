//! Puts the built web application into `$OUT_DIR/dist`, where the crate embeds it.
//!
//! | `EASEL_WEB` | what is embedded |
//! |---|---|
//! | not set | built by npm if there is npm; otherwise, or if that fails, a page that says how to get it |
//! | `require` | built by npm, or the build fails: for releases |
//! | `skip` | the page that says how to get it: for who changes Rust alone |
//! | a folder | what somebody built before with `npm run build`: for packagers without a network |
//!
//! It is built again only when something in `web/` has changed.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCES: [&str; 8] =
    ["src", "public", "build", "index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"];
const WITHOUT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Easel</title><h1>Easel</h1><p>This program was built \
    without its web application. Install Node.js 20 or later with npm and build it again, or give the folder of a built one as EASEL_WEB. \
    The API is there: see <a href=\"/docs\">/docs</a>.</p></html>\n";

fn main() {
    let web = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web");
    let dist = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR")).join("dist");
    println!("cargo::rerun-if-env-changed=EASEL_WEB");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", web.join(source).display());
    }
    // Nothing of an earlier build is left.
    if dist.exists() {
        fs::remove_dir_all(&dist).expect("OUT_DIR can be written");
    }
    let wish = env::var("EASEL_WEB").unwrap_or_default();
    let got = match wish.as_str() {
        "skip" => Err("EASEL_WEB=skip".to_owned()),
        "" | "require" => build(&web, &dist),
        folder => copy(Path::new(folder), &dist).map_err(|error| format!("EASEL_WEB={folder}: {error}")),
    };
    let Err(problem) = got else { return };
    assert!(matches!(wish.as_str(), "" | "skip"), "the web application cannot be embedded: {problem}");
    if wish.is_empty() {
        println!("cargo::warning=built without the web application: {problem}");
    }
    fs::create_dir_all(&dist).and_then(|()| fs::write(dist.join("index.html"), WITHOUT)).expect("OUT_DIR can be written");
}

/// Installs what the lock file says, and builds.
fn build(web: &Path, dist: &Path) -> Result<(), String> {
    let npm = |arguments: &[&str]| -> Result<(), String> {
        let program = if cfg!(windows) { "npm.cmd" } else { "npm" };
        let ran = Command::new(program).current_dir(web).args(arguments).output();
        let ran = ran.map_err(|error| format!("npm: {error}; install Node.js 20 or later"))?;
        let last = || String::from_utf8_lossy(&ran.stderr).lines().last().unwrap_or_default().to_owned();
        if ran.status.success() { Ok(()) } else { Err(format!("`npm {}` failed: {}", arguments.join(" "), last())) }
    };
    if !is_installed(web) {
        npm(&["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1"])?;
    }
    let dist = dist.to_str().ok_or("the target folder's name is not UTF-8")?;
    npm(&["run", "build", "--", "--outDir", dist, "--emptyOutDir", "--logLevel", "error"])
}

/// npm writes what it installed, with the time, into `node_modules/.package-lock.json`.
fn is_installed(web: &Path) -> bool {
    let time = |name: &str| fs::metadata(web.join(name)).and_then(|about| about.modified()).ok();
    time("node_modules/.package-lock.json").zip(time("package-lock.json")).is_some_and(|(installed, wanted)| installed >= wanted)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() { copy(&entry.path(), &target)? } else { fs::copy(entry.path(), target).map(drop)? }
    }
    Ok(())
}
