//! Measures the figures in `docs/performance.md` and `docs/scaling.md`. Each file is one benchmark. The figures are
//! printed and not asserted, because they depend on the machine.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a measurement prints, and stops at the first error")]

mod blackbox_exporter;
mod checks;
mod endurance;
mod expiry;
mod faults;
mod floods;
mod histories;
mod https;
mod lighthouse;
mod main_thread;
mod many_endpoints;
mod metrics;
mod mutants;
mod nginx;
mod page;
mod process_usage;
mod schedule;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // `cargo bench … -- page` runs one benchmark. Without a name, all of them run.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |part: &str| words.is_empty() || words.iter().any(|word| word == part);
    runtime.block_on(async {
        // Runs only if it is named, because it takes an hour and measures nothing.
        if words.iter().any(|word| word == "faults") {
            faults::measure().await;
        }
        if wanted("page") {
            page::measure().await;
        }
        if wanted("endpoints") {
            println!("The page with many endpoints, from histories behind a plain web server");
            many_endpoints::measure().await;
        }
        if wanted("checks") {
            checks::measure().await;
        }
        if wanted("https") {
            https::measure().await;
        }
        if wanted("blackbox") {
            blackbox_exporter::measure().await;
        }
        if wanted("schedule") {
            schedule::measure().await;
        }
        if wanted("floods") {
            floods::measure().await;
        }
        if wanted("endurance") {
            endurance::measure().await;
        }
        if wanted("metrics") {
            metrics::measure().await;
        }
        if wanted("expiry") {
            expiry::measure().await;
        }
        if wanted("histories") {
            histories::measure_pages().await;
        }
        if wanted("history") {
            histories::measure_history_builder();
        }
        if wanted("tasks") {
            main_thread::measure().await;
        }
        if wanted("mutants") {
            mutants::measure().await;
        }
        if wanted("lighthouse") {
            lighthouse::measure().await;
        }
    });
}
