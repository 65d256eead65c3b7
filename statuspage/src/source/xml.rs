//! As much XML as an S3 listing and an S3 error need: elements by name, their text, character references. No
//! namespaces, no attributes of interest, nothing that nests in itself. Pure.

/// The contents of every element of this name, in order.
pub(crate) fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find(&open)?;
            let after_name = &rest[at + open.len()..];
            let start = after_name.find('>')?;
            let (tag, content) = (&after_name[..start], &after_name[start + 1..]);
            if !tag.is_empty() && !tag.starts_with([' ', '\t', '\n', '\r', '/']) {
                // A longer name that begins the same: `<KeyCount>` is no `<Key>`.
                rest = after_name;
                continue;
            }
            if tag.ends_with('/') {
                rest = content;
                return Some("");
            }
            let end = content.find(&close)?;
            rest = &content[end + close.len()..];
            return Some(&content[..end]);
        }
    })
}

/// The text of the first element of this name, with its character references resolved.
pub(crate) fn text(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).next().map(resolved)
}

fn resolved(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        resolved.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let reference = rest.find(';').and_then(|end| Some((character(&rest[..end])?, end)));
        if let Some((character, end)) = reference {
            resolved.push(character);
            rest = &rest[end + 1..];
        } else {
            resolved.push('&');
        }
    }
    resolved.push_str(rest);
    resolved
}

fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Resolves `%41` and `+`, as keys are written where `encoding-type=url` was asked for.
pub(crate) fn url_decoded(text: &str) -> String {
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

fn hexadecimal_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_found_by_their_whole_name() {
        let xml = "<R xmlns='x'><KeyCount>2</KeyCount><Key>a&amp;b</Key><Key\n>c</Key><Key/></R>";
        assert_eq!(elements(xml, "Key").collect::<Vec<_>>(), ["a&amp;b", "c", ""]);
        assert_eq!(text(xml, "Key").as_deref(), Some("a&b"));
        assert_eq!(text(xml, "Absent"), None);
    }

    #[test]
    fn references_and_escapes_are_resolved() {
        assert_eq!(
            text("<a>&lt;&#65;&#x42;&quot;&unknown; & &#xD800;</a>", "a").as_deref(),
            Some("<AB\"&unknown; & &#xD800;")
        );
        assert_eq!(url_decoded("a%20b+c%2Bd%C3%BC%zz%"), "a b c+dü%zz%");
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_panic(xml in r"(<|>|/|Key|Contents|&|;|#|x|%|4|ä| ){0,30}") {
            let _ = elements(&xml, "Key").count();
            let _ = text(&xml, "Contents");
            let _ = url_decoded(&xml);
        }
    }
}
