//! Rejects unquoted words that are valid here, but probably come from another notation, such as `/fatal/i`.

use serde_json::Value as Json;

use super::operand::Operand;
use super::subject::Subject;
use crate::checks::status_codes::StatusCodes;

/// Quotation marks that word processors insert, and backticks.
const OTHER_QUOTES: [char; 9] = ['“', '”', '„', '‘', '’', '‚', '«', '»', '`'];

/// Rejects a word in unsupported quotation marks, and one that ends with a separator. The error is a complete clause.
pub(super) fn reject_separators(word: &str) -> Result<(), String> {
    if word.starts_with(OTHER_QUOTES) || word.ends_with(OTHER_QUOTES) {
        return Err(format!("`{word}` contains an unsupported quotation mark: use `\"` or `'`"));
    }
    match word.chars().last().filter(|last| matches!(last, ';' | ',') && word.len() > 1) {
        Some(last) => Err(format!("`{word}` ends with `{last}`: remove it, or put the string in quotes")),
        None => Ok(()),
    }
}

/// Rejects a pattern with delimiters and flags, such as `/fatal/i`. The error is a complete clause.
pub(super) fn reject_delimiters(word: &str) -> Result<(), String> {
    let Some((pattern, flags)) = word.strip_prefix('/').and_then(|rest| rest.rsplit_once('/')) else { return Ok(()) };
    let are_flags = !flags.is_empty() && flags.len() <= 4 && flags.chars().all(|flag| "gimsuxy".contains(flag));
    if pattern.is_empty() || !are_flags {
        return Ok(());
    }
    let flags: String = flags.chars().filter(|flag| "imsx".contains(*flag)).collect();
    let flags = if flags.is_empty() { flags } else { format!("(?{flags})") };
    Err(format!("`{word}` has delimiters and flags: write `'{flags}{pattern}'`, or put it in quotes"))
}

/// Rejects a class or range of status codes, such as `5xx`, for a subject that is not a status code. The error is a
/// complete clause.
pub(super) fn reject_status_codes(subject: &Subject, operand: &Operand) -> Result<(), String> {
    let is_text = matches!(subject, Subject::Header(_) | Subject::Redirect | Subject::Body | Subject::JsonPath(_));
    match operand {
        Operand::Text(codes) if is_text && StatusCodes::try_from(Json::from(codes.as_str())).is_ok() => Err(format!(
            "`{codes}` is a set of status codes, and only `[STATUS]` can be compared with one: compare {subject} with \
             numbers, as in `>= 500`, or put `{codes}` in quotes"
        )),
        _ => Ok(()),
    }
}
