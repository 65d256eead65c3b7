//! A corpus of damaged and hostile objects, which depends only on the seed: check files, histories, latencies, digests of
//! posts, indexes, summaries and configurations, some with odd names. [`run`] stores them next to the intact objects of a node, and
//! checks that the page and the terminal report that node correctly.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use shared::object_name::INDEX;
use shared::page_config::{PageConfig, Source};
use shared::post::{Edit, Impact, IncidentState, Post};
use shared::{DAY, HOUR, MINUTE, UnixNanos};

use crate::browser::Browser;
use crate::caddy::Caddy;
use crate::checker::{Checker, Run};
use crate::endpoints::refused;
use crate::fake_nodes::{FakeMessage, FakeNodes, Outage, into_directory};
use crate::now;
use crate::page::{self, Page};
use crate::posts;

/// A string that runs a script if it is parsed as markup.
const SCRIPT: &str = "<img src=x onerror=canary()><script>canary()</script><svg onload=canary()>\"'>{{canary()}}";
/// Control characters that reorder or hide text.
const BIDI: &str = "\u{202e}\u{2066}txet\u{2069}\u{200b}\u{feff}\u{0}\u{1b}[31m";
/// The number of damaged check files in one store.
const FILES: usize = 14;
const HISTORIES: usize = 5;
const LATENCIES: usize = 3;
const DIGESTS: usize = 4;

/// The ways to damage an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    FlippedBits,
    Truncated,
    WrongType,
    ExtremeNumber,
    Nested,
    DuplicateKeys,
    /// A value is replaced with a string of 5 MB.
    Huge,
    Script,
    Bidi,
    Null,
    Version,
}

impl Damage {
    const ALL: [Damage; 11] = [
        Damage::FlippedBits,
        Damage::Truncated,
        Damage::WrongType,
        Damage::ExtremeNumber,
        Damage::Nested,
        Damage::DuplicateKeys,
        Damage::Huge,
        Damage::Script,
        Damage::Bidi,
        Damage::Null,
        Damage::Version,
    ];
}

/// A sequence of pseudorandom numbers (splitmix64).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    #[must_use]
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Returns a number below `limit`, or 0 if `limit` is 0.
    #[must_use]
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    /// Returns one of the choices, of which there must be at least one.
    #[must_use]
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// Damages a JSON document at random.
#[must_use]
pub fn damage(content: &str, random: &mut Random) -> Vec<u8> {
    let damage = match random.pick(&Damage::ALL) {
        // Huge strings are less frequent, because they make the page load slowly.
        Damage::Huge if random.below(4) > 0 => Damage::FlippedBits,
        damage => damage,
    };
    damage_by(content, damage, random)
}

