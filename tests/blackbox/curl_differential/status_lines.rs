//! Status lines: odd versions, statuses and reasons, and what can come before them.

use super::draft::{Alteration, Change, Part, Quirk};

/// Each entry has the name of a quirk and the status line.
const LINES: &[(&str, &[u8])] = &[
    ("HTTP/1.0", b"HTTP/1.0 200 OK"),
    ("HTTP/0.9 in the status line", b"HTTP/0.9 200 OK"),
    ("HTTP/1.2", b"HTTP/1.2 200 OK"),
    ("HTTP/1.9", b"HTTP/1.9 200 OK"),
    ("HTTP/1.10", b"HTTP/1.10 200 OK"),
    ("HTTP/1 without a minor version", b"HTTP/1 200 OK"),
    ("HTTP/2 in the status line", b"HTTP/2 200 OK"),
    ("HTTP/2.0 in the status line", b"HTTP/2.0 200 OK"),
    ("HTTP/3 in the status line", b"HTTP/3 200 OK"),
    ("HTTP/11", b"HTTP/11 200 OK"),
    ("version without a slash", b"HTTP1.1 200 OK"),
    ("version in lowercase", b"http/1.1 200 OK"),
    ("another protocol in the status line", b"RTSP/1.0 200 OK"),
    ("status line of SHOUTcast", b"ICY 200 OK"),
    ("no reason", b"HTTP/1.1 200"),
    ("no reason after a space", b"HTTP/1.1 200 "),
    ("two spaces before the status", b"HTTP/1.1  200 OK"),
    ("tab before the status", b"HTTP/1.1\t200 OK"),
    ("tab after the status", b"HTTP/1.1 200\tOK"),
    ("no space before the status", b"HTTP/1.1200 OK"),
    ("reason without a space", b"HTTP/1.1 200OK"),
    ("reason in UTF-8", b"HTTP/1.1 200 D\xc3\xa9j\xc3\xa0 vu"),
    ("reason in Latin-1", b"HTTP/1.1 200 D\xe9j\xe0 vu"),
    ("control character in the reason", b"HTTP/1.1 200 O\x07K"),
    ("null in the reason", b"HTTP/1.1 200 O\x00K"),
    ("status with one digit", b"HTTP/1.1 2 OK"),
    ("status with two digits", b"HTTP/1.1 20 OK"),
    ("status with four digits", b"HTTP/1.1 2000 OK"),
    ("status with a sign", b"HTTP/1.1 +200 OK"),
    ("negative status", b"HTTP/1.1 -200 OK"),
    ("status in letters", b"HTTP/1.1 OK 200"),
    ("no status", b"HTTP/1.1"),
    ("status 000", b"HTTP/1.1 000 Zero"),
    ("status 099", b"HTTP/1.1 099 Low"),
    ("status 101", b"HTTP/1.1 101 Switching Protocols"),
    ("status 201", b"HTTP/1.1 201 Created"),
    ("status 202", b"HTTP/1.1 202 Accepted"),
    ("status 206", b"HTTP/1.1 206 Partial Content"),
    ("status 299", b"HTTP/1.1 299 Fine"),
    ("status 400", b"HTTP/1.1 400 Bad Request"),
    ("status 401", b"HTTP/1.1 401 Unauthorized"),
    ("status 404", b"HTTP/1.1 404 Not Found"),
    ("status 407", b"HTTP/1.1 407 Proxy Authentication Required"),
    ("status 408", b"HTTP/1.1 408 Request Timeout"),
    ("status 417", b"HTTP/1.1 417 Expectation Failed"),
    ("status 421", b"HTTP/1.1 421 Misdirected Request"),
    ("status 426", b"HTTP/1.1 426 Upgrade Required"),
    ("status 429", b"HTTP/1.1 429 Too Many Requests"),
    ("status 500", b"HTTP/1.1 500 Internal Server Error"),
    ("status 503", b"HTTP/1.1 503 Service Unavailable"),
    ("status 599", b"HTTP/1.1 599 Odd"),
    ("status 600", b"HTTP/1.1 600 Odd"),
    ("status 999", b"HTTP/1.1 999 Request Denied"),
    ("100 before the response", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"),
    ("102 and 103 before the response", b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK"),
    ("unknown 1xx before the response", b"HTTP/1.1 199 Odd\r\n\r\nHTTP/1.1 200 OK"),
    ("100 with a length before the response", b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK"),
    ("100 before an error", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 Broken"),
    ("100 with a line feed before the response", b"HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK"),
    ("empty line before the status line", b"\r\nHTTP/1.1 200 OK"),
    ("several empty lines before the status line", b"\r\n\r\n\r\nHTTP/1.1 200 OK"),
    ("space before the status line", b" HTTP/1.1 200 OK"),
    ("byte order mark before the status line", b"\xef\xbb\xbfHTTP/1.1 200 OK"),
    ("text before the status line", b"Warning: cache is cold\r\nHTTP/1.1 200 OK"),
    ("greeting of another protocol", b"SSH-2.0-OpenSSH_9.2"),
    ("body without a head", b"<!doctype html><title>HTTP/0.9</title>"),
    ("second status line among the headers", b"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK"),
];

/// Returns all quirks that affect status lines.
pub(super) fn quirks() -> impl Iterator<Item = Quirk> {
    let lines =
        LINES.iter().map(|&(name, line)| Quirk { name, part: Part::StatusLine, change: Change::StatusLine(line) });
    let others: [(&str, Alteration); 2] = [
        ("reason of 10,000 bytes", |draft| {
            draft.status_line = [b"HTTP/1.1 200 ".as_slice(), &b"O".repeat(10_000)].concat();
        }),
        ("100 before the response, 30 times", |draft| {
            draft.status_line = ["HTTP/1.1 100 Continue\r\n\r\n".repeat(30).as_bytes(), b"HTTP/1.1 200 OK"].concat();
        }),
    ];
    let others =
        others.into_iter().map(|(name, change)| Quirk { name, part: Part::StatusLine, change: Change::Other(change) });
    lines.chain(others)
}
