//! Headers: folded, repeated, malformed, many and huge ones.

use super::draft::{Alteration, Change, Draft, Part, Quirk};

/// Each entry has the name of a quirk and the header lines that it adds.
const LINES: &[(&str, &[u8])] = &[
    ("folded header", b"X-A: b\r\n c\r\n"),
    ("folded header with a tab", b"X-A: b\r\n\tc\r\n"),
    ("header folded several times", b"X-A: b\r\n c\r\n  d\r\n\te\r\n"),
    ("folded header without a first line", b"X-A:\r\n c\r\n"),
    ("folded empty line", b"X-A: b\r\n \r\n"),
    ("repeated header", b"X-A: b\r\nX-A: b\r\nX-A: c\r\n"),
    ("header without a colon", b"no colon\r\n"),
    ("header of one word", b"word\r\n"),
    ("header without a name", b": b\r\n"),
    ("space before the colon", b"X-A : b\r\n"),
    ("tab before the colon", b"X-A\t: b\r\n"),
    ("space in a header's name", b"X A: b\r\n"),
    ("parentheses in a header's name", b"X-(A): b\r\n"),
    ("slash in a header's name", b"X/A: b\r\n"),
    ("at sign in a header's name", b"X@A: b\r\n"),
    ("quotes in a header's name", b"\"X-A\": b\r\n"),
    ("UTF-8 in a header's name", b"X-\xc3\x84: b\r\n"),
    ("null in a header's name", b"X-\x00A: b\r\n"),
    ("control character in a header's name", b"X-\x07A: b\r\n"),
    ("null in a value", b"X-A: b\x00c\r\n"),
    ("control character in a value", b"X-A: b\x07c\r\n"),
    ("delete character in a value", b"X-A: b\x7fc\r\n"),
    ("escape sequence in a value", b"X-A: \x1b[31mred\x1b[0m\r\n"),
    ("UTF-8 in a value", b"X-A: D\xc3\xa9j\xc3\xa0 vu\r\n"),
    ("Latin-1 in a value", b"X-A: D\xe9j\xe0 vu\r\n"),
    ("carriage return in a value", b"X-A: b\rc\r\n"),
    ("two carriage returns at a line's end", b"X-A: b\r\r\n"),
    ("line feed at the end of one header", b"X-A: b\nX-B: c\r\n"),
    ("line feed and carriage return swapped", b"X-A: b\n\rX-B: c\r\n"),
    ("no space after the colon", b"X-A:b\r\n"),
    ("several spaces after the colon", b"X-A:     b\r\n"),
    ("tab after the colon", b"X-A:\tb\t\r\n"),
    ("spaces at the end of a value", b"X-A: b    \r\n"),
    ("header without a value", b"X-A:\r\n"),
    ("several colons", b"X-A: b: c: d\r\n"),
    ("names in odd case", b"x-a: b\r\nX-B: c\r\nx-C: d\r\n"),
    ("invalid date", b"Date: yesterday\r\nLast-Modified: 0\r\nExpires: -1\r\n"),
    ("invalid media type", b"Content-Type: ;;;\r\n"),
    ("unknown charset", b"Content-Type: text/plain; charset=nonsense\r\n"),
    ("several media types", b"Content-Type: text/plain\r\nContent-Type: text/html\r\n"),
    ("invalid cookies", b"Set-Cookie: =;;;\r\nSet-Cookie: a\r\nSet-Cookie: b=\x01\r\n"),
    ("connection to keep", b"Connection: keep-alive\r\nKeep-Alive: timeout=5, max=100\r\n"),
    ("connection to close", b"Connection: close\r\n"),
    ("connection to keep and to close", b"Connection: keep-alive, close\r\n"),
    ("offer to upgrade", b"Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n"),
    ("location of a successful response", b"Location: /missing\r\n"),
    ("refresh header", b"Refresh: 0; url=/missing\r\n"),
    ("retry header", b"Retry-After: 120\r\n"),
    ("other services", b"Alt-Svc: h3=\":443\"; ma=86400\r\nStrict-Transport-Security: max-age=31536000\r\n"),
    ("range without a request for one", b"Content-Range: bytes 5-10/11\r\n"),
    ("trailer announced", b"Trailer: X-Checksum\r\n"),
    ("login requested", b"WWW-Authenticate: Negotiate\r\nWWW-Authenticate: Basic realm=\"a\r\n"),
    ("HTML as a header", b"<html><body>Error: 500</body></html>\r\n"),
];

/// Returns all quirks that affect headers.
pub(super) fn quirks() -> impl Iterator<Item = Quirk> {
    let lines = LINES.iter().map(|&(name, lines)| Quirk { name, part: Part::Headers, change: Change::Headers(lines) });
    let others: [(&str, Alteration); 9] = [
        ("line feeds alone", |draft| draft.ends_lines_with_lf = true),
        ("100 headers", |draft| repeat(draft, "X-A: b\r\n", 90)),
        ("1,000 headers", |draft| repeat(draft, "X-A: b\r\n", 1_000)),
        ("4,000 headers", |draft| repeat(draft, "X-A: b\r\n", 4_000)),
        ("8,000 headers", |draft| repeat(draft, "X-A: b\r\n", 8_000)),
        ("value of 60,000 bytes", |draft| value(draft, 60_000)),
        ("value of 150,000 bytes", |draft| value(draft, 150_000)),
        ("value of 500,000 bytes", |draft| value(draft, 500_000)),
        ("name of 5,000 bytes", |draft| {
            draft.headers.extend(b"X".repeat(5_000));
            draft.headers.extend(b": b\r\n");
        }),
    ];
    let others =
        others.into_iter().map(|(name, change)| Quirk { name, part: Part::Headers, change: Change::Other(change) });
    lines.chain(others)
}

fn repeat(draft: &mut Draft, line: &str, times: usize) {
    draft.headers.extend(line.repeat(times).into_bytes());
}

fn value(draft: &mut Draft, length: usize) {
    draft.headers.extend(b"X-A: ");
    draft.headers.extend(b"b".repeat(length));
    draft.headers.extend(b"\r\n");
}
