//! Loads the checks of one hour when a visitor opens it.

use std::ops::ControlFlow;

use shared::MINUTE;
use shared::check_file::CheckFile;
use shared::object_name::CheckFileName;

use super::bucket::TimeBucket;
use super::limits::Limit;
use super::model::Dataset;
use crate::store::{InlineContents, Store, StoreError, StoreObject, fetch_all};

/// The maximum number of check files to load for one hour, which is enough for ten nodes with a check every minute.
pub const HOUR_FILES_LIMIT: usize = 600;

/// The time within which a check file is usually stored after the check.
const STORED_WITHIN: i64 = 10 * MINUTE;

/// The checks of an open hour.
#[derive(Debug, Default)]
pub struct HourChecks {
    pub bucket: TimeBucket,
    pub dataset: Dataset,
    pub is_loading: bool,
    /// The number of check files beyond [`HOUR_FILES_LIMIT`], which are not loaded.
    pub left_out: usize,
    /// The error, if the check files could not be loaded.
    pub problem: Option<StoreError>,
}

impl HourChecks {
    /// Creates an hour without any data.
    #[must_use]
    pub fn new(bucket: TimeBucket) -> HourChecks {
        HourChecks { bucket, ..HourChecks::default() }
    }
}

pub(crate) async fn load_hour(store: &impl Store, bucket: TimeBucket) -> HourChecks {
    let mut hour = HourChecks::new(bucket);
    let until = bucket.end.saturating_add(STORED_WITHIN);
    let listing = match store.list(bucket.start, until, InlineContents::Omitted).await {
        Ok(listing) => listing,
        Err(error) => {
            hour.problem = Some(error);
            return hour;
        }
    };
    let names = listing.files.into_iter().map(|listed| listed.name);
    let names: Vec<CheckFileName> = names.filter(|name| (bucket.start..until).contains(&name.stored_at)).collect();
    let count = names.len();
    let names = Limit::shared(HOUR_FILES_LIMIT).choose(names, &[]);
    hour.left_out = count - names.len();
    fetch_all(store, names.into_iter().map(StoreObject::CheckFile).collect(), &mut |object, content| {
        match (object, content.map(|content| CheckFile::parse(&content))) {
            (StoreObject::CheckFile(name), Ok(Ok(file))) => hour.dataset.add(&name, file),
            (_, Err(error)) => hour.problem = Some(error),
            _ => {}
        }
        ControlFlow::Continue(())
    })
    .await;
    hour.dataset.sort_samples();
    hour
}
