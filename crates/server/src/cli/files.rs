//! Files a command reads and writes.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use easel_imaging::{DecodeLimits, Decoded, Format, decode};

use crate::error::{Exit, Failure, Result};

/// Stands for stdin or stdout.
pub const STANDARD: &str = "-";

/// Reads a picture from a file, or from stdin.
pub fn read_picture(path: &str) -> Result<Decoded> {
    let limits = DecodeLimits::default();
    let bytes = read_bytes(path, limits.bytes_max as u64 + 1)
        .map_err(|error| Failure::new(Exit::BadInput, format!("cannot read {path}: {error}")))?;
    decode(&bytes, &limits).map_err(|error| Failure::new(Exit::BadInput, format!("{path}: {error}")))
}

fn read_bytes(path: &str, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path {
        STANDARD => io::stdin().lock().take(most).read_to_end(&mut bytes)?,
        path => fs::File::open(path)?.take(most).read_to_end(&mut bytes)?,
    };
    Ok(bytes)
}

/// Where pictures go.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// One picture to stdout.
    Standard,
    /// `out.png`; several pictures become `out-0.png`, `out-1.png`, ….
    Files(PathBuf),
}

impl Output {
    /// Reads `-o`; refuses what can only fail after minutes of work.
    pub fn parse(text: &str, count: u32, json: bool) -> Result<Self> {
        let usage = |message: String| Failure::new(Exit::Usage, message);
        if text == STANDARD {
            return match (count, json) {
                (1, false) => Ok(Self::Standard),
                (1, true) => Err(usage("--json and `-o -` both write to stdout".to_owned()).hint("give -o a file name")),
                _ => Err(usage(format!("`-o -` takes one picture, not {count}")).hint("give -o a file name")),
            };
        }
        let path = PathBuf::from(text);
        let folder = parent(&path);
        if !folder.is_dir() {
            return Err(usage(format!("there is no folder {}", folder.display())).hint(format!("mkdir -p {}", folder.display())));
        }
        if path.is_dir() || path.file_name().is_none() {
            return Err(usage(format!("{text} is a folder")).hint("give -o a file name such as out.png"));
        }
        format_of(&path)?;
        Ok(Self::Files(path))
    }

    /// The format its name says; PNG for stdout.
    pub fn format(&self) -> Result<Format> {
        match self {
            Self::Standard => Ok(Format::Png),
            Self::Files(path) => format_of(path),
        }
    }

    /// The file of picture `index` of `count`.
    pub fn path(&self, index: u32, count: u32) -> Option<PathBuf> {
        match self {
            Self::Standard => None,
            Self::Files(path) if count == 1 => Some(path.clone()),
            Self::Files(path) => {
                let stem = path.file_stem().unwrap_or_default().to_string_lossy();
                let extension = path.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
                Some(path.with_file_name(format!("{stem}-{index}{extension}")))
            }
        }
    }
}

fn format_of(path: &Path) -> Result<Format> {
    let Some(extension) = path.extension() else { return Ok(Format::Png) };
    let extension = extension.to_string_lossy();
    extension.parse().map_err(|_| {
        Failure::new(Exit::Usage, format!("{}: pictures are not written as .{extension}", path.display()))
            .hint("use .png (which keeps the parameters), .jpg or .webp")
    })
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Writes a file whole or not at all. What is no regular file (a pipe, `/dev/null`) is written to as it is.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: io::Error| Failure::io(format!("cannot write {}", path.display()), &error);
    if fs::metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return fs::write(path, bytes).map_err(failed);
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(".easel-");
    share(&mut builder);
    let mut file = builder.tempfile_in(parent(path)).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map(drop).map_err(|error| failed(error.error))
}

/// Temporary files are for their owner alone; what a command writes has the permissions the user's umask gives.
#[cfg(unix)]
fn share(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn share(_builder: &mut tempfile::Builder<'_, '_>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_pictures_are_numbered_before_the_extension() {
        let folder = tempfile::tempdir().unwrap();
        let text = folder.path().join("a.b.png");
        let output = Output::parse(text.to_str().unwrap(), 2, false).unwrap();
        assert_eq!(output.path(1, 2).unwrap(), folder.path().join("a.b-1.png"));
        assert_eq!(output.path(0, 1).unwrap(), text);
    }

    #[test]
    fn what_would_fail_after_the_work_fails_before_it() {
        for (text, count, json) in
            [("-", 2, false), ("-", 1, true), ("/nonexistent/out.png", 1, false), (".", 1, false), ("a.gif", 1, false)]
        {
            assert_eq!(Output::parse(text, count, json).unwrap_err().exit, Exit::Usage, "{text}");
        }
        assert_eq!(Output::parse("-", 1, false).unwrap(), Output::Standard);
    }

    #[test]
    fn writing_replaces_whole_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.png");
        write(&path, b"one").unwrap();
        write(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
