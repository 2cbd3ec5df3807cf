//! What goes to a person: messages, colours, progress.

use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// Says something on standard error. There is nothing to do about a terminal that is gone.
pub(super) fn say(text: &str) {
    let written = writeln!(io::stderr().lock(), "{text}");
    drop(written);
}

/// Colours for standard output; none when it is no terminal, or when `NO_COLOR` is set (<https://no-color.org>).
#[derive(Clone, Copy)]
pub(super) struct Paint {
    on: bool,
}

impl Paint {
    pub(super) fn for_stdout() -> Self {
        Self { on: io::stdout().is_terminal() && !colours_refused() }
    }

    pub(super) fn never() -> Self {
        Self { on: false }
    }

    #[cfg(test)]
    pub(super) fn always() -> Self {
        Self { on: true }
    }

    pub(super) fn green(self, text: impl Display) -> String {
        self.wrap("32", text)
    }

    pub(super) fn red(self, text: impl Display) -> String {
        self.wrap("31", text)
    }

    pub(super) fn bold(self, text: impl Display) -> String {
        self.wrap("1", text)
    }

    fn wrap(self, code: &str, text: impl Display) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// Whether log lines on standard error may have colours.
pub(super) fn stderr_has_colours() -> bool {
    io::stderr().is_terminal() && !colours_refused()
}

fn colours_refused() -> bool {
    #[expect(clippy::disallowed_methods, reason = "a property of the terminal, not a setting of ours")]
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    refused
}

/// How many of so many records are done: drawn when standard error is a terminal.
pub(super) fn records(total: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let template = "  {bar:40} {human_pos}/{human_len} {per_sec} {eta}";
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(total).with_style(style)
}

/// How far reading has come, in bytes: drawn when standard error is a terminal and standard output is not, where it
/// would stand between the lines.
pub(super) fn progress(bytes_total: Option<u64>) -> ProgressBar {
    if io::stdout().is_terminal() { ProgressBar::hidden() } else { progress_before_output(bytes_total) }
}

/// How far reading has come, in bytes, where nothing is written until it has ended: drawn when standard error is a terminal.
pub(super) fn progress_before_output(bytes_total: Option<u64>) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    match bytes_total {
        Some(total) => styled(ProgressBar::new(total), "{bar:32} {bytes}/{total_bytes} {bytes_per_sec} {eta}"),
        None => styled(ProgressBar::new_spinner(), "{spinner} {bytes} {bytes_per_sec}"),
    }
}

/// How many lines of a file are written: drawn when standard error is a terminal.
pub(super) fn progress_of_lines(lines_total: u64) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    styled(ProgressBar::new(lines_total), "{bar:32} {human_pos}/{human_len} lines {eta}")
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.with_style(style)
}
