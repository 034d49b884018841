//! `easel secrets`: the secrets the server must be able to read again, and the keys they are kept under.

use std::{
    io::{IsTerminal, Read},
    process::ExitCode,
};

use clap::{Args, Subcommand};
use easel_platform::{
    Context as PlatformContext, SystemSecrets,
    keyring::{Keyring, Rotation},
    secrets::SecretStore,
};
use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Context,
    overrides::{Group, Overrides},
};
use crate::{
    config::{self, Setting},
    error::{Exit, Failure, Result},
    output, outside,
    platform::{database, failed},
};

#[derive(Args)]
pub struct Arguments {
    #[command(subcommand)]
    verb: Verb,
    #[command(flatten)]
    pub settings: Overrides<Settings>,
}

#[derive(Subcommand)]
enum Verb {
    /// Set a secret, read from standard input: `oidc:google`, `provider:fal`
    Set {
        /// Its name
        name: String,
    },
    /// Show the names of the secrets
    List,
    /// Remove a secret
    Rm {
        /// Its name
        name: String,
    },
    /// Make another key; new secrets come under it once the server is started again
    NewKey,
    /// Bring every secret in the database under the newest key, while the server runs
    Rotate,
    /// Forget the keys that nothing is under any more
    DropOldKeys,
}

pub struct Settings;

impl Group for Settings {
    const SETTINGS: &'static [&'static [&'static Setting]] = &[config::state::SETTINGS, config::outside::SETTINGS];
    const GLOBAL: bool = true;
    const HEADING: &'static str = "Settings";
}

pub fn run(context: &Context, arguments: &Arguments) -> Result<ExitCode> {
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(|error| Failure::io("cannot start", &error))?;
    tokio.block_on(async {
        let keyring = outside::keyring(&context.config)?;
        match &arguments.verb {
            Verb::NewKey => new_key(context, &keyring),
            verb => {
                let db = database(&context.config).await?;
                db.migrate().await.map_err(|error| failed(&error.into()))?;
                in_database(context, verb, PlatformContext::system(db), keyring).await
            }
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn in_database(context: &Context, verb: &Verb, platform: PlatformContext, keyring: Keyring) -> Result<()> {
    let store = SecretStore::new(platform.clone(), keyring.clone());
    match verb {
        Verb::Set { name } => {
            store.put(name, &read_secret()?).await.map_err(|error| failed(&error))?;
            say(context, json!({ "set": name }), || format!("set {name}; the server reads it when it is started"));
        }
        Verb::Rm { name } => {
            store.remove(name).await.map_err(|error| failed(&error))?;
            say(context, json!({ "removed": name }), || format!("removed {name}"));
        }
        Verb::List => {
            let names = store.names().await.map_err(|error| failed(&error))?;
            if context.json {
                output::line(json!({ "secrets": names }));
            } else {
                names.iter().for_each(|named| output::line(&named.name));
            }
        }
        Verb::Rotate => {
            let rotated = Rotation::new(platform, keyring).run().await.map_err(|error| failed(&error))?;
            let text =
                || format!("{} secrets are under the newest key now; {} cannot be read", rotated.resealed, rotated.unreadable);
            say(context, json!(rotated), text);
        }
        Verb::DropOldKeys | Verb::NewKey => drop_old_keys(context, platform, &keyring).await?,
    }
    Ok(())
}

fn new_key(context: &Context, keyring: &Keyring) -> Result<()> {
    let path = outside::keyring_file(&context.config);
    let new = keyring.with_new_key(&SystemSecrets);
    new.replace(&path).map_err(|error| failed(&error))?;
    let text = || {
        format!(
            "{} has another key: copy it to every node, start them again, then run `easel secrets rotate` and `easel secrets drop-old-keys`",
            path.display()
        )
    };
    say(context, json!({ "keyring": path, "old_keys": new.old_keys().count() }), text);
    Ok(())
}

async fn drop_old_keys(context: &Context, platform: PlatformContext, keyring: &Keyring) -> Result<()> {
    let rotation = Rotation::new(platform, keyring.clone());
    for id in keyring.old_keys() {
        let uses = rotation.uses(id).await.map_err(|error| failed(&error))?;
        if uses > 0 {
            let failure = Failure::new(Exit::Failure, format!("{uses} secrets are still under the key {id}"));
            return Err(failure.hint("run `easel secrets rotate` first"));
        }
    }
    let path = outside::keyring_file(&context.config);
    let dropped = keyring.old_keys().count();
    keyring.without_old_keys().replace(&path).map_err(|error| failed(&error))?;
    say(context, json!({ "dropped": dropped }), || format!("{dropped} old keys are gone from {}", path.display()));
    Ok(())
}

/// From standard input, so that it is in no list of processes and no history.
fn read_secret() -> Result<Zeroizing<String>> {
    let mut input = std::io::stdin();
    if input.is_terminal() {
        eprintln!("type the secret and end with Ctrl-D:");
    }
    let mut text = Zeroizing::new(String::new());
    input.read_to_string(&mut text).map_err(|error| Failure::io("cannot read the secret from standard input", &error))?;
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

fn say(context: &Context, json: serde_json::Value, text: impl FnOnce() -> String) {
    if context.json {
        output::line(json);
    } else if !context.quiet {
        output::line(text());
    }
}
