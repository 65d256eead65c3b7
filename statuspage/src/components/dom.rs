//! Elements that are built once and kept up to date by signals, without a type for each shape of element: `view!`
//! makes one of every element, its attributes and its children, which weighed ten times as much as the rest of
//! the page. Text is text and attributes are attributes here; nothing sets HTML.

use js_sys::Array;
use leptos::prelude::{Effect, Owner, StoredValue};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, Event, IntersectionObserver, IntersectionObserverEntry, IntersectionObserverInit};

/// The name space of drawings.
const SVG: &str = "http://www.w3.org/2000/svg";
/// The name space of pages.
const HTML: &str = "http://www.w3.org/1999/xhtml";

/// An element. Where there is no document (there always is in a browser) it is `undefined`, and nothing becomes of it.
#[derive(Clone)]
pub(super) struct ElementBuilder(Element);

/// What draws children.
type Draw<'a> = &'a dyn Fn() -> Vec<ElementBuilder>;

/// What puts other children in the place of those before.
type Redraw<'a> = &'a dyn Fn(Draw<'_>);

/// What draws children of a value.
type DrawOf<T> = Box<dyn Fn(&T) -> Vec<ElementBuilder>>;

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// An element of a page, described as style sheets describe one: `p.quiet[role=note][tabindex=0]`.
pub(super) fn html(description: &'static str) -> ElementBuilder {
    described(HTML, description)
}

/// An element of a drawing, described in the same way.
pub(super) fn svg(description: &'static str) -> ElementBuilder {
    described(SVG, description)
}

/// The one way an element comes to be. Descriptions are part of the program; text of others never is one.
#[inline(never)]
fn described(name_space: &str, description: &str) -> ElementBuilder {
    let (names, mut attributes) = description.split_once('[').unwrap_or((description, ""));
    let (tag, class) = names.split_once('.').unwrap_or((names, ""));
    let element = document().and_then(|document| document.create_element_ns(Some(name_space), tag).ok());
    let built = ElementBuilder(element.unwrap_or_else(|| JsValue::UNDEFINED.unchecked_into()));
    if !class.is_empty() {
        built.put("class", class);
    }
    while let Some((attribute, rest)) = attributes.split_once(']') {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        built.put(name, value);
        attributes = rest.strip_prefix('[').unwrap_or_default();
    }
    built
}

/// Runs now-ish and whenever a signal that it reads changes; ends with the part of the page it was made in.
fn watch(mut action: Box<dyn FnMut()>) {
    Effect::new(move |_: Option<()>| action());
}

impl ElementBuilder {
    /// The element itself.
    pub(super) fn element(&self) -> &Element {
        &self.0
    }

    /// Sets an attribute of what is in the document already.
    #[inline(never)]
    pub(super) fn put(&self, name: &str, value: &str) {
        let _ = self.0.set_attribute(name, value);
    }

    /// Another one like it, without what keeps it up to date: quicker than one by one.
    pub(super) fn copy(&self) -> ElementBuilder {
        ElementBuilder(self.0.clone_node().map_or_else(|_| self.0.clone(), JsCast::unchecked_into))
    }

    /// Sets an attribute.
    pub(super) fn set(self, name: &str, value: &str) -> ElementBuilder {
        self.put(name, value);
        self
    }

    /// Sets its class.
    pub(super) fn class(self, class: &str) -> ElementBuilder {
        self.set("class", class)
    }

    /// Sets what it is called by those who read the page aloud.
    pub(super) fn label(self, words: &str) -> ElementBuilder {
        self.set("aria-label", words)
    }

    /// Adds text.
    #[inline(never)]
    pub(super) fn text(self, text: &str) -> ElementBuilder {
        let _ = self.0.append_with_str_1(text);
        self
    }

    /// Adds an element.
    #[inline(never)]
    #[expect(clippy::needless_pass_by_value, reason = "a child is built in the call as a rule")]
    pub(super) fn with(self, child: ElementBuilder) -> ElementBuilder {
        let _ = self.0.append_child(&child.0);
        self
    }

    /// Adds elements.
    pub(super) fn with_all(self, children: Vec<ElementBuilder>) -> ElementBuilder {
        children.into_iter().fold(self, ElementBuilder::with)
    }

    /// Keeps an attribute up to date; `None` is that it is not there.
    pub(super) fn live(self, name: &'static str, value: impl Fn() -> Option<String> + 'static) -> ElementBuilder {
        self.live_attribute(name, Box::new(value))
    }

    fn live_attribute(self, name: &'static str, value: Box<dyn Fn() -> Option<String>>) -> ElementBuilder {
        let element = self.0.clone();
        let mut before = None;
        watch(Box::new(move || {
            let value = value();
            if value == before {
                return;
            }
            let _ = match &value {
                Some(value) => element.set_attribute(name, value),
                None => element.remove_attribute(name),
            };
            before = value;
        }));
        self
    }

    /// Keeps the text up to date; it is all there is in the element.
    pub(super) fn live_text(self, text: impl Fn() -> String + 'static) -> ElementBuilder {
        self.live_content(Box::new(text))
    }

    fn live_content(self, text: Box<dyn Fn() -> String>) -> ElementBuilder {
        let element = self.0.clone();
        let mut before = String::new();
        watch(Box::new(move || {
            let text = text();
            if text != before {
                element.set_text_content(Some(&text));
                before = text;
            }
        }));
        self
    }

    /// Keeps something of it up to date that is no attribute, such as the value that somebody may have changed.
    pub(super) fn kept<E: JsCast + Clone + 'static>(self, keep: impl Fn(&E) + 'static) -> ElementBuilder {
        let element = self.0.clone();
        watch(Box::new(move || keep(element.unchecked_ref())));
        self
    }

    /// Does something once, when it is about to come into sight.
    pub(super) fn on_sight(self, action: impl Fn() + 'static) -> ElementBuilder {
        let seen = Closure::<dyn FnMut(Array, IntersectionObserver)>::new(
            move |entries: Array, observer: IntersectionObserver| {
                let is_seen = |entry: JsValue| entry.unchecked_into::<IntersectionObserverEntry>().is_intersecting();
                if entries.iter().any(is_seen) {
                    observer.disconnect();
                    action();
                }
            },
        );
        let options = IntersectionObserverInit::new();
        // About three rows before it is seen.
        options.set_root_margin("400px");
        if let Ok(observer) = IntersectionObserver::new_with_options(seen.as_ref().unchecked_ref(), &options) {
            observer.observe(&self.0);
        }
        StoredValue::new_local(seen);
        self
    }

    /// Shows it only while something holds.
    pub(super) fn shown_while(self, holds: impl Fn() -> bool + 'static) -> ElementBuilder {
        self.shown_by(Box::new(holds))
    }

    fn shown_by(self, holds: Box<dyn Fn() -> bool>) -> ElementBuilder {
        self.live("hidden", move || (!holds()).then(String::new))
    }

    /// Draws the children anew whenever what `read` gives has changed; what they own ends with them.
    pub(super) fn redrawn<T: PartialEq + 'static>(
        self,
        read: impl Fn() -> T + 'static,
        draw: impl Fn(&T) -> Vec<ElementBuilder> + 'static,
    ) -> ElementBuilder {
        self.redrawn_of(Box::new(read), Box::new(draw))
    }

    /// There is one of this for each type, and not for each place.
    #[inline(never)]
    fn redrawn_of<T: PartialEq + 'static>(self, read: Box<dyn Fn() -> T>, draw: DrawOf<T>) -> ElementBuilder {
        let mut shown = None;
        self.redrawn_by(Box::new(move |redraw| {
            let value = Some(read());
            if shown != value {
                shown = value;
                redraw(&|| shown.as_ref().map(&draw).unwrap_or_default());
            }
        }))
    }

    /// Draws the children anew whenever `look` says so, which is given what does it.
    fn redrawn_by(self, mut look: Box<dyn FnMut(Redraw<'_>)>) -> ElementBuilder {
        let Some(parent) = Owner::current() else { return self };
        let element = self.0.clone();
        let owner = parent.child();
        watch(Box::new(move || {
            look(&|draw| {
                owner.cleanup();
                element.set_text_content(None);
                let children = owner.with(draw);
                ElementBuilder(element.clone()).with_all(children);
            });
        }));
        self
    }

    /// Keeps one child for each key, in the order of the keys; a child lives as long as its key is there.
    pub(super) fn keyed(
        self,
        keys: impl Fn() -> Vec<i64> + 'static,
        make: impl Fn(i64) -> ElementBuilder + 'static,
    ) -> ElementBuilder {
        self.keyed_by(Box::new(keys), Box::new(make))
    }

    fn keyed_by(self, keys: Box<dyn Fn() -> Vec<i64>>, make: Box<dyn Fn(i64) -> ElementBuilder>) -> ElementBuilder {
        let Some(parent) = Owner::current() else { return self };
        let element = self.0.clone();
        let mut children: Vec<(i64, Element, Owner)> = Vec::new();
        watch(Box::new(move || {
            let keys = keys();
            if keys.iter().eq(children.iter().map(|(key, ..)| key)) {
                return;
            }
            // What comes later comes last as a rule: what stands before it is not looked at.
            let same = keys.iter().zip(&children).take_while(|(key, (known, ..))| *key == known).count();
            let mut before = children.split_off(same);
            for key in keys.into_iter().skip(same) {
                // Almost always the first of those that are left.
                if let Some(place) = before.iter().position(|(known, ..)| *known == key) {
                    children.push(before.remove(place));
                } else {
                    let owner = parent.child();
                    let child = owner.with(|| make(key)).0;
                    children.push((key, child, owner));
                }
            }
            for (_, child, owner) in before {
                owner.cleanup();
                child.remove();
            }
            // Elements that stay where they are are not touched, so that they keep the focus.
            let mut place = match same.checked_sub(1) {
                Some(last) => children[last].1.next_element_sibling(),
                None => element.first_element_child(),
            };
            for (_, child, _) in &children[same..] {
                if place.as_ref() == Some(child) {
                    place = child.next_element_sibling();
                } else {
                    let _ = element.insert_before(child, place.as_deref());
                }
            }
        }));
        self
    }

    /// Listens to an event of it or of what is in it.
    pub(super) fn on(self, event: &str, action: impl FnMut(Event) + 'static) -> ElementBuilder {
        self.on_event(event, Box::new(action))
    }

    fn on_event(self, event: &str, action: Box<dyn FnMut(Event)>) -> ElementBuilder {
        let closure = Closure::wrap(action);
        let _ = self.0.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        // It lives as long as the part of the page that the element belongs to.
        StoredValue::new_local(closure);
        self
    }
}
