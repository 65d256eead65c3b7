//! Messages: their HTML becomes elements one by one, from the allow-list alone. Nothing here sets HTML.

use std::sync::Arc;

use leptos::prelude::*;
use shared::message::Node;

use crate::view::PageView;
use crate::view::timeline::MessageView;

/// How many messages stand open at the top; older ones fold.
const UNFOLDED: usize = 3;

/// The messages in force.
#[component]
pub fn Messages(view: RwSignal<Arc<PageView>>) -> impl IntoView {
    let messages = Memo::new(move |_| view.with(|view| view.messages.clone()));
    let newest = move || messages.get().into_iter().take(UNFOLDED).collect::<Vec<_>>();
    let older = Memo::new(move |_| messages.get().into_iter().skip(UNFOLDED).collect::<Vec<_>>());
    view! {
        <Show when=move || !messages.read().is_empty()>
            <section id="messages" aria-labelledby="messages-title">
                <h2 id="messages-title" class="spoken">"Messages"</h2>
                <For each=newest key=key children=|message| view! { <OneMessage message/> }/>
                <Show when=move || !older.read().is_empty()>
                    <details>
                        <summary>"Earlier messages"</summary>
                        <For each=move || older.get() key=key children=|message| view! { <OneMessage message/> }/>
                    </details>
                </Show>
            </section>
        </Show>
    }
}

fn key(message: &Arc<MessageView>) -> (i64, String, String) {
    (message.at, message.when.clone(), message.about.clone())
}

#[component]
fn OneMessage(message: Arc<MessageView>) -> impl IntoView {
    view! {
        <article class="message">
            <div class="words">{elements(&message.nodes)}</div>
            <p class="quiet">
                <time datetime=message.datetime.clone()>{message.when.clone()}</time>
                " · "
                <bdi>{message.about.clone()}</bdi>
            </p>
        </article>
    }
}

/// A message's content as elements.
pub(super) fn elements(nodes: &[Node]) -> AnyView {
    nodes.iter().map(element).collect_view().into_any()
}

fn element(node: &Node) -> AnyView {
    let (tag, href, children) = match node {
        Node::Text(text) => return text.clone().into_any(),
        Node::Element { tag, href, children } => (*tag, href.clone(), elements(children)),
    };
    match tag {
        "a" => view! { <a href=href rel="noopener noreferrer nofollow">{children}</a> }.into_any(),
        "b" | "strong" => view! { <strong>{children}</strong> }.into_any(),
        "i" | "em" => view! { <em>{children}</em> }.into_any(),
        "u" => view! { <u>{children}</u> }.into_any(),
        "s" => view! { <s>{children}</s> }.into_any(),
        "code" => view! { <code>{children}</code> }.into_any(),
        "pre" => view! { <pre>{children}</pre> }.into_any(),
        "br" => view! { <br/> }.into_any(),
        "ul" => view! { <ul>{children}</ul> }.into_any(),
        "ol" => view! { <ol>{children}</ol> }.into_any(),
        "li" => view! { <li>{children}</li> }.into_any(),
        "blockquote" => view! { <blockquote>{children}</blockquote> }.into_any(),
        _ => view! { <p>{children}</p> }.into_any(),
    }
}
