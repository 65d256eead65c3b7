//! Renders a message as text, in each provider's markup and within its length limit. Pure.

use std::borrow::Cow;

use super::message::Message;
use super::words::{self, Urgency};

/// A provider's markup for text.
#[derive(Clone, Copy)]
pub struct Markup {
    /// Escapes text, so that it is shown unchanged.
    pub escape: fn(&str) -> Cow<'_, str>,
    /// Formats the URL of the status page.
    pub link: fn(&str) -> String,
    /// The strings before and after bold text.
    pub bold: (&'static str, &'static str),
}

/// Plain text, which needs no escaping.
pub const PLAIN: Markup = Markup { escape: |text| Cow::Borrowed(text), link: str::to_owned, bold: ("", "") };

/// The maximum length of a message's text.
#[derive(Debug, Clone, Copy)]
pub enum Limit {
    Bytes(usize),
    /// Unicode code points.
    Characters(usize),
    /// UTF-16 code units. This is also safe for providers that count characters, because each takes at least one unit.
    Utf16(usize),
}

impl Limit {
    fn allows(self, text: &str) -> bool {
        match self {
            Limit::Bytes(limit) => text.len() <= limit,
            Limit::Characters(limit) => text.chars().count() <= limit,
            Limit::Utf16(limit) => text.encode_utf16().count() <= limit,
        }
    }
}

/// The parts of a message's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    pub preface: Option<String>,
    pub entries: Vec<OutlineEntry>,
    pub more: Option<String>,
    pub page_title: String,
    pub page_url: Option<String>,
}

/// The lines about one item of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutlineEntry {
    pub urgency: Urgency,
    pub headline: String,
    pub details: Vec<String>,
}

impl Outline {
    #[must_use]
    pub fn new(message: &Message) -> Outline {
        let entries = message.items.iter().map(|item| OutlineEntry {
            urgency: Urgency::from_item(item),
            headline: words::headline(item, message),
            details: [words::reasons(item), words::dependents(item)].into_iter().flatten().collect(),
        });
        Outline {
            preface: message.preface.as_deref().map(|preface| words::one_line(preface, 200)),
            entries: entries.collect(),
            more: words::more(message),
            page_title: words::one_line(&message.page_title, 80),
            page_url: message.page_url.clone(),
        }
    }

    /// Returns the text in a provider's markup.
    #[must_use]
    pub fn render(&self, markup: &Markup) -> String {
        let escape = markup.escape;
        let (bold, end) = markup.bold;
        let mut lines = Vec::new();
        if let Some(preface) = &self.preface {
            lines.push(format!("{bold}{}{end}", escape(preface)));
        }
        for entry in &self.entries {
            lines.push(format!("{bold}{} {}{end}", entry.urgency.symbol(), escape(&entry.headline)));
            lines.extend(entry.details.iter().map(|detail| format!("  {}", escape(detail))));
        }
        if let Some(more) = &self.more {
            lines.push(escape(more).into_owned());
        }
        match (&self.page_url, self.page_title.is_empty()) {
            (Some(url), true) => lines.push((markup.link)(url)),
            (Some(url), false) => lines.push(format!("{}: {}", escape(&self.page_title), (markup.link)(url))),
            (None, true) => {}
            (None, false) => lines.push(escape(&self.page_title).into_owned()),
        }
        lines.join("\n")
    }
}

/// Returns a message's text in a provider's markup. If it is too long, details are dropped first, then items are
/// counted instead of listed, and finally the remaining sentences are shortened.
#[must_use]
pub fn fit(message: &Message, markup: &Markup, limit: Limit) -> String {
    let mut outline = Outline::new(message);
    let text = outline.render(markup);
    if limit.allows(&text) {
        return text;
    }
    for kept in (1..=message.items.len().max(1)).rev() {
        outline = Outline::new(&with_items(message, kept));
        outline.entries.iter_mut().for_each(|entry| entry.details.clear());
        let text = outline.render(markup);
        if limit.allows(&text) {
            return text;
        }
    }
    let mut text = String::new();
    for length in [200, 100, 50, 25, 10] {
        let sentences = outline.entries.iter_mut().map(|entry| &mut entry.headline);
        for sentence in sentences.chain([&mut outline.page_title]).chain(&mut outline.preface).chain(&mut outline.more)
        {
            *sentence = words::one_line(sentence, length);
        }
        text = outline.render(markup);
        if limit.allows(&text) {
            break;
        }
        outline.page_url = None;
    }
    text
}

/// Returns the message with only its first `kept` items. The others are counted.
fn with_items(message: &Message, kept: usize) -> Message {
    let mut shortened = message.clone();
    let hidden = message.items.len().saturating_sub(kept);
    shortened.items.truncate(kept);
    if hidden > 0 {
        shortened.more.push((String::new(), hidden));
    }
    shortened
}

/// Escapes the characters in `special` with a backslash, and inserts a zero-width space after `@`, so that no user is
/// mentioned.
#[must_use]
pub fn escape_markdown<'a>(text: &'a str, special: &str) -> Cow<'a, str> {
    if !text.contains(|character| character == '@' || special.contains(character)) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        if special.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
        if character == '@' {
            escaped.push(ZERO_WIDTH_SPACE);
        }
    }
    Cow::Owned(escaped)
}

/// An invisible character that keeps markup from being recognized.
pub const ZERO_WIDTH_SPACE: char = '\u{200b}';
