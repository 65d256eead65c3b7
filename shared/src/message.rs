//! Parses messages: announcements in a subset of HTML that is defined by an allowlist.
//!
//! The checker refuses to post any other markup, and the page drops it, so hostile or old messages are harmless.
//! The result is a tree of text and elements, never HTML.

mod html;

pub use self::html::escape_html;

/// The elements allowed in messages. Only `a` has an attribute, `href`.
pub const ALLOWED_TAGS: [&str; 15] =
    ["a", "b", "strong", "i", "em", "u", "s", "code", "pre", "br", "p", "ul", "ol", "li", "blockquote"];

/// The URL schemes allowed in links.
pub const ALLOWED_SCHEMES: [&str; 3] = ["http", "https", "mailto"];

/// Elements that are dropped together with their content.
const SILENT_TAGS: [&str; 8] = ["script", "style", "template", "iframe", "object", "noscript", "svg", "math"];

/// The maximum nesting depth. Elements that are nested deeper are flattened into their parent.
const DEPTH_LIMIT: usize = 16;

/// A part of a message: text or an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Plain text with resolved entities.
    Text(String),
    /// An allowed element and its content.
    Element {
        /// The element's lowercase name, one of [`ALLOWED_TAGS`].
        tag: &'static str,
        /// The link target of an `a`, with one of [`ALLOWED_SCHEMES`].
        href: Option<String>,
        /// The element's text and child elements, in document order.
        children: Vec<Node>,
    },
}

/// A parsed message, which contains only allowed elements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// The allowed text and elements, in document order.
    pub nodes: Vec<Node>,
    /// Descriptions of the dropped markup that an author can search for: `<script>`, `onclick of <a>`.
    pub refused: Vec<String>,
}

/// An error for a message that contains disallowed markup.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid message: {} not allowed; use a[href] (http, https, mailto) and {}, and write `&lt;` for a literal `<`",
    .0.iter().map(|what| format!("`{what}`")).collect::<Vec<_>>().join(", ") + if .0.len() == 1 { " is" } else { " are" },
    ALLOWED_TAGS[1..].join(" ")
)]
pub struct DisallowedMarkup(pub Vec<String>);

impl Message {
    /// Parses a message and drops all markup that is not allowed.
    #[must_use]
    pub fn parse(html: &str) -> Message {
        let mut builder =
            TreeBuilder { open: vec![Open { tag: "", href: None, children: Vec::new() }], ..TreeBuilder::default() };
        builder.read(html);
        while builder.open.len() > 1 {
            builder.close_last();
        }
        Message { nodes: builder.open.pop().map(|root| root.children).unwrap_or_default(), refused: builder.refused }
    }

    /// Parses a message before it is posted. The error lists all markup that is not allowed.
    pub fn parse_strict(html: &str) -> Result<Message, DisallowedMarkup> {
        let message = Message::parse(html);
        if message.refused.is_empty() { Ok(message) } else { Err(DisallowedMarkup(message.refused)) }
    }

    /// Returns the text without markup. Paragraphs, line breaks and other blocks are separated by spaces.
    #[must_use]
    pub fn text(&self) -> String {
        fn collect(nodes: &[Node], text: &mut String) {
            for node in nodes {
                match node {
                    Node::Text(words) => text.push_str(words),
                    Node::Element { tag, children, .. } => {
                        let block = matches!(*tag, "br" | "p" | "li" | "pre" | "blockquote");
                        if block && !text.is_empty() && !text.ends_with(char::is_whitespace) {
                            text.push(' ');
                        }
                        collect(children, text);
                    }
                }
            }
        }
        let mut text = String::new();
        collect(&self.nodes, &mut text);
        text.trim().to_owned()
    }
}

/// An element whose end tag has not been found yet.
#[derive(Default)]
struct Open {
    tag: &'static str,
    href: Option<String>,
    children: Vec<Node>,
}

