//! The card of a page whose checker still has its starter configuration. Only the operator sees it, on the checker's
//! machine, so it is in English like the configuration file.

use shared::page_config::PageConfig;

use super::dom::ElementBuilder;
use super::dom::html::{code, p, pre};
use super::parts::section;
use crate::context::AppContext;

/// A check that operators can paste into the list of checks.
const EXAMPLE: &str = "{\n  \"type\": \"http\",\n  \"endpoint_name\": \"Shop\",\n  \"endpoint_url\": \"https://shop.example/health\",\n},";

/// Builds the card. It disappears as soon as another service is checked.
pub(super) fn first_steps(context: AppContext, config: &PageConfig) -> Option<ElementBuilder> {
    let file = config.starter_file.as_deref()?;
    let lead = p()
        .text("Add a check like this one to the list ")
        .child(code().text("checkers"))
        .text(" in ")
        .child(code().text(file))
        .text(". This page shows it within a minute.");
    let card = section("first-steps-title", "Add your first service")
        .class("card")
        .id("first-steps")
        .attr("lang", "en")
        .attr("dir", "ltr")
        .child(lead)
        .child(pre().text(EXAMPLE));
    Some(card.show_when(context.view_flag(|view| view.complete && view.endpoints.len() <= 1)))
}
