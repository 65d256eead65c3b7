//! Shows messages. Their HTML is parsed, and only allowed elements are created.

use leptos::prelude::*;
use std::sync::Arc;

use shared::message::Node;

use super::dom::ElementBuilder;
use super::dom::html::{article, details, div, p, section, span, summary};
use super::parts::time;
use crate::context::AppContext;
use crate::i18n::texts;
use crate::view::messages::MessageView;

/// The maximum number of messages that are shown unfolded.
const UNFOLDED: usize = 3;

/// Builds the current messages, newest first.
pub(super) fn messages(context: AppContext) -> ElementBuilder {
    section()
        .id("messages")
        .aria_label(context.text(texts::MESSAGES))
        .dynamic_children(
            move || context.view.with(|view| view.messages.clone()),
            move |messages| list(context, messages),
        )
        .show_when(context.view_flag(|view| !view.messages.is_empty()))
}

fn list(context: AppContext, messages: &[Arc<MessageView>]) -> Vec<ElementBuilder> {
    let mut newest: Vec<ElementBuilder> = messages.iter().map(|one| message(one)).collect();
    let older = newest.split_off(newest.len().min(UNFOLDED));
    if !older.is_empty() {
        newest.push(details().child(summary().text(context.text(texts::EARLIER_MESSAGES))).children(older));
    }
    newest
}

fn message(message: &MessageView) -> ElementBuilder {
    article()
        .class("message")
        .child(div().class("message-text").attr("dir", "auto").children(elements(&message.nodes)))
        .child(p().class("quiet").child(time(&message.datetime, &message.when)).text(" · ").text(&message.about))
}

/// Converts a message's content to elements.
pub(super) fn elements(nodes: &[Node]) -> Vec<ElementBuilder> {
    nodes.iter().map(element).collect()
}

fn element(node: &Node) -> ElementBuilder {
    match node {
        Node::Text(text) => span().text(text),
        // The tag is one of `shared::message::ALLOWED_TAGS`, and the link has one of the allowed schemes.
        Node::Element { tag, href, children } => {
            let element = ElementBuilder::html(tag).children(elements(children));
            match href {
                Some(href) => element.attr("href", href).attr("rel", "noopener noreferrer nofollow"),
                None => element,
            }
        }
    }
}
