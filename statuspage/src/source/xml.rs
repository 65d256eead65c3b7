//! Parses the subset of XML in S3 listings and S3 errors: elements by name, their text, and character references.
//! Ignores namespaces and attributes, and does not support elements inside elements with the same name. This module is
//! pure.

/// Returns the contents of all elements with this name, in order.
pub(crate) fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        loop {
            let (_, after_name) = rest.split_once(&open)?;
            let start = after_name.find('>')?;
            let (tag, content) = (&after_name[..start], &after_name[start + 1..]);
            if !tag.is_empty() && !tag.starts_with([' ', '\t', '\n', '\r', '/']) {
                // Skips longer names that start with this one: `<KeyCount>` is not `<Key>`.
                rest = after_name;
                continue;
            }
            if tag.ends_with('/') {
                rest = content;
                return Some("");
            }
            let (content, after) = content.split_once(&close)?;
            rest = after;
            return Some(content);
        }
    })
}

/// Returns the text of the first element with this name, with character references resolved.
pub(crate) fn text(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).next().map(resolve_references)
}

fn resolve_references(text: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn elements_are_found_by_their_full_name() {
        let xml = "<R xmlns='x'><KeyCount>2</KeyCount><Key>a&amp;b</Key><Key\n>c</Key><Key/></R>";
        assert_eq!(elements(xml, "Key").collect::<Vec<_>>(), ["a&amp;b", "c", ""]);
        assert_eq!(text(xml, "Key").as_deref(), Some("a&b"));
        assert_eq!(text(xml, "Absent"), None);
    }

    #[test]
    fn character_references_are_resolved() {
        assert_eq!(
            text("<a>&lt;&#65;&#x42;&quot;&unknown; & &#xD800;</a>", "a").as_deref(),
            Some("<AB\"&unknown; & &#xD800;")
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics(xml in r"(<|>|/|Key|Contents|&|;|#|x|%|4|ä| ){0,30}") {
            let _ = elements(&xml, "Key").count();
            let _ = text(&xml, "Contents");
        }
    }
}
