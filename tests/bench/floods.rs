//! Measures how punctual the checks of 1,000 endpoints are and how much memory they use, with and without endpoints
//! that never stop sending.

use std::time::Duration;

use serde_json::Value;
use shared::status::Status;
use support::certificates::{Authority, Validity};
use support::floods::flooding_checks;

use crate::nginx::Nginx;
use crate::schedule::{Punctuality, Watched, described, watch};

const ENDPOINTS: usize = 1_000;
/// How long each schedule is measured, after the first round.
const WATCHED: Duration = Duration::from_mins(2);

pub(super) async fn measure() {
    let nginx = Nginx::start().await;
    println!("Floods: {ENDPOINTS} endpoints every 10 s for {WATCHED:?}, how late each start was");
    for has_floods in [false, true] {
        let mut checks: Vec<Value> = nginx.plain_checks(ENDPOINTS);
        if has_floods {
            let server = Authority::new().server("127.0.0.1", Validity::Now);
            checks.extend(flooding_checks(&server, "5s").await);
        }
        let endpoints = checks.len();
        let Watched { results, naps, memory } = watch(&checks, WATCHED).await;
        let (floods, good): (Vec<_>, Vec<_>) =
            results.into_iter().partition(|result| result.title.starts_with("Flood: "));
        let wrong = good.iter().filter(|result| result.status != Status::Healthy).count();
        let detected = floods.iter().filter(|result| result.status == Status::Down).count();
        println!(
            "  {:>2} floods: {}; {wrong} wrong results; {detected} of {} results of floods are down; {:.0} MB at most",
            endpoints - ENDPOINTS,
            Punctuality::new(&good, endpoints),
            floods.len(),
            memory.peak,
        );
        println!("      a thread that only sleeps: {}", described(&naps));
    }
}
