//! The options that every command accepts.

use anstream::ColorChoice;
use clap::{Args, ValueEnum};

use crate::ui::Verbosity;

#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArguments {
    /// Show only warnings and errors on standard error
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Show more details, such as the names of stored objects
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// When the output contains colors
    #[arg(long, global = true, value_enum, default_value_t = ColorMode::Auto, value_name = "WHEN")]
    pub color: ColorMode,
}

impl GlobalArguments {
    #[must_use]
    pub fn verbosity(self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        }
    }

    #[must_use]
    pub fn color_choice(self) -> ColorChoice {
        match self.color {
            ColorMode::Auto => ColorChoice::Auto,
            ColorMode::Always => ColorChoice::Always,
            ColorMode::Never => ColorChoice::Never,
        }
    }
}

/// When the output of commands has colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorMode {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Also if the output is redirected to a file or a program
    Always,
    /// Not even on a terminal that supports them
    Never,
}

/// The output formats of most commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people, with colors on a terminal
    Table,
    /// A JSON document on one line
    Json,
}

/// The output format of most commands.
#[derive(Debug, Clone, Copy, Args)]
pub struct FormatArguments {
    /// Format of the report on standard output
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Print JSON, like --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl FormatArguments {
    #[must_use]
    pub fn get(self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// The output format of `status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    /// A table for people, with colors on a terminal
    Table,
    /// A JSON document on one line
    Json,
    /// Metrics in the text format of Prometheus, which have their own ranges
    Prometheus,
}

/// The output format of `doctor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FindingsFormat {
    /// One line per finding, with its level and remedy
    Text,
    /// A JSON document with the worst level and all findings
    Json,
}
