//! Percent encoding, as it stands in URLs: what is sent to a store and what stands in the page's address. Pure.

/// Encodes everything but unreserved characters, and those that are named.
pub(crate) fn encoded(text: &str, also_kept: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        // As bytes: to look for a character in a text takes all that it takes to look for a text.
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || also_kept.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            push_hexadecimal(&mut encoded, byte, b"0123456789ABCDEF");
        }
    }
    encoded
}

/// Resolves `%41` and `+`; what is no escape stays as it is.
pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => match tail.get(..2).and_then(hexadecimal_pair) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &tail[2..];
                }
                None => bytes.push(b'%'),
            },
            other => bytes.push(*other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Adds a byte in two digits.
pub(crate) fn push_hexadecimal(text: &mut String, byte: u8, digits: &[u8; 16]) {
    text.push(char::from(digits[usize::from(byte >> 4)]));
    text.push(char::from(digits[usize::from(byte & 15)]));
}

fn hexadecimal_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_resolved_and_what_is_none_stays() {
        assert_eq!(decoded("a%20b+c%2Bd%C3%BC%zz%"), "a b c+dü%zz%");
        assert_eq!(encoded("a b/ü~", "/"), "a%20b/%C3%BC~");
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_to_the_same(text in ".{0,30}") {
            prop_assert_eq!(decoded(&encoded(&text, "")), text.clone());
            let _ = decoded(&text);
        }
    }
}
