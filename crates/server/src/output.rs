//! Results on stdout. Whoever reads them may stop doing so (`easel list | head -1`): that is no error, and no panic as with `println!`.

use std::{
    fmt::Display,
    io::{self, Write},
};

/// Prints a line at once.
pub fn line(text: impl Display) {
    let mut out = io::stdout().lock();
    // Nobody is left to be told.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
