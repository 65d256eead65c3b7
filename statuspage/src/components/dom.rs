//! A builder for DOM elements over Leptos' signals, effects and owners.
//!
//! [`html`] and [`svg`] have a function for each tag. A component chains methods for attributes, text, children and
//! event handlers and returns the element, which is created once. For a value that can change, a method also accepts a
//! closure, which runs again in an [`Effect`] whenever a signal that it reads changes. The following example is
//! `components/dom/example.rs`, which the tests compile:
//!
//! ```ignore
#![doc = include_str!("dom/example.rs")]
//! ```
//!
//! Effects and event handlers belong to the [`Owner`] that is current when they are added. They end with that owner,
//! when [`ElementBuilder::dynamic_children`] or [`ElementBuilder::keyed_children`] removes the elements.
//!
//! Leptos' `view!` would add 68 KB (43%) to the page, because it generates a type for each element. This module boxes
//! closures and handles them in functions that exist once; see `docs/decisions/0026-element-builder.md`. No method sets
//! HTML, so text from a store cannot become markup.

use std::borrow::Cow;

use js_sys::Array;
use leptos::prelude::{Effect, Owner, StoredValue};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, Event, IntersectionObserver, IntersectionObserverEntry, IntersectionObserverInit};

use super::keyed::KeyedChildren;

#[cfg(test)]
#[expect(dead_code, reason = "elements need a browser, so the example is only compiled")]
mod example;

const HTML_NAMESPACE: &str = "http://www.w3.org/1999/xhtml";
const SVG_NAMESPACE: &str = "http://www.w3.org/2000/svg";

/// An element counts as visible if it is at most this far below the window: about three table rows.
const VISIBILITY_MARGIN: &str = "400px";

/// An element under construction, and the methods that add to it.
///
/// It is a handle: clones refer to the same element.
#[derive(Clone)]
pub(super) struct ElementBuilder(Element);

