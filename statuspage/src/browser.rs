//! What the browser knows besides the network: the time and its zone, the width of the window, whether anybody is
//! looking, and the tab with its title and icon.

use std::cell::{Cell, RefCell};
use std::pin::Pin;

use js_sys::{Array, Date, Function, Intl, JsString, Object, Promise, Reflect};
use shared::{MINUTE, Nanos, UnixNanos};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Document, HtmlElement, Window};

use crate::civil::parse_offset;
use crate::i18n::intl::{IntlObject, intl};
use crate::view::icon::icon;
use shared::quorum::CLOCK_TOLERANCE;
use shared::status::Status;

const MILLISECOND: f64 = 1e6;

/// The narrowest window that has room for three months of bars, in CSS pixels.
const WIDE_FROM: f64 = 640.0;

fn window() -> Option<Window> {
    web_sys::window()
}

fn document() -> Option<Document> {
    window()?.document()
}

/// Now, by the device's clock unless that is known to be wrong.
pub(crate) fn now() -> UnixNanos {
    device_now() - clock_ahead()
}

fn device_now() -> UnixNanos {
    (Date::now() * MILLISECOND) as UnixNanos
}

thread_local! {
    /// By how much the device's clock is ahead of the server's, if that is more than clocks may differ.
    static AHEAD: Cell<Nanos> = const { Cell::new(0) };
}

/// Holds the device's clock against what a server's says just now.
pub(crate) fn compare_clock(server: UnixNanos) {
    let ahead = device_now() - server;
    AHEAD.set(if ahead.abs() > CLOCK_TOLERANCE { ahead } else { 0 });
}

/// By how much the device's clock is ahead of the server's; 0 if it is right.
pub(crate) fn clock_ahead() -> Nanos {
    AHEAD.get()
}

/// Whether the device has a network, as far as it knows.
pub(crate) fn is_online() -> bool {
    window().is_none_or(|window| window.navigator().on_line())
}

/// How far the clock that shows the times is ahead of UTC at a moment: the device's, or that of the chosen zone.
pub(crate) fn offset_at(moment: UnixNanos) -> Nanos {
    ZONE.with_borrow_mut(|zone| zone.offset_at(moment))
}

thread_local! {
    /// Whose clock shows the times.
    static ZONE: RefCell<ShownZone> = const { RefCell::new(ShownZone { format: None, known: Vec::new() }) };
}

/// Zones change their offsets at multiples of this at the earliest.
const OFFSET_HOLDS: Nanos = 15 * MINUTE;

/// A zone, and what the browser said of it: asking it is slow.
struct ShownZone {
    /// What writes moments in the chosen zone; `None` is the device's.
    format: Option<IntlObject>,
    known: Vec<(i64, Nanos)>,
}

impl ShownZone {
    /// The zone of a name; `None` if the browser does not know it.
    fn of_name(name: &str) -> Option<ShownZone> {
        // A name comes from an address: as it is it could bring options of its own.
        let name = name.split(',').next().unwrap_or_default();
        let options = ["timeZoneName=longOffset,timeZone=", name].concat();
        let format = IntlObject::new("DateTimeFormat", "format", "en-US", &options)?;
        Some(ShownZone { format: Some(format), known: Vec::new() })
    }

    fn offset_at(&mut self, moment: UnixNanos) -> Nanos {
        let number = moment.div_euclid(OFFSET_HOLDS);
        let place = self.known.partition_point(|(known, _)| *known < number);
        if let Some((_, offset)) = self.known.get(place).filter(|(known, _)| *known == number) {
            return *offset;
        }
        let milliseconds = (number * OFFSET_HOLDS) as f64 / MILLISECOND;
        let offset = if let Some(format) = &self.format {
            format.call(milliseconds).and_then(|text| parse_offset(&text)).unwrap_or(0)
        } else {
            let date = Date::new(&JsValue::from_f64(milliseconds));
            (-date.get_timezone_offset() * MINUTE as f64) as Nanos
        };
        self.known.insert(place, (number, offset));
        offset
    }
}

