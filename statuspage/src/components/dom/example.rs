use leptos::prelude::*;

use super::ElementBuilder;
use super::html::{button, div, li, p, ul};

/// Builds a counter with a list of all numbers below its value.
fn counter(count: RwSignal<usize>) -> ElementBuilder {
    div()
        .class("counter")
        // The attribute and the text change with the signal.
        .attr("data-count", move || count.get().to_string())
        .child(p().text("Clicks: ").text(move || count.get().to_string()))
        .child(button().attr("type", "button").text("Add one").on("click", move |_| count.update(|count| *count += 1)))
        // The element is hidden while the condition is false.
        .child(p().role("status").text("That is a lot.").show_when(move || count.get() > 10))
        // The list has one child per key. A child is kept as long as its key exists.
        .child(ul().keyed_children(move || (0..count.get()).collect(), |number| li().text(&number.to_string())))
}
