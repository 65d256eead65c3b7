//! Additions to the help that clap cannot derive: commands in groups, examples, and where to read more.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _, FromArgMatches as _};

use super::Cli;

/// Where the commands are described in full.
const DOCUMENTATION: &str = "Documentation: docs/commands.md";

/// The commands by purpose, in the order of the help.
const GROUPS: [(&str, &[&str]); 5] = [
    ("Start", &["demo", "init", "validate", "run", "serve"]),
    ("Inspect", &["status", "explain", "doctor", "export"]),
    ("Jobs and incidents", &["beat", "incident", "maintenance", "silence", "message", "post", "notify"]),
    ("Bucket", &["provision", "deprovision", "history", "expire"]),
    ("Shell", &["completions", "man", "schema", "help"]),
];

/// Two examples for each command, by the command's path.
const EXAMPLES: &[(&str, [&str; 2])] = &[
    ("", ["checker demo", "checker init https://shop.example https://api.example"]),
    ("beat", ["checker beat nightly-backup", "checker beat nightly-backup --exit-status $?"]),
    ("completions", ["checker completions bash > checker.bash", "checker completions fish > checker.fish"]),
    ("demo", ["checker demo", "checker demo --listen :8460"]),
    ("deprovision", ["checker deprovision --bucket my-status", "checker deprovision -c checker.json --dry-run"]),
    ("doctor", ["checker doctor", "checker doctor --page config.json --origin https://status.example.com"]),
    ("expire", ["checker expire --dry-run", "checker expire --yes"]),
    ("explain", ["checker explain Shop", "checker explain shop -c checker.json"]),
    ("export", ["checker export --into site", "checker export -c checker.json --into /var/www/status"]),
    ("history", ["checker history rebuild", "checker history rebuild --node eu-west"]),
    ("history rebuild", ["checker history rebuild", "checker history rebuild --node eu-west"]),
    ("incident", ["checker incident open \"Checkout fails\" --affects Shop=down", "checker incident resolve latest"]),
    (
        "incident edit",
        [
            "checker incident edit latest --title \"Checkout is slow\"",
            "checker incident edit 123456 --text \"Cards are declined.\"",
        ],
    ),
    ("incident erase", ["checker incident erase latest", "checker incident erase 123456 --yes"]),
    ("incident list", ["checker incident list", "checker incident list --all --json"]),
    (
        "incident open",
        ["checker incident open \"Checkout fails\" --affects Shop=down", "checker incident open --from-outage Shop"],
    ),
    (
        "incident postmortem",
        [
            "checker incident postmortem latest --file postmortem.html",
            "checker incident postmortem 123456 --text \"A full disk stopped the database.\"",
        ],
    ),
    (
        "incident resolve",
        [
            "checker incident resolve latest",
            "checker incident resolve latest --ended 14:25 --text \"All cards work again.\"",
        ],
    ),
    ("incident show", ["checker incident show latest", "checker incident show 123456 --json"]),
    (
        "incident update",
        [
            "checker incident update latest --text \"We found the cause.\" --state identified",
            "checker incident update latest --affects Shop=degraded",
        ],
    ),
    ("incident withdraw", ["checker incident withdraw latest", "checker incident withdraw 123456"]),
    ("init", ["checker init", "checker init https://shop.example https://api.example/health"]),
    (
        "maintenance",
        [
            "checker maintenance plan Upgrade --affects Shop=down --start \"2026-12-06 02:00\" --zone Europe/Berlin --for 90m",
            "checker maintenance list",
        ],
    ),
    ("maintenance begin", ["checker maintenance begin latest", "checker maintenance begin 123456"]),
    (
        "maintenance cancel",
        ["checker maintenance cancel latest", "checker maintenance cancel latest --only 2026-12-06"],
    ),
    ("maintenance end", ["checker maintenance end latest", "checker maintenance end 123456"]),
    (
        "maintenance extend",
        ["checker maintenance extend latest --for 1h", "checker maintenance extend 123456 --for 30m"],
    ),
    ("maintenance list", ["checker maintenance list", "checker maintenance list --json"]),
    (
        "maintenance plan",
        [
            "checker maintenance plan Upgrade --affects Shop=down --start \"2026-12-06 02:00\" --zone Europe/Berlin --for 90m",
            "checker maintenance plan Patches --affects \"*=degraded\" --start \"2026-12-06 02:00\" --zone UTC --for 2h --repeat \"FREQ=MONTHLY;BYDAY=1SU\"",
        ],
    ),
    ("maintenance renew", ["checker maintenance renew", "checker maintenance renew latest"]),
    ("maintenance show", ["checker maintenance show latest", "checker maintenance show 123456 --json"]),
    ("man", ["checker man | man -l -", "checker man --into /usr/local/share/man/man1"]),
    ("message", ["checker message list", "checker message end"]),
    ("message end", ["checker message end", "checker message end 123456"]),
    ("message list", ["checker message list", "checker message list --all"]),
    ("notify", ["checker notify test", "checker notify preview"]),
    ("notify preview", ["checker notify preview", "checker notify preview --json"]),
    ("notify replay", ["checker notify replay", "checker notify replay --since 7d"]),
    ("notify status", ["checker notify status", "checker notify status --json"]),
    ("notify test", ["checker notify test", "checker notify test ops"]),
    ("post", ["checker post tidy", "checker post erase 123456"]),
    ("post erase", ["checker post erase 123456", "checker post erase latest --yes"]),
    ("post tidy", ["checker post tidy", "checker post tidy --author anna"]),
    (
        "provision",
        [
            "checker provision --bucket my-status --origin https://status.example.com --writer eu-west",
            "checker provision -c checker.json --rotate",
        ],
    ),
    ("run", ["checker run", "checker run --every 5m"]),
    ("schema", ["checker schema > checker.schema.json", "checker schema | less"]),
    ("serve", ["checker serve", "checker serve -c checker.json --listen :8460"]),
    ("silence", ["checker silence Shop --for 2h", "checker silence \"*\" --for 30m --why \"We move the servers.\""]),
    ("silence end", ["checker silence end latest", "checker silence end 123456"]),
    ("silence list", ["checker silence list", "checker silence list --json"]),
    ("status", ["checker status", "checker status --range 90d --watch"]),
    ("validate", ["checker validate", "checker validate -c checker.json"]),
];