#[derive(Default)]
struct TreeBuilder {
    /// The stack of open elements. The first one is the message itself.
    open: Vec<Open>,
    refused: Vec<String>,
}

/// A tag as written in the message: `<name attribute="value">` or `</name>`.
struct Tag {
    name: String,
    closes: bool,
    attributes: Vec<(String, String)>,
}

impl TreeBuilder {
    fn read(&mut self, html: &str) {
        let mut rest = html;
        while let Some((before, markup)) = rest.split_once('<') {
            self.text(before);
            if let Some(comment) = markup.strip_prefix("!--") {
                self.refuse("<!-- -->");
                rest = after_comment(comment);
            } else if let Some((tag, after)) = read_tag(markup) {
                rest = self.tag(&tag, after);
            } else if markup.starts_with(['!', '?', '/']) || markup.starts_with(|c: char| c.is_ascii_alphabetic()) {
                // Markup that is not closed is ambiguous, so it is dropped.
                self.refuse("<");
                rest = after_bracket(markup);
            } else {
                // `a < b` is text.
                self.text("<");
                rest = markup;
            }
        }
        self.text(rest);
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = resolve_entities(text);
        if let Some(open) = self.open.last_mut() {
            match open.children.last_mut() {
                Some(Node::Text(before)) => before.push_str(&text),
                _ => open.children.push(Node::Text(text)),
            }
        }
    }

    /// Handles a tag and returns the position after it.
    fn tag<'a>(&mut self, tag: &Tag, after: &'a str) -> &'a str {
        let Some(known) = ALLOWED_TAGS.into_iter().find(|allowed| *allowed == tag.name) else {
            if !tag.closes {
                self.refuse(&format!("<{}>", tag.name));
                if let Some(silent) = SILENT_TAGS.into_iter().find(|silent| *silent == tag.name) {
                    return after_end_of(silent, after);
                }
            }
            return after;
        };
        if tag.closes {
            if let Some(depth) = self.open.iter().rposition(|open| open.tag == known) {
                while self.open.len() > depth {
                    self.close_last();
                }
            }
            return after;
        }
        let href = self.href(known, &tag.attributes);
        if known == "br" {
            self.append(Node::Element { tag: "br", href: None, children: Vec::new() });
        } else if self.open.len() <= DEPTH_LIMIT {
            self.open.push(Open { tag: known, href, children: Vec::new() });
        }
        after
    }

    /// Returns an `a` element's link target, and drops all other attributes.
    fn href(&mut self, tag: &str, attributes: &[(String, String)]) -> Option<String> {
        let mut href = None;
        for (name, value) in attributes {
            if tag == "a" && name == "href" {
                match allowed_link(value) {
                    Some(link) => href = Some(link),
                    None => self.refuse(&format!("href=\"{}\"", crate::check_file::shortened(value.clone(), 60))),
                }
            } else {
                self.refuse(&format!("{name} of <{tag}>"));
            }
        }
        href
    }

    fn close_last(&mut self) {
        if let Some(Open { tag, href, children }) = self.open.pop() {
            self.append(Node::Element { tag, href, children });
        }
    }

    fn append(&mut self, node: Node) {
        if let Some(open) = self.open.last_mut() {
            open.children.push(node);
        }
    }

    fn refuse(&mut self, what: &str) {
        if !self.refused.iter().any(|refused| refused == what) {
            self.refused.push(what.to_owned());
        }
    }
}

/// Returns the text after the next `>`. Without one, the rest is dropped.
fn after_bracket(text: &str) -> &str {
    text.split_once('>').map_or("", |(_, after)| after)
}

/// Returns the text after the end of a comment, or an empty string if it does not end.
fn after_comment(text: &str) -> &str {
    let mut rest = text;
    while let Some((comment, after)) = rest.split_once('>') {
        if comment.ends_with("--") {
            return after;
        }
        rest = after;
    }
    ""
}

