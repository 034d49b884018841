//! `easel admin …`: people, for whoever can run commands on the server's machine. What the pages for administrators do, by the same rules, and
//! into the same record; who is in the record is the operator.

use std::{process::ExitCode, time::Duration};

use clap::Subcommand;
use easel_platform::{
    Platform, PlatformError,
    accounts::Actor,
    records::{Role, User},
};
use serde_json::{Value, json};

use super::{Context, admin::password, block_on};
use crate::{
    error::{Exit, Failure, Result},
    output, platform,
};

/// People of one look at the list.
const PAGE: i64 = 100;
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Subcommand)]
pub enum Command {
    /// Show people, oldest first
    People {
        /// Those whose name or address begins so
        #[arg(default_value = "")]
        beginning: String,
    },
    /// Give somebody another role: user, moderator, admin or superuser
    SetRole {
        /// Their address or name
        who: String,
        /// The role
        role: String,
    },
    /// Put somebody on another plan
    SetPlan {
        /// Their address or name
        who: String,
        /// The plan
        plan: String,
        /// For so many days; for good if it is left out
        #[arg(long)]
        days: Option<u32>,
    },
    /// Give somebody another password, read from standard input; their sessions and API keys end
    SetPassword {
        /// Their address or name
        who: String,
    },
    /// Keep somebody out: their sessions and API keys end, and others see nothing of theirs
    Suspend {
        /// Their address or name
        who: String,
    },
    /// Let somebody in again
    Reinstate {
        /// Their address or name
        who: String,
    },
}

pub fn run(context: &Context, command: &Command) -> Result<ExitCode> {
    block_on(async {
        let platform = platform::open_for_command(&context.config).await?;
        if let Command::People { beginning } = command {
            return list(context, &platform, beginning).await;
        }
        let user = changed(&platform, command).await?;
        if context.json {
            output::line(shown(&user));
        } else if !context.quiet {
            output::line(row(&user));
        }
        Ok(ExitCode::SUCCESS)
    })
}

/// Does what the command says, and returns them as they are now.
async fn changed(platform: &Platform, command: &Command) -> Result<User> {
    let (accounts, operator) = (&platform.accounts, Actor::operator());
    let (Command::SetRole { who, .. }
    | Command::SetPlan { who, .. }
    | Command::SetPassword { who }
    | Command::Suspend { who }
    | Command::Reinstate { who }
    | Command::People { beginning: who }) = command;
    let user = person(platform, who).await?;
    let done = match command {
        Command::SetRole { role, .. } => {
            let role: Role = role.parse().map_err(|_| {
                let roles = Role::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
                Failure::new(Exit::Usage, format!("there is no role `{role}`; there are {roles}"))
            })?;
            accounts.set_role(&operator, &user.id, role).await
        }
        Command::SetPlan { plan, days, .. } => {
            let ends_at = days.map(|days| platform.context.now().after(DAY * days));
            accounts.set_plan(&operator, &user.id, plan, ends_at).await
        }
        Command::SetPassword { .. } => accounts.set_password(&operator, &user.id, &password()?).await,
        Command::Suspend { .. } => accounts.set_active(&operator, &user.id, false).await,
        Command::Reinstate { .. } => accounts.set_active(&operator, &user.id, true).await,
        Command::People { .. } => Ok(()),
    };
    done.map_err(|error| refused(&error))?;
    accounts.get(&user.id).await.map_err(|error| refused(&error))
}

/// Somebody by their whole address or name.
async fn person(platform: &Platform, who: &str) -> Result<User> {
    let sought = who.trim().to_lowercase();
    let mut after = None::<String>;
    loop {
        let found = platform.accounts.find(&sought, after.as_deref(), PAGE).await.map_err(|error| refused(&error))?;
        let (last, more) = (found.last().map(|user| user.id.clone()), found.len() as i64 == PAGE);
        if let Some(user) = found.into_iter().find(|user| user.email == sought || user.username == sought) {
            return Ok(user);
        }
        if !more {
            let hint = "`easel admin people` shows everybody";
            return Err(Failure::new(Exit::Usage, format!("there is nobody with the address or name `{who}`")).hint(hint));
        }
        after = last;
    }
}

async fn list(context: &Context, platform: &Platform, beginning: &str) -> Result<ExitCode> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let found = platform.accounts.find(beginning, after.as_deref(), PAGE).await.map_err(|error| refused(&error))?;
        let more = found.len() as i64 == PAGE;
        after = found.last().map(|user| user.id.clone());
        if context.json {
            all.extend(found.iter().map(shown));
        } else {
            found.iter().for_each(|user| output::line(row(user)));
        }
        if !more {
            break;
        }
    }
    if context.json {
        output::line(json!({ "people": all }));
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(user: &User) -> Value {
    let User { id, email, username, role, plan, is_active, is_verified, .. } = user;
    json!({
        "id": id, "email": email, "username": username, "role": role, "plan": plan, "is_active": is_active,
        "is_verified": is_verified,
    })
}

fn row(user: &User) -> String {
    let kept_out = if user.is_active { "" } else { "  suspended" };
    format!("{}  {}  {}  {}{kept_out}", user.email, user.username, user.role.name(), user.plan)
}

/// What the rules refuse is the caller's to change; the rest is ours.
fn refused(error: &PlatformError) -> Failure {
    match error {
        PlatformError::Invalid { .. } | PlatformError::Forbidden(_) | PlatformError::NotFound(_) => {
            Failure::new(Exit::Usage, error.to_string())
        }
        error => platform::failed(error),
    }
}
