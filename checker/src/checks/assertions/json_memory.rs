//! Estimates how much memory a body needs as JSON before it is parsed: a few bytes can take a hundred times as much
//! memory.

use memchr::{memchr_iter, memchr3_iter};

/// The memory for an object with one to eleven members, in bytes: a node of a B-tree.
const OBJECT: usize = 640;
/// The memory for an element of an array, in bytes; arrays reserve up to twice that.
const ELEMENT: usize = 64;
/// The memory for the text of a number that is read as a double, in bytes: an entry of a hash table.
const DOUBLE: usize = 64;
/// How many bytes of memory a body can need for each of its bytes; typical JSON needs about ten.
const AMPLIFICATION_LIMIT: usize = 48;

/// The reason why a body is not parsed.
pub(super) const TOO_LARGE: &str =
    "body has too many small JSON values: parsing it needs more than 48 times its size in memory";

/// The estimated memory in bytes, rounded up.
pub(super) fn estimate(body: &[u8]) -> usize {
    let objects = memchr_iter(b'{', body).filter(|at| body.get(at + 1) != Some(&b'}')).count();
    let elements = memchr_iter(b',', body).count() + memchr_iter(b'[', body).count();
    body.len() + objects * OBJECT + elements * ELEMENT
}

/// The estimated memory for exact comparisons of numbers, in addition to the document, in bytes.
pub(super) fn estimate_doubles(body: &[u8]) -> usize {
    let is_number = |at: &usize| at.checked_sub(1).and_then(|before| body.get(before)).is_some_and(u8::is_ascii_digit);
    memchr3_iter(b'.', b'e', b'E', body).filter(is_number).count() * DOUBLE
}

/// Whether a body with this estimate must not be parsed.
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
