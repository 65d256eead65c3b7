//! Estimates the memory that parsing a body as JSON would take, because some bodies need a hundred times their size.

use memchr::{memchr_iter, memchr3_iter};

/// The memory for an object with one to eleven members, in bytes: the size of a B-tree node.
const OBJECT: usize = 640;
/// The memory for an array element, in bytes: twice the size of a value, because arrays can reserve twice the memory
/// they need.
const ELEMENT: usize = 64;
/// The memory for keeping the text of a number that is read as a double, in bytes: one entry in a hash table.
const DOUBLE: usize = 64;
/// The maximum ratio of memory to body size. Typical JSON needs about ten times its size.
const AMPLIFICATION_LIMIT: usize = 48;

/// The error for a body that is not parsed because it would need too much memory.
pub(super) const TOO_LARGE: &str =
    "body has too many small JSON values: parsing it would need more than 48 times its size in memory";

/// Estimates the memory that the body needs as JSON, in bytes, rounded up.
pub(super) fn estimate(body: &[u8]) -> usize {
    let objects = memchr_iter(b'{', body).filter(|at| body.get(at + 1) != Some(&b'}')).count();
    let elements = memchr_iter(b',', body).count() + memchr_iter(b'[', body).count();
    body.len() + objects * OBJECT + elements * ELEMENT
}

/// Estimates the additional memory for comparing the document's numbers exactly, in bytes.
pub(super) fn estimate_doubles(body: &[u8]) -> usize {
    let is_number = |at: &usize| at.checked_sub(1).and_then(|before| body.get(before)).is_some_and(u8::is_ascii_digit);
    memchr3_iter(b'.', b'e', b'E', body).filter(is_number).count() * DOUBLE
}

/// Returns whether parsing the body would take too much memory for its size.
pub(super) fn is_too_large(body: &[u8]) -> bool {
    // A small body cannot need much memory, whatever it contains.
    const SMALL: usize = 64 << 10;
    body.len() > SMALL && estimate(body) > AMPLIFICATION_LIMIT * body.len()
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::json_memory::*;

    #[test]
    fn usual_json_is_parsed_and_hostile_json_is_not() {
        let document =
            |element: &str| format!("[{}{element}]", format!("{element},").repeat((1 << 20) / element.len()));
        for usual in
            [r#"{"id":1,"name":"abc"}"#, "1", r#""abc""#, "[]", "{}", r#"{"a":{"b":[1,2,3]},"c":"def","name":"shop"}"#]
        {
            assert!(!is_too_large(document(usual).as_bytes()), "{usual}");
        }
        for hostile in [r#"{"":0}"#, r#"{"":[{"":0}]}"#] {
            assert!(is_too_large(document(hostile).as_bytes()), "{hostile}");
            assert!(!is_too_large(&document(hostile).as_bytes()[..60_000]), "it is small");
        }
    }
}
