//! A server for all generated responses and for the pages that they redirect to.

use std::sync::Arc;

use support::raw_server::{RawEnding, RawResponse, RawServer};

use super::generator::Case;

/// Starts the server on this port.
pub(super) async fn start(port: u16, cases: Arc<Vec<Case>>) -> RawServer {
    RawServer::start(port, move |head| {
        let target = head.split_whitespace().nth(1).unwrap_or_default();
        let case = cases.iter().find(|case| case.path == target);
        case.map_or_else(|| page(target, head), |case| case.response.clone())
    })
    .await
}

/// Returns the response for a page that generated responses redirect to.
fn page(target: &str, head: &str) -> RawResponse {
    let (response, ending) = match target {
        "/loop" => (redirect("/loop/back"), RawEnding::Close),
        "/loop/back" => (redirect("/loop"), RawEnding::Close),
        "/with-cookie" if !head.to_lowercase().contains("\r\ncookie: session=1") => {
            (redirect("/missing"), RawEnding::Close)
        }
        "/incomplete" => ("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf".to_owned(), RawEnding::Close),
        "/odd-head" => ("HTTP/1.1 200 OK\r\nX-A: \x01\r\nContent-Length: 2\r\n\r\nok".to_owned(), RawEnding::Close),
        "/reset" => (String::new(), RawEnding::Reset),
        other => (ordinary_page(other), RawEnding::Close),
    };
    RawResponse { bytes: response.into_bytes(), piece: usize::MAX, ending }
}

fn ordinary_page(target: &str) -> String {
    match target.strip_prefix("/chain/").and_then(|rest| rest.parse::<u32>().ok()) {
        Some(0) => healthy(),
        Some(left) => redirect(&format!("/chain/{}", left - 1)),
        None if target.ends_with("ok") || target == "/with-cookie" => healthy(),
        None => "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone".to_owned(),
    }
}

fn healthy() -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_owned()
}

/// Announces the end of the connection. Otherwise, curl sends the next request over it, and gives up after five resets.
fn redirect(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
}