/// Asks the device anew in which zone it is: it may have traveled.
pub(crate) fn forget_offsets() {
    ZONE.with_borrow_mut(|zone| {
        if zone.format.is_none() {
            zone.known.clear();
        }
    });
}

/// Shows times by the clock of a zone from now on, the device's if the name is empty; returns whether that is known.
pub(crate) fn set_zone(name: &str) -> bool {
    let zone = if name.is_empty() { None } else { ShownZone::of_name(name) };
    let is_known = name.is_empty() || zone.is_some();
    ZONE.set(zone.unwrap_or(ShownZone { format: None, known: Vec::new() }));
    is_known
}

/// The names of all zones that the browser knows.
pub(crate) fn zones() -> Vec<String> {
    let names = intl().and_then(|intl| {
        let list = Reflect::get(&intl, &"supportedValuesOf".into()).ok()?.dyn_into::<Function>().ok()?;
        list.call1(&intl, &"timeZone".into()).ok()?.dyn_into::<Array>().ok()
    });
    names.map(|names| names.iter().filter_map(|name| name.as_string()).collect()).unwrap_or_default()
}

/// The name of the reader's time zone: `Europe/Berlin`.
pub(crate) fn time_zone() -> String {
    let options = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    let name = Reflect::get(&options, &"timeZone".into()).ok().and_then(|name| name.as_string());
    name.unwrap_or_default()
}

/// How many bars a strip has room for.
pub(crate) fn bars_limit() -> usize {
    let width = window().and_then(|window| window.inner_width().ok()).and_then(|width| width.as_f64());
    if width.is_some_and(|width| width < WIDE_FROM) { 30 } else { 90 }
}

/// Begins something that goes on beside everything else.
#[inline(never)]
pub(crate) fn begin(work: Pin<Box<dyn Future<Output = ()>>>) {
    spawn_local(work);
}

/// Calls a function when a time has gone by.
fn after(length: Nanos, function: &Function) {
    let milliseconds = (length as f64 / MILLISECOND) as i32;
    if let Some(window) = window() {
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(function, milliseconds);
    }
}

/// Waits.
#[inline(never)]
pub(crate) fn sleep(length: Nanos) -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, _| after(length, &resolve)))
}

/// Lets the browser do whatever it has to do before the page goes on: draw, and hear who scrolls, points or types.
#[inline(never)]
pub(crate) fn yield_to_browser() -> JsFuture {
    JsFuture::from(Promise::new(&mut |resolve, _| {
        let posted = Reflect::get(&js_sys::global(), &"scheduler".into()).and_then(|scheduler| {
            let post = Reflect::get(&scheduler, &"postTask".into())?;
            post.unchecked_into::<Function>().call1(&scheduler, &resolve)
        });
        // Where browsers have no such thing they stretch this to four milliseconds.
        if posted.is_err() {
            after(0, &resolve);
        }
    }))
}

/// The milliseconds since the page was opened, by a clock that nobody sets.
pub(crate) fn elapsed() -> f64 {
    window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// Waits until what was just changed stands in the document, but for nobody else.
pub(crate) async fn flush_effects() {
    // What follows a signal is made in one of the next rounds of microtasks.
    for _ in 0..3 {
        let _ = JsFuture::from(Promise::resolve(&JsValue::NULL)).await;
    }
}

/// How a rest ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rest {
    /// It lasted as long as it should.
    Whole,
    /// The tab was seen again before, or was not any more.
    Disturbed,
}

/// Waits, but no longer than until the tab is seen again, or is not any more: timers stand still in a device that sleeps.
pub(crate) async fn sleep_until_visible(length: Nanos) -> Rest {
    let promise = Promise::new(&mut |resolve, _| {
        after(length, &resolve);
        if let Some(document) = document() {
            document.set_onvisibilitychange(Some(&resolve));
        }
    });
    // Only an event comes with something.
    let is_event = JsFuture::from(promise).await.is_ok_and(|event| event.is_object());
    if is_event { Rest::Disturbed } else { Rest::Whole }
}

