//! Parses and decodes the codings of HTTP bodies, such as gzip, with a limited amount of work per step.

mod gzip;
mod zstd;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use encoding_rs::Encoding;
use flate2::Decompress;
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, TRANSFER_ENCODING};

use self::gzip::Gzip;
pub(super) use self::gzip::inflate_step;
use self::zstd::Zstd;

/// The maximum number of codings applied to one body.
const CODINGS_LIMIT: usize = 4;
/// The maximum number of bytes that a decoder reads or writes in one step. Zstandard always reads a whole block.
pub(super) const STEP: usize = 16 << 10;

/// A supported content coding or transfer coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Returns a response's codings in decoding order. The error states why the body cannot be decoded.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, String> {
    let mut codings = Vec::new();
    for name in [CONTENT_ENCODING, TRANSFER_ENCODING] {
        let mut tokens = tokens(headers, &name);
        while name == TRANSFER_ENCODING && tokens.last().is_some_and(|last| last == "chunked") {
            // The HTTP library decodes it once, as browsers do even if proxies have repeated the header.
            tokens.pop();
        }
        for token in tokens {
            // A transfer coding can be followed by parameters, which are ignored.
            codings.extend(Coding::parse(token.split(';').next().unwrap_or_default().trim())?);
        }
    }
    if codings.len() > CODINGS_LIMIT {
        return Err(format!("body has more than {CODINGS_LIMIT} encodings"));
    }
    codings.reverse();
    Ok(codings)
}

fn tokens(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let lists: Vec<_> = values.collect();
    lists.iter().flat_map(|list| list.split(',')).map(|token| token.trim().to_ascii_lowercase()).collect()
}

impl Coding {
    /// Parses the name of a coding. Returns `None` for names that leave the body unchanged.
    fn parse(name: &str) -> Result<Option<Coding>, String> {
        Ok(Some(match name {
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            "br" => Coding::Brotli,
            "zstd" => Coding::Zstd,
            "" | "identity" | "none" | "binary" | "7bit" | "8bit" => return Ok(None),
            // Some servers send a charset as the content coding. Browsers ignore it, too.
            charset if Encoding::for_label(charset.as_bytes()).is_some() => return Ok(None),
            unknown => {
                return Err(format!(
                    "body has the unsupported encoding `{unknown}`: expected `gzip`, `deflate`, `br` or `zstd`"
                ));
            }
        }))
    }

    /// Returns whether data starts with a zlib header (RFC 1950).
    pub(super) fn has_zlib_header(data: &[u8]) -> bool {
        matches!(data, [first, second, ..] if is_zlib_header(*first, *second))
    }

    fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }
}

/// Decodes one coding from input that arrives in pieces. Each step fills at most a small buffer.
pub(super) struct CodingDecoder {
    coding: Coding,
    state: State,
    is_complete: bool,
}

enum State {
    Gzip(Gzip),
    /// `None` until the first two bytes have shown whether the data has a zlib header.
    Deflate(Option<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(Box<Zstd>),
}

/// The number of bytes that one decoding step read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// Completes a clause about data that cannot be decoded, for example `is corrupt`.
type Defect = &'static str;

const CORRUPT: Defect = "is corrupt";
const WRONG_CHECKSUM: Defect = "has a wrong checksum";
const TRAILING_DATA: Defect = "is followed by other data";

impl CodingDecoder {
    /// Creates a decoder. The caller needs at most `needed` bytes of its output.
    pub(super) fn new(coding: Coding, needed: usize) -> CodingDecoder {
        let state = match coding {
            Coding::Gzip => State::Gzip(Gzip::new()),
            Coding::Deflate => State::Deflate(None),
            Coding::Brotli => {
                // Accept only the windows of RFC 7932: a large window could take 1 GiB of memory.
                let allocators = (StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
                State::Brotli(Box::new(BrotliState::new_strict(allocators.0, allocators.1, allocators.2)))
            }
            Coding::Zstd => State::Zstd(Box::new(Zstd::new(needed))),
        };
        CodingDecoder { coding, state, is_complete: false }
    }

    /// Returns whether the encoded data can end here.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    pub(super) fn name(&self) -> &'static str {
        self.coding.name()
    }

    /// Decodes part of the input. If it makes no progress, it needs more input. After an error, the decoder is
    /// unusable.
    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, String> {
        self.step(input, output)
            .map_err(|defect| format!("body is not valid: its `{}` data {defect}", self.coding.name()))
    }

    fn step(&mut self, all: &[u8], output: &mut [u8]) -> Result<Decoded, Defect> {
        let input = &all[..all.len().min(STEP)];
        match &mut self.state {
            State::Gzip(gzip) => {
                let progress = gzip.decode(input, output)?;
                self.is_complete = gzip.is_complete();
                Ok(progress)
            }
            State::Deflate(_) | State::Brotli(_) if self.is_complete && input.is_empty() => Ok(Decoded::default()),
            State::Deflate(_) | State::Brotli(_) if self.is_complete => Err(TRAILING_DATA),
            State::Deflate(state) => {
                let inflate = match (state.as_mut(), input) {
                    (Some(inflate), _) => inflate,
                    (None, [first, second, ..]) => state.insert(Decompress::new(is_zlib_header(*first, *second))),
                    (None, _) => return Ok(Decoded::default()),
                };
                let (progress, is_complete) = inflate_step(inflate, input, output)?;
                self.is_complete = is_complete;
                Ok(progress)
            }
            State::Brotli(state) => {
                let (mut available, mut room) = (input.len(), output.len());
                let (mut read, mut written, mut total) = (0, 0, 0);
                let result = BrotliDecompressStream(
                    &mut available,
                    &mut read,
                    input,
                    &mut room,
                    &mut written,
                    output,
                    &mut total,
                    state,
                );
                match result {
                    BrotliResult::ResultFailure => return Err(CORRUPT),
                    BrotliResult::ResultSuccess => self.is_complete = true,
                    BrotliResult::NeedsMoreInput | BrotliResult::NeedsMoreOutput => {}
                }
                Ok(Decoded { read, written })
            }
            State::Zstd(zstd) => {
                let progress = zstd.decode(all, output)?;
                self.is_complete = zstd.is_complete();
                Ok(progress)
            }
        }
    }
}

/// Returns whether two bytes are a zlib header (RFC 1950). Many servers send raw DEFLATE data (RFC 1951) without one.
fn is_zlib_header(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0
}
