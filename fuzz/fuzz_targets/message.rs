//! Fuzzes messages: a parsed message contains only allowed elements and links.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shared::message::{ALLOWED_TAGS, Message, Node};

fuzz_target!(|html: &str| {
    let message = Message::parse(html);
    let _ = message.text();
    check(&message.nodes);
    assert_eq!(Message::parse_strict(html).is_ok(), message.refused.is_empty());
});

fn check(nodes: &[Node]) {
    for node in nodes {
        let Node::Element { tag, href, children } = node else { continue };
        assert!(ALLOWED_TAGS.contains(tag), "{tag}");
        if let Some(href) = href {
            assert_eq!(*tag, "a");
            let scheme = href.split_once(':').map(|(scheme, _)| scheme.trim().to_ascii_lowercase());
            assert_ne!(scheme.as_deref(), Some("javascript"), "{href}");
        }
        check(children);
    }
}
