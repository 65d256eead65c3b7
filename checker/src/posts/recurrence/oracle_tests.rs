//! Compares recurrences with python-dateutil, and conversions with Python's zoneinfo.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use shared::{MINUTE, SECOND};

use super::*;

const SEED: u64 = 2_026;
const RULES: usize = 10_000;

const ZONES: [&str; 30] = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "Africa/El_Aaiun",
    "Africa/Johannesburg",
    "America/Asuncion",
    "America/Havana",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/New_York",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "America/St_Johns",
    "Antarctica/Troll",
    "Asia/Almaty",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Jerusalem",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Australia/Sydney",
    "Europe/Berlin",
    "Europe/Chisinau",
    "Europe/Dublin",
    "Europe/London",
    "Pacific/Auckland",
    "Pacific/Chatham",
];

/// Runs the script with Python, and returns the lines of its output as JSON.
fn ask_python(arguments: &[&str], input: String) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/posts/recurrence/oracle.py");
    let mut child = Command::new(python())
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let mut standard_input = child.stdin.take().expect("it is piped");
    // Python prints results while it still reads, so both directions must proceed at once.
    let writing = std::thread::spawn(move || standard_input.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("Python ends");
    writing.join().expect("the thread ends").expect("Python reads all cases");
    assert!(output.status.success(), "Python failed: its error is above");
    let text = String::from_utf8(output.stdout).expect("it is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
}

fn python() -> PathBuf {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let cache = || std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(home);
    let tools = std::env::var_os("CHECKUP_TOOLS").map(PathBuf::from);
    let tools = tools.or_else(|| cache().map(|cache| cache.join("checkup-tools"))).unwrap_or_default();
    let python = tools.join("bin/dateutil-python");
    assert!(python.is_file(), "`{}` is missing; run `scripts/setup.sh test`", python.display());
    python
}

/// The random number generator `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.unsigned_abs()) as i64
    }

    fn chance(&mut self, percent: i64) -> bool {
        self.below(100) < percent
    }

    fn choose<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as i64) as usize]
    }

    /// Returns one to three values, separated by commas.
    fn list(&mut self, mut value: impl FnMut(&mut Random) -> String) -> String {
        let count = 1 + self.below(3);
        (0..count).map(|_| value(self)).collect::<Vec<_>>().join(",")
    }

    fn signed(&mut self, greatest: i64) -> String {
        let number = 1 + self.below(greatest);
        if self.chance(30) { format!("-{number}") } else { number.to_string() }
    }

    fn days(&mut self, greatest_number: i64) -> String {
        self.list(|random| {
            let day = random.choose(&["MO", "TU", "WE", "TH", "FR", "SA", "SU"]);
            if greatest_number > 0 && random.chance(50) {
                format!("{}{day}", random.signed(greatest_number))
            } else {
                day.to_owned()
            }
        })
    }

    /// Returns a rule that the checker supports. It can fire never, often, or so that windows overlap.
    fn rule(&mut self, start: Date) -> String {
        let frequency = self.choose(&["HOURLY", "DAILY", "DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY"]);
        let mut parts = vec![format!("FREQ={frequency}")];
        let mut add = |part: &str, value: String| parts.push(format!("{part}={value}"));
        if self.chance(50) {
            let interval = 1 + self.below(if frequency == "HOURLY" { 30 } else { 5 });
            add("INTERVAL", interval.to_string());
        }
        let last = start.checked_add(jiff::Span::new().days(self.below(500))).expect("a date");
        match self.below(8) {
            0..=2 => add("COUNT", (1 + self.below(60)).to_string()),
            3 => add("UNTIL", last.strftime("%Y%m%d").to_string()),
            4 => add("UNTIL", last.strftime(&format!("%Y%m%dT{:02}3000", self.below(24))).to_string()),
            5 => add("UNTIL", last.strftime(&format!("%Y%m%dT{:02}0000Z", self.below(24))).to_string()),
            _ => {}
        }
        if self.chance(30) {
            add("WKST", self.choose(&["MO", "SU", "TH", "SA"]).to_owned());
        }
        let mut has_set = false;
        if self.chance(25) {
            add("BYMONTH", self.list(|random| (1 + random.below(12)).to_string()));
            has_set = true;
        }
        if self.chance(20) {
            add("BYHOUR", self.list(|random| random.below(24).to_string()));
            has_set = true;
        }
        match frequency {
            "MONTHLY" => {
                if self.chance(40) {
                    add("BYMONTHDAY", self.list(|random| random.signed(31)));
                    has_set = true;
                }
                if self.chance(50) {
                    add("BYDAY", self.days(4));
                    has_set = true;
                }
            }
            "YEARLY" => {
                let has_weeks = self.chance(20);
                if has_weeks {
                    add("BYWEEKNO", self.list(|random| random.signed(53)));
                } else if self.chance(20) {
                    add("BYYEARDAY", self.list(|random| random.signed(366)));
                } else if self.chance(30) {
                    add("BYMONTHDAY", self.list(|random| random.signed(31)));
                }
                if self.chance(50) {
                    add("BYDAY", self.days(if has_weeks { 0 } else { 5 }));
                    has_set = true;
                }
            }
            _ if self.chance(50) => add("BYDAY", self.days(0)),
            "DAILY" if self.chance(20) => add("BYMONTHDAY", self.list(|random| random.signed(28))),
            _ => {}
        }
        if has_set && ["MONTHLY", "YEARLY"].contains(&frequency) && self.chance(30) {
            add("BYSETPOS", self.list(|random| random.signed(4)));
        }
        parts.join(";")
    }
}

