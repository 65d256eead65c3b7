//! A name for each text, from the keys of `statuspage/locales/en.txt`; `build.rs` writes them.

use super::language::Text;

include!(concat!(env!("OUT_DIR"), "/texts.rs"));
