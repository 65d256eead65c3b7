//! Encoded bodies that are complete, truncated or corrupt, and bodies with nonexistent encodings.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::draft::{Alteration, Change, Draft, Part, Quirk, TEXT};

/// The body of an ordinary response, compressed with Brotli.
const BROTLI: &[u8] = b"\x0f\x05\x80all is well\x03";
/// The body of an ordinary response, as a zstd frame with a checksum.
const ZSTD: &[u8] = b"\x28\xb5\x2f\xfd\x04\x58\x59\x00\x00all is well\x48\xb5\x50\x5b";
const SKIPPABLE_ZSTD: &[u8] = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc";

/// Each entry has the name of a quirk and a function that changes a response.
const QUIRKS: &[(&str, Alteration)] = &[
    ("gzip", |draft| encoded(draft, "gzip", gzip())),
    ("gzip in capitals", |draft| encoded(draft, "GZIP", gzip())),
    ("x-gzip", |draft| encoded(draft, "x-gzip", gzip())),
    ("gzip with a name", |draft| encoded(draft, "gzip", with_name())),
    ("gzip in two members", |draft| encoded(draft, "gzip", [gzip(), gzip()].concat())),
    ("null bytes after gzip", |draft| encoded(draft, "gzip", [gzip(), vec![0; 20]].concat())),
    ("text after gzip", |draft| encoded(draft, "gzip", [gzip(), b"<!-- cached -->".to_vec()].concat())),
    ("gzip without its end", |draft| encoded(draft, "gzip", without_end(gzip(), 8))),
    ("gzip without its last byte", |draft| encoded(draft, "gzip", without_end(gzip(), 1))),
    ("half of gzip", |draft| encoded(draft, "gzip", without_end(gzip(), 16))),
    ("header of gzip alone", |draft| encoded(draft, "gzip", gzip()[..10].to_vec())),
    ("gzip with a wrong checksum", |draft| encoded(draft, "gzip", flipped(gzip(), 8))),
    ("gzip with a wrong length", |draft| encoded(draft, "gzip", flipped(gzip(), 4))),
    ("gzip with corrupt data", |draft| encoded(draft, "gzip", [&gzip()[..10], &[0xff; 20]].concat())),
    ("gzip with an unknown method", |draft| {
        let mut body = gzip();
        body[2] = 9;
        encoded(draft, "gzip", body);
    }),
    ("plain body instead of gzip", |draft| encoded(draft, "gzip", TEXT.to_vec())),
    ("empty body instead of gzip", |draft| encoded(draft, "gzip", Vec::new())),
    ("gzip without a length", |draft| {
        encoded(draft, "gzip", gzip());
        draft.framing = b"Content-Encoding: gzip\r\n".to_vec();
    }),
    ("half of gzip without a length", |draft| {
        encoded(draft, "gzip", without_end(gzip(), 16));
        draft.framing = b"Content-Encoding: gzip\r\n".to_vec();
    }),
    ("gzip in chunks", |draft| {
        let chunk = [format!("{:x}\r\n", gzip().len()).as_bytes(), &gzip(), b"\r\n0\r\n\r\n"].concat();
        draft.framing = b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n".to_vec();
        draft.body = chunk;
    }),
    ("gzip as a transfer encoding", |draft| {
        let chunk = [format!("{:x}\r\n", gzip().len()).as_bytes(), &gzip(), b"\r\n0\r\n\r\n"].concat();
        draft.framing = b"Transfer-Encoding: gzip, chunked\r\n".to_vec();
        draft.body = chunk;
    }),
    ("gzip that is not declared", |draft| draft.set_body("", gzip())),
    ("deflate", |draft| encoded(draft, "deflate", zlib())),
    ("deflate without a header", |draft| encoded(draft, "deflate", deflate())),
    ("half of deflate", |draft| encoded(draft, "deflate", without_end(zlib(), 8))),
    ("deflate without its checksum", |draft| encoded(draft, "deflate", without_end(zlib(), 4))),
    ("deflate with a wrong checksum", |draft| encoded(draft, "deflate", flipped(zlib(), 1))),
    ("half of deflate without a header", |draft| encoded(draft, "deflate", without_end(deflate(), 6))),
    ("plain body instead of deflate", |draft| encoded(draft, "deflate", TEXT.to_vec())),
    ("text after deflate", |draft| encoded(draft, "deflate", [zlib(), b"more".to_vec()].concat())),
    ("Brotli", |draft| encoded(draft, "br", BROTLI.to_vec())),
    ("half of Brotli", |draft| encoded(draft, "br", without_end(BROTLI.to_vec(), 6))),
    ("Brotli without its last byte", |draft| encoded(draft, "br", without_end(BROTLI.to_vec(), 1))),
    ("plain body instead of Brotli", |draft| encoded(draft, "br", b"\xff\xff\xff\xff plain".to_vec())),
    ("text after Brotli", |draft| encoded(draft, "br", [BROTLI, b"more"].concat())),
    ("zstd", |draft| encoded(draft, "zstd", ZSTD.to_vec())),
    ("zstd in two frames", |draft| encoded(draft, "zstd", [ZSTD, ZSTD].concat())),
    ("zstd with a skippable frame", |draft| encoded(draft, "zstd", [SKIPPABLE_ZSTD, ZSTD].concat())),
    ("half of zstd", |draft| encoded(draft, "zstd", without_end(ZSTD.to_vec(), 9))),
    ("zstd without its checksum", |draft| encoded(draft, "zstd", without_end(ZSTD.to_vec(), 4))),
    ("zstd with a wrong checksum", |draft| encoded(draft, "zstd", flipped(ZSTD.to_vec(), 1))),
    ("plain body instead of zstd", |draft| encoded(draft, "zstd", TEXT.to_vec())),
    ("text after zstd", |draft| encoded(draft, "zstd", [ZSTD, b"more"].concat())),
    ("encoding identity", |draft| encoded(draft, "identity", TEXT.to_vec())),
    ("encoding without a name", |draft| encoded(draft, "", TEXT.to_vec())),
    ("encoding none", |draft| encoded(draft, "none", TEXT.to_vec())),
    ("charset as an encoding", |draft| encoded(draft, "UTF-8", TEXT.to_vec())),
    ("encoding aws-chunked", |draft| encoded(draft, "aws-chunked", TEXT.to_vec())),
    ("encoding compress", |draft| encoded(draft, "compress", b"\x1f\x9d\x90a\xd8\xb0a\xd3".to_vec())),
    ("unknown encoding", |draft| encoded(draft, "nonsense", TEXT.to_vec())),
    ("unknown encoding of an empty body", |draft| encoded(draft, "nonsense", Vec::new())),
    ("gzip twice", |draft| encoded(draft, "gzip, gzip", gzip_of(&gzip()))),
    ("gzip announced twice", |draft| encoded(draft, "gzip, gzip", gzip())),
    ("deflate and gzip", |draft| encoded(draft, "deflate, gzip", gzip_of(&zlib()))),
    ("encodings in two headers", |draft| {
        draft.set_body("Content-Encoding: deflate\r\nContent-Encoding: gzip\r\n", gzip_of(&zlib()));
    }),
    ("gzip 6 times", |draft| {
        let body = (0..5).fold(gzip(), |body, _| gzip_of(&body));
        encoded(draft, "gzip, gzip, gzip, gzip, gzip, gzip", body);
    }),
    ("encoding with a parameter", |draft| encoded(draft, "gzip;q=1.0", gzip())),
    ("error page with corrupt gzip", |draft| {
        draft.status_line = b"HTTP/1.1 503 Busy".to_vec();
        encoded(draft, "gzip", TEXT.to_vec());
    }),
];

