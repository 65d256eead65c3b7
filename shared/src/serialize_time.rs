//! Serializes times twice, because they do not fit into the floating-point numbers of JavaScript and many tools.

use serde::ser::SerializeStruct;

use crate::UnixNanos;
use crate::civil::rfc3339_nanos;

/// Writes a time as nanoseconds and as text.
pub(crate) fn write_time<S: SerializeStruct>(
    fields: &mut S,
    key: &'static str,
    text_key: &'static str,
    time: Option<UnixNanos>,
) -> Result<(), S::Error> {
    fields.serialize_field(key, &time)?;
    fields.serialize_field(text_key, &time.map(rfc3339_nanos))
}
