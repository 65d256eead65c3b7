//! Requests to Microsoft Teams workflows, which post a card for each webhook request.
//! <https://support.microsoft.com/office/8ae491c7-0394-4861-ba59-055e33f75498>

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};
use shared::UnixNanos;

use super::request::post_json;
use super::secret_url::SecretUrl;
use super::{HttpChannel, InvalidMessage};
use crate::notify::message::Message;
use crate::notify::outline::Outline;
use crate::notify::words::{self, Urgency};

/// A Microsoft Teams workflow that posts a card for each webhook request.
#[derive(Debug, Clone)]
pub struct Teams {
    pub webhook: SecretUrl,
}

/// Teams accepts cards of up to 28 KB. Details are omitted from larger ones.
const LIMIT: usize = 24_000;

impl HttpChannel for Teams {
    fn requests(&self, message: &Message, _: UnixNanos) -> Result<Vec<Request<Bytes>>, InvalidMessage> {
        let mut outline = Outline::new(message);
        let mut body = body(message, &outline);
        if body.to_string().len() > LIMIT {
            outline.entries.iter_mut().for_each(|entry| entry.details.clear());
            body = self::body(message, &outline);
        }
        post_json(&self.webhook, &body)
    }
}

/// Returns a message with an Adaptive Card. Its text runs do not support markup, so nothing needs escaping.
fn body(message: &Message, outline: &Outline) -> Value {
    let mut blocks = Vec::new();
    if let Some(preface) = &outline.preface {
        blocks.push(rich_text(&run(preface, "Default", true)));
    }
    for entry in &outline.entries {
        let headline = format!("{} {}", entry.urgency.symbol(), entry.headline);
        blocks.push(rich_text(&run(&headline, color(entry.urgency), true)));
        blocks.extend(entry.details.iter().map(|detail| rich_text(&run(detail, "Default", false))));
    }
    blocks.extend(outline.more.iter().map(|more| rich_text(&run(more, "Default", false))));
    let title = if outline.page_title.is_empty() { "Status page" } else { &outline.page_title };
    let mut content = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": words::short_summary(message),
        "msteams": { "width": "Full" },
        "body": blocks,
    });
    if let Some(url) = &outline.page_url {
        content["actions"] = json!([{ "type": "Action.OpenUrl", "title": title, "url": url }]);
    }
    json!({
        "type": "message",
        "summary": words::short_summary(message),
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": content,
        }],
    })
}

fn rich_text(inline: &Value) -> Value {
    json!({ "type": "RichTextBlock", "inlines": [inline] })
}

fn run(text: &str, color: &str, is_bold: bool) -> Value {
    let weight = if is_bold { "Bolder" } else { "Default" };
    json!({ "type": "TextRun", "text": text, "color": color, "weight": weight })
}

fn color(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Critical => "Attention",
        Urgency::Warning => "Warning",
        Urgency::Good => "Good",
        Urgency::Info => "Default",
    }
}