fn damage_by(content: &str, damage: Damage, random: &mut Random) -> Vec<u8> {
    let mut bytes = content.as_bytes().to_vec();
    match damage {
        Damage::FlippedBits => {
            for _ in 0..=random.below(8) {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            return bytes;
        }
        Damage::Truncated => {
            bytes.truncate(random.below(bytes.len()));
            return bytes;
        }
        Damage::DuplicateKeys => {
            let keys = ["title", "timestamp", "version", "spans", "source", "node", "healthy", "endpoints"];
            let again = format!("{{\"{}\":7,\"{}\":null,", random.pick(&keys), random.pick(&keys));
            return content.replacen('{', &again, 1 + random.below(3)).into_bytes();
        }
        _ => {}
    }
    let mut json: Value = serde_json::from_str(content).expect("the original is valid");
    // The placeholder is replaced later with raw text that a `Value` cannot represent.
    let placeholder = "replaced-below";
    let mut raw = None;
    let new = match damage {
        Damage::WrongType => random.pick(&["7", "\"text\"", "[]", "{}", "true", "null", "[[1]]", "{\"a\":1}", "1.5"]),
        Damage::ExtremeNumber => random.pick(&[
            "9223372036854775807",
            "-9223372036854775808",
            "9223372036854775808",
            "1e400",
            "-1",
            "0",
            "NaN",
            "-0.0",
            "4503599627370497",
        ]),
        Damage::Null => random.pick(&["null", "\"\\u0000\"", "\"\""]),
        Damage::Version => random.pick(&["2", "-1", "\"1\"", "0", "99999999999999999999"]),
        Damage::Script => &json!(SCRIPT).to_string(),
        Damage::Bidi => &json!(BIDI.repeat(20)).to_string(),
        Damage::Huge => &json!("5 MB of text ".repeat(400_000)).to_string(),
        _ => {
            let depth = random.pick(&[62, 63, 64, 65, 200, 100_000]);
            let (open, close) = random.pick(&[("[", "]"), ("{\"a\":", "}")]);
            &[&open.repeat(depth), "1", &close.repeat(depth)].concat()
        }
    };
    if damage == Damage::Version
        && let Value::Object(members) = &mut json
    {
        members.insert("version".to_owned(), json!(placeholder));
        raw = Some(new.to_owned());
    } else {
        for _ in 0..=random.below(2) {
            let count = values(&mut json).len();
            *values(&mut json).swap_remove(random.below(count)) = json!(placeholder);
        }
    }
    let raw = raw.unwrap_or_else(|| new.to_owned());
    json.to_string().replace(&format!("\"{placeholder}\""), &raw).into_bytes()
}

/// Returns all leaf values, including empty arrays and objects.
fn values(json: &mut Value) -> Vec<&mut Value> {
    let is_leaf = match json {
        Value::Array(elements) => elements.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => true,
    };
    match json {
        leaf if is_leaf => vec![leaf],
        Value::Array(elements) => elements.iter_mut().flat_map(values).collect(),
        Value::Object(members) => members.values_mut().flat_map(values).collect(),
        _ => Vec::new(),
    }
}

/// Unusual and invalid names for objects, some of which do not exist.
const ODD_NAMES: [&str; 10] = [
    "../../etc/passwd",
    "9223372036854775807-odd-check.json",
    "0000000000000000000-odd-check.json",
    "1795330254340493978-<script>canary()<-check.json",
    "1795330254340493978-\u{202e}-check.json",
    "javascript:canary()",
    "1795330254340493978-odd-check.json/",
    "%2e%2e%2fconfig.json",
    "",
    "__proto__",
];

/// The number of mutants that were checked, and of the page loads and commands that checked them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    pub mutants: usize,
    pub page_loads: usize,
    pub runs: usize,
}

/// Generates stores with mutants next to a node that reported one endpoint as healthy and one as down.
struct Corpus {
    random: Random,
    good: BTreeMap<String, String>,
    /// The intact history and latencies of the `mutant` node, which are damaged in each store.
    history: String,
    latencies: String,
    /// The intact digest of the `mutant` author, which is damaged in each store.
    digest: String,
    check_file: String,
    now: UnixNanos,
}

const HEALTHY: &str = "Well recorded";
const DOWN: &str = "Well recorded outage";

impl Corpus {
    fn new(seed: u64) -> Corpus {
        let now = now();
        let mut good = FakeNodes::small(&["good"], now);
        (good.titles, good.interval, good.days) = (vec![HEALTHY, DOWN], 5 * MINUTE, 3);
        good.outages = vec![Outage { endpoint: 1, nodes: 0..1, time: now - DAY / 2..now + DAY }];
        let mut bad = FakeNodes::small(&["mutant"], now);
        (bad.titles, bad.interval, bad.days) = (vec!["Mutant", "Other mutant"], 5 * MINUTE, 3);
        bad.messages =
            vec![FakeMessage { at: bad.now - 10 * MINUTE, endpoints: 0..2, html: "A <b>message</b> of a mutant" }];
        let (history, latencies) = bad.history(0);
        let (_, check_file) = bad.check_files(0, now - 15 * MINUTE).pop().expect("there is a round");
        Corpus {
            random: Random::new(seed),
            good: good.objects(),
            history: history.to_json(),
            latencies: latencies.to_json(),
            digest: mutant_posts(now),
            check_file,
            now,
        }
    }

