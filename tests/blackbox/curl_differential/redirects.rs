//! Redirects: statuses, locations, chains and loops. `{origin}` is replaced with the server's origin, and `/ok` is a
//! healthy page.

use support::raw_server::RawEnding;

use super::draft::{Alteration, Change, Draft, Part, Quirk};

/// Each entry has the name of a quirk, the status line, and the headers that it adds.
const REDIRECTS: &[(&str, &[u8], &[u8])] = &[
    ("redirect with status 300", b"HTTP/1.1 300 Multiple Choices", b"Location: /ok\r\n"),
    ("redirect with status 301", b"HTTP/1.1 301 Moved Permanently", b"Location: /ok\r\n"),
    ("redirect with status 303", b"HTTP/1.1 303 See Other", b"Location: /ok\r\n"),
    ("redirect with status 304", b"HTTP/1.1 304 Not Modified", b"Location: /ok\r\n"),
    ("redirect with status 305", b"HTTP/1.1 305 Use Proxy", b"Location: /ok\r\n"),
    ("redirect with status 306", b"HTTP/1.1 306 Unused", b"Location: /ok\r\n"),
    ("redirect with status 307", b"HTTP/1.1 307 Temporary Redirect", b"Location: /ok\r\n"),
    ("redirect with status 308", b"HTTP/1.1 308 Permanent Redirect", b"Location: /ok\r\n"),
    ("redirect with status 399", b"HTTP/1.1 399 Odd", b"Location: /ok\r\n"),
    ("redirect to a whole URL", b"HTTP/1.1 302 Found", b"Location: {origin}/ok\r\n"),
    ("redirect to a path", b"HTTP/1.1 302 Found", b"Location: /ok\r\n"),
    ("redirect to a relative path", b"HTTP/1.1 302 Found", b"Location: ok\r\n"),
    ("redirect to a relative path with dots", b"HTTP/1.1 302 Found", b"Location: ./../x/../ok\r\n"),
    ("redirect above the root", b"HTTP/1.1 302 Found", b"Location: ../../../../ok\r\n"),
    ("redirect to a query", b"HTTP/1.1 302 Found", b"Location: ?ok\r\n"),
    ("redirect to a fragment", b"HTTP/1.1 302 Found", b"Location: #top\r\n"),
    ("redirect to a path with a fragment", b"HTTP/1.1 302 Found", b"Location: /ok#top\r\n"),
    ("redirect without a scheme", b"HTTP/1.1 302 Found", b"Location: //{authority}/ok\r\n"),
    ("redirect without a location", b"HTTP/1.1 302 Found", b""),
    ("redirect to an empty location", b"HTTP/1.1 302 Found", b"Location:\r\n"),
    ("the same location twice", b"HTTP/1.1 302 Found", b"Location: /ok\r\nLocation: /ok\r\n"),
    ("two locations, the first one healthy", b"HTTP/1.1 302 Found", b"Location: /ok\r\nLocation: /missing\r\n"),
    ("two locations, the second one healthy", b"HTTP/1.1 302 Found", b"Location: /missing\r\nLocation: /ok\r\n"),
    ("location in spaces", b"HTTP/1.1 302 Found", b"Location:    /ok   \r\n"),
    ("location in lowercase", b"HTTP/1.1 302 Found", b"location: /ok\r\n"),
    ("folded location", b"HTTP/1.1 302 Found", b"Location:\r\n /ok\r\n"),
    ("location with a space before the colon", b"HTTP/1.1 302 Found", b"Location : /ok\r\n"),
    ("space in a location", b"HTTP/1.1 302 Found", b"Location: /a b/ok\r\n"),
    ("tab in a location", b"HTTP/1.1 302 Found", b"Location: /a\tb/ok\r\n"),
    ("backslash in a location", b"HTTP/1.1 302 Found", b"Location: \\ok\r\n"),
    ("backslashes in a whole URL", b"HTTP/1.1 302 Found", b"Location: http:\\\\{authority}\\ok\r\n"),
    ("quotes in a location", b"HTTP/1.1 302 Found", b"Location: /\"<a>\"/ok\r\n"),
    ("UTF-8 in a location", b"HTTP/1.1 302 Found", b"Location: /d\xc3\xa9j\xc3\xa0/ok\r\n"),
    ("Latin-1 in a location", b"HTTP/1.1 302 Found", b"Location: /d\xe9j\xe0/ok\r\n"),
    ("null in a location", b"HTTP/1.1 302 Found", b"Location: /a\x00b/ok\r\n"),
    ("invalid escape in a location", b"HTTP/1.1 302 Found", b"Location: /%zz/%/ok\r\n"),
    ("escaped line end in a location", b"HTTP/1.1 302 Found", b"Location: /%0d%0a/ok\r\n"),
    ("scheme in capitals", b"HTTP/1.1 302 Found", b"Location: HTTP://{authority}/ok\r\n"),
    ("one slash after the scheme", b"HTTP/1.1 302 Found", b"Location: http:/{authority}/ok\r\n"),
    ("three slashes after the scheme", b"HTTP/1.1 302 Found", b"Location: http:///{authority}/ok\r\n"),
    ("scheme without slashes", b"HTTP/1.1 302 Found", b"Location: http:ok\r\n"),
    ("location without a host", b"HTTP/1.1 302 Found", b"Location: http://\r\n"),
    ("location with port 0", b"HTTP/1.1 302 Found", b"Location: http://127.0.0.1:0/ok\r\n"),
    ("location with an invalid port", b"HTTP/1.1 302 Found", b"Location: http://127.0.0.1:99999/ok\r\n"),
    ("location with an empty port", b"HTTP/1.1 302 Found", b"Location: http://127.0.0.1:/ok\r\n"),
    ("location with a user name", b"HTTP/1.1 302 Found", b"Location: http://me:secret@{authority}/ok\r\n"),
    ("address as one number", b"HTTP/1.1 302 Found", b"Location: http://2130706433:{port}/ok\r\n"),
    ("address in hexadecimal", b"HTTP/1.1 302 Found", b"Location: http://0x7f.1:{port}/ok\r\n"),
    ("space in the host", b"HTTP/1.1 302 Found", b"Location: http://127.0.0.1 :{port}/ok\r\n"),
    ("redirect to FTP", b"HTTP/1.1 302 Found", b"Location: ftp://127.0.0.1:1/ok\r\n"),
    ("redirect to a file", b"HTTP/1.1 302 Found", b"Location: file:///etc/hostname\r\n"),
    ("redirect to a script", b"HTTP/1.1 302 Found", b"Location: javascript:alert(1)\r\n"),
    ("redirect to data", b"HTTP/1.1 302 Found", b"Location: data:text/plain,ok\r\n"),
    ("redirect to mail", b"HTTP/1.1 302 Found", b"Location: mailto:ok@example.com\r\n"),
    ("redirect to TLS on a plain port", b"HTTP/1.1 302 Found", b"Location: https://{authority}/ok\r\n"),
    ("chain of 5 redirects", b"HTTP/1.1 302 Found", b"Location: /chain/4\r\n"),
    ("chain of 10 redirects", b"HTTP/1.1 302 Found", b"Location: /chain/9\r\n"),
    ("chain of 11 redirects", b"HTTP/1.1 302 Found", b"Location: /chain/10\r\n"),
    ("redirect to itself", b"HTTP/1.1 302 Found", b"Location: {self}\r\n"),
    ("loop of two redirects", b"HTTP/1.1 302 Found", b"Location: /loop\r\n"),
    (
        "redirect that needs a cookie",
        b"HTTP/1.1 302 Found",
        b"Set-Cookie: session=1; Path=/\r\nLocation: /with-cookie\r\n",
    ),
    ("redirect to a missing page", b"HTTP/1.1 302 Found", b"Location: /missing\r\n"),
    ("redirect to an incomplete page", b"HTTP/1.1 302 Found", b"Location: /incomplete\r\n"),
    ("redirect to a page with an odd head", b"HTTP/1.1 302 Found", b"Location: /odd-head\r\n"),
    ("redirect to a connection that is reset", b"HTTP/1.1 302 Found", b"Location: /reset\r\n"),
];

