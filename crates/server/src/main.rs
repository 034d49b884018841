//! The `easel` binary: command line, configuration, and the only place that wires the other crates together.

mod adapters;
mod builtin;
mod caretaker;
mod cli;
mod config;
mod edge;
mod error;
mod external;
mod known;
mod library;
mod logging;
mod output;
mod outside;
mod platform;
mod prompts;
mod providers;
mod runtime;
mod serve;
mod signals;
mod tap;

fn main() -> std::process::ExitCode {
    cli::main()
}
