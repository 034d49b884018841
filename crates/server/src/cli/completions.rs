//! `easel completions SHELL`: a completion script on stdout.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use crate::{error::Result, output};

#[derive(Args)]
pub struct Arguments {
    /// The shell, such as bash: `easel completions bash > ~/.local/share/bash-completion/completions/easel`
    shell: Shell,
}

pub fn run(arguments: &Arguments, command: &mut Command) -> Result<ExitCode> {
    // Into memory first: the crate panics where nobody reads to the end.
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "easel", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end());
    Ok(ExitCode::SUCCESS)
}
