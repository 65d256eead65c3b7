//! What happened, day by day, and who looks.

use std::sync::Arc;

use leptos::prelude::*;
use shared::status::Status;

use super::message::elements;
use super::shape::Shape;
use crate::view::PageView;
use crate::view::timeline::{DayView, EventView, What};

/// The timeline, newest first.
#[component]
pub fn Timeline(view: RwSignal<Arc<PageView>>) -> impl IntoView {
    let days = Memo::new(move |_| view.with(|view| view.timeline.clone()));
    view! {
        <Show when=move || !days.read().is_empty()>
            <section id="timeline" aria-labelledby="timeline-title">
                <h2 id="timeline-title">"Timeline"</h2>
                {move || days.get().iter().map(|day| one_day(day)).collect_view()}
            </section>
        </Show>
    }
}

fn one_day(day: &DayView) -> impl IntoView + use<> {
    view! {
        <div class="day">
            <h3>{day.heading.clone()}</h3>
            {day.quiet.map(|words| view! { <p class="quiet">{words}</p> })}
            <ol class="events">{day.events.iter().map(|event| one_event(event)).collect_view()}</ol>
        </div>
    }
}

fn one_event(event: &EventView) -> impl IntoView + use<> {
    let time = view! { <time datetime=event.datetime.clone()>{event.clock.clone()}</time> };
    match &event.what {
        What::Change { status, who, text, reasons } => {
            let status: Status = *status;
            view! {
                <li class="event" data-kind="status" data-status=status.word()>
                    {time}
                    <Shape status/>
                    <div>
                        <p><strong><bdi>{who.clone()}</bdi></strong> " " {text.clone()}</p>
                        {reasons.iter().map(|reason| view! { <p class="why"><bdi>{reason.clone()}</bdi></p> }).collect_view()}
                    </div>
                </li>
            }
            .into_any()
        }
        What::Message(message) => view! {
            <li class="event" data-kind="message">
                {time}
                <svg class="shape" viewBox="0 0 16 16" aria-hidden="true"><path d="M1 2.5h14v9H7.5L4 15v-3.5H1Z"></path></svg>
                <div>
                    <p><strong><bdi>{message.about.clone()}</bdi></strong> " message"</p>
                    <div class="words">{elements(&message.nodes)}</div>
                </div>
            </li>
        }
        .into_any(),
    }
}

/// The nodes, and when each last reported.
#[component]
pub fn Observers(view: RwSignal<Arc<PageView>>) -> impl IntoView {
    let observers = Memo::new(move |_| view.with(|view| view.observers.clone()));
    view! {
        <Show when=move || !observers.read().is_empty()>
            <section id="observers" aria-labelledby="observers-title">
                <h2 id="observers-title">"Observers"</h2>
                <ul>
                    {move || {
                        observers
                            .get()
                            .into_iter()
                            .map(|observer| {
                                view! {
                                    <li data-late=observer.late.to_string()>
                                        <bdi>{observer.name}</bdi>
                                        " "
                                        <time class="quiet" datetime=observer.datetime>{observer.reported}</time>
                                    </li>
                                }
                            })
                            .collect_view()
                    }}
                </ul>
            </section>
        </Show>
    }
}
