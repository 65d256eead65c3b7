//! The endpoints: one section each, with its state, its figure, its strip and its chart.

use std::sync::Arc;

use leptos::prelude::*;
use shared::UnixNanos;
use shared::status::Status;

use super::chart::Chart;
use super::shape::Shape;
use super::strip::{Axis, Strip};
use crate::view::PageView;
use crate::view::endpoint::EndpointView;

/// All endpoints, those that need attention first.
#[component]
pub fn Endpoints(view: RwSignal<Arc<PageView>>) -> impl IntoView {
    // One crosshair for all charts: what was slow at the same time shows at once.
    let crosshair = RwSignal::new(None::<f64>);
    let order = Memo::new(move |_| view.with(|view| view.endpoints.iter().map(|one| one.id).collect::<Vec<_>>()));
    let unfolded = Memo::new(move |_| view.with(|view| view.charts_unfolded));
    let not_shown = Memo::new(move |_| view.with(|view| view.not_shown.clone()));
    view! {
        <Show when=move || !order.read().is_empty()>
            <section class="endpoints" aria-labelledby="endpoints-title">
                <h2 id="endpoints-title" class="spoken">"Endpoints"</h2>
                <For each=move || order.get() key=|id| *id children=move |id| {
                    view! { <OneEndpoint view id unfolded crosshair/> }
                }/>
                <p class="quiet">{move || not_shown.get()}</p>
            </section>
        </Show>
    }
}

#[component]
fn OneEndpoint(
    view: RwSignal<Arc<PageView>>,
    id: usize,
    unfolded: Memo<bool>,
    crosshair: RwSignal<Option<f64>>,
) -> impl IntoView {
    // An endpoint that has just left the page keeps its last view until its section is gone.
    let endpoint = Memo::new(move |before: Option<&Option<Arc<EndpointView>>>| {
        view.with(|view| view.endpoints.iter().find(|one| one.id == id).cloned())
            .or_else(|| before.cloned().flatten())
    });
    let of = move |read: fn(&EndpointView) -> &str| {
        endpoint.with(|endpoint| endpoint.as_deref().map(|endpoint| read(endpoint).to_owned())).unwrap_or_default()
    };
    let status = Memo::new(move |_| endpoint.with(|one| one.as_deref().map_or(Status::Unknown, |one| one.status)));
    let reason = Memo::new(move |_| endpoint.with(|one| one.as_deref().and_then(|one| one.reason.clone())));
    let has_locator = of(|one| &one.locator) != of(|one| &one.name);
    let open = RwSignal::new(false);
    let (title_id, labelled_by) = (format!("endpoint-{id}"), format!("endpoint-{id}"));
    view! {
        <section
            class="endpoint"
            aria-labelledby=labelled_by
            data-title=of(|one| &one.title)
            data-locator=of(|one| &one.locator)
            data-status=move || status.get().word()
        >
            <div class="head">
                <h3 id=title_id>
                    <Shape status/>
                    <bdi>{move || of(|one| &one.name)}</bdi>
                </h3>
                <p class="state">{move || of(|one| &one.state)}</p>
                <p class="figure" tabindex="0" aria-describedby=format!("reckoning-{id}")>
                    <strong class="uptime">{move || of(|one| &one.uptime)}</strong>
                    <span class="coverage">{move || of(|one| &one.coverage)}</span>
                    <span class="readout" role="tooltip" id=format!("reckoning-{id}")>{move || of(|one| &one.reckoning)}</span>
                </p>
                <Show when=move || has_locator>
                    <p class="locator"><bdi>{move || of(|one| &one.locator)}</bdi></p>
                </Show>
            </div>
            <Show when=move || reason.read().is_some()>
                <p class="reason"><bdi>{move || reason.get()}</bdi></p>
            </Show>
            <Strip endpoint/>
            {move || {
                if unfolded.get() {
                    view! { <Chart endpoint crosshair/> <Axis endpoint/> }.into_any()
                } else {
                    view! {
                        <Axis endpoint/>
                        <details on:toggle=move |_| open.update(|open| *open = !*open)>
                            <summary>"Response times"<span class="quiet">": " {move || of(|one| &one.chart.summary)}</span></summary>
                            <Show when=move || open.get()>
                                <Chart endpoint crosshair/>
                            </Show>
                        </details>
                    }
                        .into_any()
                }
            }}
        </section>
    }
}

/// The moment of a bar, for components that share it.
pub type BarStart = UnixNanos;
