//! The first lines: the sentence, and when and from where somebody last looked.

use leptos::prelude::*;

use super::shape::Shape;
use crate::app::State;
use crate::view::Loading;

/// The state of things.
#[component]
pub fn OverallState(state: State) -> impl IntoView {
    let overall = Memo::new(move |_| state.view.with(|view| view.overall.clone()));
    let status = Signal::derive(move || overall.read().status);
    let loading = state.loading;
    view! {
        <section class="overall" aria-live="polite" data-status=move || overall.read().state>
            <h1>
                <Shape status/>
                <bdi id="overall">{move || overall.read().sentence.clone()}</bdi>
            </h1>
            <p class="remark">{move || overall.read().remark.clone()}</p>
            <p class="looked">
                <Show when=move || !overall.read().looked.is_empty()>
                    "Last checked "
                    <time id="looked" datetime=move || overall.read().looked_datetime.clone()>
                        {move || overall.read().looked.clone()}
                    </time>
                    " · "
                </Show>
                {move || overall.read().scope.clone()}
            </p>
        </section>
        <p class="progress" aria-hidden=move || (loading.get() == Loading::Complete).to_string()>
            {move || loading.get().in_words()}
            <Show when=move || matches!(loading.get(), Loading::Files(..))>
                <progress
                    max=move || if let Loading::Files(_, total) = loading.get() { total } else { 1 }
                    value=move || if let Loading::Files(done, _) = loading.get() { done } else { 0 }
                    aria-label="Check files loaded"
                ></progress>
            </Show>
        </p>
    }
}