/// A recurrence with the time of its expansion.
struct Case {
    start: DateTime,
    zone: &'static str,
    length: Nanos,
    rule: String,
    except: Vec<String>,
    now: UnixNanos,
}

impl Case {
    fn new(random: &mut Random) -> Case {
        let zone = random.choose(&ZONES);
        // Most windows begin at night, when clocks change.
        let hour = if random.chance(70) { random.below(4) } else { random.below(24) };
        let date =
            jiff::civil::date(2024, 1, 1).checked_add(jiff::Span::new().days(random.below(1_900))).expect("a date");
        let start = date.at(hour as i8, (random.below(4) * 15) as i8, 0, 0);
        let rule = random.rule(date);
        let in_days = |random: &mut Random| {
            date.checked_add(jiff::Span::new().days(random.below(60))).expect("a date").to_string()
        };
        let except = if random.chance(20) { vec![in_days(random)] } else { Vec::new() };
        let length = MINUTE * [30, 60, 90, 600, 1_440, 2_900][random.below(6) as usize];
        let zone_rules = find_zone(zone).expect("a zone");
        let begins = to_utc(start, &zone_rules).expect("it is in range").0;
        Case { start, zone, length, rule, except, now: begins - random.below(395) * DAY }
    }

    fn to_json(&self) -> Value {
        json!({
            "start": self.start.to_string(), "zone": self.zone, "length": self.length / SECOND, "rule": self.rule,
            "except": self.except, "horizon": (self.now + HORIZON) / SECOND,
        })
    }

    /// Returns the windows or the kind of error in the script's format.
    fn expand(&self) -> Value {
        let start = self.start.strftime("%Y-%m-%d %H:%M").to_string();
        let recurrence = Recurrence::parse((&start, self.zone), self.length, &self.rule, &self.except);
        match recurrence.and_then(|recurrence| recurrence.expand(self.now)) {
            Ok(windows) => windows.iter().map(|window| json!([window.start / SECOND, window.end / SECOND])).collect(),
            Err(InvalidRecurrence::TooMany) => json!("too many"),
            Err(InvalidRecurrence::Overlap { .. }) => json!("overlap"),
            Err(InvalidRecurrence::NothingExcepted(_)) => json!("nothing excepted"),
            Err(InvalidRecurrence::NoWindow(_)) => json!("no window"),
            Err(other) => json!(other.to_string()),
        }
    }
}

#[test]
fn random_rules_agree_with_dateutil() {
    let mut random = Random(SEED);
    let cases: Vec<Case> = (0..RULES).map(|_| Case::new(&mut random)).collect();
    let input: Vec<String> = cases.iter().map(|case| case.to_json().to_string()).collect();
    let expected = ask_python(&["expand"], input.join("\n"));
    assert_eq!(expected.len(), RULES);
    let mut windows = 0;
    for (index, (case, expected)) in cases.iter().zip(&expected).enumerate() {
        let found = case.expand();
        assert_eq!(found, *expected, "case {index}: {}", case.to_json());
        windows += expected.as_array().map_or(0, Vec::len);
    }
    let count = |kind: &str| expected.iter().filter(|outcome| *outcome == kind).count();
    for kind in ["too many", "overlap", "nothing excepted", "no window"] {
        assert!(count(kind) >= 50, "only {} cases result in `{kind}`", count(kind));
    }
    let expanded = expected.iter().filter(|outcome| outcome.is_array()).count();
    assert!(expanded > RULES / 2 && windows > 20 * expanded, "{expanded} rules have {windows} windows");
}

#[test]
fn starts_around_every_change_of_30_zones_agree_with_zoneinfo() {
    let arguments: Vec<&str> = std::iter::once("transitions").chain(ZONES).collect();
    let (mut changes, mut kinds) = (0, [0; 3]);
    for answer in ask_python(&arguments, String::new()) {
        let zone = find_zone(answer["zone"].as_str().expect("a zone")).expect("it exists");
        changes += answer["changes"].as_i64().expect("a number");
        for case in answer["cases"].as_array().expect("a list") {
            let (local, expected) = (case[0].as_str().expect("a time"), case[1].as_i64().expect("a time"));
            let recurrence = Recurrence::parse((local, zone.iana_name().expect("a name")), MINUTE, "", &[]);
            let recurrence = recurrence.expect("it is valid");
            let window = recurrence.convert(recurrence.start).expect("it is in range");
            assert_eq!(window.start, expected * SECOND, "{local} {zone:?}");
            kinds[window.change as usize] += 1;
        }
    }
    // 2 changes in each of 7 years in most of the zones; the starts are before, in and after gaps and overlaps.
    assert!(changes > 250 && kinds.iter().all(|count| *count > 250), "{changes} changes, {kinds:?}");
}
