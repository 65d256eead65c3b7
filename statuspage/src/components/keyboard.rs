//! Handles arrow keys in charts and strips.

use shared::UnixNanos;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement, KeyboardEvent};

use super::dom::target;

/// Returns the index to which a key moves from `current` in a row of `count` items, or `None` if the key does not move.
pub(super) fn index_after(key: &str, current: usize, count: usize) -> Option<usize> {
    let last = count.checked_sub(1)?;
    match key {
        "ArrowLeft" => Some(current.saturating_sub(1)),
        "ArrowRight" => Some((current + 1).min(last)),
        "Home" => Some(0),
        "End" => Some(last),
        _ => None,
    }
}

/// Moves the focus to the bar that starts at `start`, in the strip that handles the event.
pub(super) fn focus_bar(event: &KeyboardEvent, start: UnixNanos) {
    let strip = event.current_target().and_then(|strip| strip.dyn_into::<Element>().ok());
    let bar = strip.and_then(|strip| strip.query_selector(&format!("[data-start=\"{start}\"]")).ok().flatten());
    if let Some(bar) = bar {
        focus(&bar);
    }
}

/// Moves the focus to the bar with the same index in the visible strip above or below, even if that strip belongs to
/// another endpoint.
pub(super) fn focus_adjacent_strip(event: &KeyboardEvent) {
    let Some(document) = web_sys::window().and_then(|window| window.document()) else { return };
    let current = target::<Element>(event);
    let strip = current.as_ref().and_then(|bar| bar.closest(".strip").ok().flatten());
    let (Some(root), Some(strip)) = (document.document_element(), strip) else { return };
    // A hidden strip has no layout box.
    let is_visible = |strip: &Element| strip.get_client_rects().length() > 0;
    let strips: Vec<Element> = select_all(&root, ".strip").into_iter().filter(is_visible).collect();
    let Some(number) = strips.iter().position(|one| *one == strip) else { return };
    let index = select_all(&strip, ".bar").iter().position(|bar| Some(bar) == current.as_ref()).unwrap_or(0);
    let next = if event.key() == "ArrowUp" { number.checked_sub(1) } else { Some(number + 1) };
    let Some(next) = next.and_then(|next| strips.get(next)) else { return };
    let bars = select_all(next, ".bar");
    if let Some(bar) = bars.get(index).or(bars.last()) {
        focus(bar);
    }
}

fn select_all(root: &Element, selector: &str) -> Vec<Element> {
    let nodes = root.query_selector_all(selector).ok();
    let nodes = nodes.into_iter().flat_map(|nodes| (0..nodes.length()).filter_map(move |index| nodes.get(index)));
    nodes.filter_map(|node| node.dyn_into().ok()).collect()
}

fn focus(bar: &Element) {
    // SVG elements have the same `focus` method as HTML elements, but `web_sys` defines it only for the latter.
    let _ = bar.unchecked_ref::<HtmlElement>().focus();
}
