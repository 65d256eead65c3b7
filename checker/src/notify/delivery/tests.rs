//! Tests deliveries to a recorder, a server that answers each connection with the next scripted response.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use shared::notification_log::ChannelId;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::notify::channels::alertmanager::Alertmanager;
use crate::notify::channels::exec::ExecChannel;
use crate::notify::channels::secret_url::SecretUrl;
use crate::notify::channels::slack::Slack;
use crate::notify::sample;

#[derive(Debug, Clone)]
enum Answer {
    Text(&'static str),
    /// Sends this, and keeps the connection open.
    Hang(&'static str),
    Close,
}

use Answer::{Close, Hang, Text};

const OK: Answer = Text("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

/// Starts a server that sends the given answers, one per connection, and then stops. Returns its URL and the requests.
async fn recorder(answers: Vec<Answer>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/T0PS3CRET", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&requests);
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut chunk = [0; 4_096];
            while !is_complete(&request) {
                let count = stream.read(&mut chunk).await.unwrap();
                if count == 0 {
                    break;
                }
                request.extend_from_slice(&chunk[..count]);
            }
            recorded.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
            match answer {
                Text(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                Close => {}
                Hang(text) => {
                    stream.write_all(text.as_bytes()).await.unwrap();
                    tokio::spawn(async move {
                        std::future::pending::<()>().await;
                        drop(stream);
                    });
                }
            }
        }
    });
    (url, requests)
}

fn is_complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    body.len() >= length.unwrap_or(0)
}

fn slack(url: &str) -> Transport {
    Transport::Http(Arc::new(Slack { webhook: SecretUrl::parse(url).unwrap(), username: None, channel: None }))
}

fn job(channel: &str, transport: Transport) -> Job {
    Job { channel: ChannelId::new(channel).unwrap(), transport, content: Content::News(sample::message()) }
}

async fn deliver(jobs: Vec<Job>, limit: Duration) -> Vec<DeliveryReport> {
    Courier::open().await.unwrap().deliver(jobs, limit, sample::message().at).await
}

async fn deliver_to(answers: Vec<Answer>) -> (DeliveryReport, usize) {
    let (url, requests) = recorder(answers).await;
    let report = deliver(vec![job("ops", slack(&url))], TIME_LIMIT).await.remove(0);
    let count = requests.lock().unwrap().len();
    (report, count)
}

const fn response(text: &'static str) -> Answer {
    Text(text)
}

#[tokio::test]
async fn a_message_is_delivered_once() {
    let (report, count) = deliver_to(vec![OK, OK]).await;
    assert_eq!(report.outcome, SendOutcome::Delivered);
    assert_eq!((report.problem, count), (None, 1));
}

#[tokio::test]
async fn a_short_wait_is_followed_by_one_more_attempt() {
    let limited = response("HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n");
    let (report, count) = deliver_to(vec![limited.clone(), OK]).await;
    assert_eq!((report.outcome, count), (SendOutcome::Delivered, 2));
    let (report, count) = deliver_to(vec![limited.clone(), limited.clone(), OK]).await;
    let limited = SendOutcome::Retry { reason: FailureReason::RateLimited, after: Some(Duration::ZERO) };
    assert_eq!((report.outcome, count), (limited, 2));
}

#[tokio::test]
async fn a_long_wait_is_left_to_a_later_run() {
    let limited = response("HTTP/1.1 429 Too Many Requests\r\nretry-after: 4\r\ncontent-length: 0\r\n\r\n");
    let (report, count) = deliver_to(vec![limited, OK]).await;
    let expected = SendOutcome::Retry { reason: FailureReason::RateLimited, after: Some(Duration::from_secs(4)) };
    assert_eq!((report.outcome, count), (expected, 1));
    assert_eq!(report.problem.unwrap(), "channel `ops` is rate-limited: it will be retried later");
}

