//! Evaluates a check's assertions. Expensive evaluations run in a separate thread within the attempt's time limit, so
//! one endpoint's body does not delay other checks.

use std::sync::Arc;
use std::time::Duration;

use shared::duration;
use shared::status::Status;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Assertion, AssertionResult, Evidence, json_memory};
use crate::checks::body_text::BodyText;
use crate::checks::probe_data::ProbeData;
use crate::checks::{AttemptRecord, Probed};

/// The maximum size of a body that can be evaluated without a separate thread, in bytes. Parsing it as JSON takes less
/// than a millisecond.
const INLINE_LIMIT: usize = 64 << 10;

/// The number of permits for evaluations in separate threads. A running thread cannot be stopped, so this limits the
/// damage that hostile bodies can do.
const PERMITS: u32 = 8;
/// The number of body bytes that one permit covers. Only two bodies of 1 MiB (the default limit) are evaluated at a
/// time.
const BYTES_PER_PERMIT: usize = 256 << 10;
/// The memory that one permit covers if the body is parsed as JSON, in bytes. All permits together cover 64 MiB.
const MEMORY_PER_PERMIT: usize = 8 << 20;
/// The maximum number of permits for one body's parsed JSON, so that a hostile body cannot use up all permits.
const MEMORY_PERMITS: u32 = 6;

/// Limits how many evaluations run in separate threads.
#[derive(Debug)]
pub struct AssertionPool(Arc<Semaphore>);

impl Default for AssertionPool {
    fn default() -> AssertionPool {
        AssertionPool(Arc::new(Semaphore::new(PERMITS as usize)))
    }
}

/// Evaluates a check's assertions within the attempt's time limit. An error explains why they could not be evaluated,
/// in which case the endpoint's status is unknown.
pub async fn evaluate(
    assertions: &Arc<[Assertion]>,
    limit: Duration,
    record: AttemptRecord,
    data: ProbeData,
    pool: &AssertionPool,
) -> Probed {
    if record.attempt.error.is_some() || assertions.is_empty() {
        return Ok((record, data));
    }
    let length = data.body.as_ref().map_or(0, Vec::len);
    if length > INLINE_LIMIT || (length > 0 && assertions.iter().any(Assertion::can_be_expensive)) {
        return Box::pin(evaluate_in_thread(Arc::clone(assertions), limit, record, data, pool)).await;
    }
    Ok((evaluate_all(assertions, record, &data), data))
}

/// Evaluates the assertions one by one. The first failure that makes the endpoint down becomes the record's error.
/// Otherwise, the first failure becomes its warning, unless it already has one. If any assertion that could make the
/// endpoint down is undetermined, the attempt is inconclusive, regardless of the order.
fn evaluate_all(assertions: &[Assertion], mut record: AttemptRecord, data: &ProbeData) -> AttemptRecord {
    let mut error = None;
    let evidence = Evidence::new(data, &record.attempt);
    for assertion in assertions {
        let AssertionResult { failure: Some(failure), is_undetermined, .. } = assertion.evaluate(&evidence) else {
            continue;
        };
        if assertion.otherwise != Status::Down {
            record.warning.get_or_insert(failure);
            continue;
        }
        record.is_inconclusive |= is_undetermined;
        if error.is_none() {
            error = Some(failure);
        } else if is_undetermined {
            record.undetermined = Some(failure);
        }
        if record.is_inconclusive {
            break;
        }
    }
    if error.is_some() {
        record.attempt.error = error;
        record.warning = None;
    }
    record
}

async fn evaluate_in_thread(
    assertions: Arc<[Assertion]>,
    limit: Duration,
    record: AttemptRecord,
    mut data: ProbeData,
    pool: &AssertionPool,
) -> Probed {
    let elapsed = Duration::from_nanos(record.attempt.rtt.unsigned_abs());
    let deadline = Instant::now() + limit.saturating_sub(elapsed);
    let limit = duration::format_exact(i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX));
    let text = data.text().map(BodyText::text).unwrap_or_default();
    let memory = if assertions.iter().any(Assertion::uses_json) {
        json_memory::estimate(text) + json_memory::estimate_doubles(text)
    } else {
        0
    };
    let permits = permits_for(text.len()).max(permits_for_memory(memory));
    let Ok(Ok(permits)) = timeout_at(deadline, Arc::clone(&pool.0).acquire_many_owned(permits)).await else {
        return Err(format!(
            "assertions not evaluated within {limit}: large bodies from other endpoints were evaluated first; lower \
             their `body_limit`, or simplify their paths"
        ));
    };
    // Keep a copy of everything except the body, which is too large to copy, in case the evaluation times out.
    let (body, facts, streams) = (data.body.take(), data.facts.take(), std::mem::take(&mut data.streams));
    let length = body.as_ref().map_or(0, Vec::len);
    let (mut unevaluated, without_body) = (record.clone(), data.clone());
    (data.body, data.facts, data.streams) = (body, facts, streams);
    let (sender, receiver) = oneshot::channel();
    // Use a plain thread, because Tokio's shutdown waits for running blocking tasks, but the exit of the process does
    // not wait for threads.
    let started = std::thread::Builder::new().name("assertions".to_owned()).spawn(move || {
        let record = evaluate_all(&assertions, record, &data);
        drop(permits);
        // Sending fails after a timeout, because the receiver has been dropped.
        let _ = sender.send((record, data));
    });
    started.map_err(|error| format!("failed to start a thread to evaluate the assertions: {error}"))?;
    match timeout_at(deadline, receiver).await {
        Ok(Ok(evaluated)) => Ok(evaluated),
        Ok(Err(_)) => Err("failed to evaluate the assertions: the evaluation panicked".to_owned()),
        Err(_) => {
            let error = format!("evaluating the assertions on a body of {length} bytes took longer than {limit}");
            unevaluated.attempt.error = Some(error);
            unevaluated.warning = None;
            unevaluated.is_inconclusive = true;
            Ok((unevaluated, without_body))
        }
    }
}