/// Parses the tag whose `<` precedes the text. Returns `None` if the tag is incomplete.
fn read_tag(text: &str) -> Option<(Tag, &str)> {
    let closes = text.starts_with('/');
    let text = text.strip_prefix('/').unwrap_or(text);
    let name_end = text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/'))?;
    let (name, mut rest) = text.split_at_checked(name_end)?;
    let name = name.to_ascii_lowercase();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = rest.strip_prefix('>') {
            return Some((Tag { name, closes, attributes }, after));
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/' | '='))?;
        // A leading `=` is part of the name, as in the HTML standard. Consuming it also ensures that parsing makes
        // progress.
        let end = if end == 0 { 1 } else { end };
        let (attribute, after) = rest.split_at_checked(end)?;
        rest = after.trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let (raw, tail) = match quote {
                Some(quote) => after.strip_prefix(quote)?.split_once(quote)?,
                None => after.split_at_checked(after.find(|c: char| c.is_ascii_whitespace() || c == '>')?)?,
            };
            value = resolve_entities(raw);
            rest = tail;
        }
        attributes.push((attribute.to_ascii_lowercase(), value));
    }
}

/// Returns the text after an element's end tag, or an empty string if there is no end tag.
fn after_end_of<'a>(tag: &str, text: &'a str) -> &'a str {
    let mut rest = text;
    while let Some((_, markup)) = rest.split_once('<') {
        rest = markup;
        let name = markup.strip_prefix('/').and_then(|name| name.get(..tag.len()));
        if name.is_some_and(|name| name.eq_ignore_ascii_case(tag)) {
            return after_bracket(markup);
        }
    }
    ""
}

/// Returns the link if its scheme is allowed. Browsers ignore control characters in schemes, so links must not contain
/// any.
fn allowed_link(href: &str) -> Option<String> {
    let href = href.trim();
    let (scheme, rest) = href.split_once(':')?;
    let allowed = ALLOWED_SCHEMES.iter().any(|allowed| scheme.eq_ignore_ascii_case(allowed));
    let whole = !rest.is_empty() && !href.chars().any(char::is_control);
    (allowed && whole).then(|| href.to_owned())
}

/// Resolves numeric and common named character references.
fn resolve_entities(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        resolved.push_str(before);
        if let Some((character, behind)) = read_entity(after) {
            resolved.push(character);
            rest = behind;
        } else {
            resolved.push('&');
            rest = after;
        }
    }
    resolved.push_str(rest);
    resolved
}

