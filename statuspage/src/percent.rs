//! Percent encoding in store URLs and in the page's URL. This module is pure.

/// Encodes all characters except unreserved ones and those in `allowed`.
pub(crate) fn encode(text: &str, allowed: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || allowed.as_bytes().contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            push_hex(&mut encoded, byte, b"0123456789ABCDEF");
        }
    }
    encoded
}

/// Decodes `%41` and `+`. Invalid escapes remain unchanged.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => match tail.get(..2).and_then(parse_hex) {
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

/// Appends a byte as two hexadecimal digits.
pub(crate) fn push_hex(text: &mut String, byte: u8, digits: &[u8; 16]) {
    text.push(char::from(digits[usize::from(byte >> 4)]));
    text.push(char::from(digits[usize::from(byte & 15)]));
}

fn parse_hex(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn invalid_escapes_remain_unchanged() {
        assert_eq!(decode("a%20b+c%2Bd%C3%BC%zz%"), "a b c+dü%zz%");
        assert_eq!(encode("a b/ü~", "/"), "a%20b/%C3%BC~");
    }

    proptest! {
        #[test]
        fn decoding_reverses_encoding(text in ".{0,30}") {
            prop_assert_eq!(decode(&encode(&text, "")), text.clone());
            let _ = decode(&text);
        }
    }
}
