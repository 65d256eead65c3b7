//! What the browser's `Intl` knows of languages: plurals, numbers and dates. Where it does not know a thing, that is
//! written as programs write it.

use std::cell::RefCell;

use js_sys::{Array, Function, Object, Reflect};
use shared::DAY;
use wasm_bindgen::{JsCast, JsValue};

use super::language::{DateStyle, LocaleFormat};
use super::locale::Locale;
use crate::civil::rfc3339;

/// The options of all dates: one kind of figures and one calendar, since times, errors and units beside them have those,
/// too. The zone is reckoned before.
const COMMON: &str = "numberingSystem=latn,calendar=gregory,timeZone=UTC,";

/// What more there is of dates, in the order of [`DateStyle`].
const DATES: [&str; 6] = [
    "weekday=long,day=numeric,month=long",
    "weekday=long,day=numeric,month=long,year=numeric",
    "day=numeric,month=long",
    "day=numeric,month=long,year=numeric",
    "day=numeric,month=short",
    "weekday=long",
];

/// A day in the milliseconds of the browser's dates.
const DAY_MILLISECONDS: f64 = 86_400_000.0;

/// The browser's object `Intl`.
pub(crate) fn intl() -> Option<JsValue> {
    Reflect::get(&js_sys::global(), &"Intl".into()).ok()
}

/// Something of `Intl` that makes a text of a number.
pub(crate) struct IntlObject {
    object: JsValue,
    function: Function,
}

impl IntlObject {
    /// One of a kind, such as `DateTimeFormat` with its function `format`, with options such as
    /// `timeZone=UTC,day=numeric`; `None` where the browser does not know the locale or an option.
    pub(crate) fn new(kind: &str, function: &str, locale: &str, options: &str) -> Option<IntlObject> {
        let chosen = Object::new();
        for (name, value) in options.split(',').filter_map(|option| option.split_once('=')) {
            let _ = Reflect::set(&chosen, &name.into(), &value.into());
        }
        // By hand, since the constructor throws what it does not know.
        let constructor = Reflect::get(&intl()?, &kind.into()).ok()?.dyn_into::<Function>().ok()?;
        let object = Reflect::construct(&constructor, &Array::of2(&locale.into(), &chosen)).ok()?;
        let function = Reflect::get(&object, &function.into()).ok()?.dyn_into().ok()?;
        Some(IntlObject { object, function })
    }

    /// The text for a number.
    pub(crate) fn call(&self, number: f64) -> Option<String> {
        self.function.call1(&self.object, &JsValue::from_f64(number)).ok()?.as_string()
    }
}

/// The places of the tools behind those for dates.
const PLURALS: usize = DATES.len();
const NUMBERS: usize = PLURALS + 1;

/// So many things that were said are remembered.
const SAID_LIMIT: usize = 1_000;

/// What the browser knows of one language.
pub(crate) struct IntlFormatter {
    /// What writes dates, in the order of [`DateStyle`]; then what knows plurals, and what writes numbers.
    tools: Vec<Option<IntlObject>>,
    decimal: String,
    percent: (String, String),
    /// What they said of which number: asking is slow, and five hundred endpoints have the same days and lengths.
    said: RefCell<Vec<(i64, String)>>,
}

impl IntlFormatter {
    /// Asks the browser about a language.
    pub(crate) fn new(locale: &Locale) -> IntlFormatter {
        let tool = |kind: &str, options: &str| {
            let function = if kind == "PluralRules" { "select" } else { "format" };
            // A locale that the browser finds odd throws; its language alone does not.
            let tool = IntlObject::new(kind, function, &locale.tag, options);
            tool.or_else(|| IntlObject::new(kind, function, locale.code, options))
        };
        let said =
            |tool: &Option<IntlObject>, number| tool.as_ref().and_then(|tool| tool.call(number)).unwrap_or_default();
        let numbers = tool("NumberFormat", "numberingSystem=latn");
        let percent = said(&tool("NumberFormat", "numberingSystem=latn,style=percent"), 0.5);
        let (before, behind) = percent.split_once("50").unwrap_or(("", "%"));
        let decimal = said(&numbers, 1.5);
        let dates = DATES.iter().map(|options| tool("DateTimeFormat", &[COMMON, options].concat()));
        IntlFormatter {
            decimal: decimal.get(1..).and_then(|text| text.strip_suffix('5')).unwrap_or(".").to_owned(),
            percent: (before.to_owned(), behind.to_owned()),
            tools: dates.chain([tool("PluralRules", ""), numbers]).collect(),
            said: RefCell::default(),
        }
    }

    /// What a tool says of a number of something; nothing if it does not know.
    fn format(&self, tool: usize, number: i64, unit: f64) -> String {
        let key = number * 8 + tool as i64;
        let mut said = self.said.borrow_mut();
        let place = said.partition_point(|(known, _)| *known < key);
        if let Some((_, text)) = said.get(place).filter(|(known, _)| *known == key) {
            return text.clone();
        }
        let text = self.tools[tool].as_ref().and_then(|tool| tool.call(number as f64 * unit)).unwrap_or_default();
        if said.len() < SAID_LIMIT {
            said.insert(place, (key, text.clone()));
        }
        text
    }
}

impl LocaleFormat for IntlFormatter {
    fn category(&self, number: usize) -> String {
        self.format(PLURALS, number as i64, 1.0)
    }

    fn count(&self, number: usize) -> String {
        // Small numbers have no groups of figures.
        let text = if number < 1_000 { String::new() } else { self.format(NUMBERS, number as i64, 1.0) };
        if text.is_empty() { number.to_string() } else { text }
    }

    fn date(&self, style: DateStyle, day_number: i64) -> String {
        let text = self.format(style as usize, day_number, DAY_MILLISECONDS);
        if text.is_empty() { rfc3339(day_number * DAY)[..10].to_owned() } else { text }
    }

    fn decimal(&self) -> &str {
        &self.decimal
    }

    fn percent(&self) -> (&str, &str) {
        (&self.percent.0, &self.percent.1)
    }
}
