//! Messages: their HTML becomes elements one by one, from the allow-list alone.

use std::sync::Arc;

use leptos::prelude::*;
use shared::message::Node;

use super::dom::{ElementBuilder, html};
use super::{holds, time};
use crate::app::AppContext;
use crate::i18n::texts;
use crate::view::timeline::MessageView;

/// How many messages stand open at the top; older ones fold.
const UNFOLDED: usize = 3;

/// The messages in force.
pub(super) fn messages(state: AppContext) -> ElementBuilder {
    let view = state.view;
    html("section[id=messages]")
        .label(state.text(texts::MESSAGES))
        .redrawn(move || view.with(|view| view.messages.clone()), move |messages| draw(state, messages))
        .shown_while(holds(view, |view| !view.messages.is_empty()))
}

fn draw(state: AppContext, messages: &[Arc<MessageView>]) -> Vec<ElementBuilder> {
    let all: Vec<ElementBuilder> = messages.iter().map(|message| one(message)).collect();
    let (newest, older) = all.split_at(all.len().min(UNFOLDED));
    let mut drawn = newest.to_vec();
    if !older.is_empty() {
        drawn.push(
            html("details").with(html("summary").text(state.text(texts::EARLIER_MESSAGES))).with_all(older.to_vec()),
        );
    }
    drawn
}

fn one(message: &MessageView) -> ElementBuilder {
    html("article.message")
        .with(html("div.words").with_all(elements(&message.nodes)))
        .with(html("p.quiet").with(time(&message.datetime, &message.when)).text(" · ").text(&message.about))
}

/// A message's content as elements.
pub(super) fn elements(nodes: &[Node]) -> Vec<ElementBuilder> {
    nodes.iter().map(element).collect()
}

fn element(node: &Node) -> ElementBuilder {
    match node {
        Node::Text(text) => html("span").text(text),
        // The tag is one of `shared::message::ALLOWED_TAGS`, and the link has one of the allowed schemes.
        Node::Element { tag, href, children } => {
            let element = html(tag).with_all(elements(children));
            match href {
                Some(href) => element.set("href", href).set("rel", "noopener noreferrer nofollow"),
                None => element,
            }
        }
    }
}
