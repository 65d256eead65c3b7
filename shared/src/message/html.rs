//! Messages as HTML, for clients such as feed readers that cannot use the tree.

use std::borrow::Cow;

use super::{Message, Node};

impl Message {
    /// Returns the message as HTML. It contains only the allowed elements, and is well-formed.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut html = String::new();
        write(&self.nodes, &mut html);
        html
    }
}

fn write(nodes: &[Node], html: &mut String) {
    for node in nodes {
        match node {
            Node::Text(text) => html.push_str(&escape_html(text)),
            Node::Element { tag: "br", .. } => html.push_str("<br>"),
            Node::Element { tag, href, children } => {
                html.push('<');
                html.push_str(tag);
                if let Some(href) = href {
                    html.push_str(" href=\"");
                    html.push_str(&escape_html(href));
                    html.push('"');
                }
                html.push('>');
                write(children, html);
                html.push_str("</");
                html.push_str(tag);
                html.push('>');
            }
        }
    }
}

/// Escapes text for HTML, in elements and attributes.
#[must_use]
pub fn escape_html(text: &str) -> Cow<'_, str> {
    if !text.contains(['&', '<', '>', '"', '\'']) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn html_has_only_what_is_allowed() {
        for (message, html) in [
            ("a < b & \"c\"<br>d", "a &lt; b &amp; &quot;c&quot;<br>d"),
            (
                "<p onclick=x>See <a href=\"https://a/?x&y\">it</a><script>x</script>",
                "<p>See <a href=\"https://a/?x&amp;y\">it</a></p>",
            ),
            ("<a href=\"javascript:x\">it</a>", "<a>it</a>"),
        ] {
            assert_eq!(Message::parse(message).to_html(), html);
        }
    }

    proptest! {
        #[test]
        fn html_has_the_same_content_as_the_message(text in "[a-c<>&;\"'/= ]{0,80}|(<(a href=[\"']?https:x|p|b|/p|/b|br|ul|li)>?[ a&<]{0,3}){0,20}") {
            let message = Message::parse(&text);
            prop_assert_eq!(Message::parse(&message.to_html()).nodes, message.nodes);
        }
    }
}
