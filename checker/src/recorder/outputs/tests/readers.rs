//! Independent readers of feeds and calendars, which read the outputs of a thousand random worlds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use serde_json::{Value, json};
use shared::SECOND;
use shared::object_name::OutputForm;
use shared::outputs::calendar_events;
use tempfile::TempDir;

use super::worlds::World;
use crate::recorder::outputs::feeds::one_line;

const WORLDS: u64 = 1_000;

/// The outputs of all worlds, in one folder each, and what readers must find in them.
struct Outputs {
    folder: TempDir,
    expected: Vec<Value>,
}

static OUTPUTS: LazyLock<Outputs> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let expected = (0..WORLDS).map(|seed| write(seed, folder.path())).collect();
    Outputs { folder, expected }
});

fn write(seed: u64, folder: &Path) -> Value {
    let world = World::new(seed);
    let (rendered, data, _) = world.run();
    let own = folder.join(format!("{seed:04}"));
    std::fs::create_dir(&own).expect("the folder is new");
    let (mut endpoints, mut badges) = (0, 0);
    for (form, content) in &rendered {
        let name = match form {
            OutputForm::EndpointAtom(_) => {
                endpoints += 1;
                format!("endpoint-{endpoints}.atom")
            }
            OutputForm::UptimeBadge(_) | OutputForm::ResponseTimeBadge(_) => {
                badges += 1;
                format!("badge-{badges}.svg")
            }
            OutputForm::Atom | OutputForm::Rss | OutputForm::JsonFeed | OutputForm::Calendar => form.to_string(),
            OutputForm::Statuspage(_) | OutputForm::Shields(_) => {
                let json: Value = serde_json::from_slice(content).expect("it is JSON");
                let components = json["components"].as_array().map_or(data.summary.endpoints.len(), Vec::len);
                assert_eq!(components, data.summary.endpoints.len(), "seed {seed}, {form}: {json:#}");
                continue;
            }
            OutputForm::Index => continue,
        };
        std::fs::write(own.join(name), content).expect("the folder is writable");
    }
    let feed: Value = serde_json::from_slice(&rendered[&OutputForm::JsonFeed]).expect("it is JSON");
    let entries = feed["items"].as_array().expect("it is a list").iter().map(|item| {
        json!({
            "id": item["id"], "title": item["title"], "published": item["date_published"],
            "updated": item["date_modified"], "html": item["content_html"],
        })
    });
    let events = calendar_events(&data.posted().announcements.maintenance, *world.steps.last().expect("there is one"));
    let events = events.iter().map(|event| {
        json!({
            "uid": event.uid, "start": event.start / SECOND, "end": event.end / SECOND, "sequence": event.sequence,
            "status": if event.is_canceled { "CANCELLED" } else { "CONFIRMED" }, "title": one_line(&event.title),
        })
    });
    json!({ "title": feed["title"], "entries": entries.collect::<Vec<_>>(), "events": events.collect::<Vec<_>>() })
}

/// The folder into which `scripts/setup.sh` installs tools.
fn tools() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = || variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    let tools = variable("CHECKUP_TOOLS").or_else(|| Some(cache()?.join("checkup-tools")));
    tools.filter(|tools| tools.join("bin/readers-python").is_file()).expect("run `scripts/setup.sh test`")
}

