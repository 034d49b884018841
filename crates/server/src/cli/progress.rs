//! Progress bars on stderr, hidden where nobody would see them.

use std::{
    io::{self, IsTerminal},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Context;

/// Steps of pictures: done, to do, steps a second, time left.
pub fn steps(context: &Context) -> ProgressBar {
    bar(context, "{msg:>12} {wide_bar} {pos}/{len} {prefix} {eta} left")
}

/// Bytes of files: done, to do, bytes a second, time left.
pub fn bytes(context: &Context) -> ProgressBar {
    bar(context, "{msg:>12} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta} left")
}

/// Something of unknown length.
pub fn spinner(context: &Context, message: &str) -> ProgressBar {
    let bar = bar(context, "{msg:>12} {spinner} {elapsed}");
    bar.set_message(message.to_owned());
    if !bar.is_hidden() {
        bar.enable_steady_tick(Duration::from_millis(120));
    }
    bar
}

fn bar(context: &Context, template: &str) -> ProgressBar {
    let visible = !context.quiet && !context.json && io::stderr().is_terminal();
    let target = if visible { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::with_draw_target(Some(0), target).with_style(style)
}
