//! The strip of uptime bars with its read-out, and the axis of time below it. One tab stop a strip: arrow keys walk
//! the bars, Escape closes the read-out.

use std::sync::Arc;

use leptos::ev::KeyboardEvent;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::endpoint::BarStart;
use crate::view::endpoint::EndpointView;
use crate::view::strip::{BAR_HEIGHT, BarView};

/// An endpoint that changes; `None` until it is known.
pub type Endpoint = Memo<Option<Arc<EndpointView>>>;

/// The strip.
#[component]
pub fn Strip(endpoint: Endpoint) -> impl IntoView {
    let bars = Memo::new(move |_| endpoint.with(|one| one.as_deref().map(|one| one.strip.clone()).unwrap_or_default()));
    // The bar whose read-out is open, and the one that Tab comes to (the newest until another was visited).
    let pointed = RwSignal::new(None::<BarStart>);
    let visited = RwSignal::new(None::<BarStart>);
    let tab_stop = Memo::new(move |_| {
        bars.with(|bars| {
            let kept = visited.get().filter(|start| bars.iter().any(|bar| bar.start == *start));
            kept.or_else(|| bars.last().map(|bar| bar.start))
        })
    });
    let shown = Memo::new(move |_| {
        let start = pointed.get()?;
        bars.with(|bars| bars.iter().find(|bar| bar.start == start).cloned())
    });
    let walk = move |event: KeyboardEvent| {
        let starts: Vec<BarStart> = bars.with_untracked(|bars| bars.iter().map(|bar| bar.start).collect());
        let here = starts.iter().position(|start| Some(*start) == tab_stop.get_untracked()).unwrap_or(0);
        let to = match event.key().as_str() {
            "ArrowLeft" => here.saturating_sub(1),
            "ArrowRight" => here + 1,
            "Home" => 0,
            "End" => starts.len(),
            "Escape" => {
                pointed.set(None);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        let Some(start) = starts.get(to.min(starts.len().saturating_sub(1))).copied() else { return };
        visited.set(Some(start));
        let strip = event.current_target().and_then(|strip| strip.dyn_into::<Element>().ok());
        let bar = strip.and_then(|strip| strip.query_selector(&format!("[data-start=\"{start}\"]")).ok().flatten());
        if let Some(bar) = bar {
            let _ = bar.unchecked_into::<HtmlElement>().focus();
        }
    };
    view! {
        <div class="strip-box" on:pointerleave=move |_| pointed.set(None)>
            <svg
                class="strip"
                role="group"
                height=BAR_HEIGHT
                aria-label=move || endpoint.with(|one| one.as_deref().map(|one| one.strip_label.clone()))
                on:keydown=walk
            >
                <For each=move || bars.get() key=|bar| bar.start children=move |bar| {
                    let start = bar.start;
                    let bar = Memo::new(move |before: Option<&Arc<BarView>>| {
                        bars.with(|bars| bars.iter().find(|one| one.start == start).cloned())
                            .or_else(|| before.cloned())
                            .unwrap_or_else(|| Arc::clone(&bar))
                    });
                    view! {
                        <g
                            class="bar"
                            role="img"
                            aria-label=move || bar.read().label.clone()
                            data-status=move || bar.read().status.word()
                            data-start=move || bar.read().start.to_string()
                            data-end=move || bar.read().end.to_string()
                            tabindex=move || if tab_stop.get() == Some(start) { "0" } else { "-1" }
                            on:pointerenter=move |_| pointed.set(Some(start))
                            on:focus=move |_| { visited.set(Some(start)); pointed.set(Some(start)); }
                            on:blur=move |_| pointed.set(None)
                        >
                            {move || parts(&bar.read())}
                        </g>
                    }
                }/>
            </svg>
            {move || shown.get().map(|bar| read_out(&bar))}
        </div>
    }
}

/// The parts of a bar, the slit before it, and the frame that takes the pointer and shows the focus.
fn parts(bar: &BarView) -> impl IntoView + use<> {
    let (x, width) = (format!("{:.3}%", bar.x), format!("{:.3}%", bar.width));
    let parts: Vec<_> = bar
        .parts
        .iter()
        .map(|part| {
            let fill = (part.status == shared::status::Status::Unknown).then_some("url(#hatch)");
            view! {
                <rect class="part" data-status=part.status.word() x=x.clone() width=width.clone() y=part.y height=part.height fill=fill></rect>
            }
        })
        .collect();
    view! {
        {parts}
        <rect class="slit" x=x.clone() y="0" width="2" height=BAR_HEIGHT></rect>
        <rect class="frame" x=x y="0" width=width height=BAR_HEIGHT></rect>
    }
}

fn read_out(bar: &BarView) -> impl IntoView + use<> {
    // Tenths of the strip: style sheets place the read-out by class, since inline styles are not allowed.
    let tenth = ((bar.x + bar.width / 2.0) / 10.0).round();
    view! {
        <p class=format!("readout open at-{tenth}") aria-hidden="true">
            <strong>{bar.when.clone()}</strong>
            <span>{bar.shares.clone()}</span>
            {bar.reason.as_deref().map(|reason| view! { <span class="why"><bdi>{reason.to_owned()}</bdi></span> })}
        </p>
    }
}

/// The labels of the axis of time.
#[component]
pub fn Axis(endpoint: Endpoint) -> impl IntoView {
    let times = Memo::new(move |_| {
        endpoint.with(|one| one.as_deref().map(|one| one.chart.times.clone()).unwrap_or_default())
    });
    view! {
        <svg class="axis" height="18" aria-hidden="true">
            {move || {
                times
                    .get()
                    .into_iter()
                    .map(|(place, label)| {
                        let x = format!("{place:.3}%");
                        let anchor = if place < 6.0 { "start" } else if place > 94.0 { "end" } else { "middle" };
                        view! { <text x=x y="13" text-anchor=anchor>{label}</text> }
                    })
                    .collect_view()
            }}
        </svg>
    }
}
