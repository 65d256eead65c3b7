//! Suggests how to write a JSON path whose names need quotes.

use serde_json_path::JsonPath;

/// Returns the path with quotes around names such as `my-key`, if that makes it valid.
pub(super) fn with_quoted_names(path: &str) -> Option<String> {
    let mut quoted = String::with_capacity(path.len() + 8);
    let mut rest = path;
    while let Some(dot) = position_outside_brackets(rest, |character| character == '.') {
        quoted.push_str(&rest[..dot]);
        let after = &rest[dot + 1..];
        let end = after.find(['.', '[']).unwrap_or(after.len());
        let name = &after[..end];
        if name.is_empty() || name == "*" || is_plain(name) {
            quoted.push('.');
            quoted.push_str(name);
        } else {
            let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
            quoted.extend(["['", &escaped, "']"]);
        }
        rest = &after[end..];
    }
    quoted.push_str(rest);
    (quoted != path && JsonPath::parse(&quoted).is_ok()).then_some(quoted)
}

/// Returns whether RFC 9535 allows a name after a dot.
fn is_plain(name: &str) -> bool {
    let is_letter = |character: char| character.is_ascii_alphabetic() || character == '_' || !character.is_ascii();
    name.starts_with(is_letter) && name.chars().all(|character| is_letter(character) || character.is_ascii_digit())
}

fn position_outside_brackets(text: &str, is_wanted: impl Fn(char) -> bool) -> Option<usize> {
    let (mut depth, mut quote) = (0_usize, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') if depth > 0 => quote = Some(character),
            (None, '[') => depth += 1,
            (None, ']') => depth = depth.saturating_sub(1),
            (None, character) if depth == 0 && is_wanted(character) => return Some(at),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::path_remedy::with_quoted_names;

    #[test]
    fn names_with_other_characters_are_quoted() {
        for (path, expected) in [
            ("$.my-key", Some("$['my-key']")),
            ("$.a.b-c[0].d", Some("$.a['b-c'][0].d")),
            ("$.2fa.@type", Some("$['2fa']['@type']")),
            ("$['a.b-c'].d-e", Some("$['a.b-c']['d-e']")),
            ("$.it's", Some("$['it\\'s']")),
            ("$.a.b", None),
            ("$.a[", None),
        ] {
            assert_eq!(with_quoted_names(path).as_deref(), expected, "{path}");
        }
    }
}
