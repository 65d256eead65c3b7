//! Wraps browser APIs other than HTTP requests: time and time zone, URL, tab, window and languages.

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
use crate::view::outage_changes::OutageNotification;
use crate::view::subscribe::FeedLink;
use shared::quorum::CLOCK_TOLERANCE;
use shared::status::Status;

/// One millisecond in nanoseconds. It is a float, like all times from JavaScript.
const MILLISECOND: f64 = 1e6;

/// The minimum width of a window that fits 90 bars, in CSS pixels.
const WIDE_FROM: f64 = 640.0;

fn window() -> Option<Window> {
    web_sys::window()
}

fn document() -> Option<Document> {
    window()?.document()
}

/// Returns the current time: the device's clock, corrected if it is known to be wrong.
pub(crate) fn now() -> UnixNanos {
    device_now() - clock_ahead()
}

fn device_now() -> UnixNanos {
    (Date::now() * MILLISECOND) as UnixNanos
}

thread_local! {
    static CLOCK_AHEAD: Cell<Nanos> = const { Cell::new(0) };
}

/// Compares the device's clock with a server's current time.
pub(crate) fn compare_clock(server: UnixNanos) {
    let ahead = device_now() - server;
    CLOCK_AHEAD.set(if ahead.abs() > CLOCK_TOLERANCE { ahead } else { 0 });
}

/// Returns how far the device's clock is ahead of the server's, or 0 if the difference is within
/// [`CLOCK_TOLERANCE`].
pub(crate) fn clock_ahead() -> Nanos {
    CLOCK_AHEAD.get()
}

/// Returns whether the browser reports a network connection.
pub(crate) fn is_online() -> bool {
    window().is_none_or(|window| window.navigator().on_line())
}

/// Returns the UTC offset, at a time, of the time zone in which times are shown.
pub(crate) fn offset_at(time: UnixNanos) -> Nanos {
    ZONE.with_borrow_mut(|zone| zone.offset_at(time))
}

thread_local! {
    static ZONE: RefCell<ShownZone> = const { RefCell::new(ShownZone { format: None, offsets: Vec::new() }) };
}

/// Time zones change their offsets only at multiples of this duration.
const OFFSET_GRANULARITY: Nanos = 15 * MINUTE;

/// A time zone with a cache of its offsets, because asking the browser for them is slow.
struct ShownZone {
    /// A formatter for times in the zone, or `None` for the device's zone.
    format: Option<IntlObject>,
    /// UTC offsets, keyed by time in units of [`OFFSET_GRANULARITY`] and sorted.
    offsets: Vec<(i64, Nanos)>,
}

impl ShownZone {
    /// Creates the zone with this name. Returns `None` if the browser does not support it.
    fn from_name(name: &str) -> Option<ShownZone> {
        // The name comes from the URL, and anything after a comma would be parsed as options.
        let name = name.split(',').next().unwrap_or_default();
        let options = ["timeZoneName=longOffset,timeZone=", name].concat();
        let format = IntlObject::new("DateTimeFormat", "format", "en-US", &options)?;
        Some(ShownZone { format: Some(format), offsets: Vec::new() })
    }

    fn offset_at(&mut self, time: UnixNanos) -> Nanos {
        let number = time.div_euclid(OFFSET_GRANULARITY);
        let index = self.offsets.partition_point(|(cached, _)| *cached < number);
        if let Some((_, offset)) = self.offsets.get(index).filter(|(cached, _)| *cached == number) {
            return *offset;
        }
        let milliseconds = (number * OFFSET_GRANULARITY) as f64 / MILLISECOND;
        let offset = if let Some(format) = &self.format {
            format.call(milliseconds).and_then(|text| parse_offset(&text)).unwrap_or(0)
        } else {
            let date = Date::new(&JsValue::from_f64(milliseconds));
            (-date.get_timezone_offset() * MINUTE as f64) as Nanos
        };
        self.offsets.insert(index, (number, offset));
        offset
    }
}

/// Clears the cached offsets of the device's zone, which may have changed.
pub(crate) fn forget_offsets() {
    ZONE.with_borrow_mut(|zone| {
        if zone.format.is_none() {
            zone.offsets.clear();
        }
    });
}

/// Sets the zone in which times are shown. An empty name selects the device's zone. Returns whether the browser
/// supports the zone.
pub(crate) fn set_zone(name: &str) -> bool {
    let zone = if name.is_empty() { None } else { ShownZone::from_name(name) };
    let is_supported = name.is_empty() || zone.is_some();
    ZONE.set(zone.unwrap_or(ShownZone { format: None, offsets: Vec::new() }));
    is_supported
}

