//! What the browser knows besides the network: the time and its zone, the width of the window, whether anybody is
//! looking, and the tab with its title and icon.

use js_sys::{Array, Date, Intl, Object, Promise, Reflect};
use shared::{MINUTE, Nanos, UnixNanos};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, Window};

use crate::view::icon::icon;
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

/// The device's clock.
pub(crate) fn now() -> UnixNanos {
    (Date::now() * MILLISECOND) as UnixNanos
}

/// How far the reader's clock is ahead of UTC at a moment.
pub(crate) fn offset_at(moment: UnixNanos) -> Nanos {
    let date = Date::new(&JsValue::from_f64(moment as f64 / MILLISECOND));
    (-date.get_timezone_offset() * MINUTE as f64) as Nanos
}

/// The name of the reader's time zone: `Europe/Berlin`.
pub(crate) fn time_zone() -> String {
    let options = Intl::DateTimeFormat::new(&Array::new(), &Object::new()).resolved_options();
    let name = Reflect::get(&options, &"timeZone".into()).ok().and_then(|name| name.as_string());
    name.unwrap_or_else(|| "of this device".to_owned())
}

/// How many bars a strip has room for.
pub(crate) fn bars_limit() -> usize {
    let width = window().and_then(|window| window.inner_width().ok()).and_then(|width| width.as_f64());
    if width.is_some_and(|width| width < WIDE_FROM) { 30 } else { 90 }
}

/// Waits.
pub(crate) async fn sleep(length: Nanos) {
    let milliseconds = (length as f64 / MILLISECOND) as i32;
    let promise = Promise::new(&mut |resolve, _| {
        if let Some(window) = window() {
            let _ = window.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
        }
    });
    let _ = JsFuture::from(promise).await;
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

/// Sets the tab's title and icon.
pub(crate) fn set_tab(title: &str, status: Status) {
    let Some(document) = document() else { return };
    if document.title() != title {
        document.set_title(title);
    }
    if let Ok(Some(link)) = document.query_selector("link[rel=icon]") {
        let icon = icon(status);
        if link.get_attribute("href").is_none_or(|before| before != icon) {
            let _ = link.set_attribute("href", &icon);
        }
    }
}

/// Takes the words away that stood on the page before it started.
pub(crate) fn remove_boot_text() {
    if let Some(boot) = document().and_then(|document| document.get_element_by_id("boot")) {
        boot.remove();
    }
}
