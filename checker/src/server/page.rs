//! The page's files, prepared for sending: each has a validator, and is compressed once instead of for each request.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::OnceLock;

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;

use super::assets::{PageFiles, content_type, has_hashed_name};
use super::response::{self, Freshness, Representation};

/// Brotli's best quality and its usual window (4 MB, larger than any file of the page).
const BROTLI: (u32, u32) = (11, 22);
const BROTLI_BUFFER: usize = 4_096;

#[derive(Debug)]
pub(super) struct PreparedPage(BTreeMap<String, PreparedFile>);

#[derive(Debug)]
struct PreparedFile {
    plain: Representation,
    /// The compressed forms, best first, once they are available.
    compressed: OnceLock<Vec<Representation>>,
}

impl PreparedPage {
    pub(super) fn new(page: PageFiles) -> PreparedPage {
        let prepare = |(name, content): (String, std::borrow::Cow<'static, [u8]>)| {
            let content = match content {
                std::borrow::Cow::Borrowed(content) => Bytes::from_static(content),
                std::borrow::Cow::Owned(content) => Bytes::from(content),
            };
            let freshness = if has_hashed_name(&name) { Freshness::Immutable } else { Freshness::Revalidate };
            let etag = response::etag(&content, None);
            let plain = Representation { content, etag, content_type: content_type(&name), encoding: None, freshness };
            (name, PreparedFile { plain, compressed: OnceLock::new() })
        };
        PreparedPage(page.into_files().map(prepare).collect())
    }

    /// Compresses every file for which this saves space. Takes about a second of CPU time.
    pub(super) fn compress(&self) {
        for file in self.0.values() {
            file.compressed.get_or_init(|| compress(&file.plain));
        }
    }

    /// Responds to a request for a file.
    pub(super) fn respond(&self, name: &str, request: &HeaderMap) -> Response {
        let Some(file) = self.0.get(name) else { return response::not_found() };
        let compressed = file.compressed.get().into_iter().flatten();
        let accepted = AcceptedEncodings::parse(request);
        let best =
            compressed.into_iter().find(|form| form.encoding.is_some_and(|encoding| accepted.contains(encoding)));
        response::send(best.unwrap_or(&file.plain), request)
    }
}

fn compress(plain: &Representation) -> Vec<Representation> {
    if !response::is_compressible(&HeaderValue::from_static(plain.content_type)) {
        return Vec::new();
    }
    let forms = [("br", brotli(&plain.content, BROTLI)), ("gzip", gzip(&plain.content, flate2::Compression::best()))];
    forms
        .into_iter()
        .filter(|(_, content)| content.len() < plain.content.len())
        .map(|(encoding, content)| Representation {
            content: content.into(),
            etag: response::etag(&plain.content, Some(encoding)),
            encoding: Some(encoding),
            ..*plain
        })
        .collect()
}

/// Compresses content with this quality and this base-2 logarithm of the window size.
pub(super) fn brotli(content: &[u8], (quality, window): (u32, u32)) -> Vec<u8> {
    let mut compressor = brotli::CompressorWriter::new(Vec::new(), BROTLI_BUFFER, quality, window);
    // Writing to memory cannot fail.
    let _ = compressor.write_all(content);
    compressor.into_inner()
}

pub(super) fn gzip(content: &[u8], level: flate2::Compression) -> Vec<u8> {
    let mut compressor = flate2::write::GzEncoder::new(Vec::new(), level);
    // Writing to memory cannot fail.
    let _ = compressor.write_all(content);
    compressor.finish().unwrap_or_default()
}

/// The encodings that a client accepts.
pub(super) struct AcceptedEncodings(Vec<String>);

impl AcceptedEncodings {
    pub(super) fn parse(request: &HeaderMap) -> AcceptedEncodings {
        let values = request.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let accepted = values.flat_map(|value| value.split(',')).filter_map(|coding| {
            let mut parts = coding.split(';').map(str::trim);
            let name = parts.next()?.to_ascii_lowercase();
            // `q=0` excludes an encoding.
            let refused = parts.any(|part| {
                part.strip_prefix("q=")
                    .is_some_and(|quality| quality.parse::<f32>().is_ok_and(|quality| quality <= 0.0))
            });
            (!refused).then_some(name)
        });
        AcceptedEncodings(accepted.collect())
    }

    pub(super) fn contains(&self, encoding: &str) -> bool {
        self.0.iter().any(|accepted| accepted == encoding)
    }
}