/// Returns the number of permits for a body of this length: at most half of all permits, so that a single hostile body
/// cannot take them all.
fn permits_for(length: usize) -> u32 {
    u32::try_from(length.div_ceil(BYTES_PER_PERMIT)).unwrap_or(PERMITS).clamp(1, PERMITS / 2)
}

/// Returns the number of permits for a body that occupies this much memory once parsed as JSON.
fn permits_for_memory(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(MEMORY_PER_PERMIT)).unwrap_or(MEMORY_PERMITS).clamp(1, MEMORY_PERMITS)
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::evaluate::*;

    /// Evaluates one assertion, with a time limit in milliseconds.
    async fn evaluate_one(assertion: &str, limit: u64, data: ProbeData, pool: &AssertionPool) -> Probed {
        let assertions = [Assertion::parse(assertion).expect("an assertion")].into();
        evaluate(&assertions, Duration::from_millis(limit), AttemptRecord::default(), data, pool).await
    }

    fn with_body(body: String) -> ProbeData {
        ProbeData { body: Some(body.into_bytes()), ..ProbeData::default() }
    }

    /// An assertion that takes minutes on the body from [`hostile`], because it counts the whole array once per
    /// element.
    const HOSTILE: &str = "[JSON $[?count($[*]) < 1]] exists";

    fn hostile() -> ProbeData {
        with_body(format!("[{}1]", "1,".repeat(400_000)))
    }

    #[tokio::test]
    async fn a_large_body_is_evaluated_like_a_small_one() {
        let pool = AssertionPool::default();
        for length in [10, 2_000_000] {
            let data = with_body(format!(r#"{{"a":"no","b":"{}"}}"#, "x".repeat(length)));
            let (record, data) = evaluate_one("[BODY].a == yes", 60_000, data, &pool).await.expect("it is evaluated");
            assert_eq!(record.attempt.error.as_deref(), Some("`$.a` is `no`, expected `yes`"));
            assert!(data.body.is_some_and(|body| body.len() > length), "the body is returned");
        }
        assert_eq!(pool.0.available_permits(), PERMITS as usize);
    }

    // This test is single-threaded, like the checks, so an evaluation that blocked the thread would also stop the
    // timer.
    #[tokio::test]
    async fn an_endless_evaluation_times_out_without_delaying_checks() {
        let pool = AssertionPool::default();
        let mut ticks = 0;
        let mut evaluation = Box::pin(evaluate_one(HOSTILE, 300, hostile(), &pool));
        let (record, data) = loop {
            tokio::select! {
                outcome = &mut evaluation => break outcome.expect("it is the endpoint's fault"),
                () = tokio::time::sleep(Duration::from_millis(1)) => ticks += 1,
            }
        };
        let error = "evaluating the assertions on a body of 800003 bytes took longer than 300ms";
        assert_eq!((record.attempt.error.as_deref(), data.body), (Some(error), None));
        assert!(ticks > 1, "other tasks ran meanwhile");
    }

    #[test]
    fn large_bodies_take_several_permits() {
        let permits = [0, 1, BYTES_PER_PERMIT, BYTES_PER_PERMIT + 1, 1 << 20, 3 << 20, usize::MAX].map(permits_for);
        assert_eq!(permits, [1, 1, 1, 2, 4, PERMITS / 2, PERMITS / 2]);
        let permits = [0, 8 << 20, 20 << 20, 48 << 20, usize::MAX].map(permits_for_memory);
        assert_eq!(permits, [1, 1, 3, 6, MEMORY_PERMITS]);
    }

    #[tokio::test]
    async fn a_body_that_needs_too_much_memory_is_not_parsed() {
        let pool = AssertionPool::default();
        let body = format!("[{}1]", "{\"\":0},".repeat(150_000));
        let outcome = evaluate_one("[JSON $[0]] exists", 60_000, with_body(body), &pool).await;
        let error = outcome.expect("it has its permits").0.attempt.error.unwrap_or_default();
        assert!(
            error.starts_with("body has too many small JSON values: parsing it would need more than 48 times"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn two_large_bodies_take_all_permits() {
        let pool = AssertionPool::default();
        // The evaluation keeps running for seconds after its time limit.
        let body = || with_body(format!("[{}1{}]", "1,".repeat(50_000), " ".repeat(1 << 20)));
        for left in [PERMITS / 2, 0] {
            let (record, _) = evaluate_one(HOSTILE, 50, body(), &pool).await.expect("it has its permits");
            assert!(record.attempt.error.is_some_and(|error| error.contains("took longer than")));
            assert_eq!(pool.0.available_permits(), left as usize);
        }
        assert!(evaluate_one(HOSTILE, 50, body(), &pool).await.is_err());
    }

    #[tokio::test]
    async fn large_bodies_without_permits_are_unknown() {
        let pool = AssertionPool::default();
        let _all = Arc::clone(&pool.0).acquire_many_owned(PERMITS).await.expect("they are free");
        let large = with_body(format!("[{}1]", "1,".repeat(100_000)));
        let why = evaluate_one("[JSON $[0]] == 1", 50, large, &pool).await.expect_err("all are taken");
        assert!(why.starts_with("assertions not evaluated within 50ms: large bodies"), "{why}");
        let small = with_body("[1]".to_owned());
        let (record, _) = evaluate_one("[JSON $[0]] == 1", 50, small, &pool).await.expect("it needs no permit");
        assert_eq!(record.attempt.error, None);
    }
}