/// Parses the command line. Prints help or an error and exits if there is nothing to run.
#[must_use]
pub fn parse() -> Cli {
    Cli::from_arg_matches(&command().get_matches()).unwrap_or_else(|error| error.exit())
}

/// Returns the command line with its complete help.
#[must_use]
pub fn command() -> Command {
    let command = with_examples(Cli::command(), "");
    let template = template(&command);
    command.help_template(template)
}

/// Adds the examples to a command and its subcommands. `path` is empty for the program itself.
fn with_examples(mut command: Command, path: &str) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    for name in names {
        let path = format!("{path} {name}");
        command = command.mut_subcommand(&name, |command| with_examples(command, path.trim_start()));
    }
    let Some((_, examples)) = EXAMPLES.iter().find(|(known, _)| *known == path) else { return command };
    let header = *command.get_styles().get_header();
    let [first, second] = examples;
    command.after_help(format!("{header}Examples:{header:#}\n  {first}\n  {second}\n\n{DOCUMENTATION}"))
}

/// Returns the template of the program's help, which lists the commands in groups.
fn template(command: &Command) -> String {
    let (header, literal) = (*command.get_styles().get_header(), *command.get_styles().get_literal());
    let names = GROUPS.iter().flat_map(|(_, names)| *names);
    let width = names.map(|name| name.len()).max().unwrap_or_default();
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n".to_owned();
    for (title, names) in GROUPS {
        let _ = writeln!(text, "\n{header}{title}:{header:#}");
        for name in names {
            let about = command.find_subcommand(name).and_then(Command::get_about).map(ToString::to_string);
            let about = about.unwrap_or_else(|| "Print this message or the help of a command".to_owned());
            let _ = writeln!(text, "  {literal}{name}{literal:#}{:1$}{about}", "", width - name.len() + 2);
        }
    }
    let _ = write!(text, "\n{header}Options:{header:#}\n{{options}}{{after-help}}");
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The maximum width of the program's help, in characters.
    const WIDTH: usize = 100;

    /// Returns the paths of a command and its subcommands.
    fn paths(command: &Command, path: &str) -> Vec<String> {
        let below = command.get_subcommands().flat_map(|command| {
            let path = format!("{path} {}", command.get_name());
            paths(command, path.trim_start())
        });
        std::iter::once(path.to_owned()).chain(below).collect()
    }

    /// Splits a command line into words, as a shell does.
    fn words(line: &str) -> Vec<String> {
        let parts = line.split('"').enumerate();
        let words = parts.flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        // Other programs and files follow.
        words.take_while(|word| !["|", ">"].contains(&word.as_str())).map(|word| word.replace("$?", "1")).collect()
    }

    #[test]
    fn each_command_has_two_valid_examples() {
        let known: BTreeSet<String> = EXAMPLES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(known, paths(&Cli::command(), "").into_iter().collect());
        for (path, examples) in EXAMPLES {
            for line in examples {
                assert!(line.starts_with(format!("checker {path}").trim_end()), "{path}: {line}");
                let parsed = command().try_get_matches_from(words(line));
                assert!(parsed.is_ok(), "{line}: {parsed:?}");
            }
        }
    }

    #[test]
    fn the_help_lists_each_command_once_in_a_group() {
        let listed: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| *names).copied().collect();
        let commands = Cli::command();
        let expected: BTreeSet<&str> = commands.get_subcommands().map(Command::get_name).chain(["help"]).collect();
        assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), expected);
        assert_eq!(listed.len(), expected.len());
        let help = command().render_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(help.contains("\nStart:\n  demo ") && help.contains(DOCUMENTATION), "{help}");
    }
}
