//! Decodes gzip (RFC 1952) and inflates raw DEFLATE data (RFC 1951).

use flate2::{Crc, Decompress, FlushDecompress, Status};
use memchr::memchr;

use super::{CORRUPT, Decoded, Defect, TRAILING_DATA, WRONG_CHECKSUM};

/// The maximum length of a gzip header, including its file name and comment, in bytes.
const HEADER_LIMIT: usize = 4_096;
const TRAILER: usize = 8;

/// Inflates part of the input. Also returns whether the compressed data has ended.
pub(in crate::checks) fn inflate_step(
    inflate: &mut Decompress,
    input: &[u8],
    output: &mut [u8],
) -> Result<(Decoded, bool), Defect> {
    let before = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, output, FlushDecompress::None).map_err(|_| CORRUPT)?;
    let read = usize::try_from(inflate.total_in() - before.0).unwrap_or_default();
    let written = usize::try_from(inflate.total_out() - before.1).unwrap_or_default();
    Ok((Decoded { read, written }, status == Status::StreamEnd))
}

/// Decodes consecutive gzip members (RFC 1952). Zero padding after the last member, as on tapes, is ignored.
pub(super) struct Gzip {
    part: GzipPart,
    inflate: Decompress,
    crc: Crc,
    /// Whether at least one gzip member is complete.
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
    pub(super) fn new() -> Gzip {
        Gzip { part: GzipPart::Header, inflate: Decompress::new(false), crc: Crc::new(), has_member: false }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.has_member && matches!(self.part, GzipPart::Header | GzipPart::Padding)
    }

    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Defect> {
        let read = match self.part {
            GzipPart::Header if self.has_member && input.first() == Some(&0) => {
                self.part = GzipPart::Padding;
                return self.decode(input, output);
            }
            GzipPart::Header => {
                let Some(length) = header_length(input)? else { return Ok(Decoded::default()) };
                self.part = GzipPart::Data;
                length
            }
            GzipPart::Data => {
                let (progress, is_complete) = inflate_step(&mut self.inflate, input, output)?;
                self.crc.update(&output[..progress.written]);
                if is_complete {
                    self.part = GzipPart::Trailer;
                    if progress == Decoded::default() {
                        return self.decode(input, output);
                    }
                }
                return Ok(progress);
            }
            GzipPart::Trailer => {
                let Some(trailer) = input.first_chunk::<TRAILER>() else { return Ok(Decoded::default()) };
                let expected = [self.crc.sum().to_le_bytes(), self.crc.amount().to_le_bytes()];
                if trailer.as_slice() != expected.as_flattened() {
                    return Err(WRONG_CHECKSUM);
                }
                self.inflate.reset(false);
                self.crc.reset();
                (self.part, self.has_member) = (GzipPart::Header, true);
                TRAILER
            }
            GzipPart::Padding if input.iter().all(|byte| *byte == 0) => input.len(),
            GzipPart::Padding => return Err(TRAILING_DATA),
        };
        Ok(Decoded { read, written: 0 })
    }
}

/// Returns the length of the gzip header at the start of `data`, or `None` if the header is incomplete.
fn header_length(data: &[u8]) -> Result<Option<usize>, Defect> {
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
        None if data.len() > HEADER_LIMIT => Err("has a header of more than 4 KiB"),
        None => Ok(None),
    }
}