    /// Writes a store whose check files, histories, latencies and names include mutants. Returns the number of mutants.
    fn write_files(&mut self, store: &Path) -> usize {
        let mut objects: BTreeMap<String, Vec<u8>> =
            self.good.iter().map(|(name, content)| (name.clone(), content.clone().into_bytes())).collect();
        for number in 0..FILES {
            let name = format!("{}-mutant-{number}-check.json", self.now - (number as i64 + 1) * MINUTE);
            objects.insert(name, damage(&self.check_file, &mut self.random));
        }
        for (kind, original, count) in
            [("json", self.history.clone(), HISTORIES), ("latency.json", self.latencies.clone(), LATENCIES)]
        {
            for number in 0..count {
                // A separate node for each history keeps a damaged history from replacing the check files of another
                // node.
                let node = format!("mutant-{}", 30 + number);
                let original = original.replace("\"node\":\"mutant\"", &format!("\"node\":\"{node}\""));
                objects.insert(format!("history/{node}.{kind}"), damage(&original, &mut self.random));
            }
        }
        for number in 0..DIGESTS {
            let author = format!("mutant-{}", 60 + number);
            let original = self.digest.replace("mutant", &author);
            objects.insert(format!("history/{author}.posts.json"), damage(&original, &mut self.random));
        }
        objects.insert("0-summary/test-node.json".to_owned(), damage("{\"title\":\"x\",\"node\":\"test-node\",\"at\":1,\"badges_at\":1,\"status\":\"healthy\",\"nodes\":[],\"endpoints\":[]}", &mut self.random));
        let odd = self.random.pick(&ODD_NAMES);
        write_store(&objects, &[odd], store);
        FILES + HISTORIES + LATENCIES + DIGESTS + 2
    }

    /// Writes a store whose index of check files is damaged.
    fn write_index(&mut self, store: &Path) {
        let objects = self.good.iter().map(|(name, content)| (name.clone(), content.clone().into_bytes())).collect();
        write_store(&objects, &[], store);
        let index = std::fs::read_to_string(store.join(INDEX)).expect("it was written");
        std::fs::write(store.join(INDEX), damage(&index, &mut self.random)).expect("the file can be written");
    }
}

/// Returns a digest with an incident, an edit of it, and maintenance of the intact node's endpoints. None of it covers what
/// was measured.
fn mutant_posts(now: UnixNanos) -> String {
    let (first, second) = (posts::id("mutant", now - HOUR), posts::id("mutant", now - HOUR / 2));
    let about = [(DOWN, Impact::Down), (HEALTHY, Impact::None)];
    let edit = Post {
        edit: Some(Edit::Replaces(first.clone())),
        ..posts::update(&posts::id("mutant", now - MINUTE), &first, None, "An <i>edited</i> text")
    };
    let windows = [(now - DAY, now - DAY + HOUR), (now - HOUR, now + HOUR), (now + DAY, now + DAY + HOUR)];
    let all = [
        posts::incident(&first, "A <b>title</b> of a mutant", &about, "A <b>text</b> of a mutant"),
        posts::update(&posts::id("mutant", now - 2 * MINUTE), &first, Some(IncidentState::Monitoring), "Better"),
        edit,
        posts::maintenance(&second, "Work", &[("*", Impact::Degraded)], &windows, "Some work"),
    ];
    posts::digest("mutant", &all).1
}

fn write_store(objects: &BTreeMap<String, Vec<u8>>, odd_names: &[&str], store: &Path) {
    let _ = std::fs::remove_dir_all(store);
    std::fs::create_dir_all(store.join("0-summary")).expect("the folder can be created");
    into_directory(
        &objects
            .keys()
            .map(|name| (name.clone(), String::new()))
            .filter(|(name, _)| name != "0-summary/test-node.json")
            .collect(),
        store,
    );
    for (name, content) in objects {
        std::fs::write(store.join(name), content).expect("the file can be written");
    }
    let check_files = objects.keys().filter(|name| !name.contains('/')).map(String::as_str);
    let index: BTreeMap<&str, u8> = check_files.chain(odd_names.iter().copied()).map(|name| (name, 0)).collect();
    std::fs::write(store.join(INDEX), json!(index).to_string()).expect("the file can be written");
}

