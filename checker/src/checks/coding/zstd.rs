//! Decodes Zstandard (RFC 8878) from input that arrives in pieces.
//!
//! The library decodes whole blocks and keeps as much output as the frame's window. To limit its memory, each frame
//! header is replaced with one that has the smallest window that allows blocks of any size, and each block is passed to
//! the library once all of it has arrived. Because blocks refer back to earlier output, a decoded frame stays in the
//! library's buffer until it is complete or longer than the caller needs. The buffer's length thus limits the memory,
//! whatever window a frame requires.

use std::io::Read as _;

use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::{CORRUPT, Decoded, Defect, WRONG_CHECKSUM};

/// The maximum size of a block in bytes, both compressed and decompressed.
const BLOCK_LIMIT: usize = 128 << 10;
/// A frame header with a window of [`BLOCK_LIMIT`], but no length, dictionary or checksum.
const FRAME_HEADER: [u8; 6] = [0x28, 0xb5, 0x2f, 0xfd, 0, 7 << 3];
/// An empty block that marks the end of a frame.
const LAST_BLOCK: [u8; BLOCK_HEADER] = [1, 0, 0];
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// The magic number of a skippable frame, without its four lowest bits, which can have any value.
const SKIPPABLE_MAGIC: u32 = 0x184d_2a50;
const BLOCK_HEADER: usize = 3;

pub(super) struct Zstd {
    decoder: FrameDecoder,
    part: Part,
    frame: Frame,
    /// The number of output bytes that the caller needs.
    needed: usize,
    /// Whether at least one frame is complete.
    has_frame: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Header,
    /// The remaining length of a skippable frame, in bytes.
    Skipped(usize),
    Block,
    Checksum,
    Output,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Frame {
    has_checksum: bool,
    /// The decoded length that the frame header states, in bytes.
    length: Option<u64>,
    checksum: Option<u32>,
    written: u64,
    /// Whether decoding stopped before the end of the frame, because the caller needs no more output.
    is_cut: bool,
}

impl Zstd {
    /// Creates a decoder. The caller needs at most `needed` bytes of each frame.
    pub(super) fn new(needed: usize) -> Zstd {
        Zstd { decoder: FrameDecoder::new(), part: Part::Header, frame: Frame::default(), needed, has_frame: false }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.has_frame && self.part == Part::Header
    }

    pub(super) fn decode(&mut self, input: &[u8], output: &mut [u8]) -> Result<Decoded, Defect> {
        let read = match self.part {
            Part::Header => self.start_frame(input)?,
            Part::Skipped(length) => {
                let skipped = length.min(input.len());
                let left = length - skipped;
                (self.part, self.has_frame) =
                    if left == 0 { (Part::Header, true) } else { (Part::Skipped(left), false) };
                skipped
            }
            Part::Block => self.decode_block(input)?,
            Part::Checksum => {
                let Some(checksum) = input.first_chunk::<4>() else { return Ok(Decoded::default()) };
                self.frame.checksum = Some(u32::from_le_bytes(*checksum));
                self.part = Part::Output;
                checksum.len()
            }
            Part::Output => return self.drain(output),
        };
        // The output of a complete frame is available without more input.
        let written = if self.part == Part::Output { self.drain(output)?.written } else { 0 };
        Ok(Decoded { read, written })
    }

    /// Reads a frame header. Returns its length, or 0 if it is incomplete.
    fn start_frame(&mut self, input: &[u8]) -> Result<usize, Defect> {
        let Some(magic) = input.first_chunk::<4>() else { return Ok(0) };
        if u32::from_le_bytes(*magic) & !0xf == SKIPPABLE_MAGIC {
            let Some(length) = input.get(4..).and_then(|rest| rest.first_chunk::<4>()) else { return Ok(0) };
            match usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX) {
                0 => self.has_frame = true,
                length => self.part = Part::Skipped(length),
            }
            return Ok(8);
        }
        if *magic != MAGIC {
            return Err(CORRUPT);
        }
        let Some(descriptor) = input.get(4) else { return Ok(0) };
        let is_single_segment = descriptor & 0x20 != 0;
        let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
        let length = match descriptor >> 6 {
            0 if is_single_segment => 1,
            0 => 0,
            power => 1 << power,
        };
        if descriptor & 0x08 != 0 {
            return Err(CORRUPT);
        }
        let start = 5 + usize::from(!is_single_segment);
        let Some(fields) = input.get(start..start + dictionary + length) else { return Ok(0) };
        let (dictionary, length) = fields.split_at(dictionary);
        if dictionary.iter().any(|byte| *byte != 0) {
            return Err("needs a dictionary");
        }
        self.frame = Frame {
            has_checksum: descriptor & 0x04 != 0,
            length: (!length.is_empty()).then(|| {
                let number = length.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
                if length.len() == 2 { number + 256 } else { number }
            }),
            ..Frame::default()
        };
        self.decoder.reset(FRAME_HEADER.as_slice()).map_err(|_| CORRUPT)?;
        self.part = Part::Block;
        Ok(start + fields.len())
    }

    /// Decodes one block. Returns the number of bytes read, or 0 if the block is incomplete.
    fn decode_block(&mut self, input: &[u8]) -> Result<usize, Defect> {
        let Some([low, middle, high]) = input.first_chunk::<BLOCK_HEADER>() else { return Ok(0) };
        let header = u32::from_le_bytes([*low, *middle, *high, 0]);
        let size = usize::try_from(header >> 3).unwrap_or(usize::MAX);
        let stored = match (header >> 1) & 3 {
            _ if size > BLOCK_LIMIT => return Err(CORRUPT),
            0 | 2 => size,
            1 => 1,
            _ => return Err(CORRUPT),
        };
        let Some(block) = input.get(..BLOCK_HEADER + stored) else { return Ok(0) };
        let is_last = self.decoder.decode_blocks(block, BlockDecodingStrategy::UptoBlocks(1)).map_err(|_| CORRUPT)?;
        if is_last {
            self.part = if self.frame.has_checksum { Part::Checksum } else { Part::Output };
        } else if self.decoder.can_collect().saturating_add(BLOCK_LIMIT) > self.needed.max(BLOCK_LIMIT) {
            self.decoder
                .decode_blocks(LAST_BLOCK.as_slice(), BlockDecodingStrategy::UptoBlocks(1))
                .map_err(|_| CORRUPT)?;
            self.frame.is_cut = true;
            self.part = Part::Output;
        }
        Ok(block.len())
    }

    /// Writes decoded data to `output`. Checks the frame's length and checksum once all of it is written.
    fn drain(&mut self, output: &mut [u8]) -> Result<Decoded, Defect> {
        let written = self.decoder.read(output).map_err(|_| CORRUPT)?;
        self.frame.written += written as u64;
        if self.frame.is_cut && written == 0 {
            return Err(CORRUPT);
        }
        if self.decoder.can_collect() == 0 && !self.frame.is_cut {
            let Frame { length, checksum, written, .. } = self.frame;
            if length.is_some_and(|length| length != written) {
                return Err(CORRUPT);
            }
            if checksum.is_some() && checksum != self.decoder.get_calculated_checksum() {
                return Err(WRONG_CHECKSUM);
            }
            (self.part, self.has_frame) = (Part::Header, true);
        }
        Ok(Decoded { read: 0, written })
    }
}
