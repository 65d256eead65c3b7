//! Snapshots of every command's help and of command-line errors.

use std::fmt::Write as _;

use clap::{Command, Parser as _};

use super::assert_text;
use crate::cli::{self, Cli, LISTEN_VARIABLE};

/// The terminal width to which the help is wrapped.
const WIDTH: usize = 100;

/// Returns the help, independent of the environment.
fn help(command: &mut Command) -> String {
    let text = command.render_long_help().to_string();
    match std::env::var(LISTEN_VARIABLE) {
        Ok(set) => text.replace(&format!("{LISTEN_VARIABLE}={set}]"), &format!("{LISTEN_VARIABLE}=]")),
        Err(_) => text,
    }
}

fn assert_help_of(command: &Command, path: &str) {
    // Subcommands do not inherit the width.
    let mut wrapped = command.clone().term_width(WIDTH);
    assert_text(&format!("help.{path}"), &help(&mut wrapped));
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        assert_help_of(subcommand, &format!("{path}_{}", subcommand.get_name()));
    }
}

#[test]
fn the_help_of_every_command() {
    let mut command = cli::command();
    command.build();
    assert_help_of(&command, "checker");
}

#[test]
fn the_short_help() {
    let mut command = cli::command().term_width(WIDTH);
    assert_text("help.short", &command.render_help().to_string());
}

#[test]
fn command_line_errors() {
    let mut text = String::new();
    for line in [
        "checker",
        "checker rnu",
        "checker run --evry 1m",
        "checker run --node=A\u{a0}B",
        "checker run --node",
        "checker run --every 0",
        "checker run --every 500ms",
        "checker run --every soon",
        "checker run --shard 9/2",
        "checker run --shard half",
        "checker run --fail-on healthy",
        "checker run --fail-on x",
        "checker run --format xml",
        "checker run --endpoint Shop",
        "checker serve --listen shop.example:80",
        "checker demo --listen 99999",
        "checker run -q -v",
        "checker run --format json --json",
        "checker status --watch --json",
        "checker status --range 5m",
        "checker status --range long",
        "checker history",
        "checker history rebuild --unnamed-node --node a",
        "checker explain",
        "checker explain -c other.json",
        "checker beat My_Job",
        "checker beat",
        "checker beat -c other.json",
        "checker beat job --exit-status x",
        "checker incident",
        "checker incident open x --state happy",
        "checker incident update",
        "checker incident open x --author Anna",
        "checker silence Shop",
        "checker silence Shop --for 0s",
        "checker silence Shop --for long",
        "checker run --until 18:00",
        "checker provision --writer EU",
        "checker provision --author Anna",
        "checker provision --check-expiry never",
        "checker doctor -c a --format yaml",
        "checker completions tcsh",
        "checker validate a",
    ] {
        let words = line.split(' ').map(|word| word.replace('\u{a0}', " "));
        let error = Cli::try_parse_from(words).expect_err(line).to_string();
        let _ = write!(text, "$ {}\n{}\n\n", line.replace('\u{a0}', " "), error.trim_end());
    }
    assert_text("command_line_errors", &text);
}