/// Waits until the tab is seen; at once if it is.
pub(crate) async fn until_visible() {
    while document().is_some_and(|document| document.hidden()) {
        let promise = Promise::new(&mut |resolve, _| {
            if let Some(document) = document() {
                document.set_onvisibilitychange(Some(&resolve));
            }
        });
        let _ = JsFuture::from(promise).await;
    }
}

/// Whether nobody sees the tab.
pub(crate) fn is_hidden() -> bool {
    document().is_some_and(|document| document.hidden())
}

/// Sets an attribute of the `html` element, where styles and tests find the page's state.
pub(crate) fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().and_then(|document| document.document_element()) {
        let _ = root.set_attribute(name, value);
    }
}

/// Sets the tab's title and icon; the icon tells the state unless the page has one of its own.
pub(crate) fn set_tab(title: &str, status: Status, own: Option<&str>) {
    let Some(document) = document() else { return };
    if document.title() != title {
        document.set_title(title);
    }
    if let Ok(Some(link)) = document.query_selector("link[rel=icon]") {
        let icon = own.map_or_else(|| icon(status), str::to_owned);
        if link.get_attribute("href").is_none_or(|before| before != icon) {
            let _ = link.set_attribute("href", &icon);
        }
    }
}

/// What the page's address asks for: its query.
pub(crate) fn query() -> String {
    window().and_then(|window| window.location().search().ok()).unwrap_or_default()
}

/// Whether the way back leads to how somebody looked before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// It does.
    New,
    /// It does not: the same step goes on, as while somebody types.
    Same,
}

/// Puts a query into the page's address.
pub(crate) fn set_query(query: &str, step: Step) {
    let Some(window) = window() else { return };
    let Ok(history) = window.history() else { return };
    // An address cannot be empty; the bare path takes the query away.
    let path = window.location().pathname().unwrap_or_default();
    let address = format!("{path}{query}");
    let _ = match step {
        Step::New => history.push_state_with_url(&JsValue::NULL, "", Some(&address)),
        Step::Same => history.replace_state_with_url(&JsValue::NULL, "", Some(&address)),
    };
}

/// Calls an action for ever: after each step back or forward, and for each key that is pressed anywhere.
pub(crate) fn listen(event: &str, action: Box<dyn FnMut(web_sys::Event)>) {
    let closure = Closure::wrap(action);
    if let Some(window) = window() {
        let _ = window.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    }
    closure.forget();
}

/// Sets a property of the style of the `html` element.
pub(crate) fn set_property(name: &str, value: &str) {
    let root = document().and_then(|document| document.document_element());
    if let Some(root) = root.and_then(|root| root.dyn_into::<HtmlElement>().ok()) {
        let _ = root.style().set_property(name, value);
    }
}

/// Says something on the console, where those who host the page look.
pub(crate) fn warn(text: &str) {
    web_sys::console::warn_1(&text.into());
}

/// A text in small letters.
pub(crate) fn lower(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}

/// The element of an id, if it is there.
pub(crate) fn element(id: &str) -> Option<HtmlElement> {
    document()?.get_element_by_id(id)?.dyn_into().ok()
}

/// The languages that the reader understands, the dearest first.
pub(crate) fn languages() -> Vec<String> {
    let languages = window().map(|window| window.navigator().languages());
    languages.into_iter().flatten().filter_map(|tag| tag.as_string()).collect()
}

/// Says something in the place of the page.
pub(crate) fn set_boot_text(text: &str) {
    if let Some(boot) = element("boot") {
        boot.set_text_content(Some(text));
    }
}

/// Takes the words away that stood on the page before it started.
pub(crate) fn remove_boot_text() {
    if let Some(boot) = document().and_then(|document| document.get_element_by_id("boot")) {
        boot.remove();
    }
}
