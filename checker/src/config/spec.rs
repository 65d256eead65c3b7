//! The types of the configuration [table](super::table).

/// The type of a value in the configuration.
#[derive(Debug, Clone, Copy)]
pub enum ValueKind {
    String,
    /// A string that matches this regular expression, which is part of the schema. The conversion validates the string
    /// and explains what is wrong with it.
    Pattern(&'static str),
    /// A string that messages never contain.
    Secret,
    /// A string, or an integer that means the same.
    StringOrInteger,
    /// An `http` or `https` URL.
    Url,
    /// An `http` or `https` URL that contains a secret, so messages never contain it.
    SecretUrl,
    Enum(&'static [&'static str]),
    /// One of the integers in this list.
    Numbers(&'static [i64]),
    /// An integer in an inclusive range, given by its minimum and maximum.
    Integer(i64, i64),
    Bool,
    /// A duration as a string with units, or as a whole number of nanoseconds. The fields are the minimum and maximum
    /// in nanoseconds.
    Duration(i64, i64),
    /// HTTP status codes: a code, a class such as `2xx`, a range such as `200-299`, or an array of these.
    StatusCodes,
    /// How the results of several nodes are combined: `any`, `majority`, `all`, or a number of nodes.
    Quorum,
    /// An array of assertions: strings such as `[STATUS] == 200`, or objects that combine them.
    Assertions,
    /// An object that maps header names to a string or an array of strings.
    Headers,
    /// An object that maps names of Prometheus labels to strings.
    Labels,
    /// An object that maps any names to values of one type.
    Map(&'static ValueKind),
    /// An array with elements of one type.
    List(&'static ValueKind),
    /// One value, or an array of values of the same type.
    OneOrMany(&'static ValueKind),
    /// An object with a fixed set of keys.
    Object(&'static [Field]),
    /// `true` or `false`, or an object with a fixed set of keys, which means `true`.
    SwitchOrObject(&'static [Field]),
    /// An object that stores its type under one of its keys. The type determines which other keys it has.
    Tagged {
        /// The name of the object, in the singular.
        name: &'static str,
        /// The keys that can contain the type: the current key first, then those that older versions of the original
        /// Checkup used.
        keys: &'static [&'static str],
        variants: &'static [Variant],
        /// Types of the original Checkup that are not supported.
        unsupported: &'static [&'static str],
        /// The keys that all types share.
        common: &'static [Field],
    },
    /// Any value of any type.
    Any,
}

/// A key of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub key: &'static str,
    /// The key's former name, which is still accepted but causes a notice.
    pub former: Option<&'static str>,
    pub kind: ValueKind,
    pub presence: Presence,
    /// A sentence that describes the key in the schema and the reference.
    pub description: &'static str,
}

impl Field {
    /// Marks the key as renamed from `former`.
    pub(super) const fn formerly(self, former: &'static str) -> Field {
        Field { former: Some(former), ..self }
    }

    /// Returns whether `key` is the current or the former name.
    #[must_use]
    pub fn is_named(&self, key: &str) -> bool {
        self.key == key || self.former == Some(key)
    }
}

/// Whether a key can be omitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    Required,
    /// The key can be omitted. The string describes the default.
    Optional(&'static str),
}

/// One type of a tagged object.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    pub name: &'static str,
    /// The keys of the type, except the one that contains the type itself.
    pub fields: &'static [Field],
    pub description: &'static str,
}

pub(super) const fn required(key: &'static str, kind: ValueKind, description: &'static str) -> Field {
    Field { key, former: None, kind, presence: Presence::Required, description }
}

pub(super) const fn optional(
    key: &'static str,
    kind: ValueKind,
    default: &'static str,
    description: &'static str,
) -> Field {
    Field { key, former: None, kind, presence: Presence::Optional(default), description }
}

pub(super) const SECOND: i64 = shared::SECOND;
pub(super) const DAY: i64 = shared::DAY;
/// A hundred years, which is longer than any useful duration.
pub(super) const CENTURY: i64 = 36_500 * DAY;
