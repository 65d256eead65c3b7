//! Sends HTTP requests without following redirects. The client's errors are not shown, because they contain the URL.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use shared::UnixNanos;
use tokio::time::{Instant, timeout_at};

use super::{Attempt, MARGIN, with_second_attempt};
use crate::notify::channels::request::INVALID_REQUEST;
use crate::notify::channels::{FailureReason, SendOutcome, outcome};

/// The maximum number of response bytes to read, which is enough to interpret any response.
const BODY_LIMIT: usize = 64 << 10;

/// Returns a function that interprets responses by their status.
pub(super) fn by_status(now: UnixNanos) -> impl Fn(StatusCode, &HeaderMap, &[u8]) -> SendOutcome {
    move |status, headers, _| outcome::by_status(status, headers, now, || None)
}

/// Sends requests in order, each at most twice, until one fails.
pub(super) async fn send_all(
    client: &reqwest::Client,
    requests: Vec<Request<Bytes>>,
    interpret: impl Fn(StatusCode, &HeaderMap, &[u8]) -> SendOutcome,
    deadline: Instant,
) -> Attempt {
    let mut last = Attempt::from(SendOutcome::Delivered);
    for request in requests {
        last = with_second_attempt(deadline, || send(client, request.clone(), &interpret, deadline)).await;
        if !matches!(last.outcome, SendOutcome::Delivered) {
            break;
        }
    }
    last
}

async fn send(
    client: &reqwest::Client,
    request: Request<Bytes>,
    interpret: impl Fn(StatusCode, &HeaderMap, &[u8]) -> SendOutcome,
    deadline: Instant,
) -> Attempt {
    let Ok(request) = reqwest::Request::try_from(request) else {
        return Attempt::refused(INVALID_REQUEST.to_owned());
    };
    let mut response = match client.execute(request).await {
        Ok(response) => response,
        Err(error) => return failed(&error),
    };
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    // If the body is incomplete or late, the status is still valid.
    let until = deadline.checked_sub(MARGIN).unwrap_or(deadline);
    while let Ok(Ok(Some(chunk))) = timeout_at(until, response.chunk()).await {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_LIMIT {
            break;
        }
    }
    Attempt::from(interpret(status, &headers, &body))
}

fn failed(error: &reqwest::Error) -> Attempt {
    if error.is_connect() {
        Attempt::retry(FailureReason::Unreachable).with_note("check its address, its certificate and the network")
    } else if error.is_timeout() {
        Attempt::retry(FailureReason::TimedOut)
    } else if error.is_builder() {
        Attempt::refused(INVALID_REQUEST.to_owned())
    } else {
        // The connection broke before a response arrived.
        Attempt::retry(FailureReason::Unreachable)
    }
}
