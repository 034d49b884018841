//! `easel admin`: what only whoever can run commands on the server's machine may do.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use easel_platform::{PlatformError, accounts::Registration};
use serde_json::json;

use super::{
    Context, block_on,
    overrides::{Group, Overrides},
    people,
};
use crate::{
    config::{self, Setting},
    error::{Exit, Failure, Result},
    output, platform,
};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

#[derive(Subcommand)]
enum Command {
    /// Make somebody who may do everything; the first one ends the mode without accounts
    CreateSuperuser {
        /// Their address
        #[arg(long)]
        email: String,
        /// What others see; made of the address if it is left out
        #[arg(long)]
        username: Option<String>,
    },
    #[command(flatten)]
    People(people::Command),
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[config::state::SETTINGS];
    const HEADING: &'static str = "Settings";
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let (email, username) = match &arguments.command {
        Command::CreateSuperuser { email, username } => (email, username),
        Command::People(command) => return people::run(context, command),
    };
    let password = password()?;
    let user = block_on(async {
        let platform = platform::open_for_command(&context.config).await?;
        let registration = Registration { email, password: &password, username: username.as_deref(), ..Registration::default() };
        platform.accounts.create_superuser(registration).await.map_err(|error| match error {
            PlatformError::Invalid { .. } | PlatformError::Taken(_) => Failure::new(Exit::Usage, error.to_string()),
            error => platform::failed(&error),
        })
    })?;
    if context.json {
        output::line(json!({ "id": user.id, "email": user.email, "username": user.username, "role": user.role }));
    } else if !context.quiet {
        output::line(format_args!("{} ({}) may do everything", user.username, user.email));
    }
    Ok(ExitCode::SUCCESS)
}

/// Typed unseen, or the first line of what is piped in. Never on the command line, where others could read it.
pub(super) fn password() -> Result<String> {
    let read = if io::stdin().is_terminal() {
        rpassword::prompt_password("Password: ")
    } else {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
    };
    let password = read.map_err(|error| Failure::io("cannot read the password", &error))?;
    if password.is_empty() {
        let hint = "type it, or pipe it in: easel admin … < password.txt";
        return Err(Failure::new(Exit::Usage, "no password was given").hint(hint));
    }
    Ok(password)
}
