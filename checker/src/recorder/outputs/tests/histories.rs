//! Rules that hold for random histories in which files arrive late.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::UnixNanos;
use shared::endpoint_status::endpoint_statuses;
use shared::object_name::OutputForm;
use shared::outputs::{MIN_OUTAGE, NamedOutage, OutputIndex, name_outages};

use super::worlds::{HOSTILE, START, World};
use crate::config::model::OutputKind;
use crate::recorder::outputs::render;

const WORLDS: u64 = 1_000;
/// The number of worlds whose outputs are all rendered twice.
const FEW_WORLDS: u64 = 200;

/// When a known outage ends, as far as its overlap with others is concerned.
fn end(outage: &NamedOutage) -> UnixNanos {
    outage.ended().unwrap_or(UnixNanos::MAX)
}

fn overlap(one: &NamedOutage, other: &NamedOutage) -> bool {
    one.key == other.key && one.span.start < end(other) && other.span.start < end(one)
}

/// Fails if an outage has another identity than before. Returns how many kept theirs although their start moved.
fn compare(before: &[NamedOutage], after: &[NamedOutage], context: &str) -> usize {
    let mut moved = 0;
    for outage in after {
        let earlier: Vec<&NamedOutage> = before.iter().filter(|other| overlap(other, outage)).collect();
        if let [only] = earlier.as_slice()
            && after.iter().filter(|other| overlap(only, other)).count() == 1
        {
            assert_eq!(only.id, outage.id, "{context}: {only:?} became {outage:?}");
            moved += usize::from(only.span.start != outage.span.start);
        }
        let is_known = |other: &&NamedOutage| other.key == outage.key && other.id == outage.id;
        if let Some(known) = before.iter().find(is_known) {
            assert!(overlap(known, outage), "{context}: {outage:?} has the identity of {known:?}");
        }
    }
    moved
}

#[test]
fn identities_never_change_although_files_arrive_late() {
    let (mut moved, mut total) = (0, 0);
    for seed in 0..WORLDS {
        let world = World::new(seed);
        let mut index = OutputIndex::new(None, START);
        let mut before: Vec<NamedOutage> = Vec::new();
        for step in 0..world.steps.len() {
            let (data, now) = (world.at(step), world.steps[step]);
            // The index is stored between two runs of the checker.
            index = OutputIndex::parse(index.to_json().as_bytes()).expect("it is valid");
            let endpoints = endpoint_statuses(data.histories());
            let after = name_outages(&endpoints, data.posted(), now, &mut index);
            let known = index.clone();
            assert_eq!(name_outages(&endpoints, data.posted(), now, &mut index), after);
            assert_eq!(index, known, "seed {seed}: unchanged outages do not change the index");
            let identities: BTreeSet<_> = after.iter().map(NamedOutage::path).collect();
            assert_eq!(identities.len(), after.len(), "seed {seed}: {after:?}");
            assert!(after.iter().all(|outage| outage.span.end - outage.span.start >= MIN_OUTAGE), "{after:?}");
            moved += compare(&before, &after, &format!("seed {seed}, step {step}"));
            total += after.len();
            before = after;
        }
    }
    assert!(moved > 50 && total > 5_000, "{moved} of {total} moved: the worlds are too quiet");
}

#[test]
fn feeds_are_in_order_and_depend_only_on_their_data() {
    for seed in 0..FEW_WORLDS {
        let world = World::new(seed);
        let (rendered, data, index) = world.run();
        let now = *world.steps.last().expect("there is one");
        assert_eq!(render(&OutputKind::ALL, &data, &mut index.clone(), now), rendered, "seed {seed}");
        let feed: Value = serde_json::from_slice(&rendered[&OutputForm::JsonFeed]).expect("it is JSON");
        let items = feed["items"].as_array().expect("it is a list");
        let ids: BTreeSet<&str> = items.iter().filter_map(|item| item["id"].as_str()).collect();
        assert_eq!(ids.len(), items.len(), "seed {seed}: {feed:#}");
        let times: Vec<&str> = items.iter().filter_map(|item| item["date_published"].as_str()).collect();
        assert!(items.len() <= 100 && times.is_sorted_by(|one, other| one >= other), "seed {seed}: {times:?}");
        for (form, content) in &rendered {
            let text = str::from_utf8(content).expect("it is text");
            assert!(!text.contains(['\u{1b}', '\u{0}', '\u{202e}', '\u{ffff}']), "seed {seed}, {form}");
            let is_xml = matches!(form, OutputForm::Atom | OutputForm::Rss | OutputForm::EndpointAtom(_));
            assert!(!is_xml || !text.contains("<script") || *form == OutputForm::Rss, "seed {seed}, {form}: {text}");
        }
    }
    assert!(HOSTILE.iter().any(|text| text.contains("<script")));
}
