//! The page's files as they are sent: each with its validator, and compressed once instead of for every reader.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use super::assets::{PageFiles, content_type, has_hashed_name};
use super::response::{self, Freshness, Representation};

/// Brotli's best quality, and its usual window (4 MB, more than any file of the page).
const BROTLI: (u32, u32) = (11, 22);
/// The buffer that the compressor works through.
const BROTLI_BUFFER: usize = 4_096;

/// The page's files, ready to be sent.
#[derive(Debug)]
pub(super) struct PreparedPage(BTreeMap<String, PreparedFile>);

#[derive(Debug)]
struct PreparedFile {
    plain: Representation,
    /// What a client who takes compressed content gets, best first; set when it has been made.
    compressed: OnceLock<Vec<Representation>>,
}

impl PreparedPage {
    pub(super) fn new(page: PageFiles) -> PreparedPage {
        let prepare = |(name, content): (String, std::borrow::Cow<'static, [u8]>)| {
            let content = match content {
                std::borrow::Cow::Borrowed(content) => Bytes::from_static(content),
                std::borrow::Cow::Owned(content) => Bytes::from(content),
            };
            let freshness = if has_hashed_name(&name) { Freshness::Immutable } else { Freshness::AskAgain };
            let etag = response::etag(&content, None);
            let plain = Representation { content, etag, content_type: content_type(&name), encoding: None, freshness };
            (name, PreparedFile { plain, compressed: OnceLock::new() })
        };
        PreparedPage(page.into_files().map(prepare).collect())
    }

    /// Compresses every file that gets smaller by it. It takes a second or so of one processor.
    pub(super) fn compress(&self) {
        for file in self.0.values() {
            file.compressed.get_or_init(|| compress(&file.plain));
        }
    }

    /// Answers a request for a file.
    pub(super) fn answer(&self, name: &str, asked: &HeaderMap) -> Response {
        let Some(file) = self.0.get(name) else { return response::not_found() };
        let compressed = file.compressed.get().into_iter().flatten();
        let accepted = Accepted::read(asked);
        let best = compressed.into_iter().find(|made| made.encoding.is_some_and(|encoding| accepted.takes(encoding)));
        response::send(best.unwrap_or(&file.plain), asked)
    }
}

fn compress(plain: &Representation) -> Vec<Representation> {
    if !response::compresses(&HeaderValue::from_static(plain.content_type)) {
        return Vec::new();
    }
    let made = [("br", brotli(&plain.content)), ("gzip", gzip(&plain.content))];
    made.into_iter()
        .filter(|(_, content)| content.len() < plain.content.len())
        .map(|(encoding, content)| Representation {
            content: content.into(),
            etag: response::etag(&plain.content, Some(encoding)),
            encoding: Some(encoding),
            ..*plain
        })
        .collect()
}

fn brotli(content: &[u8]) -> Vec<u8> {
    let mut compressor = brotli::CompressorWriter::new(Vec::new(), BROTLI_BUFFER, BROTLI.0, BROTLI.1);
    // Writing into memory does not fail.
    let _ = compressor.write_all(content);
    compressor.into_inner()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut compressor = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing into memory does not fail.
    let _ = compressor.write_all(content);
    compressor.finish().unwrap_or_default()
}

/// The encodings that a client takes.
struct Accepted(Vec<String>);

impl Accepted {
    fn read(asked: &HeaderMap) -> Accepted {
        let values = asked.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let accepted = values.flat_map(|value| value.split(',')).filter_map(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next()?.to_ascii_lowercase();
            // `q=0` means: not this one.
            let refused = parts.any(|part| {
                part.strip_prefix("q=")
                    .is_some_and(|quality| quality.parse::<f32>().is_ok_and(|quality| quality <= 0.0))
            });
            (!refused).then_some(name)
        });
        Accepted(accepted.collect())
    }

    fn takes(&self, encoding: &str) -> bool {
        self.0.iter().any(|accepted| accepted == encoding)
    }
}
