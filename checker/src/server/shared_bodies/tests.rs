//! Tests of contents that visitors share, with virtual time.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::StatusCode;

use super::*;

const KIND: Kind = Kind { content_type: "application/json", freshness: Freshness::Revalidate, reserve: USUAL_SIZE };

fn clock() -> UnixNanos {
    1_000 * shared::SECOND
}

fn failure() -> StoreError {
    StoreError::File { task: "read".to_owned(), cause: std::io::ErrorKind::TimedOut.into() }
}

async fn found(bodies: &Arc<SharedBodies>, key: &str, content: &'static str) -> Answer {
    bodies.answer(key.to_owned(), KIND, &HeaderMap::new(), async move { Ok(Some(content.into())) }).await
}

async fn hanging(bodies: &Arc<SharedBodies>, key: &str) -> Answer {
    bodies.answer(key.to_owned(), KIND, &HeaderMap::new(), std::future::pending()).await
}

async fn body(answer: Answer) -> (String, Option<String>) {
    let Answer::Content(response) = answer else { panic!("there is no content") };
    assert_eq!(response.status(), StatusCode::OK);
    let age = response.headers().get(header::AGE).map(|age| age.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (String::from_utf8(body.to_vec()).unwrap(), age)
}

#[tokio::test(start_paused = true)]
async fn many_visitors_share_one_request_to_the_store() {
    let bodies = SharedBodies::new(clock);
    let requests = Arc::new(AtomicUsize::new(0));
    let visit = || {
        let requests = Arc::clone(&requests);
        let load = async move {
            requests.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(Some(b"[]".to_vec()))
        };
        let bodies = Arc::clone(&bodies);
        async move { bodies.answer("index".to_owned(), KIND, &HeaderMap::new(), load).await }
    };
    let answers = futures_util::future::join_all((0..150).map(|_| visit())).await;
    assert!(answers.iter().all(|answer| matches!(answer, Answer::Content(_))));
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    tokio::time::sleep(FRESH_FOR).await;
    visit().await;
    assert_eq!(requests.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_known_content_is_sent_while_the_store_hangs() {
    let bodies = SharedBodies::new(clock);
    let before = Instant::now();
    assert!(matches!(hanging(&bodies, "other").await, Answer::Unavailable(None)));
    assert_eq!(before.elapsed().as_secs(), ANSWER_LIMIT.as_secs());
    tokio::time::sleep(RETRY_AFTER).await;

    assert_eq!(body(found(&bodies, "index", "[1]").await).await, ("[1]".to_owned(), None));
    tokio::time::sleep(FRESH_FOR).await;
    let before = Instant::now();
    assert_eq!(body(hanging(&bodies, "index").await).await, ("[1]".to_owned(), Some("0".to_owned())));
    assert_eq!(before.elapsed().as_secs(), STALE_AFTER.as_secs());
    let before = Instant::now();
    assert_eq!(body(hanging(&bodies, "index").await).await.0, "[1]");
    assert_eq!(before.elapsed(), Duration::ZERO, "the store has just failed");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_replaced_by_the_last_known_content() {
    let bodies = SharedBodies::new(clock);
    let request = HeaderMap::new();
    let fail = || bodies.answer("index".to_owned(), KIND, &request, async { Err(failure()) });
    assert!(matches!(fail().await, Answer::Unavailable(Some(_))));
    body(found(&bodies, "index", "[1]").await).await;
    tokio::time::sleep(FRESH_FOR).await;
    assert!(body(fail().await).await.1.is_some());
    tokio::time::sleep(RETRY_AFTER).await;
    assert_eq!(body(found(&bodies, "index", "[2]").await).await, ("[2]".to_owned(), None));
}

#[tokio::test(start_paused = true)]
async fn the_memory_of_all_contents_is_limited() {
    let bodies = SharedBodies::new(clock);
    let request = HeaderMap::new();
    let large = |key: usize| {
        let load = async { Ok(Some(vec![b'x'; 8 << 20])) };
        let kind = Kind { reserve: 16 << 20, ..KIND };
        bodies.answer(key.to_string(), kind, &request, load)
    };
    let mut held = Vec::new();
    for key in 0..3 {
        let Answer::Content(response) = large(key).await else { panic!("there is room") };
        held.push(response);
    }
    assert!(matches!(large(3).await, Answer::Unavailable(None)), "the visitors do not read");
    assert!(matches!(found(&bodies, "small", "[]").await, Answer::Content(_)), "small contents have their own");
    held.clear();
    assert!(matches!(large(4).await, Answer::Content(_)));
}

#[tokio::test(start_paused = true)]
async fn small_contents_are_kept_up_to_a_limit() {
    let bodies = SharedBodies::new(clock);
    for key in 0..20 {
        let load = async { Ok(Some(vec![b'x'; 1 << 20])) };
        let answer = bodies.answer(key.to_string(), KIND, &HeaderMap::new(), load).await;
        assert!(matches!(answer, Answer::Content(_)));
    }
    let kept: Vec<String> = bodies.entries().keys().cloned().collect();
    assert_eq!(kept.len(), KEPT_BYTES >> 20);
    assert!(kept.contains(&"19".to_owned()) && !kept.contains(&"0".to_owned()), "{kept:?}");
}

#[tokio::test(start_paused = true)]
async fn unchanged_content_is_not_held_twice() {
    let bodies = SharedBodies::new(clock);
    let kind = Kind { reserve: 16 << 20, ..KIND };
    let mut held = Vec::new();
    for _ in 0..10 {
        let load = async { Ok(Some(vec![b'x'; 8 << 20])) };
        let answer = bodies.answer("list".to_owned(), kind, &HeaderMap::new(), load).await;
        let Answer::Content(response) = answer else { panic!("there is room") };
        held.push(response);
        tokio::time::sleep(FRESH_FOR).await;
    }
    assert_eq!(held.len(), 10);
}