/// Returns all quirks that affect encodings.
pub(super) fn quirks() -> impl Iterator<Item = Quirk> {
    QUIRKS.iter().map(|&(name, change)| Quirk { name, part: Part::Body, change: Change::Other(change) })
}

fn encoded(draft: &mut Draft, encoding: &str, body: Vec<u8>) {
    draft.set_body(&format!("Content-Encoding: {encoding}\r\n"), body);
}

fn gzip() -> Vec<u8> {
    gzip_of(TEXT)
}

fn gzip_of(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory does not fail")
}

fn zlib() -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(TEXT).and_then(|()| encoder.finish()).expect("memory does not fail")
}

fn deflate() -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(TEXT).and_then(|()| encoder.finish()).expect("memory does not fail")
}

/// Returns gzip data whose header has a file name, a comment, an extra field and a checksum.
fn with_name() -> Vec<u8> {
    [b"\x1f\x8b\x08\x1c\0\0\0\0\0\xff\x03\0abcname\0comment\0", &gzip()[10..]].concat()
}

fn without_end(mut data: Vec<u8>, bytes: usize) -> Vec<u8> {
    data.truncate(data.len() - bytes);
    data
}

/// Flips one bit of the byte at this distance from the end.
fn flipped(mut data: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = data.len() - from_end;
    data[at] ^= 1;
    data
}
