//! What could not be loaded, in sentences that say what to do; many of a kind become one. Pure.

use shared::object_name::{CheckFileName, HistoryPart, NodeName};

use super::words::{counted, listed};
use super::{CLOCK_TOLERANCE, Looking};
use crate::calendar::Calendar;
use crate::load::{FILES_LIMIT, Memory};
use crate::record::ENDPOINTS_LIMIT;

/// How many of a kind are named before the rest is counted.
const NAMES_LIMIT: usize = 3;

/// How many reasons of a kind are told before the rest is counted.
const REASONS_LIMIT: usize = 5;

/// How much of a name is shown; stores allow a thousand characters.
const NAME_LENGTH_LIMIT: usize = 80;

/// Every problem in a sentence, the gravest first.
#[must_use]
pub fn problems(memory: &Memory, calendar: Calendar<'_>, looking: &Looking) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(error) = &memory.list_problem {
        problems.push(format!("Failed to {error}."));
    }
    problems.extend(by_reason(memory.failed.iter().map(|(name, error)| (name, format!("failed to {error}")))));
    problems.extend(by_reason(memory.unreadable.iter().map(|(name, reason)| (name, reason.clone()))));
    problems.extend(by_reason(memory.record.skipped.iter().map(|(name, reason)| (name, reason.clone()))));
    problems.extend(memory.unreadable_histories.iter().map(|(name, reason)| {
        let node = name.node.as_ref().map_or("checkers without a name", NodeName::as_str);
        match name.part {
            HistoryPart::Main => format!("History unreadable: that of {node} ({reason}); its check files fill in."),
            HistoryPart::Latency => format!("Percentiles cannot be told without those of {node} ({reason})."),
        }
    }));
    if memory.foreign_count > 0 {
        let objects = counted(
            memory.foreign_count,
            "object in the store is no check file",
            "objects in the store are no check files",
        );
        problems.push(format!("{objects}, and skipped: {}.", named(&memory.foreign, memory.foreign_count)));
    }
    if memory.left_out > 0 {
        problems.push(format!(
            "{} older check files are not loaded: the page takes the newest {FILES_LIMIT}. A shorter `range` in `config.json` fits better.",
            memory.left_out
        ));
    }
    if memory.record.overflowed {
        problems.push(format!("The check files name more than {ENDPOINTS_LIMIT} endpoints; the others are left out."));
    }
    if looking.at.is_none() {
        problems.extend(future(memory, calendar));
    }
    problems
}

/// Results that were made in the future: some clock is wrong.
fn future(memory: &Memory, calendar: Calendar<'_>) -> Option<String> {
    let limit = calendar.now + CLOCK_TOLERANCE;
    let nodes = memory.record.endpoints.iter().flat_map(|endpoint| &endpoint.nodes);
    let count: usize = nodes.map(|node| node.looks.len() - node.looks.partition_point(|look| look.at <= limit)).sum();
    let results = counted(count, "result is", "results are");
    (count > 0)
        .then(|| format!("{results} from the future, and left out: the clock of a checker or of this device is wrong."))
}

/// One sentence per reason, with the files it is about.
fn by_reason<'a>(problems: impl Iterator<Item = (&'a CheckFileName, String)>) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    let mut not_shown = 0;
    for (name, reason) in problems {
        match reasons.iter().position(|(known, _)| *known == reason) {
            Some(place) => reasons[place].1.push(name.to_string()),
            None if reasons.len() < REASONS_LIMIT => reasons.push((reason, vec![name.to_string()])),
            None => not_shown += 1,
        }
    }
    let mut sentences: Vec<String> =
        reasons.iter().map(|(reason, names)| format!("{}: {reason}.", named(names, names.len()))).collect();
    if not_shown > 0 {
        sentences.push(format!(
            "{} for other reasons.",
            counted(not_shown, "more check file failed", "more check files failed")
        ));
    }
    sentences
}

/// Names in backticks, the rest of so many counted.
fn named(names: &[String], count: usize) -> String {
    let mut shown: Vec<String> = names
        .iter()
        .take(NAMES_LIMIT)
        .map(|name| format!("`{}`", shared::result::shortened(name.clone(), NAME_LENGTH_LIMIT)))
        .collect();
    if count > shown.len() {
        shown.push(format!("{} more", count - shown.len()));
    }
    listed(&shown.iter().map(String::as_str).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::tests::{NOW, utc};
    use crate::source::SourceError;
    use shared::MINUTE;

    fn name(number: i64) -> CheckFileName {
        CheckFileName { stored_at: NOW + number, node: None }
    }

    #[test]
    fn nothing_wrong_is_nothing_said() {
        assert!(problems(&Memory::default(), utc(), &Looking::default()).is_empty());
    }

    #[test]
    fn many_files_with_one_reason_are_one_sentence() {
        let mut memory = Memory::default();
        for number in 0..40 {
            memory.failed.push((name(number), SourceError::TimedOut("store/".to_owned(), 20)));
        }
        memory.unreadable.push((name(50), "failed to read it as a JSON array".to_owned()));
        let problems = problems(&memory, utc(), &Looking::default());
        assert_eq!(problems.len(), 2);
        assert!(
            problems[0].contains("and 37 more: failed to get an answer from `store/` within 20 seconds"),
            "{}",
            problems[0]
        );
        assert!(problems[1].starts_with(&format!("`{}`: failed to read it", name(50))), "{}", problems[1]);
    }

    #[test]
    fn a_list_that_fails_comes_first_and_foreign_objects_are_named() {
        let mut memory = Memory::default();
        memory.list_problem = Some(SourceError::NotAListing);
        memory.foreign.push("notes.txt".to_owned());
        memory.foreign_count = 1;
        let problems = problems(&memory, utc(), &Looking::default());
        assert!(problems[0].starts_with("Failed to read the bucket's list") && problems[0].contains("`bucket`"));
        assert_eq!(problems[1], "1 object in the store is no check file, and skipped: `notes.txt`.");
    }

    #[test]
    fn results_of_the_future_are_named() {
        let future = crate::view::endpoint::tests::record(&[("A", "", -10, shared::status::Status::Down)]);
        let mut memory = Memory::default();
        memory.record = future;
        assert!(problems(&memory, utc(), &Looking::default())[0].starts_with("1 result is from the future"));
        let later = Calendar { now: NOW + 9 * MINUTE, ..utc() };
        assert!(problems(&memory, later, &Looking::default()).is_empty());
        let back = Looking { at: Some(NOW), ..Looking::default() };
        assert!(
            problems(&memory, utc(), &back).is_empty(),
            "what came after the moment that is looked at is no wonder"
        );
    }
}
