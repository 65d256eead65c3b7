//! Tests deferred recipients with random sequences of outages and replies, on two nodes that take turns.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::notification::deferral::{GivenUp, Reception};
use crate::notification::deferred_news::{DeferredNews, deferred_news};
use crate::notification::item::Item;
use crate::notification::news::News;
use crate::notification_log::{Notified, RecipientList, Topic};

const RECIPIENTS: u32 = 3;
const LIST: RecipientList = RecipientList { count: RECIPIENTS, checksum: Some(7) };
const TITLES: [&str; 2] = ["Shop", "Blog"];

/// The reply of a mail server to a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reply {
    Accept,
    Defer,
    Refuse,
}

/// An evaluation by one of the nodes.
#[derive(Debug, Clone)]
struct Step {
    /// The time since the last step.
    minutes: i64,
    /// Whether the other node evaluates.
    switches_node: bool,
    /// The endpoints that go down or recover.
    toggles: [bool; 2],
    replies: [Reply; 3],
    /// Whether messages to deferred recipients arrive before those to all recipients.
    is_rest_first: bool,
}

struct Model {
    scene: Scene,
    now: i64,
    /// The changes of each endpoint's status.
    changes: [String; 2],
    /// The items that each recipient has received.
    received: [Vec<Item>; 3],
    was_refused: [bool; 3],
}

impl Model {
    fn new() -> Model {
        let mut scene = Scene::new("0").with_endpoint(TITLES[1], "1").with_node("b");
        scene.policy.recovered_after = minutes(2);
        let (received, was_refused) = (Default::default(), [false; 3]);
        Model { scene, now: 0, changes: ["h-100".to_owned(), "h-100".to_owned()], received, was_refused }
    }

