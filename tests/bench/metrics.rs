//! Measures the CPU time of a scrape of `checker serve` with 1,000 endpoints.

use std::time::Duration;

use serde_json::json;
use support::checker::Checker;
use support::configuration::{directory, watching};
use support::{http_client, wait_for};

use crate::nginx::Nginx;

const ENDPOINTS: usize = 1_000;
const SCRAPES: u32 = 60;
/// Longer than the time for which responses are reused.
const SCRAPE_INTERVAL: Duration = Duration::from_millis(1_100);
/// The length of a clock tick in milliseconds; the kernel counts CPU time in ticks.
const TICK: f64 = 10.0;

/// Prints the CPU time for each scrape, without the time that the checker takes while it is not scraped.
pub(super) async fn measure() {
    let nginx = Nginx::start().await;
    println!("The metrics of {ENDPOINTS} HTTP endpoints, {SCRAPES} scrapes");
    let mut config = watching(&nginx.plain_checks(ENDPOINTS), &directory());
    config["every"] = json!("1h");
    config["metrics"] = json!(true);
    let checker = Checker::new(&config);
    let served = checker.serve(&[]).await;
    let url = format!("{}metrics", served.url);
    let client = http_client::client();
    let scrape = async || http_client::send(client.get(&url)).await.text();
    let count = |text: &str, name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    let text = wait_for("the figures of all endpoints", || async {
        let text = scrape().await;
        let is_complete =
            count(&text, "checkup_endpoint_planned{") == ENDPOINTS && count(&text, "probe_success{") == ENDPOINTS;
        is_complete.then_some(text)
    })
    .await;
    let mut spent = [0.0; 2];
    for (is_scraped, spent) in [false, true].into_iter().zip(&mut spent) {
        let before = served.program.processor_ticks();
        for _ in 0..SCRAPES {
            tokio::time::sleep(SCRAPE_INTERVAL).await;
            if is_scraped {
                scrape().await;
            }
        }
        *spent = (served.program.processor_ticks() - before) as f64 * TICK / f64::from(SCRAPES);
    }
    let [idle, scraped] = spent;
    println!(
        "  {:.1} ms of CPU per scrape of {:.1} MB and {} samples ({idle:.1} ms in the same time without scrapes)",
        scraped - idle,
        text.len() as f64 / 1e6,
        text.lines().filter(|line| !line.starts_with('#')).count(),
    );
}
