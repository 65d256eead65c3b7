//! Random worlds: rounds of several nodes, some of which arrive late, and posts with hostile texts.

use std::sync::Arc;

use shared::check_file::{CheckFile, CheckResult};
use shared::history::{History, HistoryBuilder, Latencies};
use shared::object_name::{CheckFileName, NodeName, PostId};
use shared::outputs::OutputIndex;
use shared::page_config::{PageConfig, Source};
use shared::post::fold::{Announcements, fold};
use shared::post::{Affected, Details, Edit, Impact, IncidentState, MaintenanceChange, MaintenancePlan, Post, Scope};
use shared::status::Status;
use shared::{HOUR, MINUTE, Nanos, SECOND, UnixNanos};

use crate::config::model::OutputKind;
use crate::recorder::outputs::RenderedOutputs;
use crate::recorder::outputs::dataset::{Dataset, OutputSettings};
use crate::recorder::outputs::render;

/// The first round of every world.
pub(super) const START: UnixNanos = 1_795_330_254_340_493_978;

/// Texts that break out of a format that does not escape them.
pub(super) const HOSTILE: [&str; 8] = [
    "Shop",
    "</title></entry><script>alert(1)</script>&amp;\"'",
    "]]></description><item><guid>1</guid></item><![CDATA[",
    "x\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:injected\r\nSUMMARY:owned",
    "back\\slash; comma, colon: \u{202e}\u{1b}[2J\u{ffff}\u{0}",
    "Büro – 日本 👩\u{200d}🔧",
    "a*",
    "{\"x\":1}\n# HELP y\ny{z=\"1\"} 1",
];

/// A small pseudorandom generator (xorshift64*), so that a seed always creates the same world.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % limit
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// A check file, and the step at which readers first see it.
struct WorldFile {
    name: CheckFileName,
    file: CheckFile,
    visible_from: usize,
}

/// Everything that is stored, and the times at which outputs are written.
pub(super) struct World {
    files: Vec<WorldFile>,
    posts: Vec<Post>,
    nodes: Vec<NodeName>,
    settings: Arc<OutputSettings>,
    /// The times at which outputs are written.
    pub(super) steps: Vec<UnixNanos>,
}

const STEPS: usize = 4;
const ROUNDS_PER_STEP: i64 = 15;

impl World {
    pub(super) fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let node = |name: &str| NodeName::new(name).expect("a name");
        let nodes = ["eu", "us"][..=random.below(2)].iter().map(|name| node(name)).collect::<Vec<_>>();
        let titles = [random.pick(&HOSTILE), random.pick(&HOSTILE)];
        let mut files = Vec::new();
        for name in &nodes {
            let mut statuses = [Status::Healthy; 2];
            for round in 0..ROUNDS_PER_STEP * STEPS as i64 {
                let stored_at = START + round * MINUTE + random.below(5) as Nanos * SECOND;
                for status in &mut statuses {
                    if random.below(6) == 0 {
                        *status = random.pick(&[Status::Healthy, Status::Healthy, Status::Degraded, Status::Down]);
                    }
                }
                // Some rounds are missing.
                if random.below(12) == 0 {
                    continue;
                }
                let results = titles.iter().zip(statuses).enumerate().map(|(index, (title, status))| CheckResult {
                    title: (*title).to_owned(),
                    locator: format!("https://shop.example/{index}"),
                    timestamp: stored_at,
                    status,
                    interval: Some(MINUTE),
                    node: Some(name.clone()),
                    ..CheckResult::default()
                });
                let file = CheckFile { results: results.collect(), skipped: Vec::new() };
                let step = (round / ROUNDS_PER_STEP) as usize;
                let visible_from = if random.below(8) == 0 { step + random.below(STEPS - step) } else { step };
                let name = CheckFileName { stored_at, node: Some(name.clone()) };
                files.push(WorldFile { name, file, visible_from });
            }
        }
        files.sort_by(|one, other| one.name.cmp(&other.name));
        let source = Source::Http { url: "store/".to_owned() };
        let page = PageConfig { title: random.pick(&HOSTILE).to_owned(), ..PageConfig::new(source) };
        let url = (random.below(2) == 0).then(|| "https://status.example/".to_owned());
        let settings = OutputSettings { url, ..OutputSettings::of_page(node("eu"), &page) };
        let steps = (1..=STEPS as i64).map(|step| START + step * ROUNDS_PER_STEP * MINUTE - 20 * SECOND).collect();
        World { files, posts: posts(&mut random, titles[0]), nodes, settings: Arc::new(settings), steps }
    }

    fn announcements(&self, now: UnixNanos) -> Announcements {
        fold(self.posts.iter().filter(|post| post.id.posted_at <= now), &[], now)
    }

    /// Returns what readers see at a step.
    pub(super) fn at(&self, step: usize) -> Dataset {
        let now = self.steps[step];
        let histories = self.nodes.iter().map(|node| {
            let (mut history, mut latencies) = (History::new(Some(node.clone())), Latencies::default());
            let mut builder = HistoryBuilder::append(&mut history, &mut latencies);
            let own = self.files.iter().filter(|file| file.name.node.as_ref() == Some(node));
            for file in own.filter(|file| file.visible_from <= step && file.name.stored_at <= now) {
                builder.add(&file.name, &file.file);
            }
            builder.finish(Nanos::MAX);
            history
        });
        Dataset::new(&self.settings, histories.collect(), self.announcements(now), now)
    }

    /// Writes all outputs at each step, and returns the last ones, their data and the index.
    pub(super) fn run(&self) -> (RenderedOutputs, Dataset, OutputIndex) {
        let mut index = OutputIndex::new(Some("status.example"), START);
        let mut last = None;
        for step in 0..self.steps.len() {
            let data = self.at(step);
            // Only the last outputs are read, but earlier ones determine the identities.
            let is_last = step + 1 == self.steps.len();
            let kinds = if is_last { &OutputKind::ALL[..] } else { &[OutputKind::Feeds] };
            let rendered = render(kinds, &data, &mut index, self.steps[step]);
            last = Some((rendered, data));
        }
        let (rendered, data) = last.expect("there is a step");
        (rendered, data, index)
    }
}

