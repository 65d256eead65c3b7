//! A constant for each text, which `build.rs` generates from the keys of `statuspage/locales/en.txt`.

/// A text, identified by the position of its key in `en.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(u8);

impl Text {
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));
