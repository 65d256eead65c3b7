//! The page from top to bottom, and what stands there instead when its configuration cannot be used.

use std::sync::Arc;

use leptos::prelude::*;
use shared::page_config::PageConfig;

use super::endpoint::Endpoints;
use super::message::Messages;
use super::overall::OverallState;
use super::timeline::{Observers, Timeline};
use crate::app::{Stage, State};
use crate::browser;
use crate::view::broken;

/// The whole page.
#[component]
pub fn Page(
    /// What it shows.
    state: State,
) -> impl IntoView {
    move || match state.stage.get() {
        Stage::Starting => view! { <main><p class="quiet">"Reading the page's configuration…"</p></main> }.into_any(),
        Stage::Broken(problems) => view! { <Broken problems/> }.into_any(),
        Stage::Ready(config) => view! { <Ready state config/> }.into_any(),
    }
}

#[component]
fn Ready(state: State, config: Arc<PageConfig>) -> impl IntoView {
    let view = state.view;
    let problems = Memo::new(move |_| view.with(|view| view.problems.clone()));
    view! {
        <header>
            <p class="name"><bdi>{config.title.clone()}</bdi></p>
        </header>
        <main>
            <OverallState state/>
            <Messages view/>
            <Endpoints view/>
            <Show when=move || !problems.read().is_empty()>
                <section class="problems" aria-labelledby="problems-title">
                    <h2 id="problems-title">"What could not be loaded"</h2>
                    <ul id="problems">
                        {move || problems.get().into_iter().map(|problem| view! { <li><bdi>{problem}</bdi></li> }).collect_view()}
                    </ul>
                </section>
            </Show>
            <Timeline view/>
            <Observers view/>
        </main>
        <footer>
            <p>
                "Uptime is time, not a count of checks: a result stands until the next one, or until it is overdue; after that nobody knows. "
                "Figures are cut, never rounded up."
            </p>
            <p>{format!("Times are in the zone {}.", browser::time_zone())}</p>
        </footer>
        // The hatching of what nobody observed, for all strips.
        <svg class="defs" aria-hidden="true">
            <defs>
                <pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
                    <rect class="hatch-ground" width="5" height="5"></rect>
                    <rect class="hatch-line" width="1.4" height="5"></rect>
                </pattern>
            </defs>
        </svg>
    }
}

#[component]
fn Broken(problems: Vec<String>) -> impl IntoView {
    view! {
        <main>
            <h1 id="overall">"The page's configuration cannot be used"</h1>
            <p class="lead">
                "The file " <code>"config.json"</code> " beside the page's " <code>"index.html"</code>
                " says where the checks are stored. What is wrong with it:"
            </p>
            <ul id="problems" class="broken">
                {problems.into_iter().map(|problem| view! { <li>{problem}</li> }).collect_view()}
            </ul>
            <section aria-labelledby="examples-title">
                <h2 id="examples-title">"One that works"</h2>
                {broken::EXAMPLES
                    .into_iter()
                    .map(|(title, example)| view! { <p class="lead">{title}</p> <pre>{example}</pre> })
                    .collect_view()}
                <p class="quiet">"Mend the file and load the page again; nothing has to be built anew."</p>
            </section>
        </main>
    }
}
