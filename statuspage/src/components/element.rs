//! Elements that are built once and kept up to date by signals, without a type for each shape of element: `view!`
//! makes one of every element, its attributes and its children, which weighed ten times as much as the rest of
//! the page. Text is text and attributes are attributes here; nothing sets HTML.

use std::cell::RefCell;
use std::collections::HashMap;

use leptos::prelude::{Effect, Owner, StoredValue};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Document, Element, Event};

/// The name space of drawings.
const SVG: &str = "http://www.w3.org/2000/svg";

/// An element. Where there is no document (there always is in a browser) it is nothing, and so are its children.
#[derive(Clone)]
pub(super) struct Built(Option<Element>);

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// An element of a page.
pub(super) fn html(tag: &str) -> Built {
    Built(document().and_then(|document| document.create_element(tag).ok()))
}

/// An element of a drawing.
pub(super) fn svg(tag: &str) -> Built {
    Built(document().and_then(|document| document.create_element_ns(Some(SVG), tag).ok()))
}

/// Runs now-ish and whenever a signal that it reads changes; ends with the part of the page it was made in.
pub(super) fn watch(action: impl FnMut() + 'static) {
    let mut action: Box<dyn FnMut()> = Box::new(action);
    Effect::new(move |_: Option<()>| action());
}

impl Built {
    /// The element itself.
    pub(super) fn element(&self) -> Option<&Element> {
        self.0.as_ref()
    }

    /// Sets an attribute.
    pub(super) fn set(self, name: &str, value: &str) -> Built {
        if let Some(element) = &self.0 {
            let _ = element.set_attribute(name, value);
        }
        self
    }

    /// Sets its class.
    pub(super) fn class(self, class: &str) -> Built {
        self.set("class", class)
    }

    /// Adds text.
    pub(super) fn text(self, text: &str) -> Built {
        if let Some(element) = &self.0 {
            let _ = element.append_with_str_1(text);
        }
        self
    }

    /// Adds an element.
    pub(super) fn with(self, child: Built) -> Built {
        if let (Some(element), Some(child)) = (&self.0, &child.0) {
            let _ = element.append_child(child);
        }
        self
    }

    /// Adds elements.
    pub(super) fn with_all(self, children: Vec<Built>) -> Built {
        children.into_iter().fold(self, Built::with)
    }

    /// Keeps an attribute up to date; `None` is that it is not there.
    pub(super) fn live(self, name: &'static str, value: impl Fn() -> Option<String> + 'static) -> Built {
        if let Some(element) = self.0.clone() {
            let value: Box<dyn Fn() -> Option<String>> = Box::new(value);
            let mut before = None;
            watch(move || {
                let value = value();
                if value == before {
                    return;
                }
                let _ = match &value {
                    Some(value) => element.set_attribute(name, value),
                    None => element.remove_attribute(name),
                };
                before = value;
            });
        }
        self
    }

    /// Keeps the text up to date; it is all there is in the element.
    pub(super) fn live_text(self, text: impl Fn() -> String + 'static) -> Built {
        if let Some(element) = self.0.clone() {
            let text: Box<dyn Fn() -> String> = Box::new(text);
            let mut before = String::new();
            watch(move || {
                let text = text();
                if text != before {
                    element.set_text_content(Some(&text));
                    before = text;
                }
            });
        }
        self
    }

    /// Shows it only while something holds.
    pub(super) fn shown_while(self, holds: impl Fn() -> bool + 'static) -> Built {
        self.live("hidden", move || (!holds()).then(String::new))
    }

    /// Draws the children anew whenever what `read` gives has changed; what they own ends with them.
    pub(super) fn redrawn<T: PartialEq + 'static>(
        self,
        read: impl Fn() -> T + 'static,
        draw: impl Fn(&T) -> Vec<Built> + 'static,
    ) -> Built {
        if let (Some(element), Some(parent)) = (self.0.clone(), Owner::current()) {
            let mut drawn: Option<(T, Owner)> = None;
            watch(move || {
                let value = read();
                if drawn.as_ref().is_some_and(|(before, _)| *before == value) {
                    return;
                }
                if let Some((_, owner)) = drawn.take() {
                    owner.cleanup();
                }
                let owner = parent.child();
                element.set_text_content(None);
                let children = owner.with(|| draw(&value));
                Built(Some(element.clone())).with_all(children);
                drawn = Some((value, owner));
            });
        }
        self
    }

    /// Keeps one child for each key, in the order of the keys; a child lives as long as its key is there.
    pub(super) fn keyed(self, keys: impl Fn() -> Vec<i64> + 'static, make: impl Fn(i64) -> Built + 'static) -> Built {
        if let (Some(element), Some(parent)) = (self.0.clone(), Owner::current()) {
            let children: RefCell<HashMap<i64, (Element, Owner)>> = RefCell::default();
            let mut before: Vec<i64> = Vec::new();
            watch(move || {
                let keys = keys();
                if keys == before {
                    return;
                }
                let mut children = children.borrow_mut();
                for gone in before.iter().filter(|key| !keys.contains(key)) {
                    if let Some((child, owner)) = children.remove(gone) {
                        owner.cleanup();
                        child.remove();
                    }
                }
                // Elements that stay where they are are not touched, so that they keep the focus.
                let mut place = element.first_element_child();
                for key in &keys {
                    if !children.contains_key(key) {
                        let owner = parent.child();
                        let Some(child) = owner.with(|| make(*key)).0 else { continue };
                        children.insert(*key, (child, owner));
                    }
                    let Some((child, _)) = children.get(key) else { continue };
                    if place.as_ref() == Some(child) {
                        place = child.next_element_sibling();
                    } else {
                        let _ = element.insert_before(child, place.as_deref());
                    }
                }
                before = keys;
            });
        }
        self
    }

    /// Listens to an event of it or of what is in it.
    pub(super) fn on(self, event: &str, action: impl FnMut(Event) + 'static) -> Built {
        if let Some(element) = &self.0 {
            let action: Box<dyn FnMut(Event)> = Box::new(action);
            let closure = Closure::wrap(action);
            let _ = element.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
            // It lives as long as the part of the page that the element belongs to.
            StoredValue::new_local(closure);
        }
        self
    }
}
