//! A hash that does not depend on the program's version, for names and logs in the store.

/// Computes a 64-bit FNV-1a hash. A collision must be harmless, because it is easy to cause.
pub(crate) fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
