//! Settings as flags: the arguments of a command that stand for settings are made from the settings themselves.

use std::marker::PhantomData;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, builder::PossibleValuesParser};

use crate::config::{Fallback, Flags, Setting};

/// Which settings a command takes as flags.
pub trait Group {
    /// The settings.
    const SETTINGS: &'static [&'static [&'static Setting]];
    /// Whether every subcommand takes them too.
    const GLOBAL: bool = false;
    /// Their heading in the help.
    const HEADING: &'static str;
}

/// The settings given as flags.
pub struct Overrides<G> {
    /// By key.
    pub flags: Flags,
    group: PhantomData<G>,
}

impl<G: Group> Overrides<G> {
    fn settings() -> impl Iterator<Item = &'static Setting> {
        G::SETTINGS.iter().copied().flatten().copied()
    }
}

impl<G: Group> FromArgMatches for Overrides<G> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = |setting: &'static Setting| Some((setting.key, matches.get_one::<String>(setting.key)?.clone()));
        Ok(Self { flags: Self::settings().filter_map(given).collect(), group: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.flags.extend(Self::from_arg_matches(matches)?.flags);
        Ok(())
    }
}

impl<G: Group> Args for Overrides<G> {
    fn augment_args(command: Command) -> Command {
        command.args(Self::settings().map(|setting| argument(setting).global(G::GLOBAL).help_heading(G::HEADING)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let argument =
        Arg::new(setting.key).long(setting.flag).value_name(setting.placeholder).help(help(setting)).allow_negative_numbers(true);
    match setting.choices {
        Some(choices) => argument.value_parser(PossibleValuesParser::new(choices())),
        None => argument,
    }
}

/// The help of a setting says where else it can be set, and what it is if it is not.
fn help(setting: &Setting) -> String {
    let mut help = setting.help.to_owned();
    if let Some(variable) = setting.env.first() {
        help.push_str(&format!(" [env: {variable}]"));
    }
    // A computed default is this host's; the help is the same everywhere (and in the documentation).
    if let Fallback::Fixed(text) = setting.default {
        help.push_str(&format!(" [default: {text}]"));
    }
    help
}