    fn evaluate<T>(&self, rules: impl Fn(&Situation<'_>) -> T) -> T {
        let of = |index: &str| &self.changes[usize::from(index == "1")];
        self.scene.evaluate(
            at(self.now),
            |index| spans(of(index), self.now),
            |situation| {
                // Either node can send, as if it could not see that the other one is alive.
                let nodes = Nodes { others: &[], ..situation.nodes };
                rules(&Situation { nodes, flapping: Flapping { outages: 0, within: 0 }, ..*situation })
            },
        )
    }

    fn step(&mut self, step: &Step) {
        self.now += step.minutes;
        if step.switches_node {
            self.scene.logs.swap(0, 1);
        }
        for (changes, _) in self.changes.iter_mut().zip(step.toggles).filter(|(_, toggles)| *toggles) {
            let is_down = changes.rsplit(' ').next().is_some_and(|last| last.starts_with('d'));
            let _ = write!(changes, " {}{}", if is_down { 'h' } else { 'd' }, self.now);
        }
        let plan = self.evaluate(reconcile);
        let entries = self.scene.logs[0].channels[0].deferred.clone();
        let rest: Vec<_> =
            entries.into_iter().map(|entry| (self.evaluate(|one| deferred_news(one, &entry)), entry)).collect();
        if !step.is_rest_first {
            self.send_to_all(&plan.news, step);
        }
        for (news, entry) in rest {
            match news {
                DeferredNews::Send(plan) => {
                    let (is_received, reception) = self.send(&plan.news, &entry.recipients, step);
                    assert!(
                        is_received || reception.deferred.len() + reception.refused.len() == entry.recipients.len()
                    );
                    let tried = (&entry, plan.news.as_slice());
                    let given_up = self.scene.logs[0].tried_deferred(&channel(), tried, &reception, at(self.now));
                    assert_eq!(given_up, GivenUp::default());
                }
                DeferredNews::Nothing => self.scene.logs[0].end_deferred(&channel(), &entry),
                DeferredNews::Wait => {}
                DeferredNews::Expired => panic!("it is too early"),
            }
        }
        if step.is_rest_first {
            self.send_to_all(&plan.news, step);
        }
        let (own, others) = self.scene.logs.split_first_mut().expect("there is a node");
        own.prune(others, at(self.now));
    }

    fn send_to_all(&mut self, news: &[News], step: &Step) {
        if news.is_empty() {
            return;
        }
        let recipients: Vec<u32> = (0..RECIPIENTS).collect();
        let (is_received, reception) = self.send(news, &recipients, step);
        // If no recipient accepts a message, it is repeated as a whole.
        if is_received {
            let number = Registers::merge(&self.scene.logs, at(self.now)).next_number();
            let (own, others) = self.scene.logs.split_first_mut().expect("there is a node");
            assert_eq!(own.deliver(others, (&channel(), news), &reception, (number, at(self.now))), 0);
        }
    }

    /// Sends a message to some recipients. Returns whether any of them accepted it, and those that did not.
    fn send(&mut self, news: &[News], recipients: &[u32], step: &Step) -> (bool, Reception) {
        let mut reception = Reception { list: LIST, ..Reception::default() };
        let mut is_received = false;
        for recipient in recipients {
            let index = *recipient as usize;
            match step.replies[index] {
                Reply::Accept => {
                    is_received = true;
                    news.iter().flat_map(|news| &news.items).for_each(|item| self.receive(index, item));
                }
                Reply::Defer => reception.deferred.push(*recipient),
                Reply::Refuse => {
                    reception.refused.push(*recipient);
                    self.was_refused[index] = true;
                }
            }
        }
        (is_received, reception)
    }

    fn receive(&mut self, recipient: usize, item: &Item) {
        let moment = |item: &Item| item.until.unwrap_or(item.since);
        for earlier in self.received[recipient].iter().filter(|earlier| earlier.title == item.title) {
            assert!(moment(earlier) <= moment(item), "older news: {item:?} after {earlier:?}");
            let is_same = (earlier.event, earlier.since, earlier.until) == (item.event, item.since, item.until);
            assert!(!is_same, "the same news twice: {item:?}");
            let is_missed = item.event == EventKind::Missed && earlier.since == item.since;
            assert!(!is_missed, "{item:?} was not missed: {earlier:?}");
        }
        self.received[recipient].push(item.clone());
    }

    /// Returns whether the recipient knows that an endpoint is down.
    fn knows_down(&self, recipient: usize, title: &str) -> bool {
        let last = self.received[recipient].iter().rev().find(|item| item.title == title);
        last.is_some_and(|last| last.event == EventKind::Down)
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let reply = || prop_oneof![4 => Just(Reply::Accept), 4 => Just(Reply::Defer), 1 => Just(Reply::Refuse)];
    let toggle = || prop::bool::weighted(0.3);
    (1..12_i64, prop::bool::weighted(0.2), [toggle(), toggle()], [reply(), reply(), reply()], any::<bool>()).prop_map(
        |(minutes, switches_node, toggles, replies, is_rest_first)| Step {
            minutes,
            switches_node,
            toggles,
            replies,
            is_rest_first,
        },
    )
}

proptest! {
    #[test]
    fn recipients_learn_the_last_state_and_no_older_news(
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
        let quiet = Step {
            minutes: 15,
            switches_node: true,
            toggles: [false; 2],
            replies: [Reply::Accept; 3],
            is_rest_first: false,
        };
        for _ in 0..20 {
            model.step(&quiet);
        }
        let entries: Vec<_> = model.scene.logs.iter().flat_map(|log| &log.channels[0].deferred).collect();
        prop_assert_eq!(entries, Vec::<&crate::notification_log::Deferred>::new());
        let registers = Registers::merge(&model.scene.logs, at(model.now));
        for title in TITLES {
            let register = registers.get(&channel(), Topic::Endpoint, &key(title));
            let is_down = register.is_some_and(|register| register.state == Notified::Down);
            for recipient in (0..3).filter(|recipient| !model.was_refused[*recipient]) {
                prop_assert_eq!(model.knows_down(recipient, title), is_down, "recipient {} and {}", recipient, title);
            }
        }
    }
}
