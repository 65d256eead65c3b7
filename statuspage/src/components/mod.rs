//! Thin components: a view value in, elements out. None computes, fetches, formats or reads the time.

mod chart;
mod detail;
mod dom;
mod endpoint;
mod frame;
mod groups;
mod message;
mod overall;
pub(crate) mod page;
mod ranges;
mod strip;
mod table;
mod timeline;

use leptos::prelude::{RwSignal, With};
use shared::status::Status;

use crate::view::{PageView, icon};
use dom::{ElementBuilder, html, svg};

/// What stands on the page now.
type View = RwSignal<PageView>;

/// The shape of a status. It is never alone: the word for it stands beside it.
fn shape(status: impl Fn() -> Status + Copy + 'static) -> ElementBuilder {
    drawn_shape(svg("path[fill-rule=evenodd]").live("d", move || Some(icon::shape(status()).to_owned())))
        .live("data-status", move || Some(status().word().to_owned()))
}

/// The shape of a status that stays what it is.
fn shape_of(status: Status) -> ElementBuilder {
    drawn_shape(svg("path[fill-rule=evenodd]").set("d", icon::shape(status))).set("data-status", status.word())
}

/// A shape that is none of a status.
fn drawn_shape(path: ElementBuilder) -> ElementBuilder {
    svg("svg.shape[viewBox=0 0 16 16][aria-hidden=true]").with(path)
}

/// Text of others, kept from turning the direction of the text around it.
fn isolated(text: &str) -> ElementBuilder {
    html("bdi").text(text)
}

/// A moment.
fn time(datetime: &str, words: &str) -> ElementBuilder {
    html("time").set("datetime", datetime).text(words)
}

/// Something of the view, as text that is kept up to date.
fn of(view: View, read: fn(&PageView) -> &str) -> impl Fn() -> String + Copy + 'static {
    move || view.with(|view| read(view).to_owned())
}

/// Whether something holds of the view, for what is shown only while it does.
fn holds(view: View, read: fn(&PageView) -> bool) -> impl Fn() -> bool + Copy + 'static {
    move || view.with(read)
}
