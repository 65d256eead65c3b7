//! Sets of HTTP status codes: one code, a class such as `2xx`, a range such as `200-299`, or a list of these.

use std::fmt;

use serde::Deserialize;
use serde_json::Value as Json;

/// A set of status codes, stored as inclusive ranges. It is never empty.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Json")]
pub struct StatusCodes(Vec<(u16, u16)>);

/// All codes from 100 to 999 are accepted, because some servers send codes that no standard defines, such as 999.
const MIN: u16 = 100;
const MAX: u16 = 999;

/// A description of the accepted values, for error messages.
const EXPECTED: &str =
    "a status code such as `200`, a class such as `\"2xx\"`, a range such as `\"200-299\"`, or a list of these";

impl Default for StatusCodes {
    fn default() -> Self {
        StatusCodes(vec![(200, 299)])
    }
}

impl StatusCodes {
    #[must_use]
    pub fn any() -> StatusCodes {
        StatusCodes(vec![(MIN, MAX)])
    }

    /// Returns whether the set contains this code.
    #[must_use]
    pub fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|(low, high)| (*low..=*high).contains(&code))
    }
}

impl TryFrom<Json> for StatusCodes {
    type Error = String;

    fn try_from(value: Json) -> Result<Self, Self::Error> {
        let ranges: Option<Vec<(u16, u16)>> = match &value {
            // The original Checkup writes 0 for "not set".
            Json::Number(number) if number.as_i64() == Some(0) => return Ok(StatusCodes::default()),
            Json::Array(list) => list.iter().map(range).collect(),
            one => range(one).map(|range| vec![range]),
        };
        ranges.filter(|ranges| !ranges.is_empty()).map(StatusCodes).ok_or_else(|| EXPECTED.to_owned())
    }
}

fn range(value: &Json) -> Option<(u16, u16)> {
    let text = match value {
        Json::Number(number) => number.to_string(),
        Json::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    let code = |text: &str| {
        let text = text.trim();
        // Accept digits only, because `parse` also accepts a sign and leading zeros.
        let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>().ok().filter(|code| is_code && (MIN..=MAX).contains(code))
    };
    if let Some(class) = text.strip_suffix("xx") {
        let first = code(&format!("{class}00"))?;
        return Some((first, first + 99));
    }
    match text.split_once('-') {
        Some((low, high)) => Some((code(low)?, code(high)?)).filter(|(low, high)| low <= high),
        None => code(&text).map(|code| (code, code)),
    }
}

impl fmt::Display for StatusCodes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (low, high)) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_str(" or ")?;
            }
            if low == high {
                write!(formatter, "{low}")?;
            } else if low % 100 == 0 && *high == low + 99 {
                write!(formatter, "{}xx", low / 100)?;
            } else {
                write!(formatter, "{low}-{high}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::checks::status_codes::*;
    use serde_json::json;

    #[test]
    fn codes_classes_ranges_and_lists_are_parsed() {
        for (written, text, inside, outside) in [
            (json!(204), "204", 204, 200),
            (json!("2xx"), "2xx", 299, 300),
            (json!("200-204"), "200-204", 204, 205),
            (json!([200, "3xx", "401-403"]), "200 or 3xx or 401-403", 302, 404),
            (json!(0), "2xx", 200, 199),
            (json!(999), "999", 999, 998),
            (json!("9xx"), "9xx", 900, 899),
            (json!("599-600"), "599-600", 600, 601),
        ] {
            let codes = StatusCodes::try_from(written).expect(text);
            assert_eq!(codes.to_string(), text);
            assert!(codes.contains(inside) && !codes.contains(outside), "{text}");
        }
    }

    #[test]
    fn invalid_status_codes_are_rejected() {
        for written in [
            json!(99),
            json!(1000),
            json!("10xx"),
            json!("0xx"),
            json!("099"),
            json!("299-200"),
            json!("ok"),
            json!([]),
            json!(true),
            json!([[200]]),
            json!(-1),
            json!("xx"),
            json!("-"),
            json!("+200"),
            json!("0200"),
            json!("200-+299"),
        ] {
            assert!(StatusCodes::try_from(written.clone()).is_err(), "{written}");
        }
    }
}
