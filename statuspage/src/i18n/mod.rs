//! The page's texts, dates and numbers in the reader's language. `intl` asks the browser how a language writes dates and
//! numbers; everything else is pure.

mod calendar;
pub(crate) mod intl;
mod language;
mod locale;
pub(crate) mod texts;

pub use calendar::Calendar;
pub(crate) use intl::IntlFormatter;
pub use language::{DateStyle, Language, LocaleFormat, Texts};
pub(crate) use locale::{Locale, choose};
pub use texts::Text;
