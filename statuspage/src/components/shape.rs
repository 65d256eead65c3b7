//! The shape of a status. It is never alone: the word for it stands beside it.

use leptos::prelude::*;
use shared::status::Status;

use crate::view::icon;

/// Draws a status' shape.
#[component]
pub fn Shape(
    /// Whose shape.
    #[prop(into)]
    status: Signal<Status>,
) -> impl IntoView {
    view! {
        <svg class="shape" viewBox="0 0 16 16" aria-hidden="true" data-status=move || status.get().word()>
            <path fill-rule="evenodd" d=move || icon::shape(status.get())></path>
        </svg>
    }
}
