//! Translations, dates and numbers in the visitor's language. `intl` uses the browser; the other modules are pure.

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
