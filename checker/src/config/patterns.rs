//! Regular expressions for the JSON Schema, in the subset of ECMA-262 that both validators and editors support.
//!
//! A pattern expresses as much of validation as a regular expression can. Every string that contains a variable
//! matches, because only the checker knows the variable's value (see [`with_variables`]).

use std::fmt::Write as _;

use shared::duration::UNITS;

/// A string that is not blank.
pub(super) const NOT_BLANK: &str = r"\S";
pub(super) const NOT_EMPTY: &str = r"^[\s\S]";
pub(super) const NODE_NAME: &str = "^[a-z0-9-]{1,32}$";
pub(super) const ID: &str = "^[A-Za-z0-9._-]{1,64}$";
pub(super) const JOB_NAME: &str = "^[a-z0-9-]{1,64}$";
/// An RFC 3339 time in the range of 64-bit nanoseconds.
pub(super) const TIME: &str = r"^(0001|16(7[7-9]|[89][0-9])|1[7-9][0-9]{2}|2[01][0-9]{2}|22[0-5][0-9]|226[0-2])-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])[Tt ]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";
/// A prefix: any number of folders with a trailing slash, none of which is `.` or `..`.
pub(super) const PREFIX: &str = r"^(([^./\x00-\x1f\x7f-\x9f][^/\x00-\x1f\x7f-\x9f]*|\.[^./\x00-\x1f\x7f-\x9f][^/\x00-\x1f\x7f-\x9f]*|\.\.[^/\x00-\x1f\x7f-\x9f]+)/)*$";
/// An HTTP token, such as a method or a header name.
pub(super) const TOKEN: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
pub(super) const HEADER_VALUE: &str = r"^[^\x00-\x08\x0a-\x1f\x7f]*$";
pub(super) const HTTP_URL: &str = r"^\s*[Hh][Tt][Tt][Pp][Ss]?:[/\\]*[^/\\\s]";
/// A URL that a public link can have.
pub(super) const PUBLIC_URL: &str = r"^(https?://[^/\s\x00-\x1f\x7f]|mailto:[^/\s\x00-\x1f\x7f])[^\s\x00-\x1f\x7f]*$";
pub(super) const WEBSOCKET_URL: &str = r"^\s*[Ww][Ss][Ss]?:[/\\]*[^/\\\s]";
pub(super) const HOST: &str = r"^\s*(\S*://)?(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[^\x00- !-$&-,/:-@\[-^`{-\x7f]+)(:/?|/*)\s*$";
/// Like [`HOST`], but without a scheme, a colon or slashes.
pub(super) const HOST_NAME: &str = r"^\s*(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[^\x00- !-$&-,/:-@\[-^`{-\x7f]+):?\s*$";
pub(super) const HOST_AND_PORT: &str = r"^\s*(\S*://)?(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|[^\x00- !-$&-,/:-@\[-^`{-\x7f]+):0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})/*\s*$";
/// A host with or without a port.
pub(super) const ADDRESS: &str = r"^\s*(\S*://)?(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[^\x00- !-$&-,/:-@\[-^`{-\x7f]+)(:0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})/*|:/?|/*)\s*$";
/// A proxy with or without credentials, `none`, or an empty string.
pub(super) const PROXY: &str = r"^\s*((([Hh][Tt][Tt][Pp][Ss]?|[Ss][Oo][Cc][Kk][Ss]5[Hh]?)://)?([^/?#\\\s\x00-\x1f\x7f]*@)?(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|[^\x00- !-$&-,/:-@\[-^`{-\x7f]+)(:0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})/*|:/?|/*))?\s*$";
/// Like [`ADDRESS`], but for a host whose certificate is verified.
pub(super) const TLS_ADDRESS: &str = r"^\s*(\S*://)?(\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|(([0-9A-Za-z_]([0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?\.)*([A-Za-z_]([0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?|[0-9]+[A-Za-z_]([0-9A-Za-z_-]*[0-9A-Za-z_])?|[0-9]+-[0-9A-Za-z_-]*[0-9A-Za-z_])\.?|([0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Za-z._-]*[^\x00-\x7f][^\x00-,/:-@\[-^`{-\x7f]*))(:0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})/*|:/?|/*)\s*$";
/// A host name or IP address in a certificate. Accepts non-ASCII names, whose conversion to ASCII a pattern cannot
/// express.
pub(super) const SERVER_NAME: &str = r"^([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|(([0-9A-Za-z_]([0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?\.)*([A-Za-z_]([0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?|[0-9]+[A-Za-z_]([0-9A-Za-z_-]*[0-9A-Za-z_])?|[0-9]+-[0-9A-Za-z_-]*[0-9A-Za-z_])\.?|([0-9]{1,3}\.){3}[0-9]{1,3}|[0-9A-Za-z._-]*[^\x00-\x7f][^\x00-,/:-@\[-^`{-\x7f]*))$";
/// A DNS name, or an IPv6 address, which is valid only for PTR records.
pub(super) const DNS_NAME: &str = r"^(\.|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|((\*|_[0-9A-Za-z_-]*|[^\x00-/:-@\[-`{-\x7f][^\x00-,./:-@\[-`{-\x7f]{0,62})\.)*(\*|_[0-9A-Za-z_-]*|[^\x00-/:-@\[-`{-\x7f][^\x00-,./:-@\[-`{-\x7f]{0,62})\.?)$";
/// An origin as browsers send it, or `*`.
pub(super) const ORIGIN: &str = r"^(\*|https?://(\[[0-9a-z:._-]+\]|[0-9a-z._-]+)(:0*(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[0-9]{1,4}))?)$";
pub(super) const QUORUM: &str = r"^(any|majority|all|\+?0*[1-9][0-9]{0,17})$";
/// An email address. Display names and quoted parts have a syntax that a pattern cannot express.
pub(super) const MAIL_ADDRESS: &str = r"[^@\s]@[^@\s]";
pub(super) const MATRIX_ROOM: &str = "^!";
/// A Prometheus label name, such as `team`.
pub(super) const LABEL: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// A percentage between 0 and 100, exclusive, with up to four decimals.
pub(super) const TARGET: &str = r"^(0{1,2}\.(?!0+%)[0-9]{1,4}|0?[1-9](\.[0-9]{1,4})?|[1-9][0-9](\.[0-9]{1,4})?)%$";
/// A status code, a class, or a range whose end is not before its start. The backreferences refer to the first digits.
pub(super) const STATUS_CODES: &str = r"^\s*([1-9](xx|[0-9]{2})|1[0-9]{2} *- *[2-9][0-9]{2}|2[0-9]{2} *- *[3-9][0-9]{2}|3[0-9]{2} *- *[4-9][0-9]{2}|4[0-9]{2} *- *[5-9][0-9]{2}|5[0-9]{2} *- *[6-9][0-9]{2}|6[0-9]{2} *- *[7-9][0-9]{2}|7[0-9]{2} *- *[89][0-9]{2}|8[0-9]{2} *- *9[0-9]{2}|([1-9])(0[0-9] *- *\3[1-9]|1[0-9] *- *\3[2-9]|2[0-9] *- *\3[3-9]|3[0-9] *- *\3[4-9]|4[0-9] *- *\3[5-9]|5[0-9] *- *\3[6-9]|6[0-9] *- *\3[7-9]|7[0-9] *- *\3[89]|8[0-9] *- *\3[9])[0-9]|([1-9][0-9])(0 *- *\5[0-9]|1 *- *\5[1-9]|2 *- *\5[2-9]|3 *- *\5[3-9]|4 *- *\5[4-9]|5 *- *\5[5-9]|6 *- *\5[6-9]|7 *- *\5[7-9]|8 *- *\5[89]|9 *- *\5[9]))\s*$";