/// Returns the names of all zones that the browser supports.
pub(crate) fn zones() -> Vec<String> {
    let names = intl().and_then(|intl| {
        let list = Reflect::get(&intl, &"supportedValuesOf".into()).ok()?.dyn_into::<Function>().ok()?;
        list.call1(&intl, &"timeZone".into()).ok()?.dyn_into::<Array>().ok()
    });
    names.map(|names| names.iter().filter_map(|name| name.as_string()).collect()).unwrap_or_default()
}

/// Returns the name of the device's time zone: `Europe/Berlin`.
pub(crate) fn time_zone() -> String {
    let options = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    let name = Reflect::get(&options, &"timeZone".into()).ok().and_then(|name| name.as_string());
    name.unwrap_or_default()
}

/// Returns how many bars fit in a strip.
pub(crate) fn bars_limit() -> usize {
    let width = window().and_then(|window| window.inner_width().ok()).and_then(|width| width.as_f64());
    if width.is_some_and(|width| width < WIDE_FROM) { 30 } else { 90 }
}

/// Runs a future in the background.
#[inline(never)]
pub(crate) fn spawn(future: Pin<Box<dyn Future<Output = ()>>>) {
    spawn_local(future);
}

/// Calls a function after a delay.
fn set_timeout(length: Nanos, function: &Function) {
    let milliseconds = (length as f64 / MILLISECOND) as i32;
    if let Some(window) = window() {
        let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(function, milliseconds);
    }
}

pub(crate) async fn sleep(length: Nanos) {
    let _ = JsFuture::from(Promise::new(&mut |resolve, _| set_timeout(length, &resolve))).await;
}

/// Lets the browser paint and handle events before the page continues.
pub(crate) async fn yield_to_browser() {
    let promise = Promise::new(&mut |resolve, _| {
        let posted = Reflect::get(&js_sys::global(), &"scheduler".into()).and_then(|scheduler| {
            let post = Reflect::get(&scheduler, &"postTask".into())?;
            post.unchecked_into::<Function>().call1(&scheduler, &resolve)
        });
        // Timeouts are the fallback, because browsers delay nested ones by 4 ms.
        if posted.is_err() {
            set_timeout(0, &resolve);
        }
    });
    let _ = JsFuture::from(promise).await;
}

/// Returns the number of milliseconds since the page was opened, from a monotonic clock.
pub(crate) fn elapsed() -> f64 {
    window().and_then(|window| window.performance()).map_or(0.0, |performance| performance.now())
}

