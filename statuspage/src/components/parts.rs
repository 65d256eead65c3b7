//! Small elements that several components use.

use shared::status::Status;

use super::dom::html::{bdi, h2, section as section_element, time as time_element};
use super::dom::{ElementBuilder, svg};
use crate::view::icon;

/// Builds the icon for a status that can change. The status label is always next to the icon.
pub(super) fn status_icon(status: impl Fn() -> Status + Copy + 'static) -> ElementBuilder {
    icon(svg::path().attr("fill-rule", "evenodd").attr("d", move || icon::shape(status())))
        .attr("data-status", move || status().as_str())
}

/// Builds the icon for a status that does not change.
pub(super) fn fixed_status_icon(status: Status, is_partial: bool) -> ElementBuilder {
    let outline = icon::outline(status, is_partial);
    icon(svg::path().attr("fill-rule", "evenodd").attr("d", outline)).attr("data-status", status.as_str())
}

/// Returns the value of `data-planned`, with which style sheets show a status in the color of planned work.
pub(super) fn planned(is_planned: bool) -> &'static str {
    if is_planned { "true" } else { "false" }
}

/// Builds an icon in a box of 16 by 16 units.
pub(super) fn icon(path: ElementBuilder) -> ElementBuilder {
    svg::svg().class("icon").attr("viewBox", "0 0 16 16").attr("aria-hidden", "true").child(path)
}

/// Builds text from a configuration or a store. Its direction does not affect the text around it.
pub(super) fn isolated(text: &str) -> ElementBuilder {
    bdi().text(text)
}

/// Builds a time that both machines and people can read.
pub(super) fn time(datetime: &str, text: &str) -> ElementBuilder {
    time_element().attr("datetime", datetime).text(text)
}

/// Builds a section that is labeled by its heading.
pub(super) fn section(title_id: &str, title: &str) -> ElementBuilder {
    section_element().attr("aria-labelledby", title_id).child(h2().id(title_id).text(title))
}