/// Runs a program that prints one line of JSON for each world.
fn lines(command: &mut Command) -> Vec<Value> {
    let output = command.output().expect("the program starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).expect("it is text");
    text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/recorder/outputs/tests").join(name)
}

#[test]
fn jing_accepts_every_feed() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/schemas/atom.rnc");
    let mut command = Command::new("jing");
    command.arg("-c").arg(&schema);
    let mut count = 0;
    for entry in walk(OUTPUTS.folder.path()) {
        if entry.extension().is_some_and(|extension| extension == "atom") {
            command.arg(entry);
            count += 1;
        }
    }
    let output = command.output().expect("jing starts; run `scripts/setup.sh test`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(count >= 2 * WORLDS, "{count}");
    // The schema is the one that rejects an invalid feed.
    let invalid = OUTPUTS.folder.path().join("invalid.xml");
    std::fs::write(&invalid, "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>x</title></feed>")
        .expect("it is ours");
    let output = Command::new("jing").arg("-c").arg(&schema).arg(&invalid).output().expect("jing starts");
    assert!(String::from_utf8_lossy(&output.stdout).contains("missing required elements"), "{output:?}");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let folders = std::fs::read_dir(folder).expect("the folder is readable").flatten().map(|entry| entry.path());
    folders
        .filter(|path| path.is_dir())
        .flat_map(|path| std::fs::read_dir(path).into_iter().flatten())
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

#[test]
fn feedparser_reads_the_entries() {
    let mut command = Command::new(tools().join("bin/readers-python"));
    command.arg(script("feeds.py")).arg(OUTPUTS.folder.path());
    let found = lines(&mut command);
    assert_eq!(found.len() as u64, WORLDS);
    for (seed, (found, expected)) in found.iter().zip(&OUTPUTS.expected).enumerate() {
        let entries = expected["entries"].as_array().expect("it is a list");
        for format in ["atom", "rss"] {
            let read = &found[format];
            assert_eq!(read["problem"], Value::Null, "seed {seed}, {format}");
            let rows = |key: &str| entries.iter().map(|entry| entry[key].clone()).collect::<Vec<_>>();
            assert_eq!(read["ids"], json!(rows("id")), "seed {seed}, {format}");
            assert_eq!(read["published"], json!(rows("published")), "seed {seed}, {format}");
        }
        let titles = entries.iter().map(|entry| entry["title"].clone()).collect::<Vec<_>>();
        assert_eq!(found["atom"]["titles"], json!(titles), "seed {seed}");
        assert_eq!(found["atom"]["title"], expected["title"], "seed {seed}");
        let updated = entries.iter().map(|entry| entry["updated"].clone()).collect::<Vec<_>>();
        assert_eq!(found["atom"]["updated"], json!(updated), "seed {seed}");
    }
}

#[test]
fn feedsmith_and_ical_js_read_every_feed_and_calendar() {
    let mut command = Command::new("node");
    command.arg(script("outputs.mjs")).arg(tools()).arg(OUTPUTS.folder.path());
    let found = lines(&mut command);
    assert_eq!(found.len() as u64, WORLDS);
    for (seed, (found, expected)) in found.iter().zip(&OUTPUTS.expected).enumerate() {
        for format in ["atom", "rss", "json"] {
            assert_eq!(found[format]["format"], format, "seed {seed}");
            let entries = expected["entries"].as_array().expect("it is a list");
            let rows =
                entries.iter().map(|entry| json!([entry["id"], entry["title"], entry["html"], entry["published"]]));
            assert_eq!(found[format]["entries"], json!(rows.collect::<Vec<_>>()), "seed {seed}, {format}");
        }
        assert_eq!(found["events"], expected["events"], "seed {seed}");
    }
}

#[test]
fn python_reads_the_same_instants_from_every_calendar() {
    let mut command = Command::new(tools().join("bin/readers-python"));
    command.arg(script("calendars.py")).arg(OUTPUTS.folder.path());
    let found = lines(&mut command);
    assert_eq!(found.len() as u64, WORLDS);
    let (mut count, mut empty) = (0, 0);
    for (seed, (found, expected)) in found.iter().zip(&OUTPUTS.expected).enumerate() {
        assert_eq!(found["events"], expected["events"], "seed {seed}");
        assert_eq!(found["recurring"], expected["events"], "seed {seed}: each window occurs once, when it is planned");
        assert_eq!(found["problems"], json!([]), "seed {seed}");
        let events = expected["events"].as_array().map_or(0, Vec::len);
        count += events;
        empty += usize::from(events == 0);
    }
    assert!(count > 1_000 && empty > 100, "{count} windows and {empty} empty calendars are too few");
}

#[test]
fn titles_add_nothing_to_badges() {
    let mut command = Command::new(tools().join("bin/readers-python"));
    command.arg(script("badges.py")).arg(OUTPUTS.folder.path());
    let found = lines(&mut command);
    assert_eq!(found.len() as u64, WORLDS);
    let elements = json!(["svg", "title", "rect", "path", "g", "text", "text"]);
    let known = "aria-label d fill font-family font-size height lengthAdjust role rx textLength viewBox width x y";
    let known: Vec<&str> = known.split(' ').collect();
    for (seed, found) in found.iter().enumerate() {
        let badges = found.as_array().expect("it is a list");
        assert!(badges.len() >= 2, "seed {seed}: {badges:?}");
        for badge in badges {
            assert_eq!((&badge["elements"], &badge["attributes"]), (&elements, &json!(known)), "seed {seed}");
            let title = badge["title"].as_str().expect("it is text");
            assert!(title.contains(" uptime: ") || title.contains(" response time: "), "seed {seed}: {title}");
        }
    }
}
