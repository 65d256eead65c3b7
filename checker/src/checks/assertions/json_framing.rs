//! Names formats that contain JSON without being JSON, such as server-sent events.

use serde::de::IgnoredAny;

/// Prefixes of JSON that prevent its execution as a script.
const GUARDS: [&[u8]; 4] = [b")]}'", b"while(1);", b"for(;;);", b"throw 1;"];

/// Returns a clause about a body that is not JSON. It names the format if the body contains JSON.
pub(super) fn why_not_json(text: &[u8]) -> &'static str {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii();
    if is_event_stream(text) {
        "body is a stream of server-sent events instead of JSON"
    } else if GUARDS.iter().any(|guard| text.starts_with(guard)) {
        "body starts with a prefix that prevents its execution as a script, so it is not JSON"
    } else if is_call(text) {
        "body is JSONP instead of JSON"
    } else if has_several_values(text) {
        "body consists of several JSON values (JSON Lines) instead of one"
    } else {
        "body is not JSON"
    }
}

/// Returns whether every line is a field of an event, such as `data: {}`, or a comment.
fn is_event_stream(text: &[u8]) -> bool {
    let is_field = |line: &&[u8]| {
        let fields: [&[u8]; 5] = [b"data:", b"event:", b"id:", b"retry:", b":"];
        fields.iter().any(|field| line.starts_with(field))
    };
    let mut lines = text.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty()).peekable();
    lines.peek().is_some() && lines.all(|line| is_field(&line))
}

/// Returns whether the text is a function call with JSON as its argument, such as `callback({})`.
fn is_call(text: &[u8]) -> bool {
    let open = text.iter().position(|byte| *byte == b'(');
    let close = text.iter().rposition(|byte| *byte == b')');
    let Some((open, close)) = open.zip(close).filter(|(open, close)| *open > 0 && open < close) else { return false };
    matches!(text[close + 1..].trim_ascii(), b"" | b";") && is_container(&text[open + 1..close])
}

fn has_several_values(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\x1e").unwrap_or(text);
    let is_separator = |byte: &u8| matches!(byte, b'\n' | b'\x1e');
    let lines = text.split(is_separator).map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    if lines.take(2).filter(|line| is_container(line)).count() == 2 {
        return true;
    }
    let values = serde_json::Deserializer::from_slice(text).into_iter::<IgnoredAny>();
    text.starts_with(b"{") && values.take(2).flatten().count() == 2
}

fn is_container(text: &[u8]) -> bool {
    let starts_container = matches!(text.trim_ascii_start().first(), Some(b'{' | b'['));
    starts_container && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::json_framing::why_not_json;

    #[test]
    fn formats_with_json_inside_are_named() {
        for (text, expected) in [
            ("data: {\"status\":\"DOWN\"}\n\n", "server-sent events"),
            (": ping\r\nevent: state\r\nid: 7\r\ndata: {\r\ndata: }\r\n", "server-sent events"),
            ("callback({\"status\":\"DOWN\"});", "JSONP"),
            ("/**/ typeof cb === 'function' && cb([1])", "JSONP"),
            (")]}'\n{\"a\":1}", "a prefix that prevents"),
            ("while(1);{\"a\":1}", "a prefix that prevents"),
            ("{\"a\":1}\n{\"a\":2}\n", "several JSON values"),
            ("[1]\n\n[2]\n{", "several JSON values"),
            ("{\"a\":1}{\"a\":2}", "several JSON values"),
            ("\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}\n", "several JSON values"),
            ("{\"a\":1} oops", "body is not JSON"),
            ("ok (see {})", "body is not JSON"),
            ("data", "body is not JSON"),
            ("1 2", "body is not JSON"),
            ("<html>", "body is not JSON"),
            ("", "body is not JSON"),
        ] {
            let clause = why_not_json(text.as_bytes());
            assert!(clause.contains(expected), "{text}: {clause}");
        }
    }
}
