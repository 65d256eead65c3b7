//! Compressed objects. They are recognized by their first bytes, because copies of a store and some services lose
//! `Content-Encoding`.

use std::io::{self, Read as _, Write as _};

use flate2::read::GzDecoder;

/// The first bytes of gzip (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

pub(super) fn compress(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(content);
    encoder.finish().unwrap_or_default()
}

/// The content is larger than the limit.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Decompresses content if it is compressed. Incomplete or corrupt content becomes empty, which its parser rejects, so
/// a flipped bit cannot change a figure.
pub(super) fn decompress(content: Vec<u8>, limit: u64) -> Result<Vec<u8>, TooLarge> {
    if !content.starts_with(&GZIP_MAGIC) {
        return Ok(content);
    }
    // Measuring the size first needs no memory, regardless of the content.
    let Some(size) = decompressed_size(&content, limit) else { return Ok(Vec::new()) };
    if size > limit {
        return Err(TooLarge);
    }
    let mut decompressed = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    let _ = GzDecoder::new(content.as_slice()).take(size).read_to_end(&mut decompressed);
    Ok(decompressed)
}

/// Returns the decompressed size of the content, or a size above the limit if it is larger. Returns `None` if the
/// content is corrupt.
fn decompressed_size(content: &[u8], limit: u64) -> Option<u64> {
    let mut decoder = GzDecoder::new(content);
    let (mut size, mut buffer) = (0, [0; 16 << 10]);
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => return Some(size),
            Ok(count) => size += count as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
        if size > limit {
            return Some(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 1 << 20;

    #[test]
    fn compressed_content_is_recognized_by_its_bytes() {
        let long = vec![b'x'; 100_000];
        for content in [b"".as_slice(), b"{\"version\":1}", &long] {
            assert_eq!(decompress(compress(content), LIMIT).unwrap(), content);
            assert_eq!(decompress(content.to_vec(), LIMIT).unwrap(), content);
        }
    }

    #[test]
    fn content_that_decompresses_to_more_than_the_limit_is_refused() {
        let most = vec![b' '; LIMIT as usize];
        assert_eq!(decompress(compress(&most), LIMIT).unwrap().len(), most.len());
        assert_eq!(decompress(compress(&[most.as_slice(), b" "].concat()), LIMIT), Err(TooLarge));
    }

    #[test]
    fn incomplete_and_corrupt_content_is_rejected() {
        let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let compressed = compress(&content);
        assert_eq!(decompress(compressed[..compressed.len() / 2].to_vec(), LIMIT), Ok(Vec::new()));
        for at in (10..compressed.len()).step_by(compressed.len() / 40) {
            let mut corrupt = compressed.clone();
            corrupt[at] ^= 1;
            assert_eq!(decompress(corrupt, LIMIT), Ok(Vec::new()), "{at}");
        }
    }
}
