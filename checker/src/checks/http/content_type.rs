//! Extracts the media type and the charset from a response's `Content-Type` headers, as browsers do: see "extract a MIME
//! type" in the WHATWG's Fetch standard (<https://fetch.spec.whatwg.org/#concept-header-extract-mime-type>).

use http::header::{CONTENT_TYPE, HeaderMap};

/// What the `Content-Type` headers declare, in lowercase.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ContentType {
    /// The type and subtype, such as `text/html`, or an empty string if no header is valid.
    pub(super) media_type: String,
    pub(super) charset: Option<String>,
}

impl ContentType {
    /// Reads all values of all headers. The last valid one applies. It inherits the charset of the values before it
    /// that have the same media type.
    pub(super) fn from_headers(headers: &HeaderMap) -> ContentType {
        let mut extracted = ContentType::default();
        let mut inherited = None;
        for value in headers.get_all(CONTENT_TYPE) {
            let value = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
            for mut parsed in split(&value, ',').into_iter().filter_map(parse) {
                if parsed.media_type == extracted.media_type {
                    parsed.charset = parsed.charset.or_else(|| inherited.clone());
                } else {
                    inherited.clone_from(&parsed.charset);
                }
                extracted = parsed;
            }
        }
        extracted
    }

    /// Returns whether the body is an image, audio, video or a font rather than text.
    pub(super) fn is_media(&self) -> bool {
        ["image/", "audio/", "video/", "font/"].iter().any(|kind| self.media_type.starts_with(kind))
            && !self.media_type.ends_with("+xml")
    }

    /// Returns whether the body can declare its own charset, with `<meta>` or `<?xml`.
    pub(super) fn is_markup(&self) -> bool {
        self.media_type.ends_with("html") || self.media_type.ends_with("xml")
    }

    pub(super) fn is_json(&self) -> bool {
        self.media_type.ends_with("/json") || self.media_type.ends_with("+json")
    }
}

/// Parses one value. Returns `None` for values that browsers ignore, such as `*/*`.
fn parse(value: &str) -> Option<ContentType> {
    let mut parts = split(value, ';').into_iter().map(str::trim);
    let media_type = parts.next().filter(|media_type| *media_type != "*/*")?;
    let (kind, subtype) = media_type.split_once('/')?;
    if !is_token(kind) || !is_token(subtype) {
        return None;
    }
    let charset = |parameter: &str| {
        let label = parameter.strip_prefix("charset")?.trim_start().strip_prefix('=')?;
        let label = label.trim_matches(|quote: char| quote.is_whitespace() || "\"'".contains(quote));
        (!label.is_empty()).then(|| label.to_owned())
    };
    Some(ContentType { media_type: media_type.to_owned(), charset: parts.find_map(charset) })
}

/// Returns whether the text is a token (RFC 9110, section 5.6.2).
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Splits a value at a separator outside of quoted strings.
fn split(value: &str, separator: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let is_separator = |character: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match character {
            '"' if !was_escaped => is_quoted = !is_quoted,
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            _ => {}
        }
        character == separator && !is_quoted
    };
    value.split(is_separator).collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::http::content_type::*;

    #[test]
    fn several_content_types_are_combined_as_in_browsers() {
        for (values, media_type, charset) in [
            (&[][..], "", None),
            (&["text/html"], "text/html", None),
            (&["Text/HTML; Charset=\"GBK\""], "text/html", Some("gbk")),
            (&["text/plain;charset=iso-8859-1", "text/plain; charset=utf-8"], "text/plain", Some("utf-8")),
            // These are the examples of the Fetch standard.
            (&["text/plain;charset=gbk, text/html"], "text/html", None),
            (&["text/html;charset=gbk;a=b, text/html;x=y"], "text/html", Some("gbk")),
            (&["text/html;charset=gbk;a=b", "text/html;x=y"], "text/html", Some("gbk")),
            (&["text/html;charset=gbk", "x/x", "text/html;x=y"], "text/html", None),
            (&["text/html", "cannot-parse"], "text/html", None),
            (&["text/html", "*/*"], "text/html", None),
            (&["text/html", ""], "text/html", None),
            (&["text/html;charset=gbk", "text/html;charset=big5", "text/html"], "text/html", Some("gbk")),
            (&["text/html;charset=;charset=gbk;charset=big5"], "text/html", Some("gbk")),
            (&["text/html;x=\"a, b/c;charset=x\\\"\";charset=gbk"], "text/html", Some("gbk")),
            (&["utf-8", ";charset=gbk", "text/;charset=gbk", "a b/c"], "", None),
        ] {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, value.parse().expect("a value"));
            }
            let expected = ContentType { media_type: media_type.to_owned(), charset: charset.map(str::to_owned) };
            assert_eq!(ContentType::from_headers(&headers), expected, "{values:?}");
        }
    }
}
