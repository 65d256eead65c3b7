//! `checker status`: what the store says about all endpoints and nodes, for people and for machines. The figures are
//! those of the page.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Local, Timelike as _};
use serde_json::{Value, json};
use shared::history::History;
use shared::object_name::NodeName;
use shared::standing::{NodeStanding, Standing, standings, worst};
use shared::status::Status;
use shared::uptime::{Reckoning, Share};
use shared::verdict::Present;
use shared::{DAY, HOUR, Nanos, UnixNanos, duration};

use crate::cli::{Format, StatusArguments};
use crate::command::{NoStorage, Outcome, load, tell};
use crate::now;
use crate::outlook::outlook;
use crate::report::{plain, shape_of, style_of};
use crate::store::Store;

/// Ranges up to this begin at a full hour, longer ones at a midnight, as on the page.
const HOURS_UP_TO: Nanos = 3 * DAY;
/// The widest a column of titles gets, in characters.
const TITLE_WIDTH: usize = 40;
/// The most of a reason that is printed, in characters.
const REASON_WIDTH: usize = 160;

/// Prints how everything stands.
pub async fn status(arguments: &StatusArguments) -> anyhow::Result<Outcome> {
    let config = load(&arguments.config.config, None)?;
    let Some(storage) = &config.storage else {
        return Err(NoStorage(arguments.config.config.display().to_string()).into());
    };
    let now = now();
    let from = start_of(arguments.range.unwrap_or(config.page.told.range), now);
    let store = Arc::new(Store::open(storage).await?);
    let outlook = outlook(&store, from, now).await?;
    for (name, cause) in &outlook.unreadable {
        tell(&format!("warning: history unreadable, check files fill in: `{name}`: failed to {cause}"));
    }
    let told = Told { from, now, standings: standings(&outlook.histories), histories: outlook.histories };
    match arguments.format {
        Format::Json => anstream::println!("{}", told.json()),
        Format::Table => anstream::print!("{}", told.table()),
    }
    Ok(match arguments.fail_on {
        Some(limit) if told.overall() >= limit => Outcome::Found,
        _ => Outcome::Done,
    })
}

/// When a range begins that ends now: as on the page, at a full hour or at a midnight of this machine's clock.
fn start_of(range: Nanos, now: UnixNanos) -> UnixNanos {
    let days = (range + DAY - 1) / DAY;
    let local =
        DateTime::from_timestamp_nanos(if range <= HOURS_UP_TO { now - range } else { now }).with_timezone(&Local);
    if range <= HOURS_UP_TO {
        let in_hour = i64::from(local.minute()) * 60 + i64::from(local.second());
        return now - range - in_hour * shared::SECOND - i64::from(local.nanosecond() % 1_000_000_000);
    }
    let first = local.date_naive() - chrono::Days::new((days - 1).unsigned_abs());
    let midnight = first.and_hms_opt(0, 0, 0).and_then(|midnight| midnight.and_local_timezone(Local).earliest());
    midnight.and_then(|midnight| midnight.timestamp_nanos_opt()).unwrap_or((now - days * DAY).div_euclid(HOUR) * HOUR)
}

/// All that is told.
struct Told {
    from: UnixNanos,
    now: UnixNanos,
    standings: Vec<Standing>,
    histories: Vec<History>,
}

impl Told {
    fn overall(&self) -> Status {
        worst(self.standings.iter().map(|standing| standing.present(self.now).status))
    }

    fn json(&self) -> Value {
        let endpoints: Vec<Value> = self.standings.iter().map(|standing| self.endpoint(standing)).collect();
        let nodes: Vec<Value> = self.histories.iter().map(|history| self.node(history)).collect();
        json!({
            "from": self.from,
            "now": self.now,
            "status": self.overall().word(),
            "endpoints": endpoints,
            "nodes": nodes,
        })
    }

    fn endpoint(&self, standing: &Standing) -> Value {
        let (present, reckoning) = (standing.present(self.now), standing.reckoning(self.from, self.now));
        let share = |share: Option<Share>| share.map(Share::percent);
        let down_from = present.down.iter().map(|place| name_of(standing.nodes[*place].node.as_ref()));
        json!({
            "title": standing.key.title,
            "endpoint": standing.key.locator,
            "verdict": standing.policy().to_string(),
            "status": present.status.word(),
            "localized": present.is_localized(),
            "down_from": down_from.collect::<Vec<_>>(),
            "heard": present.heard,
            "uptime": share(reckoning.uptime()),
            "coverage": share(reckoning.coverage()),
            "healthy": reckoning.healthy,
            "degraded": reckoning.degraded,
            "down": reckoning.down,
            "unknown": reckoning.unknown,
        })
    }

