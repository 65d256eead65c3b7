//! `/metrics` for Prometheus, and `/healthz` for programs that restart or replace the checker.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use sha2::{Digest as _, Sha256};
use shared::UnixNanos;
use subtle::ConstantTimeEq as _;

use super::response;
use crate::config::model::MetricsAccess;
use crate::metrics::live::LiveMetrics;
use crate::metrics::negotiation::negotiate;
use crate::redact::Secret;

/// The scheme of the `Authorization` header, with the space that follows it.
const SCHEME: &[u8] = b"Bearer ";

/// The state of the daemon that clients can read.
#[derive(Debug)]
pub(super) struct Operations {
    pub(super) live: Arc<LiveMetrics>,
    /// Who can read the metrics, if anyone can.
    pub(super) access: Option<MetricsAccess>,
}

impl Operations {
    /// Responds with the metrics at `now`, if the client may read them.
    pub(super) fn metrics(&self, request: &HeaderMap, now: UnixNanos) -> Response {
        match &self.access {
            None => return response::not_found(),
            Some(MetricsAccess::Token(token)) if !has_token(request, token) => return response::unauthorized(),
            Some(MetricsAccess::Token(_) | MetricsAccess::Everyone) => {}
        }
        let accept = request.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let format = negotiate(&accept.collect::<Vec<_>>().join(","));
        response::current(StatusCode::OK, format.content_type(), self.live.render(format, now))
    }

    /// Responds with 200 while rounds are made and stored on time, otherwise with 503 and the reason.
    pub(super) fn health(&self, now: UnixNanos) -> Response {
        let (status, sentence) = match self.live.problem(now) {
            None => (StatusCode::OK, "ok".to_owned()),
            Some(problem) => (StatusCode::SERVICE_UNAVAILABLE, problem),
        };
        response::current(status, "text/plain; charset=utf-8", format!("{sentence}\n").into())
    }
}

/// Returns whether the request has the token. The time of the comparison does not depend on where they differ.
fn has_token(request: &HeaderMap, token: &Secret) -> bool {
    let Some(credentials) = request.get(header::AUTHORIZATION) else { return false };
    let Some((scheme, sent)) = credentials.as_bytes().split_at_checked(SCHEME.len()) else { return false };
    let [sent, expected] = [sent.trim_ascii(), token.reveal().trim().as_bytes()].map(Sha256::digest);
    scheme.eq_ignore_ascii_case(SCHEME) && bool::from(sent.as_slice().ct_eq(expected.as_slice()))
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use shared::MINUTE;
    use shared::check_file::CheckResult;
    use shared::status::Status;

    use super::*;
    use crate::config::{Environment, from_text};
    use crate::recorder::queue::RecordEvent;

    /// The time 06:50:54 UTC on 2026-11-22.
    const NOW: UnixNanos = 1_795_330_254_000_000_000;

    fn operations(metrics: &str) -> Operations {
        let text = format!(
            r#"{{ "checkers": [{{ "type": "exec", "name": "Shop", "command": "true" }}], "node": "eu", "metrics": {metrics},
            "storage": {{ "type": "fs", "dir": "checks" }} }}"#
        );
        let environment = Environment { variable: &|_| None, host_name: "here".to_owned() };
        let config = from_text(&text, std::path::Path::new("."), &environment).0.unwrap();
        let live = LiveMetrics::new(&config, NOW);
        let result = CheckResult {
            title: "Shop".to_owned(),
            locator: "true".to_owned(),
            timestamp: NOW,
            status: Status::Down,
            kind: Some("exec".to_owned()),
            interval: Some(MINUTE),
            ..CheckResult::default()
        };
        live.report(&RecordEvent::Received(&[result]), NOW);
        Operations { live: Arc::new(live), access: config.metrics }
    }

    fn request(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    async fn text(response: Response) -> (u16, String, String) {
        let content_type = response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        (parts.status.as_u16(), content_type, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn metrics_have_the_format_that_the_client_accepts() {
        let operations = operations("true");
        let (status, content_type, body) = text(operations.metrics(&HeaderMap::new(), NOW)).await;
        assert_eq!((status, content_type.as_str()), (200, "text/plain; version=0.0.4; charset=utf-8"));
        let sample = r#"probe_success{title="Shop",target="true",kind="exec",node="eu"} 0"#;
        assert!(body.lines().any(|line| line == sample), "{body}");
        let open = request(header::ACCEPT, "application/openmetrics-text;version=1.0.0,*/*;q=0.1");
        let (_, content_type, body) = text(operations.metrics(&open, NOW)).await;
        assert_eq!(content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        assert!(body.contains(sample) && body.ends_with("\n# EOF\n"), "{body}");
    }

    #[tokio::test]
    async fn metrics_are_off_by_default() {
        assert_eq!(operations("false").metrics(&HeaderMap::new(), NOW).status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn a_token_is_required_exactly() {
        let operations = operations(r#"{ "token": "s3cret" }"#);
        for (credentials, status) in [
            ("Bearer s3cret", 200),
            ("bearer  s3cret", 200),
            ("Bearer s3cre", 401),
            ("Bearer s3cret2", 401),
            ("Bearer ", 401),
            ("Bearer", 401),
            ("Basic s3cret", 401),
        ] {
            let response = operations.metrics(&request(header::AUTHORIZATION, credentials), NOW);
            assert_eq!(response.status().as_u16(), status, "{credentials}");
        }
        let response = operations.metrics(&HeaderMap::new(), NOW);
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"metrics\"");
        let (_, _, body) = text(response).await;
        assert!(!format!("{operations:?}{body}").contains("s3cret"), "{body}");
    }

    #[tokio::test]
    async fn a_response_is_reused_for_a_second() {
        let operations = operations("true");
        let body = async |now| text(operations.metrics(&HeaderMap::new(), now)).await.2;
        let first = body(NOW).await;
        operations.live.set_spool_rounds(Some(3));
        assert_eq!(body(NOW + 999_999_999).await, first);
        assert!(body(NOW + 1_000_000_000).await.contains("\ncheckup_spool_rounds 3\n"));
    }

    #[tokio::test]
    async fn health_names_the_problem() {
        let operations = operations("false");
        let plain = "text/plain; charset=utf-8".to_owned();
        assert_eq!(text(operations.health(NOW)).await, (200, plain.clone(), "ok\n".to_owned()));
        let problem = "Results have been waiting for the store since 2026-11-22T06:50:54Z.\n";
        assert_eq!(text(operations.health(NOW + 2 * MINUTE)).await, (503, plain, problem.to_owned()));
    }
}
