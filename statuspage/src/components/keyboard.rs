//! Handles arrow keys in charts and strips.

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

/// Moves the focus to the visible strip above or below, even if that strip belongs to another endpoint.
pub(super) fn focus_adjacent_strip(event: &KeyboardEvent) {
    let Some(root) = web_sys::window().and_then(|window| window.document()?.document_element()) else { return };
    let Some(strip) = target::<Element>(event) else { return };
    // A hidden strip has no layout box.
    let is_visible = |strip: &Element| strip.get_client_rects().length() > 0;
    let strips: Vec<Element> = select_all(&root, ".strip").into_iter().filter(is_visible).collect();
    let Some(number) = strips.iter().position(|one| *one == strip) else { return };
    let next = if event.key() == "ArrowUp" { number.checked_sub(1) } else { Some(number + 1) };
    if let Some(next) = next.and_then(|next| strips.get(next)?.dyn_ref::<HtmlElement>()) {
        let _ = next.focus();
    }
}

fn select_all(root: &Element, selector: &str) -> Vec<Element> {
    let nodes = root.query_selector_all(selector).ok();
    let nodes = nodes.into_iter().flat_map(|nodes| (0..nodes.length()).filter_map(move |index| nodes.get(index)));
    nodes.filter_map(|node| node.dyn_into().ok()).collect()
}
