//! Bodies: lengths, chunks, bodies without a length, and responses that have no body.

use super::draft::{Alteration, Change, Draft, Part, Quirk, TEXT};

/// Each entry has the name of a quirk, the headers that describe the body, and the body.
const BODIES: &[(&str, &[u8], &[u8])] = &[
    ("empty body", b"Content-Length: 0\r\n", b""),
    ("length of 0 with a body", b"Content-Length: 0\r\n", b"all is well"),
    ("length that is too long", b"Content-Length: 50\r\n", b"all is well"),
    ("length that is too long by one", b"Content-Length: 12\r\n", b"all is well"),
    ("length without a body", b"Content-Length: 11\r\n", b""),
    ("length that is too short", b"Content-Length: 3\r\n", b"all is well"),
    ("second response after the body", b"Content-Length: 11\r\n", b"all is wellHTTP/1.1 500 Broken\r\n\r\n"),
    ("the same length twice", b"Content-Length: 11\r\nContent-Length: 11\r\n", b"all is well"),
    ("different lengths, the first one correct", b"Content-Length: 11\r\nContent-Length: 5\r\n", b"all is well"),
    ("different lengths, the second one correct", b"Content-Length: 5\r\nContent-Length: 11\r\n", b"all is well"),
    ("list of the same length", b"Content-Length: 11, 11\r\n", b"all is well"),
    ("list of different lengths", b"Content-Length: 11, 5\r\n", b"all is well"),
    ("negative length", b"Content-Length: -1\r\n", b"all is well"),
    ("length with a sign", b"Content-Length: +11\r\n", b"all is well"),
    ("length in hexadecimal", b"Content-Length: 0xb\r\n", b"all is well"),
    ("length in letters", b"Content-Length: eleven\r\n", b"all is well"),
    ("length without a value", b"Content-Length:\r\n", b"all is well"),
    ("length with letters after it", b"Content-Length: 11 bytes\r\n", b"all is well"),
    ("length with a fraction", b"Content-Length: 11.0\r\n", b"all is well"),
    ("length with leading zeros", b"Content-Length: 000011\r\n", b"all is well"),
    ("length in spaces", b"Content-Length:    11   \r\n", b"all is well"),
    ("length of 2^63", b"Content-Length: 9223372036854775808\r\n", b"all is well"),
    ("length of 2^64", b"Content-Length: 18446744073709551616\r\n", b"all is well"),
    ("length with 30 digits", b"Content-Length: 100000000000000000000000000000\r\n", b"all is well"),
    ("body without a length", b"", b"all is well"),
    ("empty body without a length", b"", b""),
    ("one chunk", b"Transfer-Encoding: chunked\r\n", b"b\r\nall is well\r\n0\r\n\r\n"),
    ("several chunks", b"Transfer-Encoding: chunked\r\n", b"3\r\nall\r\n1\r\n \r\n7\r\nis well\r\n0\r\n\r\n"),
    ("no chunks", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n"),
    ("chunk size in capitals with zeros", b"Transfer-Encoding: chunked\r\n", b"000B\r\nall is well\r\n000\r\n\r\n"),
    ("chunk size with 17 zeros", b"Transfer-Encoding: chunked\r\n", b"00000000000000000b\r\nall is well\r\n0\r\n\r\n"),
    ("chunk extension", b"Transfer-Encoding: chunked\r\n", b"b;a=b;c=\"d;e\"\r\nall is well\r\n0;f\r\n\r\n"),
    ("chunk extension after a space", b"Transfer-Encoding: chunked\r\n", b"b ; a=b\r\nall is well\r\n0\r\n\r\n"),
    ("space after a chunk size", b"Transfer-Encoding: chunked\r\n", b"b  \r\nall is well\r\n0  \r\n\r\n"),
    ("space before a chunk size", b"Transfer-Encoding: chunked\r\n", b" b\r\nall is well\r\n0\r\n\r\n"),
    ("trailers", b"Transfer-Encoding: chunked\r\n", b"b\r\nall is well\r\n0\r\nX-A: b\r\nX-B: c\r\n\r\n"),
    ("trailer without a colon", b"Transfer-Encoding: chunked\r\n", b"b\r\nall is well\r\n0\r\nno colon\r\n\r\n"),
    ("end missing after the trailers", b"Transfer-Encoding: chunked\r\n", b"b\r\nall is well\r\n0\r\nX-A: b\r\n"),
    ("last empty line missing", b"Transfer-Encoding: chunked\r\n", b"b\r\nall is well\r\n0\r\n"),
    ("last chunk missing", b"Transfer-Encoding: chunked\r\n", b"b\r\nall is well\r\n"),
    ("chunk that is too short", b"Transfer-Encoding: chunked\r\n", b"50\r\nall is well"),
    ("chunk that is too long", b"Transfer-Encoding: chunked\r\n", b"3\r\nall is well\r\n0\r\n\r\n"),
    ("chunk size that is not hexadecimal", b"Transfer-Encoding: chunked\r\n", b"xyz\r\nall is well\r\n0\r\n\r\n"),
    ("negative chunk size", b"Transfer-Encoding: chunked\r\n", b"-b\r\nall is well\r\n0\r\n\r\n"),
    ("chunk size with a prefix", b"Transfer-Encoding: chunked\r\n", b"0xb\r\nall is well\r\n0\r\n\r\n"),
    ("chunk size beyond 64 bits", b"Transfer-Encoding: chunked\r\n", b"fffffffffffffffff\r\nall is well\r\n0\r\n\r\n"),
    ("no chunk size", b"Transfer-Encoding: chunked\r\n", b"\r\nall is well\r\n0\r\n\r\n"),
    ("line feeds between chunks", b"Transfer-Encoding: chunked\r\n", b"b\nall is well\n0\n\n"),
    ("no line end between chunks", b"Transfer-Encoding: chunked\r\n", b"3\r\nall8\r\n is well0\r\n\r\n"),
    ("plain body instead of chunks", b"Transfer-Encoding: chunked\r\n", b"all is well"),
    ("chunks and a length", b"Transfer-Encoding: chunked\r\nContent-Length: 11\r\n", b"b\r\nall is well\r\n0\r\n\r\n"),
    ("a length and chunks", b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"b\r\nall is well\r\n0\r\n\r\n"),
    (
        "chunks and an invalid length",
        b"Transfer-Encoding: chunked\r\nContent-Length: x\r\n",
        b"b\r\nall is well\r\n0\r\n\r\n",
    ),
    ("chunked in capitals", b"Transfer-Encoding: CHUNKED\r\n", b"b\r\nall is well\r\n0\r\n\r\n"),
    ("chunked in spaces", b"Transfer-Encoding:   chunked  \r\n", b"b\r\nall is well\r\n0\r\n\r\n"),
    ("chunked twice in a list", b"Transfer-Encoding: chunked, chunked\r\n", b"b\r\nall is well\r\n0\r\n\r\n"),
    (
        "chunked in two headers",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"b\r\nall is well\r\n0\r\n\r\n",
    ),
    ("identity and chunked", b"Transfer-Encoding: identity, chunked\r\n", b"b\r\nall is well\r\n0\r\n\r\n"),
    ("transfer encoding identity", b"Transfer-Encoding: identity\r\n", b"all is well"),
    (
        "transfer encoding identity with a length",
        b"Transfer-Encoding: identity\r\nContent-Length: 11\r\n",
        b"all is well",
    ),
    ("unknown transfer encoding", b"Transfer-Encoding: nonsense\r\n", b"all is well"),
    (
        "unknown transfer encoding and chunked",
        b"Transfer-Encoding: nonsense, chunked\r\n",
        b"b\r\nall is well\r\n0\r\n\r\n",
    ),
    (
        "chunked before another transfer encoding",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"b\r\nall is well\r\n0\r\n\r\n",
    ),
    ("empty transfer encoding", b"Transfer-Encoding:\r\nContent-Length: 11\r\n", b"all is well"),
    ("space before the colon of a length", b"Content-Length : 11\r\n", b"all is well"),
    ("folded length", b"Content-Length:\r\n 11\r\n", b"all is well"),
    ("null bytes in the body", b"Content-Length: 4\r\n", b"\x00\x00\x00\x00"),
];

/// Returns all quirks that affect bodies.
pub(super) fn quirks() -> impl Iterator<Item = Quirk> {
    let bodies = BODIES.iter().map(|&(name, framing, body)| Quirk {
        name,
        part: Part::Body,
        change: Change::Body(framing, body),
    });
    let others: [(&str, Alteration); 14] = [
        ("status 204 without a body", |draft| without_body(draft, "204 No Content")),
        ("status 204 with a body", |draft| draft.status_line = b"HTTP/1.1 204 No Content".to_vec()),
        ("status 204 with chunks", |draft| {
            draft.status_line = b"HTTP/1.1 204 No Content".to_vec();
            chunk(draft);
        }),
        ("status 205 with a body", |draft| draft.status_line = b"HTTP/1.1 205 Reset Content".to_vec()),
        ("status 304 without a body", |draft| without_body(draft, "304 Not Modified")),
        ("status 304 with a body", |draft| draft.status_line = b"HTTP/1.1 304 Not Modified".to_vec()),
        ("HEAD", |draft| answer_head(draft, b"")),
        ("HEAD with a body", |draft| answer_head(draft, TEXT)),
        ("HEAD with an encoding", |draft| {
            draft.set_body("Content-Encoding: gzip\r\n", TEXT.to_vec());
            answer_head(draft, b"");
        }),
        ("HEAD with chunks", |draft| {
            chunk(draft);
            answer_head(draft, b"");
        }),
        ("HEAD with status 500", |draft| {
            draft.status_line = b"HTTP/1.1 500 Broken".to_vec();
            answer_head(draft, b"");
        }),
        ("chunks in HTTP/1.0", |draft| {
            draft.status_line = b"HTTP/1.0 200 OK".to_vec();
            chunk(draft);
        }),
        ("chunk extension of 3,000 bytes", |draft| extend(draft, 3_000)),
        ("chunk extension of 50,000 bytes", |draft| extend(draft, 50_000)),
    ];
    let others =
        others.into_iter().map(|(name, change)| Quirk { name, part: Part::Body, change: Change::Other(change) });
    bodies.chain(others)
}

fn without_body(draft: &mut Draft, status: &str) {
    draft.status_line = format!("HTTP/1.1 {status}").into_bytes();
    draft.framing.clear();
    draft.body.clear();
}

fn answer_head(draft: &mut Draft, body: &[u8]) {
    draft.method = "HEAD";
    draft.body = body.to_vec();
}

fn chunk(draft: &mut Draft) {
    draft.framing = b"Transfer-Encoding: chunked\r\n".to_vec();
    draft.body = b"b\r\nall is well\r\n0\r\n\r\n".to_vec();
}

fn extend(draft: &mut Draft, length: usize) {
    chunk(draft);
    draft.body = format!("b;{}\r\nall is well\r\n0\r\n\r\n", "a".repeat(length)).into_bytes();
}