/// Extends a pattern to accept every string that contains a variable.
pub(super) fn with_variables(pattern: &str) -> String {
    format!(r"{pattern}|\$\{{")
}

/// Returns a pattern for durations from `min` to `max` nanoseconds. It is exact for a number with one unit, except near
/// a limit that is not a multiple of the unit. In a duration with several parts, no part exceeds the maximum.
pub(super) fn duration(min: i64, max: i64) -> String {
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    for (unit, size) in UNITS {
        let (low, high) = (min.div_euclid(size) + i64::from(min % size != 0), max / size);
        let number = |low: i64| {
            let mut choices = Vec::new();
            if low < high {
                choices.push(format!(r"0*{}(\.[0-9]{{0,18}})?", digits(low, high - 1)));
            }
            if low <= high {
                let fraction = if max % size == 0 { "0" } else { "[0-9]" };
                choices.push(format!(r"0*{high}(\.{fraction}{{0,18}})?"));
            }
            choices
        };
        let mut alone = number(low);
        if min % size != 0 {
            alone.push(format!(r"0*{}\.[0-9]{{1,18}}", low - 1));
        }
        whole.extend(alone.into_iter().map(|number| number + unit));
        parts.push(format!("({}){unit}", number(0).join("|")));
    }
    let zero = if min <= 0 { "0|" } else { "" };
    format!(r"^\s*({zero}{}|({}){{2,}})\s*$", whole.join("|"), parts.join("|"))
}