/// The text of an attribute or a text node: a string, or a closure that returns one and runs again when a signal that
/// it reads changes.
///
/// A closure may return `String`, `&'static str`, or an `Option` of these; `None` removes the attribute. A closure for
/// an attribute without a value, such as `open`, returns `bool`.
pub(super) trait Value {
    /// Sets an element's attribute, now and whenever the value changes.
    fn set_attribute(self, element: &ElementBuilder, name: &'static str);
    /// Appends a text node to an element, and updates it whenever the text changes.
    fn append_text(self, element: &ElementBuilder);
}

/// A type that a closure for a [`Value`] can return.
pub(super) trait Computed {
    /// Returns the text, or `None` to omit the attribute.
    fn into_text(self) -> Option<Cow<'static, str>>;
}

type ComputeText = Box<dyn Fn() -> Option<Cow<'static, str>>>;
type Render<'a> = &'a dyn Fn() -> Vec<ElementBuilder>;
/// Replaces all children by rendered ones.
type Replace<'a> = &'a dyn Fn(Render<'_>);

/// Defines a function for each tag in a namespace.
macro_rules! elements {
    ($namespace:ident: $($tag:ident)*) => {
        $(
            #[doc = concat!("Creates a `<", stringify!($tag), ">` element.")]
            pub(in crate::components) fn $tag() -> super::ElementBuilder {
                super::ElementBuilder::create(super::$namespace, stringify!($tag))
            }
        )*
    };
}

pub(super) mod html {
    elements! { HTML_NAMESPACE:
        a article bdi button code details div fieldset footer h1 h2 h3 h4 header img input label legend li main nav ol
        option p pre progress section select span strong summary table tbody td th thead time tr ul
    }
}

pub(super) mod svg {
    elements! { SVG_NAMESPACE: defs g line path pattern rect svg text }
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// Runs `action` in the next microtask and whenever a signal that it reads changes, until the current owner ends.
fn run_effect(mut action: Box<dyn FnMut()>) {
    Effect::new(move |_: Option<()>| action());
}

/// Returns the target of an event if it is an element of this type.
pub(super) fn target<E: JsCast>(event: &Event) -> Option<E> {
    event.target()?.dyn_into().ok()
}

impl ElementBuilder {
    /// Creates an HTML element by its tag name. Callers must only use tags that the program allows.
    pub(super) fn html(tag: &str) -> ElementBuilder {
        ElementBuilder::create(HTML_NAMESPACE, tag)
    }

    #[inline(never)]
    fn create(namespace: &str, tag: &str) -> ElementBuilder {
        let element = document().and_then(|document| document.create_element_ns(Some(namespace), tag).ok());
        // A browser always has a document. Outside a browser, such as in native tests, the element is `undefined`, whose
        // methods all do nothing.
        ElementBuilder(element.unwrap_or_else(|| JsValue::UNDEFINED.unchecked_into()))
    }

    pub(super) fn element(&self) -> &Element {
        &self.0
    }

    /// Copies the element with its attributes, but without its effects and event handlers.
    ///
    /// This is faster than setting the same attributes again.
    pub(super) fn clone_node(&self) -> ElementBuilder {
        ElementBuilder(self.0.clone_node().map_or_else(|_| self.0.clone(), JsCast::unchecked_into))
    }

    /// Sets an attribute of an element that may already be in the document.
    #[inline(never)]
    pub(super) fn set_attr(&self, name: &str, value: &str) {
        let _ = self.0.set_attribute(name, value);
    }

    /// Adds an attribute: `.attr("href", "./")`, or `.attr("open", move || is_open.get())`.
    pub(super) fn attr(self, name: &'static str, value: impl Value) -> ElementBuilder {
        value.set_attribute(&self, name);
        self
    }

    /// Sets the classes, separated by spaces.
    pub(super) fn class(self, classes: &str) -> ElementBuilder {
        self.attr("class", classes)
    }

    pub(super) fn id(self, id: &str) -> ElementBuilder {
        self.attr("id", id)
    }

    pub(super) fn role(self, role: &'static str) -> ElementBuilder {
        self.attr("role", role)
    }

    /// Sets the name that screen readers announce.
    pub(super) fn aria_label(self, label: impl Value) -> ElementBuilder {
        self.attr("aria-label", label)
    }

    /// Appends text: `.text("Clicks: ").text(move || count.get().to_string())`.
    pub(super) fn text(self, text: impl Value) -> ElementBuilder {
        text.append_text(&self);
        self
    }

    #[inline(never)]
    #[expect(clippy::needless_pass_by_value, reason = "a child is usually built in the call")]
    pub(super) fn child(self, child: ElementBuilder) -> ElementBuilder {
        let _ = self.0.append_child(&child.0);
        self
    }

    /// Appends elements from a list, an array, an iterator or an `Option`.
    pub(super) fn children(self, children: impl IntoIterator<Item = ElementBuilder>) -> ElementBuilder {
        children.into_iter().fold(self, ElementBuilder::child)
    }

    /// Handles an event of this element or of an element inside it.
    pub(super) fn on(self, event: &str, handler: impl FnMut(Event) + 'static) -> ElementBuilder {
        self.add_handler(event, Box::new(handler))
    }

    fn add_handler(self, event: &str, handler: Box<dyn FnMut(Event)>) -> ElementBuilder {
        let closure = Closure::wrap(handler);
        let _ = self.0.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
        // The current owner keeps the closure alive as long as the element.
        StoredValue::new_local(closure);
        self
    }

    /// Shows the element only while a condition holds. Otherwise, the element is `hidden` but stays in the document.
    pub(super) fn show_when(self, condition: impl Fn() -> bool + 'static) -> ElementBuilder {
        self.hide_unless(Box::new(condition))
    }

    fn hide_unless(self, condition: Box<dyn Fn() -> bool>) -> ElementBuilder {
        self.attr("hidden", move || !condition())
    }

    /// Runs `effect` with the element, now and whenever a signal that it reads changes.
    ///
    /// This is for properties that are not attributes, such as the value of an input that a visitor edits:
    /// `input().effect(move |input: &HtmlInputElement| input.set_value(&text.get()))`.
    pub(super) fn effect<E: JsCast + Clone + 'static>(self, mut effect: impl FnMut(&E) + 'static) -> ElementBuilder {
        let element = self.0.clone();
        run_effect(Box::new(move || effect(element.unchecked_ref())));
        self
    }

    /// Runs `action` once, shortly before the element is scrolled into view.
    pub(super) fn on_first_visible(self, action: impl Fn() + 'static) -> ElementBuilder {
        let on_change = Closure::<dyn FnMut(Array, IntersectionObserver)>::new(
            move |entries: Array, observer: IntersectionObserver| {
                let is_visible = |entry: JsValue| entry.unchecked_into::<IntersectionObserverEntry>().is_intersecting();
                if entries.iter().any(is_visible) {
                    observer.disconnect();
                    action();
                }
            },
        );
        let options = IntersectionObserverInit::new();
        options.set_root_margin(VISIBILITY_MARGIN);
        if let Ok(observer) = IntersectionObserver::new_with_options(on_change.as_ref().unchecked_ref(), &options) {
            observer.observe(&self.0);
        }
        StoredValue::new_local(on_change);
        self
    }

    /// Builds the children while a condition holds, and removes them when it no longer does, like Leptos' `<Show>`.
    pub(super) fn children_when(
        self,
        condition: impl Fn() -> bool + 'static,
        build: impl Fn() -> Vec<ElementBuilder> + 'static,
    ) -> ElementBuilder {
        self.build_children_when(Box::new(condition), Box::new(build))
    }

    fn build_children_when(
        self,
        condition: Box<dyn Fn() -> bool>,
        build: Box<dyn Fn() -> Vec<ElementBuilder>>,
    ) -> ElementBuilder {
        self.dynamic_children(condition, move |is_met| if *is_met { build() } else { Vec::new() })
    }

    /// Replaces all children whenever `read` returns a different value.
    ///
    /// `div().dynamic_children(move || messages.get(), |messages| messages.iter().map(message).collect())`.
    pub(super) fn dynamic_children<T: PartialEq + 'static>(
        self,
        read: impl Fn() -> T + 'static,
        render: impl Fn(&T) -> Vec<ElementBuilder> + 'static,
    ) -> ElementBuilder {
        let mut shown = None;
        self.update_children(Box::new(move |replace| {
            let value = read();
            if shown.as_ref() != Some(&value) {
                replace(&|| render(&value));
                shown = Some(value);
            }
        }))
    }

    /// Runs `update` whenever a signal that it reads changes. It can call its argument to replace all children.
    fn update_children(self, mut update: Box<dyn FnMut(Replace<'_>)>) -> ElementBuilder {
        let Some(parent) = Owner::current() else { return self };
        let builder = self.clone();
        let owner = parent.child();
        run_effect(Box::new(move || update(&|render| builder.replace_children(&owner, render))));
        self
    }

    /// Removes all children and everything that `owner` owns, and then appends new children that `owner` owns.
    fn replace_children(&self, owner: &Owner, render: Render<'_>) {
        owner.cleanup();
        self.0.set_text_content(None);
        let children = owner.with(render);
        self.clone().children(children);
    }

    /// Keeps one child for each key, in key order, like Leptos' `<For>`.
    ///
    /// A child is built when its key appears and removed when its key disappears.
    pub(super) fn keyed_children(
        self,
        keys: impl Fn() -> Vec<usize> + 'static,
        build: impl Fn(usize) -> ElementBuilder + 'static,
    ) -> ElementBuilder {
        self.add_keyed_children(Box::new(keys), Box::new(build))
    }

    fn add_keyed_children(
        self,
        keys: Box<dyn Fn() -> Vec<usize>>,
        build: Box<dyn Fn(usize) -> ElementBuilder>,
    ) -> ElementBuilder {
        let Some(owner) = Owner::current() else { return self };
        let mut children = KeyedChildren::new(self.0.clone(), owner);
        run_effect(Box::new(move || children.update(&keys(), &|key| build(key).0)));
        self
    }

    fn compute_attribute(&self, name: &'static str, compute: ComputeText) {
        let element = self.0.clone();
        let mut shown = None;
        run_effect(Box::new(move || {
            let value = compute();
            if value == shown {
                return;
            }
            let _ = match &value {
                Some(value) => element.set_attribute(name, value),
                None => element.remove_attribute(name),
            };
            shown = value;
        }));
    }

    #[inline(never)]
    fn append_text_node(&self, text: &str) {
        let _ = self.0.append_with_str_1(text);
    }

    fn compute_text(&self, compute: ComputeText) {
        self.append_text_node("");
        let Some(node) = self.0.last_child() else { return };
        let mut shown = None;
        run_effect(Box::new(move || {
            let text = compute();
            if text != shown {
                node.set_text_content(text.as_deref());
                shown = text;
            }
        }));
    }
}

impl Value for &str {
    fn set_attribute(self, element: &ElementBuilder, name: &'static str) {
        element.set_attr(name, self);
    }

    fn append_text(self, element: &ElementBuilder) {
        element.append_text_node(self);
    }
}

impl Value for &String {
    fn set_attribute(self, element: &ElementBuilder, name: &'static str) {
        element.set_attr(name, self);
    }

    fn append_text(self, element: &ElementBuilder) {
        element.append_text_node(self);
    }
}

impl<F, T> Value for F
where
    F: Fn() -> T + 'static,
    T: Computed,
{
    fn set_attribute(self, element: &ElementBuilder, name: &'static str) {
        element.compute_attribute(name, Box::new(move || self().into_text()));
    }

    fn append_text(self, element: &ElementBuilder) {
        element.compute_text(Box::new(move || self().into_text()));
    }
}

impl Computed for String {
    fn into_text(self) -> Option<Cow<'static, str>> {
        Some(Cow::Owned(self))
    }
}

impl Computed for &'static str {
    fn into_text(self) -> Option<Cow<'static, str>> {
        Some(Cow::Borrowed(self))
    }
}

impl<T: Computed> Computed for Option<T> {
    fn into_text(self) -> Option<Cow<'static, str>> {
        self.and_then(T::into_text)
    }
}

impl Computed for bool {
    fn into_text(self) -> Option<Cow<'static, str>> {
        self.then_some(Cow::Borrowed(""))
    }
}
