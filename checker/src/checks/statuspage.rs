//! Status page checks: one attempt reads the status that another company's status page reports for a component or for
//! the whole page. The page must use the Atlassian Statuspage format, which other services also offer.
//!
//! If an attempt cannot determine the status, the endpoint is unknown, because an outage of the page is not an outage
//! of the service that it describes.

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

/// The summary's path, relative to the status page.
const SUMMARY: &str = "api/v2/summary.json";
/// The maximum length of a summary, in bytes. Large companies list hundreds of components.
pub const BODY_LIMIT: usize = 2 << 20;
/// The maximum number of redirects to follow, because many companies have moved their status page to another host.
pub const MAX_REDIRECTS: u32 = 5;

/// The parameters of a status page check.
#[derive(Debug, Clone)]
pub struct StatuspageCheck {
    /// The HTTP request for the page's summary.
    pub request: HttpCheck,
    /// The name or id of the component to check. If not set, the page's overall status is used.
    pub component: Option<String>,
}

/// Returns the URL of a status page's summary. If the path already ends in `.json`, only the fragment is removed.
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

    /// Returns `false`, because a page that cannot be reached makes the status unknown, even if this node is online.
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