/// Waits until the effects of changed signals have updated the document. The browser does nothing else until then.
pub(crate) async fn flush_effects() {
    // Effects run in one of the following microtasks.
    for _ in 0..3 {
        let _ = JsFuture::from(Promise::resolve(&JsValue::NULL)).await;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sleep {
    Completed,
    /// The tab became visible or hidden.
    VisibilityChanged,
}

/// Sleeps until the time has passed, or until the tab becomes visible or hidden, because timers stop while a device
/// sleeps.
pub(crate) async fn sleep_until_visibility_changes(length: Nanos) -> Sleep {
    let promise = Promise::new(&mut |resolve, _| {
        set_timeout(length, &resolve);
        if let Some(document) = document() {
            document.set_onvisibilitychange(Some(&resolve));
        }
    });
    // Event listeners are called with an event, and timeouts without arguments.
    let is_event = JsFuture::from(promise).await.is_ok_and(|event| event.is_object());
    if is_event { Sleep::VisibilityChanged } else { Sleep::Completed }
}

/// Waits until the tab is visible.
pub(crate) async fn until_visible() {
    while is_hidden() {
        let promise = Promise::new(&mut |resolve, _| {
            if let Some(document) = document() {
                document.set_onvisibilitychange(Some(&resolve));
            }
        });
        let _ = JsFuture::from(promise).await;
    }
}

/// Returns whether the tab is hidden.
pub(crate) fn is_hidden() -> bool {
    document().is_some_and(|document| document.hidden())
}

/// Sets an attribute of the `html` element, from which style sheets and tests read the page's state.
pub(crate) fn set_root_attribute(name: &str, value: &str) {
    if let Some(root) = document().and_then(|document| document.document_element()) {
        let _ = root.set_attribute(name, value);
    }
}

/// Returns whether this browser notifies the visitor of outages. `subscribe.js` sets the attribute.
pub(crate) fn notifies() -> bool {
    let root = document().and_then(|document| document.document_element());
    root.and_then(|root| root.get_attribute("data-notify")).is_some_and(|choice| choice == "on")
}

/// Shows notifications, if the visitor wants them. `subscribe.js` defines the function.
pub(crate) fn notify(notifications: &[OutageNotification]) {
    let global = js_sys::global();
    let Ok(show) = Reflect::get(&global, &"showOutage".into()).and_then(JsValue::dyn_into::<Function>) else { return };
    for OutageNotification { tag, title, body } in notifications {
        let _ = show.call3(&global, &title.into(), &body.into(), &tag.into());
    }
}

/// Links to the feeds in the page's head, where browsers find them. The HTML of `checker serve` already has the links.
pub(crate) fn add_feed_links(links: &[FeedLink]) {
    let find = |selector| document().and_then(|document| document.query_selector(selector).ok()?);
    let (Some(head), None) = (find("head"), find("link[rel=alternate]")) else { return };
    for feed in links {
        let Some(link) = document().and_then(|document| document.create_element("link").ok()) else { return };
        for (name, value) in
            [("rel", "alternate"), ("type", feed.media_type), ("title", feed.name), ("href", &*feed.url)]
        {
            let _ = link.set_attribute(name, value);
        }
        let _ = head.append_child(&link);
    }
}

/// Sets the title and the icon of the tab. The icon shows the status, unless the page has a configured `favicon`.
pub(crate) fn set_tab(title: &str, status: Status, favicon: Option<&str>) {
    let Some(document) = document() else { return };
    if document.title() != title {
        document.set_title(title);
    }
    if let Ok(Some(link)) = document.query_selector("link[rel=icon]") {
        let icon = favicon.map_or_else(|| icon(status), str::to_owned);
        if link.get_attribute("href").is_none_or(|before| before != icon) {
            let _ = link.set_attribute("href", &icon);
        }
    }
}

/// Returns the query of the page's URL.
pub(crate) fn query() -> String {
    window().and_then(|window| window.location().search().ok()).unwrap_or_default()
}

/// How a change of the URL affects the session history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HistoryEntry {
    /// Adds an entry to the session history so that the back button reverts the change.
    New,
    /// Replaces the current entry, for example on each keystroke.
    Current,
}

/// Sets the query of the page's URL.
pub(crate) fn set_query(query: &str, entry: HistoryEntry) {
    let Some(window) = window() else { return };
    let Ok(history) = window.history() else { return };
    // An empty URL would keep the current query, so the path is used instead.
    let path = window.location().pathname().unwrap_or_default();
    let url = format!("{path}{query}");
    let _ = match entry {
        HistoryEntry::New => history.push_state_with_url(&JsValue::NULL, "", Some(&url)),
        HistoryEntry::Current => history.replace_state_with_url(&JsValue::NULL, "", Some(&url)),
    };
}

/// Handles a window event for as long as the page is open.
pub(crate) fn listen(event: &str, handler: Box<dyn FnMut(web_sys::Event)>) {
    let closure = Closure::wrap(handler);
    if let Some(window) = window() {
        let _ = window.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    }
    closure.forget();
}

/// Sets a CSS property of the `html` element.
pub(crate) fn set_property(name: &str, value: &str) {
    let root = document().and_then(|document| document.document_element());
    if let Some(root) = root.and_then(|root| root.dyn_into::<HtmlElement>().ok()) {
        let _ = root.style().set_property(name, value);
    }
}

/// Logs a warning to the console.
pub(crate) fn warn(text: &str) {
    web_sys::console::warn_1(&text.into());
}

/// Converts text to lowercase with the browser's tables, because those of the standard library would increase the
/// page's size.
pub(crate) fn to_lowercase(text: &str) -> String {
    JsString::from(text).to_lower_case().into()
}

/// Returns the element with this id.
pub(crate) fn element(id: &str) -> Option<HtmlElement> {
    document()?.get_element_by_id(id)?.dyn_into().ok()
}

/// Scrolls to the top of the page, and moves the focus to an element.
pub(crate) fn show_top(id: &str) {
    if let Some(window) = window() {
        window.scroll_to_with_x_and_y(0.0, 0.0);
    }
    if let Some(element) = element(id) {
        let _ = element.focus();
    }
}

/// Returns the language of the page's text.
pub(crate) fn document_language() -> String {
    let root = document().and_then(|document| document.document_element());
    root.and_then(|root| root.get_attribute("lang")).unwrap_or_default()
}

/// Loads the page again with a different query.
pub(crate) fn load_with_query(query: &str) {
    if let Some(window) = window() {
        let _ = window.location().set_search(query);
    }
}

/// Scrolls to the element with this id, if it exists.
pub(crate) fn scroll_to(id: &str) {
    if let Some(element) = element(id) {
        element.scroll_into_view();
    }
}

/// Returns the visitor's languages, most preferred first.
pub(crate) fn languages() -> Vec<String> {
    let languages = window().map(|window| window.navigator().languages());
    languages.into_iter().flatten().filter_map(|tag| tag.as_string()).collect()
}

/// Replaces the text that `index.html` shows until the page has started.
pub(crate) fn set_boot_text(text: &str) {
    if let Some(boot) = element("boot") {
        boot.set_text_content(Some(text));
    }
}

/// Removes the text that `index.html` shows until the page has started.
pub(crate) fn remove_boot_text() {
    if let Some(boot) = document().and_then(|document| document.get_element_by_id("boot")) {
        boot.remove();
    }
}