/// Parses the character reference whose `&` precedes the text. Names of more than ten characters are
/// unknown.
fn read_entity(text: &str) -> Option<(char, &str)> {
    let (end, _) = text.char_indices().take(11).find(|(_, character)| *character == ';')?;
    let (name, behind) = text.split_at_checked(end)?;
    Some((entity(name)?, behind.strip_prefix(';')?))
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(code).filter(|character| !character.is_control() || matches!(character, '\n' | '\t'));
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "rarr" => '→',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(words: &str) -> Node {
        Node::Text(words.to_owned())
    }

    fn element(tag: &'static str, children: Vec<Node>) -> Node {
        Node::Element { tag, href: None, children }
    }

    #[test]
    fn messages_of_the_original_are_parsed() {
        let message = Message::parse_strict("We're <b>on it</b>. <a href='https://status.example.com'>More</a>")
            .expect("allowed");
        let link = Node::Element {
            tag: "a",
            href: Some("https://status.example.com".to_owned()),
            children: vec![text("More")],
        };
        assert_eq!(message.nodes, [text("We're "), element("b", vec![text("on it")]), text(". "), link]);
        assert_eq!(message.text(), "We're on it. More");
    }

    #[test]
    fn lists_and_breaks_keep_their_order() {
        let message = Message::parse_strict("<p>One<br>two</p><ul><li>a<li>b</ul>").expect("allowed");
        assert_eq!(message.text(), "One two a b");
    }

    #[test]
    fn disallowed_markup_is_reported() {
        for (html, named) in [
            ("<script>alert(1)</script>", "<script>"),
            ("<img src=x onerror=alert(1)>", "<img>"),
            ("<b onclick=\"x()\">now</b>", "onclick of <b>"),
            ("<a href=\"javascript:alert(1)\">x</a>", "href=\"javascript:alert(1)\""),
            ("<a href=\"java&#10;script:alert(1)\">x</a>", "href=\"java\nscript:alert(1)\""),
            ("<a href=\"data:text/html,x\">x</a>", "href=\"data:text/html,x\""),
            ("<a href=\"//evil.example\">x</a>", "href=\"//evil.example\""),
            ("<a href=\"https://x.example\" target=_blank>x</a>", "target of <a>"),
            ("<p style=\"position:fixed\">x</p>", "style of <p>"),
            ("<h1>News</h1>", "<h1>"),
            ("<!-- secret -->", "<!-- -->"),
            ("<b", "<"),
            ("</ scr", "<"),
        ] {
            let error = Message::parse_strict(html).expect_err(html);
            assert_eq!(error.0, [named], "{html}");
            assert!(error.to_string().contains(named) && error.to_string().contains("blockquote"), "{error}");
        }
    }

    #[test]
    fn disallowed_markup_is_dropped_but_its_text_is_kept() {
        assert_eq!(Message::parse("<h1>News</h1> <script>alert('</b>')</script>today").text(), "News today");
        assert_eq!(Message::parse("<a href='javascript:x'>click</a>").nodes, [element("a", vec![text("click")])]);
        assert_eq!(Message::parse("<STYLE>p{}</sTyLe>x<iframe src=//e>y</iframe>").text(), "x");
    }

    #[test]
    fn text_is_not_interpreted() {
        assert_eq!(
            Message::parse_strict("a < b &lt;b&gt; AT&T &copy; &#8364;").expect("allowed").text(),
            "a < b <b> AT&T &copy; €"
        );
    }

    #[test]
    fn mismatched_tags_are_closed() {
        let message = Message::parse("<b>bold <i>both</b> plain</i></p>");
        assert_eq!(
            message.nodes,
            [element("b", vec![text("bold "), element("i", vec![text("both")])]), text(" plain")]
        );
    }

    #[test]
    fn nesting_is_limited() {
        fn depth(nodes: &[Node]) -> usize {
            nodes
                .iter()
                .map(|node| if let Node::Element { children, .. } = node { 1 + depth(children) } else { 0 })
                .max()
                .unwrap_or(0)
        }
        assert!(depth(&Message::parse(&"<b>".repeat(1_000_000)).nodes) <= DEPTH_LIMIT);
    }

    proptest! {
        #[test]
        fn only_the_allow_list_gets_through(html in r#"(<|>|/|a|b|script|img| href=|"|'|javascript:|https://x|on|&#|;|x|!--|-->|ä|\n){0,40}"#) {
            fn check(nodes: &[Node]) -> Result<(), TestCaseError> {
                for node in nodes {
                    if let Node::Element { tag, href, children } = node {
                        prop_assert!(ALLOWED_TAGS.contains(tag));
                        if let Some(href) = href {
                            let scheme = href.split(':').next().unwrap_or_default().to_lowercase();
                            prop_assert!(*tag == "a" && ALLOWED_SCHEMES.contains(&scheme.as_str()));
                        }
                        check(children)?;
                    }
                }
                Ok(())
            }
            check(&Message::parse(&html).nodes)?;
        }

        #[test]
        fn text_without_markup_is_unchanged(words in "[a-zA-Z0-9 äß€.,>;]{0,60}") {
            let message = Message::parse_strict(&words).expect("no markup");
            prop_assert_eq!(message.text(), words.trim());
        }
    }
}
