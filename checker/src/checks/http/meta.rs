//! Finds the charset that an HTML or XML document declares in its first bytes, as the HTML standard's prescan does.

use memchr::memmem;

/// The number of bytes at the start of a document to search.
const PRESCAN: usize = 1_024;

/// Returns the charset that a document declares with `<meta>` or `<?xml … encoding="…"?>`.
pub(super) fn charset(document: &[u8]) -> Option<String> {
    let head = document[..document.len().min(PRESCAN)].to_ascii_lowercase();
    if let Some(declaration) = head.strip_prefix(b"<?xml") {
        let end = memmem::find(declaration, b"?>").unwrap_or(declaration.len());
        return attributes(&declaration[..end])
            .0
            .into_iter()
            .find(|(name, _)| name == "encoding")
            .map(|(_, value)| value);
    }
    let mut rest = head.as_slice();
    while let Some(at) = memchr::memchr(b'<', rest) {
        rest = &rest[at + 1..];
        if rest.starts_with(b"!--") {
            // The opening dashes can also be the closing ones: `<!-->` is a complete comment.
            let end = memmem::find(&rest[1..], b"-->")?;
            rest = &rest[1 + end..];
        } else if rest.first().is_some_and(|first| b"!/?".contains(first) && !is_end_tag(rest)) {
            // A document type, a processing instruction, or an invalid end tag.
            rest = &rest[memchr::memchr(b'>', rest)? + 1..];
        } else if is_end_tag(rest) || rest.first().is_some_and(u8::is_ascii_alphabetic) {
            let after_name = skip(rest, |byte| !byte.is_ascii_whitespace() && byte != b'>');
            // In contrast to other tags, the name can be followed by a slash.
            let after_meta = rest
                .strip_prefix(b"meta")
                .filter(|tag| tag.first().is_some_and(|next| next.is_ascii_whitespace() || *next == b'/'));
            let (found, after) = attributes(after_meta.unwrap_or(after_name));
            if after_meta.is_some()
                && let Some(charset) = charset_of_meta(&found)
            {
                return Some(charset);
            }
            rest = after;
        }
    }
    None
}

fn is_end_tag(tag: &[u8]) -> bool {
    matches!(tag, [b'/', first, ..] if first.is_ascii_alphabetic())
}

fn charset_of_meta(attributes: &[(String, String)]) -> Option<String> {
    let value = |key: &str| attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    if let Some(charset) = value("charset") {
        return Some(charset.trim().to_owned());
    }
    let content = value("content").filter(|_| value("http-equiv") == Some("content-type"))?;
    let charset = content.split_once("charset")?.1.trim_start().strip_prefix('=')?.trim_start();
    let (charset, end): (_, &[char]) = match charset.chars().next()? {
        '"' => (&charset[1..], &['"']),
        '\'' => (&charset[1..], &['\'']),
        _ => (charset, &[';', ' ', '\t', '\n', '\r']),
    };
    charset.split(end).next().map(str::to_owned)
}

/// Parses a tag's attributes. Returns them, and what follows the last one.
fn attributes(tag: &[u8]) -> (Vec<(String, String)>, &[u8]) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut found = Vec::new();
    let mut rest = tag;
    loop {
        rest = skip(rest, |byte| byte.is_ascii_whitespace() || byte == b'/');
        if rest.is_empty() || rest[0] == b'>' {
            return (found, rest);
        }
        let after_name = skip(&rest[1..], |byte| !byte.is_ascii_whitespace() && !b"/>=".contains(&byte));
        let name = text(&rest[..rest.len() - after_name.len()]);
        let after_space = skip(after_name, |byte| byte.is_ascii_whitespace());
        let Some(value) = after_space.strip_prefix(b"=") else {
            found.push((name, String::new()));
            rest = after_space;
            continue;
        };
        let value = skip(value, |byte| byte.is_ascii_whitespace());
        let (value, after) = if let Some(quote @ (b'"' | b'\'')) = value.first() {
            let inside = &value[1..];
            // Ignore a value without a closing quote, because it is incomplete.
            let Some(end) = memchr::memchr(*quote, inside) else { return (found, &[]) };
            (&inside[..end], &inside[end + 1..])
        } else {
            let after = skip(value, |byte| !byte.is_ascii_whitespace() && byte != b'>');
            (&value[..value.len() - after.len()], after)
        };
        found.push((name, text(value)));
        rest = after;
    }
}

fn skip(bytes: &[u8], is_skipped: impl Fn(u8) -> bool) -> &[u8] {
    let length = bytes.iter().take_while(|byte| is_skipped(**byte)).count();
    &bytes[length..]
}

#[cfg(test)]
mod tests {
    use crate::checks::http::meta::*;

    #[test]
    fn declarations_are_found_as_in_browsers() {
        for (document, expected) in [
            ("<meta charset=utf-8>", Some("utf-8")),
            ("<!DOCTYPE html>\n<HTML><META CharSet = 'GBK' />", Some("gbk")),
            (r#"<meta http-equiv="Content-Type" content="text/html; charset=ISO-8859-1">"#, Some("iso-8859-1")),
            (r#"<meta content='text/html;charset="koi8-r"' http-equiv=content-type>"#, Some("koi8-r")),
            (r#"<?xml version="1.0" encoding='Shift_JIS'?><a/>"#, Some("shift_jis")),
            (r#"<?xml version="1.0"?><a encoding="x">"#, None),
            ("<!-- <meta charset=gbk> --><meta charset=big5>", Some("big5")),
            ("<!--><meta charset=big5>-->", Some("big5")),
            ("<!-- <meta charset=gbk>", None),
            ("<metadata charset=gbk>", None),
            (r#"<html data-x="<meta charset=gbk>"><meta charset=big5>"#, Some("big5")),
            (r"</p title='<meta charset=gbk>'><meta charset=big5>", Some("big5")),
            (r#"<!DOCTYPE html PUBLIC "<meta charset=gbk"><meta charset=big5>"#, Some("big5")),
            ("<?x <meta charset=gbk ?><meta charset=big5>", Some("big5")),
            ("</><meta charset=big5>", Some("big5")),
            ("<title>a < b<meta charset=big5></title>", Some("big5")),
            ("<1 <meta charset=big5>", Some("big5")),
            ("<p<meta charset=gbk><meta charset=big5>", Some("big5")),
            (r#"<p title="<meta charset=gbk>"#, None),
            (r#"<meta name=description content="charset=gbk">"#, None),
            (r#"<meta charset="gbk"#, None),
            ("<meta name=a><meta name=b charset=gbk>", Some("gbk")),
            ("plain text", None),
        ] {
            assert_eq!(charset(document.as_bytes()).as_deref(), expected, "{document}");
        }
        let late = format!("{}<meta charset=gbk>", " ".repeat(PRESCAN));
        assert_eq!(charset(late.as_bytes()), None);
    }
}
