//! Plurals, numbers and dates from the browser's `Intl`. Plain numbers and ISO dates are used for anything that the
//! browser does not support.

use std::cell::RefCell;

use js_sys::{Array, Function, Object, Reflect};
use shared::{DAY, substring};
use wasm_bindgen::{JsCast, JsValue};

use super::language::{DateStyle, LocaleFormat};
use super::locale::Locale;
use crate::civil::iso_date;

/// The options for all dates. The digits and the calendar match those of the times, errors and units next to them.
/// Times have already been converted to the time zone.
const COMMON: &str = "numberingSystem=latn,calendar=gregory,timeZone=UTC,";

/// Additional options, in the order of [`DateStyle`].
const DATES: [&str; 7] = [
    "weekday=long,day=numeric,month=long",
    "weekday=long,day=numeric,month=long,year=numeric",
    "day=numeric,month=long",
    "day=numeric,month=long,year=numeric",
    "day=numeric,month=short",
    "weekday=long",
    "month=long,year=numeric",
];

const DAY_MILLISECONDS: f64 = 86_400_000.0;

pub(crate) fn intl() -> Option<JsValue> {
    Reflect::get(&js_sys::global(), &"Intl".into()).ok()
}

/// An `Intl` object that formats numbers.
pub(crate) struct IntlObject {
    object: JsValue,
    function: Function,
}

impl IntlObject {
    /// Creates an object, for example a `DateTimeFormat` with its `format` function, with options such as
    /// `timeZone=UTC,day=numeric`. Returns `None` if the browser does not support the locale or an option.
    pub(crate) fn new(class: &str, function: &str, locale: &str, options: &str) -> Option<IntlObject> {
        let parsed = Object::new();
        for (name, value) in options.split(',').filter_map(|option| option.split_once('=')) {
            let _ = Reflect::set(&parsed, &name.into(), &value.into());
        }
        // The constructors in `js_sys` do not catch the exception that an unsupported option causes.
        let constructor = Reflect::get(&intl()?, &class.into()).ok()?.dyn_into::<Function>().ok()?;
        let object = Reflect::construct(&constructor, &Array::of2(&locale.into(), &parsed)).ok()?;
        let function = Reflect::get(&object, &function.into()).ok()?.dyn_into().ok()?;
        Some(IntlObject { object, function })
    }

    /// Formats a number, or selects its plural category.
    pub(crate) fn call(&self, number: f64) -> Option<String> {
        self.function.call1(&self.object, &JsValue::from_f64(number)).ok()?.as_string()
    }
}

/// The indexes of the objects that follow those for dates.
const PLURALS: usize = DATES.len();
const NUMBERS: usize = PLURALS + 1;

/// The maximum number of cached strings.
const CACHE_LIMIT: usize = 1_000;

/// The formats of one language, provided by the browser.
pub(crate) struct IntlFormatter {
    /// The objects for dates, in the order of [`DateStyle`], followed by those for plurals and numbers.
    objects: Vec<Option<IntlObject>>,
    decimal: String,
    percent: (String, String),
    /// Formatted strings by number and object. Formatting is slow, and hundreds of endpoints show the same days and
    /// durations.
    cache: RefCell<Vec<(i64, String)>>,
}

impl IntlFormatter {
    pub(crate) fn new(locale: &Locale) -> IntlFormatter {
        let object = |class: &str, options: &str| {
            let function = if class == "PluralRules" { "select" } else { "format" };
            // Browsers reject some regional variants, but a language code without a region is always valid.
            let object = IntlObject::new(class, function, &locale.tag, options);
            object.or_else(|| IntlObject::new(class, function, locale.code, options))
        };
        let format = |object: &Option<IntlObject>, number| {
            object.as_ref().and_then(|object| object.call(number)).unwrap_or_default()
        };
        let numbers = object("NumberFormat", "numberingSystem=latn");
        let percent = format(&object("NumberFormat", "numberingSystem=latn,style=percent"), 0.5);
        let (prefix, suffix) = substring::split_once(&percent, "50").unwrap_or(("", "%"));
        let decimal = format(&numbers, 1.5);
        let dates = DATES.iter().map(|options| object("DateTimeFormat", &[COMMON, options].concat()));
        IntlFormatter {
            decimal: decimal.get(1..).and_then(|text| text.strip_suffix('5')).unwrap_or(".").to_owned(),
            percent: (prefix.to_owned(), suffix.to_owned()),
            objects: dates.chain([object("PluralRules", ""), numbers]).collect(),
            cache: RefCell::default(),
        }
    }

    /// Formats `number` times `unit` with the object at an index. Returns an empty string if the browser does not
    /// support it.
    fn format(&self, index: usize, number: i64, unit: f64) -> String {
        let key = number * 16 + index as i64;
        let mut cache = self.cache.borrow_mut();
        let position = cache.partition_point(|(cached, _)| *cached < key);
        if let Some((_, text)) = cache.get(position).filter(|(cached, _)| *cached == key) {
            return text.clone();
        }
        let object = self.objects[index].as_ref();
        let text = object.and_then(|object| object.call(number as f64 * unit)).unwrap_or_default();
        if cache.len() < CACHE_LIMIT {
            cache.insert(position, (key, text.clone()));
        }
        text
    }
}

impl LocaleFormat for IntlFormatter {
    fn category(&self, number: usize) -> String {
        self.format(PLURALS, number as i64, 1.0)
    }

    fn count(&self, number: usize) -> String {
        // Numbers below 1,000 have no separators.
        let text = if number < 1_000 { String::new() } else { self.format(NUMBERS, number as i64, 1.0) };
        if text.is_empty() { number.to_string() } else { text }
    }

    fn date(&self, style: DateStyle, day_number: i64) -> String {
        let text = self.format(style as usize, day_number, DAY_MILLISECONDS);
        if text.is_empty() { iso_date(day_number * DAY) } else { text }
    }

    fn decimal(&self) -> &str {
        &self.decimal
    }

    fn percent(&self) -> (&str, &str) {
        (&self.percent.0, &self.percent.1)
    }
}
