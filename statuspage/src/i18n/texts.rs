//! A constant for each translatable string. `build.rs` generates them from the keys of `statuspage/locales/en.txt`.

/// A translatable string, identified by the position of its key in `en.txt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text(u16);

impl Text {
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));
