//! The operators and operands of conditions, and the results of comparing values with them.

use std::borrow::Cow;
use std::fmt;

use shared::Nanos;

use super::decimal::Decimal;
use crate::checks::body_text::Found;
use crate::checks::visible_text::visible_string;

/// Why a condition and its negation do not hold, as a clause about the value ("it").
pub(super) type Reason = &'static str;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Number(Decimal),
    /// A duration as written, such as `60s`, and its value.
    Duration {
        word: String,
        nanos: Nanos,
    },
    Text(String),
    Flag(bool),
    Null,
    /// An empty list or object as written: `[]` or `{}`.
    Empty(&'static str),
}

/// The result of comparing a value with the expected one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgment {
    Met,
    Unmet,
    /// The values cannot be compared, so neither the condition nor its negation holds.
    Incomparable(Reason),
}

impl From<bool> for Judgment {
    fn from(is_met: bool) -> Judgment {
        if is_met { Judgment::Met } else { Judgment::Unmet }
    }
}

impl From<Result<bool, Reason>> for Judgment {
    fn from(compared: Result<bool, Reason>) -> Judgment {
        compared.map_or_else(Judgment::Incomparable, Judgment::from)
    }
}

impl From<Found> for Judgment {
    fn from(found: Found) -> Judgment {
        match found {
            Found::Yes => Judgment::Met,
            Found::No => Judgment::Unmet,
            Found::Unclear(reason) => Judgment::Incomparable(reason),
        }
    }
}

impl Operator {
    pub(super) const WORDS: [(&'static str, Operator); 6] = [
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::LessOrEqual),
        (">=", Operator::GreaterOrEqual),
        ("<", Operator::Less),
        (">", Operator::Greater),
    ];

    /// Returns whether the operator compares the order of two values.
    pub(super) fn is_order(self) -> bool {
        !matches!(self, Operator::Equal | Operator::NotEqual)
    }

    /// Returns the operator that holds if this one does not.
    pub(super) fn opposite(self) -> Operator {
        match self {
            Operator::Equal => Operator::NotEqual,
            Operator::NotEqual => Operator::Equal,
            Operator::Less => Operator::GreaterOrEqual,
            Operator::LessOrEqual => Operator::Greater,
            Operator::Greater => Operator::LessOrEqual,
            Operator::GreaterOrEqual => Operator::Less,
        }
    }

    pub(super) fn word(self) -> &'static str {
        Operator::WORDS.iter().find(|(_, operator)| *operator == self).map_or("", |(word, _)| word)
    }
}

impl Operand {
    /// Returns the operand as terminals show it.
    pub(super) fn visible(&self) -> Cow<'_, Operand> {
        match self {
            Operand::Text(text) => match visible_string(text) {
                Cow::Borrowed(_) => Cow::Borrowed(self),
                Cow::Owned(shown) => Cow::Owned(Operand::Text(shown)),
            },
            other => Cow::Borrowed(other),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operand::Number(number) => write!(formatter, "{number}"),
            Operand::Duration { word: text, .. } | Operand::Text(text) => formatter.write_str(text),
            Operand::Flag(flag) => write!(formatter, "{flag}"),
            Operand::Null => formatter.write_str("null"),
            Operand::Empty(word) => formatter.write_str(word),
        }
    }
}
