//! The codings of HTTP bodies: which ones a response has, and decoders that do a limited amount of work per step.

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use encoding_rs::Encoding;
use flate2::{Crc, Decompress, FlushDecompress, Status};
use http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, TRANSFER_ENCODING};
use memchr::memchr;

use super::zstd::Zstd;

/// How many codings a body can have.
const CODINGS_LIMIT: usize = 4;
/// The length of a gzip header with its file name and comment, in bytes.
const GZIP_HEADER_LIMIT: usize = 4_096;
const GZIP_TRAILER: usize = 8;
/// How many bytes a decoder reads or writes in one step.
pub(super) const STEP: usize = 16 << 10;

/// A coding that can be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

/// Returns the codings of a response in the order in which they are decoded. The error states why that is impossible.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<Coding>, String> {
    let mut codings = Vec::new();
    for name in [CONTENT_ENCODING, TRANSFER_ENCODING] {
        let mut tokens = tokens(headers, &name);
        if name == TRANSFER_ENCODING && tokens.last().is_some_and(|last| last == "chunked") {
            // The HTTP library decodes it.
            tokens.pop();
        }
        for token in tokens {
            codings.extend(Coding::parse(&token)?);
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
    let tokens = lists.iter().flat_map(|list| list.split(','));
    // A transfer coding can have parameters.
    let tokens = tokens.map(|token| token.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    tokens.filter(|token| !token.is_empty()).collect()
}

impl Coding {
    /// Parses the name of a coding; `None` if the body is as it is without it.
    fn parse(name: &str) -> Result<Option<Coding>, String> {
        Ok(Some(match name {
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            "br" => Coding::Brotli,
            "zstd" => Coding::Zstd,
            "identity" | "none" | "binary" | "7bit" | "8bit" => return Ok(None),
            // Some servers send their charset as encoding. Browsers ignore it, too.
            charset if Encoding::for_label(charset.as_bytes()).is_some() => return Ok(None),
            unknown => {
                return Err(format!(
                    "body has the encoding `{unknown}`, which cannot be decoded: expected `gzip`, `deflate`, `br` or `zstd`"
                ));
            }
        }))
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

/// Decodes one coding. Input arrives in pieces, and each step writes to a small buffer.
pub(super) struct CodingDecoder {
    coding: Coding,
    state: State,
    is_complete: bool,
}

enum State {
    Gzip(Gzip),
    /// `None` until the first two bytes show whether there is a zlib header.
    Deflate(Option<Decompress>),
    Brotli(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
    Zstd(Box<Zstd>),
}

/// How many bytes a step read and wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) read: usize,
    pub(super) written: usize,
}

/// Why data cannot be decoded, as the end of a clause about it.
pub(super) type Defect = &'static str;

pub(super) const CORRUPT: Defect = "is corrupt";
pub(super) const WRONG_CHECKSUM: Defect = "has a wrong checksum";
const TRAILING_DATA: Defect = "is followed by other data";

impl CodingDecoder {
    /// Creates a decoder. Of its output, only this many bytes are needed.
    pub(super) fn new(coding: Coding, needed: usize) -> CodingDecoder {
        let state = match coding {
            Coding::Gzip => State::Gzip(Gzip::new()),
            Coding::Deflate => State::Deflate(None),
            Coding::Brotli => {
                // Strictly RFC 7932: a large window could take 1 GiB.
                let allocators = (StandardAlloc::default(), StandardAlloc::default(), StandardAlloc::default());
                State::Brotli(Box::new(BrotliState::new_strict(allocators.0, allocators.1, allocators.2)))
            }
            Coding::Zstd => State::Zstd(Box::new(Zstd::new(needed))),
        };
        CodingDecoder { coding, state, is_complete: false }
    }

    /// Whether the data received so far is complete.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    pub(super) fn name(&self) -> &'static str {
        self.coding.name()
    }

    /// Decodes a part of the input. Without progress, more input is needed. After an error, the decoder is unusable.
    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, String> {
        self.step(input, output)
            .map_err(|defect| format!("body is not valid: its `{}` data {defect}", self.coding.name()))
    }

    fn step(&mut self, all: &[u8], output: &mut [u8]) -> Result<Progress, Defect> {
        let input = &all[..all.len().min(STEP)];
        match &mut self.state {
            State::Gzip(gzip) => {
                let progress = gzip.decode(input, output)?;
                self.is_complete = gzip.is_complete();
                Ok(progress)
            }
            State::Deflate(_) | State::Brotli(_) if self.is_complete && input.is_empty() => Ok(Progress::default()),
            State::Deflate(_) | State::Brotli(_) if self.is_complete => Err(TRAILING_DATA),
            State::Deflate(state) => {
                let inflate = match (state.as_mut(), input) {
                    (Some(inflate), _) => inflate,
                    (None, [first, second, ..]) => state.insert(Decompress::new(is_zlib_header(*first, *second))),
                    (None, _) => return Ok(Progress::default()),
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
                Ok(Progress { read, written })
            }
            State::Zstd(zstd) => {
                let progress = zstd.decode(all, output)?;
                self.is_complete = zstd.is_complete();
                Ok(progress)
            }
        }
    }
}

/// Whether the data starts with a zlib header (RFC 1950). Many servers send raw deflate data instead (RFC 1951).
fn is_zlib_header(first: u8, second: u8) -> bool {
    first & 0x0f == 8 && first >> 4 <= 7 && (u16::from(first) << 8 | u16::from(second)) % 31 == 0
}

/// Inflates a part of the input; also returns whether the data is complete.
fn inflate_step(inflate: &mut Decompress, input: &[u8], output: &mut [u8]) -> Result<(Progress, bool), Defect> {
    let before = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None).map_err(|_| CORRUPT)?;
    let read = usize::try_from(inflate.total_in() - before.0).unwrap_or_default();
    let written = usize::try_from(inflate.total_out() - before.1).unwrap_or_default();
    Ok((Progress { read, written }, status == Status::StreamEnd))
}

/// Decodes gzip members one after another (RFC 1952). Zeros can follow the last one, as with tapes.
struct Gzip {
    part: GzipPart,
    inflate: Decompress,
    crc: Crc,
    /// Whether at least one member is complete.
    has_member: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GzipPart {
    Header,
    Data,
    Trailer,
    Padding,
}

impl Gzip {
    fn new() -> Gzip {
        Gzip { part: GzipPart::Header, inflate: Decompress::new(false), crc: Crc::new(), has_member: false }
    }

    fn is_complete(&self) -> bool {
        self.has_member && matches!(self.part, GzipPart::Header | GzipPart::Padding)
    }

    fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Progress, Defect> {
        let read = match self.part {
            GzipPart::Header if self.has_member && input.first() == Some(&0) => {
                self.part = GzipPart::Padding;
                return self.decode(input, output);
            }
            GzipPart::Header => {
                let Some(length) = gzip_header_length(input)? else { return Ok(Progress::default()) };
                self.part = GzipPart::Data;
                length
            }
            GzipPart::Data => {
                let (progress, is_complete) = inflate_step(&mut self.inflate, input, output)?;
                self.crc.update(&output[..progress.written]);
                if is_complete {
                    self.part = GzipPart::Trailer;
                    if progress == Progress::default() {
                        return self.decode(input, output);
                    }
                }
                return Ok(progress);
            }
            GzipPart::Trailer => {
                let Some(trailer) = input.first_chunk::<GZIP_TRAILER>() else { return Ok(Progress::default()) };
                let [a, b, c, d, e, f, g, h] = *trailer;
                if (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
                    != (self.crc.sum(), self.crc.amount())
                {
                    return Err(WRONG_CHECKSUM);
                }
                self.inflate.reset(false);
                self.crc.reset();
                (self.part, self.has_member) = (GzipPart::Header, true);
                GZIP_TRAILER
            }
            GzipPart::Padding if input.iter().all(|byte| *byte == 0) => input.len(),
            GzipPart::Padding => return Err(TRAILING_DATA),
        };
        Ok(Progress { read, written: 0 })
    }
}

/// The length of the header at the start of the data; `None` if it is not complete.
fn gzip_header_length(data: &[u8]) -> Result<Option<usize>, Defect> {
    const FIXED: usize = 10;
    const HEADER_CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    const RESERVED: u8 = 0xe0;
    let is_start = |magic: &[u8]| data.iter().zip(magic).all(|(byte, expected)| byte == expected);
    if !is_start(&[0x1f, 0x8b, 8]) {
        return Err(CORRUPT);
    }
    let Some(flags) = data.get(3) else { return Ok(None) };
    if flags & RESERVED != 0 {
        return Err(CORRUPT);
    }
    let end = || {
        let mut end = FIXED;
        if flags & EXTRA != 0 {
            let length = data.get(end..end + 2)?.first_chunk::<2>()?;
            end += 2 + usize::from(u16::from_le_bytes(*length));
        }
        for flag in [NAME, COMMENT] {
            if flags & flag != 0 {
                end += memchr(0, data.get(end..)?)? + 1;
            }
        }
        if flags & HEADER_CHECKSUM != 0 {
            end += 2;
        }
        (end <= data.len()).then_some(end)
    };
    match end() {
        Some(end) => Ok(Some(end)),
        None if data.len() > GZIP_HEADER_LIMIT => Err("has a header of more than 4 KiB"),
        None => Ok(None),
    }
}
