//! `checker demo`: serves a status page with generated data from a temporary directory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use shared::MINUTE;
use shared::object_name::NodeName;

use super::serve::{page_files, port_remedy, with_served_outputs};
use super::{Outcome, environment, reachable, report_upkeep};
use crate::cli::DemoArguments;
use crate::config;
use crate::config::model::Config;
use crate::demo::generator::{Generator, ROUND_LENGTH};
use crate::demo::posts::publish_posts;
use crate::demo::services::{LOCATIONS, SERVICES, configuration};
use crate::demo::writer::write_past;
use crate::metrics::live::LiveMetrics;
use crate::now;
use crate::platform::huge_pages;
use crate::platform::shutdown::Shutdown;
use crate::recorder::Recorder;
use crate::recorder::queue::RecordEvent;
use crate::server;
use crate::server::host::AllowedHosts;
use crate::store::settings::StoreLocation;
use crate::ui;

/// The time between rounds while the demo runs.
const INTERVAL: Duration = Duration::from_mins(1);

pub async fn demo(arguments: &DemoArguments) -> anyhow::Result<Outcome> {
    huge_pages::disable();
    let listener = server::bind(arguments.address.listen, port_remedy()).await?;
    let address = listener.local_addr()?;
    let page = page_files(arguments.page.as_deref())?;
    let shutdown = Shutdown::on_signals_in_thread(ui::info)?;
    // Removed with all its content when it is dropped.
    let folder = tempfile::Builder::new().prefix("checkup-demo-").tempdir()?;
    let config = demo_config(folder.path())?;
    let recorders = recorders(&config, &shutdown).await;
    let Some((_, first)) = recorders.first() else { return Ok(Outcome::Done) };
    let store = Arc::clone(first.store());
    let generator = Generator::new(arguments.seed, now());
    ui::info(&format!("generating 90 days of {} services, checked from {} locations", SERVICES.len(), LOCATIONS.len()));
    if let Some(StoreLocation::Directory(directory)) = config.storage.as_ref().map(|storage| &storage.location) {
        let (directory, canceled) = (directory.clone(), shutdown.clone());
        write_past(&generator, &store, &directory, move || canceled.is_requested()).await?;
    }
    if shutdown.is_requested() {
        return Ok(Outcome::Done);
    }
    publish_posts(&generator, &store).await?;
    let live = Arc::new(LiveMetrics::new(&config, now()));
    let hosts = AllowedHosts::new(&[], address.ip().is_loopback());
    let served = (Arc::clone(&store), Arc::clone(&live));
    let serving = tokio::spawn(server::serve(listener, page, config, hosts, served, shutdown.token()));
    ui::info(&format!("serving demo data at http://{}/; press Ctrl-C to stop", reachable(address)));
    run(&generator, recorders, &live, &shutdown).await;
    serving.await??;
    Ok(Outcome::Done)
}

fn demo_config(folder: &Path) -> anyhow::Result<Config> {
    let text = configuration();
    let (config, problems) = config::from_text(&text, folder, &environment());
    let mut config = config.ok_or_else(|| anyhow!(problems.lines("demo", &text).join("\n")))?;
    with_served_outputs(&mut config);
    Ok(config)
}

/// Opens the store in the name of each location.
async fn recorders(config: &Config, shutdown: &Shutdown) -> Vec<(usize, Recorder)> {
    let mut recorders = Vec::new();
    for (location, (name, _)) in LOCATIONS.iter().enumerate() {
        let Ok(node) = NodeName::new(name) else { continue };
        let config = Config { node, ..config.clone() };
        if let Some(recorder) = Recorder::open(&config, shutdown).await {
            recorders.push((location, recorder));
        }
    }
    recorders
}

/// Records a round of each location every minute, until a shutdown request.
async fn run(generator: &Generator, mut recorders: Vec<(usize, Recorder)>, live: &LiveMetrics, shutdown: &Shutdown) {
    let mut ticks = tokio::time::interval(INTERVAL);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = shutdown.requested() => return,
        }
        for (location, recorder) in &mut recorders {
            let results = generator.round(*location, now() - ROUND_LENGTH, MINUTE);
            live.report(&RecordEvent::Received(&results), now());
            match recorder.record(&results, now(), |_, _| {}).await {
                Ok(outcome) => {
                    live.report(&RecordEvent::Stored { results: &results, upload: &outcome.upload }, now());
                    report_upkeep(&outcome.upkeep);
                }
                Err(error) => ui::error(&error),
            }
        }
    }
}
