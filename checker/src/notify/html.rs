//! Renders messages as HTML, for mail and Matrix. Pure.

use std::fmt::Write as _;

use super::message::Message;
use super::outline::Outline;
use super::words::{self, Urgency};
use crate::sanitize::escape_html;

/// Returns an HTML fragment with only the simple elements that chat clients allow.
#[must_use]
pub fn fragment(message: &Message) -> String {
    let outline = Outline::new(message);
    let start = |urgency: Urgency| format!("<p>{} ", urgency.symbol());
    paragraphs(&outline, start, str::to_owned) + &closing(&outline)
}

/// Returns a complete HTML document for mail. Styles are inline, because many mail programs ignore style sheets.
#[must_use]
pub fn document(message: &Message) -> String {
    let outline = Outline::new(message);
    let start = |urgency| format!("<p style=\"border-left:4px solid {};padding-left:10px\">", color(urgency));
    let detail = |detail: &str| format!("<span style=\"color:#57606a\">{detail}</span>");
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family:sans-serif;font-size:15px;line-height:1.4\">\n{}{}</body></html>\n",
        escape_html(&words::short_summary(message)),
        paragraphs(&outline, start, detail),
        closing(&outline),
    )
}

/// Returns paragraphs for the preface and for each entry. `start` begins an entry, and `style` formats a detail.
fn paragraphs(outline: &Outline, start: impl Fn(Urgency) -> String, style: impl Fn(&str) -> String) -> String {
    let mut html = String::new();
    if let Some(preface) = &outline.preface {
        let _ = writeln!(html, "<p><strong>{}</strong></p>", escape_html(preface));
    }
    for entry in &outline.entries {
        let _ = write!(html, "{}<strong>{}</strong>", start(entry.urgency), escape_html(&entry.headline));
        for detail in &entry.details {
            let _ = write!(html, "<br>\n{}", style(&escape_html(detail)));
        }
        html += "</p>\n";
    }
    html
}

/// Returns the number of omitted items and the link to the page.
fn closing(outline: &Outline) -> String {
    let mut html = String::new();
    if let Some(more) = &outline.more {
        let _ = writeln!(html, "<p>{}</p>", escape_html(more));
    }
    let title = escape_html(&outline.page_title);
    match &outline.page_url {
        Some(url) => {
            let url = escape_html(url);
            let title = if title.is_empty() { url.clone() } else { title };
            let _ = writeln!(html, "<p><a href=\"{url}\">{title}</a></p>");
        }
        None if title.is_empty() => {}
        None => {
            let _ = writeln!(html, "<p>{title}</p>");
        }
    }
    html
}

/// Returns a color that is readable on both white and black.
#[must_use]
pub fn color(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Critical => "#cf222e",
        Urgency::Warning => "#bf8700",
        Urgency::Good => "#1a7f37",
        Urgency::Info => "#57606a",
    }
}