/// Returns a pattern for the numbers from `low` to `high`, without leading zeros.
fn digits(low: i64, high: i64) -> String {
    // Split the range at these numbers so that only the last digits vary within each part.
    let (low, high) = (i128::from(low), i128::from(high));
    let mut ends = vec![high];
    let powers = || (1..=19).map(|power| 10_i128.pow(power));
    ends.extend(powers().map(|power| low - low % power + power - 1).take_while(|end| *end < high));
    ends.extend(powers().map(|power| (high + 1) - (high + 1) % power - 1).take_while(|end| *end >= low));
    ends.sort_unstable();
    ends.dedup();
    let mut pattern = String::from("(");
    let mut start = low;
    for end in ends {
        let separator = if start == low { "" } else { "|" };
        pattern.push_str(separator);
        let mut anything = 0;
        for (first, last) in start.to_string().chars().zip(end.to_string().chars()) {
            match (first, last) {
                ('0', '9') => anything += 1,
                (first, last) if first == last => pattern.push(first),
                // Writing to a string cannot fail.
                (first, last) => drop(write!(pattern, "[{first}-{last}]")),
            }
        }
        match anything {
            0 => {}
            1 => pattern.push_str("[0-9]"),
            count => drop(write!(pattern, "[0-9]{{{count}}}")),
        }
        start = end + 1;
    }
    pattern.push(')');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::Regex;

    fn matches(pattern: &str, text: &str) -> bool {
        Regex::new(pattern).expect("it is a pattern").is_match(text)
    }

    proptest! {
        #[test]
        fn digits_are_those_of_the_range(low in 0..3_000_i64, length in 0..3_000_i64, number in 0..7_000_i64) {
            let pattern = format!("^{}$", digits(low, low + length));
            prop_assert_eq!(matches(&pattern, &number.to_string()), (low..=low + length).contains(&number), "{}", pattern);
            for edge in [low, low + length] {
                prop_assert!(matches(&pattern, &edge.to_string()), "{}", pattern);
            }
        }

        #[test]
        fn durations_with_one_unit_are_judged_as_validation_does(number in 0..2_000_000_i64, unit in 0..UNITS.len()) {
            let (min, max) = (shared::SECOND, shared::DAY);
            let text = format!("{number}{}", UNITS[unit].0);
            let is_valid = shared::duration::parse(&text).is_ok_and(|nanos| (min..=max).contains(&nanos));
            prop_assert_eq!(matches(&duration(min, max), &text), is_valid, "{}", text);
        }
    }
}
