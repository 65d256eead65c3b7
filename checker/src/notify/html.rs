//! Messages as HTML, for mail and Matrix. Pure.

use std::fmt::Write as _;

use super::message::Message;
use super::outline::{Outline, escape_html};
use super::words::{self, Urgency};

/// Returns a fragment with simple elements, which chat clients allow.
#[must_use]
pub fn fragment(message: &Message) -> String {
    let outline = Outline::new(message);
    let mut html = String::new();
    if let Some(preface) = &outline.preface {
        let _ = writeln!(html, "<p><strong>{}</strong></p>", escape_html(preface));
    }
    for entry in &outline.entries {
        let symbol = entry.urgency.symbol();
        let _ = write!(html, "<p>{symbol} <strong>{}</strong>", escape_html(&entry.headline));
        for detail in &entry.details {
            let _ = write!(html, "<br>\n{}", escape_html(detail));
        }
        html += "</p>\n";
    }
    html + &closing(&outline)
}

/// Returns a complete document for mail. Its style is inline, because many mail programs ignore style sheets.
#[must_use]
pub fn document(message: &Message) -> String {
    let outline = Outline::new(message);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"font-family:sans-serif;font-size:15px;line-height:1.4\">\n",
        escape_html(&words::short_summary(message))
    );
    if let Some(preface) = &outline.preface {
        let _ = writeln!(html, "<p><strong>{}</strong></p>", escape_html(preface));
    }
    for entry in &outline.entries {
        let color = color(entry.urgency);
        let _ = write!(
            html,
            "<p style=\"border-left:4px solid {color};padding-left:10px\"><strong>{}</strong>",
            escape_html(&entry.headline)
        );
        for detail in &entry.details {
            let _ = write!(html, "<br>\n<span style=\"color:#57606a\">{}</span>", escape_html(detail));
        }
        html += "</p>\n";
    }
    html + &closing(&outline) + "</body></html>\n"
}

/// Returns the count of further items, and the link to the page.
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

/// Returns a color that is readable on white and on black.
#[must_use]
pub fn color(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Critical => "#cf222e",
        Urgency::Warning => "#bf8700",
        Urgency::Good => "#1a7f37",
        Urgency::Info => "#57606a",
    }
}
