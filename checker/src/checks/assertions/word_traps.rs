//! Rejects unquoted words that are valid here, but probably come from another notation, such as `/fatal/i`.

use serde_json::Value as Json;

use super::decimal::Decimal;
use super::subject::Subject;
use crate::checks::status_codes::StatusCodes;

/// Quotation marks that word processors insert or other languages use, and backticks.
const OTHER_QUOTES: [char; 14] = ['“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›', '`', '´', '＂', '＇'];

/// Rejects a word that starts or ends with a character that is likely a mistake. The error is a complete clause.
pub(super) fn reject_typing_mistakes(word: &str) -> Result<(), String> {
    if word.starts_with('=') {
        return Err(format!("`{word}` starts with `=`: write `==` or `!=`, or put the string in quotes"));
    }
    if word.starts_with(OTHER_QUOTES) || word.ends_with(OTHER_QUOTES) {
        return Err(format!("`{word}` contains an unsupported quotation mark: use `\"` or `'`"));
    }
    if word.ends_with(['"', '\'']) || word.starts_with("\\\"") || word.starts_with("\\'") {
        return Err(format!("`{word}` contains a quotation mark at its end: put the entire string in quotes"));
    }
    match word.chars().last().filter(|last| matches!(last, ';' | ',') && word.len() > 1) {
        Some(last) => Err(format!("`{word}` ends with `{last}`: remove it, or put the string in quotes")),
        None => Ok(()),
    }
}

/// Rejects a pattern with delimiters, such as `/fatal/i`, except for a path such as `/login/` in a URL. The error is a
/// complete clause.
pub(super) fn reject_delimiters(subject: &Subject, word: &str) -> Result<(), String> {
    let Some((pattern, flags)) = delimited_pattern(word) else { return Ok(()) };
    if flags.is_empty() && matches!(subject, Subject::Header(_) | Subject::Redirect) {
        return Ok(());
    }
    let flags: String = flags.chars().filter(|flag| "imsx".contains(*flag)).collect();
    let flags = if flags.is_empty() { flags } else { format!("(?{flags})") };
    Err(format!("`{word}` has delimiters: write `'{flags}{pattern}'`, or put it in quotes to search for `/`"))
}

/// Returns the pattern and the flags of a word with delimiters, such as `/fatal/i`, as in JavaScript and Perl.
pub(super) fn delimited_pattern(word: &str) -> Option<(&str, &str)> {
    let (pattern, flags) = word.strip_prefix('/')?.rsplit_once('/')?;
    let are_flags = flags.len() <= 4 && flags.chars().all(|flag| "gimsuxy".contains(flag));
    (!pattern.is_empty() && are_flags).then_some((pattern, flags))
}

/// Rejects a class or range of status codes, such as `5xx`, for a subject that is not a status code. The error is a
/// complete clause.
pub(super) fn reject_status_codes(subject: &Subject, word: &str) -> Result<(), String> {
    let is_text = matches!(subject, Subject::Header(_) | Subject::Redirect | Subject::Body | Subject::JsonPath(_));
    if is_text && is_set_of_status_codes(word) {
        return Err(format!(
            "`{word}` is a set of status codes, and only `[STATUS]` can be compared with one: compare {subject} with \
             numbers, as in `>= 500`, or put `{word}` in quotes"
        ));
    }
    Ok(())
}

/// Returns whether a word is a set of status codes in any notation, such as `5XX`, `5**` or `500..599`.
fn is_set_of_status_codes(word: &str) -> bool {
    let usual = word.to_ascii_lowercase().replace('*', "x").replace("..", "-");
    let is_decade = usual.len() == 3 && usual.ends_with('x') && usual[..2].parse::<u8>().is_ok_and(|code| code >= 10);
    Decimal::parse(word).is_none() && (is_decade || StatusCodes::try_from(Json::from(usual)).is_ok())
}
