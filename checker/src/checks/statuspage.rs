//! Checks of other companies' status pages: one attempt reads the status that a page reports about a component or about
//! everything, in the format of Atlassian Statuspage, which other services offer too.
//!
//! An attempt that cannot determine the status makes the endpoint unknown, because the page is not the service that it
//! describes.

mod summary;

use std::time::Duration;

use futures_util::future::BoxFuture;
use http::request::Parts;
use url::Url;

use self::summary::ReportedStatus;
use super::http::HttpCheck;
use super::probe_data::Capture;
use super::{CheckContext, Probe, Probed, error_text};

pub const SUBJECTS: &[&str] =
    &["[RTT]", "[DNS]", "[CONNECT]", "[TLS]", "[TTFB]", "[HEADER name]", "[BODY]", "[BODY_SIZE]", "[JSON $.path]"];

/// The path of the summary on a status page.
const SUMMARY: &str = "api/v2/summary.json";
/// The maximum length of a summary, in bytes. Those of large companies have hundreds of components.
pub const BODY_LIMIT: usize = 2 << 20;
/// The maximum number of redirects to follow. Many companies moved their page to another host.
pub const MAX_REDIRECTS: u32 = 5;

/// The parameters of a check of a status page.
#[derive(Debug, Clone)]
pub struct StatuspageCheck {
    /// The request for the summary.
    pub request: HttpCheck,
    /// The name or id of the component. Without one, the status of the whole page counts.
    pub component: Option<String>,
}

/// Returns the URL of a status page's summary. A URL of a JSON file is returned unchanged.
#[must_use]
pub fn summary_url(mut page: Url) -> Url {
    let is_file = page.path().rsplit_once('.').is_some_and(|(_, extension)| extension == "json");
    if !is_file {
        let path = format!("{}/{SUMMARY}", page.path().trim_end_matches('/'));
        page.set_path(&path);
    }
    page.set_fragment(None);
    page
}

impl Probe for StatuspageCheck {
    fn type_name(&self) -> &'static str {
        "statuspage"
    }

    fn locator(&self) -> &str {
        self.request.locator()
    }

    fn timeout(&self) -> Duration {
        self.request.timeout()
    }

    fn host(&self) -> Option<&str> {
        self.request.host()
    }

    /// A page that reports a failure can be reached, and one that cannot be reached makes the status unknown.
    fn uses_network(&self) -> bool {
        false
    }

    fn how_to_enable_tls(&self) -> Option<&'static str> {
        self.request.how_to_enable_tls()
    }

    fn request_head(&self) -> Option<Parts> {
        self.request.request_head()
    }

    fn preflight(&self) -> Result<(), String> {
        self.request.preflight()
    }

    fn probe<'a>(&'a self, capture: Capture, context: &'a CheckContext) -> BoxFuture<'a, Probed> {
        Box::pin(async move {
            let capture = Capture { body: true, ..capture };
            let (mut record, data) = self.request.probe(capture, context).await?;
            match record.attempt.error.take() {
                None => {}
                Some(failure) if failure == error_text::TOO_MANY_OPEN_FILES => {
                    record.attempt.error = Some(failure);
                    return Ok((record, data));
                }
                Some(failure) => return Err(format!("failed to read the status page: {failure}")),
            }
            if let Some(reason) = data.unreadable().or(data.truncation.as_deref()) {
                return Err(format!("failed to read the status page: {reason}"));
            }
            let body = data.body.as_deref().unwrap_or_default();
            match summary::reported_status(body, self.component.as_deref())? {
                ReportedStatus::Healthy => {}
                ReportedStatus::Degraded(reason) => record.warning = Some(reason),
                ReportedStatus::Down(reason) => record.attempt.error = Some(reason),
            }
            Ok((record, data))
        })
    }
}

#[cfg(test)]
mod tests;
