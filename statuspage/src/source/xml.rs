//! Parses the subset of XML in S3 listings and S3 errors: elements by name, their text, and character references.
//! Ignores namespaces and attributes, and does not support elements inside elements with the same name. This module is
//! pure.

/// Returns the contents of all elements with this name, in order.
pub(crate) fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let name = name.to_owned();
    let mut rest = xml;
    std::iter::from_fn(move || {
        loop {
            let (_, tag) = rest.split_once('<')?;
            rest = tag;
            let Some(after_name) = tag.strip_prefix(&*name) else { continue };
            let (attributes, content) = after_name.split_once('>')?;
            if !attributes.is_empty() && !attributes.starts_with([' ', '\t', '\n', '\r', '/']) {
                // Skips longer names that start with this one: `<KeyCount>` is not `<Key>`.
                continue;
            }
            if attributes.ends_with('/') {
                rest = content;
                return Some("");
            }
            let (content, after) = split_at_end_tag(content, &name)?;
            rest = after;
            return Some(content);
        }
    })
}

/// Splits the text at the first end tag with this name.
fn split_at_end_tag<'a>(xml: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    xml.match_indices('<').find_map(|(start, _)| {
        let (content, tag) = xml.split_at_checked(start)?;
        Some((content, tag.strip_prefix("</")?.strip_prefix(name)?.strip_prefix('>')?))
    })
}

/// Returns the text of the first element with this name, with character references resolved.
pub(crate) fn text(xml: &str, name: &str) -> Option<String> {
    elements(xml, name).next().map(resolve_references)
}

fn resolve_references(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        resolved.push_str(before);
        let reference = after.split_once(';').and_then(|(name, behind)| Some((character(name)?, behind)));
        if let Some((character, behind)) = reference {
            resolved.push(character);
            rest = behind;
        } else {
            resolved.push('&');
            rest = after;
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
