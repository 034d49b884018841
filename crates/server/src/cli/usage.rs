//! A command line that makes no sense: said as clap says it, and with `--json` as a JSON object like any other failure.

use std::ffi::OsStr;

use crate::{
    error::{Exit, Failure},
    output,
};

/// Says what is wrong and ends the process. Help and version come this way too, with exit code 0.
pub fn exit(error: &clap::Error) -> ! {
    if error.use_stderr() && wants_json(std::env::args_os().skip(1)) {
        output::line(failure(error).to_json());
    }
    error.exit()
}

/// Whether `--json` was among the arguments, though they could not be parsed.
fn wants_json(arguments: impl Iterator<Item = impl AsRef<OsStr>>) -> bool {
    arguments.take_while(|argument| argument.as_ref() != "--").any(|argument| argument.as_ref() == "--json")
}

fn failure(error: &clap::Error) -> Failure {
    // What is wrong comes first, then perhaps tips, then the usage: paragraphs.
    let text = error.render().to_string();
    let mut paragraphs = text.trim().split("\n\n").map(|part| part.split_whitespace().collect::<Vec<_>>().join(" "));
    let message = paragraphs.next().unwrap_or_default();
    let rest: Vec<_> = paragraphs.collect();
    Failure::new(Exit::Usage, message.trim_start_matches("error: ")).hint(rest.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_wanted_where_the_flag_is_one() {
        assert!(wants_json(["generate", "--json", "--bogus"].iter()));
        assert!(!wants_json(["generate", "--", "--json"].iter()));
        assert!(!wants_json(["generate", "--jsonx"].iter()));
    }
}
