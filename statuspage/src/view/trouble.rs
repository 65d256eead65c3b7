//! The endpoints that are not healthy, listed below the headline so that visitors do not need to search for them.

use shared::status::Status;

use super::endpoint::EndpointView;
use crate::i18n::{Language, texts};

/// The maximum number of endpoints in the list. The others are counted.
const TROUBLE_LIMIT: usize = 10;

/// The endpoints that are not healthy.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TroubleList {
    /// The endpoints, the worst first.
    pub endpoints: Vec<TroubledEndpoint>,
    /// How many more there are: `7 more`, or an empty string.
    pub more: String,
}

/// An endpoint that is not healthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TroubledEndpoint {
    pub id: usize,
    pub name: String,
    pub status: Status,
    pub is_partial: bool,
    pub is_planned: bool,
    /// The status and for how long: `Down for 12 min`.
    pub state: String,
}

/// Returns the endpoints that are not healthy. `endpoints` is in page order.
#[must_use]
pub fn trouble<'e>(endpoints: &(impl Iterator<Item = &'e EndpointView> + Clone), language: &Language) -> TroubleList {
    let describe = |endpoint: &EndpointView| TroubledEndpoint {
        id: endpoint.id,
        name: endpoint.name.clone(),
        status: endpoint.status,
        is_partial: endpoint.is_localized,
        is_planned: endpoint.is_planned,
        state: endpoint.state.clone(),
    };
    let of_status = |status: Status| {
        endpoints.clone().filter(move |endpoint| endpoint.status == status && !endpoint.is_retired).map(describe)
    };
    let worst_first = [Status::Down, Status::Degraded, Status::Unknown];
    let mut all: Vec<TroubledEndpoint> = worst_first.into_iter().flat_map(of_status).collect();
    let left_out = all.len().saturating_sub(TROUBLE_LIMIT);
    all.truncate(TROUBLE_LIMIT);
    let more = if left_out > 0 { language.plural(texts::AND_MORE, left_out, &[]) } else { String::new() };
    TroubleList { endpoints: all, more }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{dataset, english, evaluate, period, utc};
    use shared::page_config::appearance::Appearance;

    #[test]
    fn the_worst_come_first_and_healthy_ones_are_left_out() {
        let titles = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L"];
        let status = |title: &str| match title {
            "A" => Status::Healthy,
            "C" => Status::Down,
            _ => Status::Degraded,
        };
        let dataset = dataset(&titles.map(|title| (title, "", 0, status(title))));
        let all = evaluate(&dataset);
        let heads: Vec<EndpointView> =
            all.iter().map(|one| super::super::endpoint::head(one, &period(), utc(), &Appearance::default())).collect();
        let list = trouble(&heads.iter(), english());
        let names: Vec<&str> = list.endpoints.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["C", "B", "D", "E", "F", "G", "H", "I", "J", "K"]);
        assert_eq!((list.more.as_str(), list.endpoints[0].state.as_str()), ("1 more", "Down for 0 s"));
    }
}