/// Checks at least this many mutants in Chromium and on the command line. Panics at the first failure, and prints the
/// seed.
pub async fn run(seed: u64, mutants: usize) -> Report {
    let mut corpus = Corpus::new(seed);
    let mut report = Report::default();
    let caddy = Caddy::start("").await;
    let store = caddy.site.path().join("store");
    let browser = Browser::open().await;
    let storage = json!({ "type": "fs", "dir": store });
    let checker = Checker::new(&json!({ "storage": storage, "checkers": [
        { "type": "http", "endpoint_name": "Own", "endpoint_url": refused(), "timeout": "1s" }
    ] }));
    while report.mutants < mutants {
        let context = format!("seed {seed}, mutants from {}", report.mutants);
        let mut config = PageConfig::new(Source::Http { url: "store/".to_owned() });
        // A third of the stores are shown from histories.
        config.range = if report.page_loads.is_multiple_of(3) { 30 * DAY } else { DAY };
        caddy.configure(&config.to_json());
        report.mutants += corpus.write_files(&store);
        let page = page::visit(&browser, &caddy.url).await;
        assert_good(&page, &context);
        assert!(browser.script("document.querySelector('#percentiles')?.click(); return true;").await == true);
        assert_good(&page::when(&browser, "percentiles", Page::is_complete).await, &context);
        for words in [
            &["status", "-c", "checker.json", "--format", "json", "--full"][..],
            &["status", "-c", "checker.json", "--range", "30d"],
            &["run", "-c", "checker.json"],
        ] {
            let run = checker.call(words).await;
            assert_no_panic(&run, &context);
            if words.contains(&"json") {
                assert_good_status(&run, &context);
            }
            report.runs += 1;
        }

        corpus.write_index(&store);
        let page = page::visit(&browser, &caddy.url).await;
        assert_not_blank(&page, &context);
        assert_ne!(page.text_of("state"), "healthy", "{context}: an endpoint is down");
        caddy.configure(&String::from_utf8_lossy(&damage(&config.to_json(), &mut corpus.random)));
        let page = page::visit(&browser, &caddy.url).await;
        assert_not_blank(&page, &context);
        let own = std::fs::read_to_string(checker.path("checker.json")).expect("it exists");
        let damaged = damage(&own, &mut corpus.random);
        std::fs::write(checker.path("damaged.json"), damaged).expect("the file can be written");
        assert_no_panic(&checker.call(&["validate", "-c", "damaged.json"]).await, &context);
        report.mutants += 3;
        report.page_loads += 3;
        report.runs += 1;
    }
    report
}

/// Fails if the page is blank, runs an injected script, or has an error in its code.
fn assert_not_blank(page: &Page, context: &str) {
    let witness = &page.0["witness"];
    assert_eq!((&witness["errors"], &witness["canary"]), (&json!([]), &json!(0)), "{context}: {witness:#}");
    assert!(
        page.text_of("text").len() > 60 && page.text_of("overall").len() > 5 || page.text_of("state") == "broken",
        "{context}: {:#}",
        page.0
    );
}

/// Fails if the page shows wrong statuses for the endpoints of the intact node.
fn assert_good(page: &Page, context: &str) {
    assert_not_blank(page, context);
    let status = |title: &str| {
        let endpoint = page.endpoints().into_iter().find(|endpoint| endpoint.text_of("title") == title);
        endpoint.map(|endpoint| endpoint.text_of("status"))
    };
    let found = [status(HEALTHY), status(DOWN)];
    let expected = [Some("healthy".to_owned()), Some("down".to_owned())];
    assert_eq!(found, expected, "{context}: {:#}", page.0);
    assert_eq!(page.text_of("state"), "down", "{context}: {}", page.text_of("overall"));
}

fn assert_no_panic(run: &Run, context: &str) {
    assert!((0..=2).contains(&run.code) && !run.stderr.contains("panicked"), "{context}: {}", run.output());
}

fn assert_good_status(run: &Run, context: &str) {
    let status: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{context}: {}", run.output()));
    let of = |title: &str| {
        let endpoints = status["endpoints"].as_array().cloned().unwrap_or_default();
        endpoints.iter().find(|endpoint| endpoint["title"] == title).map(|endpoint| endpoint["status"].clone())
    };
    assert_eq!([of(HEALTHY), of(DOWN)], [Some(json!("healthy")), Some(json!("down"))], "{context}: {}", run.output());
}