fn posts(random: &mut Random, title: &str) -> Vec<Post> {
    let mut posts: Vec<Post> = Vec::new();
    for number in 0..random.below(4) {
        let at = START + number as Nanos * 9 * MINUTE;
        let id = PostId { posted_at: at, author: NodeName::new("anna").expect("a name") };
        let scope = [title, "*", "Other"][random.below(3)].to_owned();
        let affects = Some(vec![Affected { scope: Scope(scope), impact: random.pick(&Impact::ALL) }]);
        let post = |offset: Nanos, details: Details, text: &str| Post {
            id: PostId { posted_at: at + offset, ..id.clone() },
            subject: id.clone(),
            edit: None,
            title: None,
            affects: None,
            text: Some(text.to_owned()),
            at: None,
            details,
        };
        let text = format!("<p>See <a href=\"https://a/?b&amp;c\">it</a></p>{}", random.pick(&HOSTILE));
        let hostile = random.pick(&HOSTILE).to_owned();
        if random.below(2) == 0 {
            let incident = |state| Details::Incident { state, began: None, ended: None };
            posts.push(Post { title: Some(hostile), affects, ..post(0, incident(None), &text) });
            posts.push(post(MINUTE, incident(Some(IncidentState::Identified)), &text));
            if random.below(2) == 0 {
                let edit = Some(Edit::Replaces(PostId { posted_at: at + MINUTE, ..id.clone() }));
                posts.push(Post { edit, ..post(2 * MINUTE, incident(Some(IncidentState::Monitoring)), &text) });
            }
        } else {
            let windows: Vec<(UnixNanos, UnixNanos)> =
                (1..4).map(|day| (at + day * 5 * HOUR, at + day * 5 * HOUR + 30 * MINUTE)).collect();
            let first = windows[0].0;
            let plan = MaintenancePlan { windows, ..MaintenancePlan::default() };
            let details = Details::Maintenance { plan: Some(plan), change: None };
            posts.push(Post { title: Some(hostile), affects, ..post(0, details, &text) });
            let changes = [
                MaintenanceChange::Cancel(first),
                MaintenanceChange::Move { window: first, start: first + HOUR, end: first + 2 * HOUR },
                MaintenanceChange::CancelAll,
            ];
            for offset in 1..=random.below(3) as Nanos {
                let details = Details::Maintenance { plan: None, change: Some(random.pick(&changes)) };
                posts.push(Post { text: None, ..post(offset * MINUTE, details, "") });
            }
        }
    }
    posts
}
