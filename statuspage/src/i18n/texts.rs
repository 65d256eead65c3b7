//! A name for each text, from the keys of `statuspage/locales/en.txt`; `build.rs` writes them.

/// A text, by the position of its key in `en.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(u8);

impl Text {
    /// Its position among the keys.
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));