#[tokio::test]
async fn a_refusal_is_not_repeated_and_not_quoted() {
    let refused = response("HTTP/1.1 404 Not Found\r\ncontent-length: 20\r\n\r\nno_service T0PS3CRET");
    let (report, count) = deliver_to(vec![refused, OK]).await;
    assert_eq!((report.outcome, count), (SendOutcome::Refused { reason: FailureReason::Refused(404) }, 1));
    let problem = report.problem.unwrap();
    assert_eq!(
        problem,
        "channel `ops` did not accept the message (status 404): check its URL and whether it still exists"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (target, requests) = recorder(vec![OK]).await;
    let redirect = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
    let (report, _) = deliver_to(vec![Text(String::leak(redirect))]).await;
    assert_eq!(report.outcome, SendOutcome::Refused { reason: FailureReason::Refused(307) });
    assert!(
        report
            .problem
            .unwrap()
            .ends_with("redirects are not followed; set the final URL, which usually starts with `https://`")
    );
    assert!(requests.lock().unwrap().is_empty());
}

#[tokio::test]
async fn half_an_answer_is_interpreted_by_its_status() {
    let half = response("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok");
    let (report, count) = deliver_to(vec![half]).await;
    assert_eq!((report.outcome, count), (SendOutcome::Delivered, 1));
    let no_status = response("HTTP/1.1 2");
    let (report, count) = deliver_to(vec![no_status, OK]).await;
    assert_eq!((report.outcome, count), (SendOutcome::Delivered, 2));
}

#[tokio::test]
async fn a_body_that_never_ends_does_not_hide_the_status() {
    let (url, _) = recorder(vec![Hang("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nok")]).await;
    let reports = deliver(vec![job("ops", slack(&url))], Duration::from_millis(600)).await;
    assert_eq!(reports[0].outcome, SendOutcome::Delivered);
}

#[tokio::test]
async fn a_provider_that_never_answers_delays_no_other_channel() {
    let (slow, _) = recorder(vec![Hang("")]).await;
    let (quick, requests) = recorder(vec![OK]).await;
    let jobs = vec![job("slow", slack(&slow)), job("quick", slack(&quick))];
    let reports = deliver(jobs, Duration::from_millis(300)).await;
    assert_eq!(reports[0].outcome, SendOutcome::Retry { reason: FailureReason::TimedOut, after: None });
    assert_eq!(reports[0].problem.as_deref(), Some("channel `slow` did not respond: it will be retried"));
    assert_eq!(reports[1].outcome, SendOutcome::Delivered);
    assert_eq!(requests.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn an_error_without_a_response_reveals_no_url() {
    let closed = deliver_to(vec![Close, Close]).await.0;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable =
        deliver(vec![job("ops", slack(&format!("http://{unused}/T0PS3CRET")))], TIME_LIMIT).await.remove(0);
    let garbage = deliver_to(vec![Text("T0PS3CRET\r\n\r\n"), Text("T0PS3CRET\r\n\r\n")]).await.0;
    for report in [closed, unreachable, garbage] {
        assert_eq!(report.outcome, SendOutcome::Retry { reason: FailureReason::Unreachable, after: None });
        let problem = report.problem.clone().unwrap();
        assert!(problem.starts_with("channel `ops` is unreachable: check its address"), "{problem}");
        assert!(!format!("{report:?}").contains("T0PS3CRET"), "{report:?}");
    }
}

fn cluster(urls: &[&str]) -> Job {
    let servers = urls.iter().map(|url| SecretUrl::parse(url).unwrap()).collect();
    let alertmanager = Alertmanager { servers, authorization: None, labels: BTreeMap::new() };
    job("alerts", Transport::Alertmanager(Arc::new(alertmanager)))
}

#[tokio::test]
async fn all_members_of_a_cluster_receive_the_alerts_and_one_is_enough() {
    let refusing = || response("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
    for (answers, problem) in [
        ([OK, OK], None),
        (
            [refusing(), OK],
            Some(
                "channel `alerts`: server 1 of 2 did not accept the message (status 404): check its URL and whether it still exists",
            ),
        ),
        ([OK, Hang("")], Some("channel `alerts`: server 2 of 2 did not respond: it will be retried")),
    ] {
        let [first, second] = answers;
        let ((first, first_requests), (second, second_requests)) =
            (recorder(vec![first]).await, recorder(vec![second]).await);
        let report = deliver(vec![cluster(&[&first, &second])], Duration::from_millis(700)).await.remove(0);
        assert_eq!((report.outcome, report.problem.as_deref()), (SendOutcome::Delivered, problem));
        let bodies = [first_requests, second_requests].map(|requests| {
            let requests = requests.lock().unwrap();
            assert_eq!(requests.len(), 1);
            requests[0].split_once("\r\n\r\n").unwrap().1.to_owned()
        });
        assert_eq!(bodies[0], bodies[1]);
    }
    let ((first, _), (second, _)) = (recorder(vec![refusing()]).await, recorder(vec![refusing()]).await);
    let report = deliver(vec![cluster(&[&first, &second])], TIME_LIMIT).await.remove(0);
    assert_eq!(report.outcome, SendOutcome::Refused { reason: FailureReason::Refused(404) });
}

fn script(body: &str) -> Transport {
    let arguments = vec!["-c".to_owned(), body.to_owned()];
    Transport::Exec(Arc::new(ExecChannel { command: "sh".into(), arguments }))
}

#[tokio::test]
async fn a_command_receives_the_message() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("message.json");
    let report = deliver(vec![job("ops", script(&format!("cat > '{}'", file.display())))], TIME_LIMIT).await.remove(0);
    assert_eq!(report.outcome, SendOutcome::Delivered);
    let message: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(message["items"][0]["title"], "Shop");
}

#[tokio::test]
async fn the_exit_status_of_a_command_counts() {
    let jobs = vec![
        job("ignores-input", script("exit 0")),
        job("busy", script("exit 75")),
        job("broken", script("echo T0PS3CRET >&2; exit 3")),
        job("killed", script("kill -9 $$")),
        job("missing", Transport::Exec(Arc::new(ExecChannel { command: "./missing".into(), arguments: Vec::new() }))),
    ];
    let problems: Vec<_> =
        deliver(jobs, TIME_LIMIT).await.into_iter().map(|report| report.problem.unwrap_or_default()).collect();
    assert_eq!(
        problems,
        [
            "",
            "channel `busy` did not deliver the message (exit status 75): it will be retried",
            "channel `broken` did not accept the message (exit status 3): check its settings",
            "channel `killed` failed: check its settings",
            "channel `missing` failed: command `./missing` not found; install it, or set its full path",
        ]
    );
}

#[tokio::test]
async fn a_command_ends_with_the_processes_that_it_started() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let body = format!("sleep 600 & echo $! > '{}'; wait", file.display());
    let report = deliver(vec![job("ops", script(&body))], Duration::from_millis(500)).await.remove(0);
    assert_eq!(report.outcome, SendOutcome::Retry { reason: FailureReason::TimedOut, after: None });
    let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    for _ in 0..1_000 {
        // Wait until the process is gone or a zombie.
        let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
        if state.is_empty() || state.contains(") Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the process still runs");
}