/// Returns all quirks that affect redirects.
pub(super) fn quirks() -> impl Iterator<Item = Quirk> {
    let redirects = REDIRECTS.iter().map(|&(name, status, headers)| Quirk {
        name,
        part: Part::Redirect,
        change: Change::Redirect(status, headers),
    });
    let others: [(&str, Alteration); 6] = [
        ("redirect with an incomplete body", |draft| redirect(draft, "Content-Length: 50\r\n", b"moved")),
        ("redirect with a body that is reset", |draft| {
            redirect(draft, "Content-Length: 50\r\n", b"moved");
            draft.ending = RawEnding::Reset;
        }),
        ("redirect with a body that never ends", |draft| {
            redirect(draft, "Content-Length: 50\r\n", b"moved");
            draft.ending = RawEnding::Hold;
        }),
        ("redirect with invalid chunks", |draft| redirect(draft, "Transfer-Encoding: chunked\r\n", b"xyz\r\n")),
        ("redirect with a corrupt encoding", |draft| redirect(draft, "Content-Encoding: gzip\r\n", b"moved")),
        ("redirect to a location of 9,000 bytes", |draft| {
            redirect(draft, "Content-Length: 0\r\n", b"");
            draft.headers = format!("Location: /{}/ok\r\n", "a".repeat(9_000)).into_bytes();
        }),
    ];
    let others =
        others.into_iter().map(|(name, change)| Quirk { name, part: Part::Redirect, change: Change::Other(change) });
    redirects.chain(others)
}

/// Turns a response into a redirect to the healthy page, with this body.
fn redirect(draft: &mut Draft, framing: &str, body: &[u8]) {
    draft.status_line = b"HTTP/1.1 302 Found".to_vec();
    draft.headers.extend(b"Location: /ok\r\n");
    draft.framing = framing.as_bytes().to_vec();
    draft.body = body.to_vec();
}
