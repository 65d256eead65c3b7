//! The response-time chart: paths as the view made them, a crosshair that all charts share, and its read-out.

use std::sync::Arc;

use leptos::ev::{KeyboardEvent, PointerEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::Element;

use crate::view::chart::{ChartView, HEIGHT, Point, WIDTH};
use crate::view::endpoint::EndpointView;

/// The chart.
#[component]
pub fn Chart(
    endpoint: Memo<Option<Arc<EndpointView>>>,
    /// Where every chart is pointed at, from 0 to 1.
    crosshair: RwSignal<Option<f64>>,
) -> impl IntoView {
    let chart = Memo::new(move |_| endpoint.with(|one| one.as_deref().map(|one| one.chart.clone()).unwrap_or_default()));
    let of = move |read: fn(&ChartView) -> &str| chart.with(|chart| read(chart).to_owned());
    let pointed = Memo::new(move |_| {
        let share = crosshair.get()?;
        chart.with(|chart| chart.nearest(share).and_then(|index| chart.points.get(index).cloned()))
    });
    let follow = move |event: PointerEvent| {
        let drawing = event.current_target().and_then(|drawing| drawing.dyn_into::<Element>().ok());
        let width = drawing.map_or(0, |drawing| drawing.client_width());
        if width > 0 {
            crosshair.set(Some(f64::from(event.offset_x()) / f64::from(width)));
        }
    };
    let walk = move |event: KeyboardEvent| {
        let points = chart.with_untracked(|chart| chart.points.clone());
        let Some(last) = points.len().checked_sub(1) else { return };
        let here = crosshair.get_untracked().and_then(|share| chart.with_untracked(|chart| chart.nearest(share)));
        let to = match event.key().as_str() {
            "ArrowLeft" => here.map_or(last, |here| here.saturating_sub(1)),
            "ArrowRight" => here.map_or(last, |here| (here + 1).min(last)),
            "Home" => 0,
            "End" => last,
            "Escape" => {
                crosshair.set(None);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        crosshair.set(Some(points[to].x / WIDTH));
    };
    view! {
        <div class="chart-box">
            <p class="chart-readout" aria-live="polite">
                {move || pointed.get().map_or_else(
                    || format!("Response time: {}", of(|chart| &chart.summary)),
                    |point| point.sentence,
                )}
            </p>
            <svg
                class="chart"
                role="img"
                tabindex="0"
                height=HEIGHT + 1.0
                aria-label=move || of(|chart| &chart.label)
                data-points=move || chart.read().points.len().to_string()
                on:pointermove=follow
                on:pointerdown=follow
                on:pointerleave=move |_| crosshair.set(None)
                on:blur=move |_| crosshair.set(None)
                on:keydown=walk
            >
                {move || chart.read().grid.iter().map(grid_line).collect_view()}
                <line class="base" x1="0" x2="100%" y1=HEIGHT y2=HEIGHT></line>
                <svg class="paths" width="100%" height=HEIGHT viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none">
                    <path class="band" d=move || of(|chart| &chart.band)></path>
                    <path class="mark" d=move || of(|chart| &chart.marks)></path>
                    <path class="line" d=move || of(|chart| &chart.line)></path>
                    <path class="failures" d=move || of(|chart| &chart.failures)></path>
                    {move || pointed.get().map(|point| cross(&point))}
                </svg>
                {move || chart.read().threshold.as_ref().map(threshold_line)}
                {move || chart.read().grid.iter().map(grid_label).collect_view()}
            </svg>
        </div>
    }
}

fn grid_line((height, _): &(f64, String)) -> impl IntoView + use<> {
    view! { <line class="grid" x1="0" x2="100%" y1=*height y2=*height></line> }
}

fn grid_label((height, label): &(f64, String)) -> impl IntoView + use<> {
    view! { <text class="unit" x="0" y=height - 3.0>{label.clone()}</text> }
}

fn threshold_line((height, label): &(f64, String)) -> impl IntoView + use<> {
    view! {
        <line class="threshold" x1="0" x2="100%" y1=*height y2=*height></line>
        <text class="unit" x="100%" y=height - 3.0 text-anchor="end">{label.clone()}</text>
    }
}

fn cross(point: &Point) -> impl IntoView + use<> {
    let x = point.x;
    view! {
        <path class="cross" d=format!("M{x:.1} 0V{HEIGHT}")></path>
        {point.y.map(|y| view! { <path class="spot" d=format!("M{x:.1} {y:.1}h0")></path> })}
    }
}
