//! Finds the outages that began or ended since the previous load, for notifications in the visitor's browser.

use shared::status::Status;

use super::page::PageView;
use crate::i18n::{Language, texts};

/// If more outages than this begin or end at once, a single notification shows the headline.
const SEPARATE_LIMIT: usize = 4;

/// The content of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageNotification {
    /// The endpoint's address, or an empty string for all endpoints. A notification replaces the previous one with the
    /// same tag.
    pub tag: String,
    pub title: String,
    pub body: String,
}

/// Whether each endpoint was down when its status was last known, indexed by the endpoint's id. `None` means that its
/// status was never known.
#[derive(Debug, Default)]
pub struct KnownOutages(Vec<Option<bool>>);

impl KnownOutages {
    /// Compares the endpoints with those of the previous load. The first status of an endpoint is never a change.
    ///
    /// An unknown status changes nothing. Neither does an outage that announced maintenance covers.
    pub fn update(&mut self, view: &PageView, page_title: &str, language: &Language) -> Vec<OutageNotification> {
        let mut changes = Vec::new();
        for one in &view.endpoints {
            let is_down = one.status == Status::Down;
            if one.status == Status::Unknown || one.is_retired || is_down && one.is_planned {
                continue;
            }
            if self.0.len() <= one.id {
                self.0.resize(one.id + 1, None);
            }
            let was_down = self.0[one.id].replace(is_down);
            if was_down == Some(!is_down) {
                let title = language.format(texts::COLON, &[&one.name, &one.status_label]);
                let reason = one.reason.as_deref().unwrap_or(page_title);
                changes.push(OutageNotification { tag: one.address.clone(), title, body: reason.to_owned() });
            }
        }
        if changes.len() > SEPARATE_LIMIT {
            let title = view.overall.headline.clone();
            changes = vec![OutageNotification { tag: String::new(), title, body: page_title.to_owned() }];
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Cache;
    use crate::test_support::{dataset, detailed, english, utc};
    use crate::url_state::UrlState;
    use crate::view::{LoadProgress, ViewScope, ViewSettings, page};
    use shared::{DAY, MINUTE};
    use std::sync::Arc;

    /// Returns the page after a load, with endpoints in these states.
    fn view(endpoints: &[(&str, Status)]) -> PageView {
        let rounds: Vec<_> = endpoints.iter().map(|(title, status)| (*title, "n1", 1, *status)).collect();
        let mut cache = Cache::default();
        cache.dataset = dataset(&rounds);
        let settings = ViewSettings {
            range: DAY,
            interval: MINUTE,
            bars_limit: 90,
            scope: ViewScope::Full,
            ..ViewSettings::default()
        };
        page(&mut cache, utc(), settings, &detailed(), &UrlState::default(), LoadProgress::Complete)
    }

    fn titles(known: &mut KnownOutages, view: &PageView) -> Vec<String> {
        known.update(view, "Example", english()).into_iter().map(|change| change.title).collect()
    }

    /// Changes the endpoint `Shop` of a view.
    fn changed(mut view: PageView, change: impl Fn(&mut crate::view::endpoint::EndpointView)) -> PageView {
        let shop = view.endpoints.iter_mut().find(|one| one.title == "Shop").expect("it is shown");
        change(Arc::make_mut(shop));
        view
    }

    const UP: [(&str, Status); 2] = [("Shop", Status::Healthy), ("Mail", Status::Healthy)];
    const DOWN: [(&str, Status); 2] = [("Shop", Status::Down), ("Mail", Status::Healthy)];

    #[test]
    fn an_outage_is_one_change_when_it_begins_and_one_when_it_ends() {
        let mut known = KnownOutages::default();
        assert_eq!(titles(&mut known, &view(&UP)), [""; 0], "the first load");
        assert_eq!(titles(&mut known, &view(&DOWN)), ["Shop: down"]);
        assert_eq!(titles(&mut known, &view(&DOWN)), [""; 0], "the same outage");
        assert_eq!(titles(&mut known, &view(&UP)), ["Shop: healthy"]);
        assert_eq!(titles(&mut known, &view(&UP)), [""; 0]);
    }

    #[test]
    fn an_outage_on_the_first_load_is_not_a_change() {
        let mut known = KnownOutages::default();
        assert_eq!(titles(&mut known, &view(&DOWN)), [""; 0]);
        assert_eq!(titles(&mut known, &view(&[DOWN[0], DOWN[1], ("New", Status::Down)])), [""; 0], "a new endpoint");
        assert_eq!(titles(&mut known, &view(&UP)), ["Shop: healthy"]);
    }

    #[test]
    fn an_unknown_status_is_not_a_change() {
        let mut known = KnownOutages::default();
        titles(&mut known, &view(&DOWN));
        let unknown = changed(view(&DOWN), |one| one.status = Status::Unknown);
        assert_eq!(titles(&mut known, &unknown), [""; 0]);
        assert_eq!(titles(&mut known, &view(&DOWN)), [""; 0], "it is still down");
        let retired = changed(view(&DOWN), |one| (one.status, one.is_retired) = (Status::Healthy, true));
        assert_eq!(titles(&mut known, &retired), [""; 0]);
    }

    #[test]
    fn planned_downtime_is_a_change_only_if_it_lasts_longer_than_planned() {
        let mut known = KnownOutages::default();
        titles(&mut known, &view(&UP));
        let planned = changed(view(&DOWN), |one| one.is_planned = true);
        assert_eq!(titles(&mut known, &planned), [""; 0]);
        assert_eq!(titles(&mut known, &view(&DOWN)), ["Shop: down"]);
    }

    #[test]
    fn a_notification_names_the_reason_and_the_endpoint() {
        let mut known = KnownOutages::default();
        known.update(&view(&UP), "Example", english());
        let down = changed(view(&DOWN), |one| one.reason = Some("503 Service Unavailable".to_owned()));
        let expected = OutageNotification {
            tag: "Shop".to_owned(),
            title: "Shop: down".to_owned(),
            body: "503 Service Unavailable".to_owned(),
        };
        assert_eq!(known.update(&down, "Example", english()), [expected]);
        let up = OutageNotification {
            tag: "Shop".to_owned(),
            title: "Shop: healthy".to_owned(),
            body: "Example".to_owned(),
        };
        assert_eq!(known.update(&view(&UP), "Example", english()), [up]);
    }

    #[test]
    fn many_outages_at_once_are_one_notification() {
        let titles = ["A", "B", "C", "D", "E"];
        let all = |status| view(&titles.map(|title| (title, status)));
        let mut known = KnownOutages::default();
        known.update(&all(Status::Healthy), "Example", english());
        let changes = known.update(&all(Status::Down), "Example", english());
        assert_eq!(changes.len(), 1, "{changes:?}");
        assert_eq!(
            (changes[0].tag.as_str(), changes[0].title.as_str()),
            ("", "All 5 services have been down for 1 minute")
        );
    }
}