    fn node(&self, history: &History) -> Value {
        let crowd = history.crowd();
        json!({
            "node": history.node.as_ref().map(NodeName::as_str),
            "newest": history.newest(),
            "late": history.is_late(self.now),
            "shared_name": crowd.is_some(),
        })
    }

    fn table(&self) -> String {
        let mut text = String::new();
        let width = self.standings.iter().map(|standing| plain(&standing.key.title, TITLE_WIDTH).chars().count());
        let width = width.max().unwrap_or(0).max("ENDPOINT".len());
        let heading = format!("  {:<9} {:<width$}  {:>9}  {:>9}", "STATUS", "ENDPOINT", "UPTIME", "OBSERVED");
        let bold = anstyle::Style::new().bold();
        let _ = writeln!(text, "{bold}{heading}{bold:#}");
        for standing in &self.standings {
            self.row(&mut text, standing, width);
        }
        if self.standings.is_empty() {
            let _ = writeln!(text, "  nothing is known: no check file is in this time");
        }
        let _ = writeln!(text);
        for history in &self.histories {
            let _ = writeln!(text, "{}", self.observer(history));
        }
        text
    }

    fn row(&self, text: &mut String, standing: &Standing, width: usize) {
        let present = standing.present(self.now);
        let Reckoned { uptime, observed } = Reckoned::of(standing.reckoning(self.from, self.now));
        let style = style_of(present.status);
        let (shape, word) = if present.is_localized() {
            ('◐', "localized")
        } else {
            (shape_of(present.status), present.status.word())
        };
        let _ = writeln!(
            text,
            "{style}{shape} {word:<9}{style:#} {:<width$}  {uptime:>9}  {observed:>9}{style}{}{style:#}",
            plain(&standing.key.title, TITLE_WIDTH),
            detail(standing, &present),
        );
    }

    fn observer(&self, history: &History) -> String {
        let name = name_of(history.node.as_ref());
        let Some(newest) = history.newest() else { return format!("{name} has not reported") };
        let ago = duration::in_words(self.now.saturating_sub(newest));
        let mut line = if history.is_late(self.now) {
            let style = style_of(Status::Down);
            format!("{style}{name} is late: it last reported {ago} ago{style:#}")
        } else if newest > self.now {
            let ahead = duration::in_words(newest.saturating_sub(self.now));
            format!("{name} last reported just now (its clock is {ahead} ahead)")
        } else {
            format!("{name} last reported {ago} ago")
        };
        if let Some(crowd) = history.crowd() {
            let _ = write!(
                line,
                "; it stored {} rounds where its interval gives {}: have two checkers this name? Give each one of its own",
                crowd.stored, crowd.expected
            );
        }
        line
    }
}

/// Shares as text.
struct Reckoned {
    uptime: String,
    observed: String,
}

impl Reckoned {
    fn of(reckoning: Reckoning) -> Reckoned {
        let text = |share: Option<Share>| share.map_or_else(|| "–".to_owned(), Share::percent);
        Reckoned { uptime: text(reckoning.uptime()), observed: text(reckoning.coverage()) }
    }
}

/// Who sees what, where not all is well.
fn detail(standing: &Standing, present: &Present) -> String {
    let down = || present.down.iter().filter_map(|place| standing.nodes.get(*place));
    let reason = |mut nodes: Box<dyn Iterator<Item = &NodeStanding> + '_>| {
        let reason = nodes.find_map(|node| node.reason.as_deref());
        reason.map(|reason| format!(": {}", plain(reason, REASON_WIDTH))).unwrap_or_default()
    };
    if present.is_localized() {
        let names: Vec<String> = down().map(|node| name_of(node.node.as_ref())).collect();
        let others = present.heard - present.down.len();
        return format!(
            "  unreachable from {}, reachable from {}{}",
            names.join(", "),
            if others == 1 { "one other".to_owned() } else { format!("{others} others") },
            reason(Box::new(down()))
        );
    }
    match present.status {
        Status::Down => reason(Box::new(down())).replacen(": ", "  ", 1),
        Status::Degraded => reason(Box::new(standing.nodes.iter())).replacen(": ", "  ", 1),
        Status::Healthy | Status::Unknown => String::new(),
    }
}

fn name_of(node: Option<&NodeName>) -> String {
    node.map_or_else(|| "a checker without a name".to_owned(), ToString::to_string)
}
