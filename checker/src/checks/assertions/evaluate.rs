//! Holds what an attempt saw against the check's assertions. What may take long is judged beside the checks, within the
//! attempt's time limit, so that no body of one endpoint delays the others.

use std::sync::Arc;
use std::time::Duration;

use shared::duration;
use shared::status::Status;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use super::{Assertion, Evidence};
use crate::checks::AttemptRecord;
use crate::checks::probe_data::ProbeData;
use crate::config::model::Check;

/// How long a body may be that is judged at once, in bytes: to read as much as JSON takes less than a millisecond.
const INLINE_LIMIT: usize = 64 << 10;

/// How many turns there are for bodies that are judged beside the checks. Nothing can stop one that takes for ever, so
/// that this is as much as hostile bodies can take hold of.
const PERMITS: u32 = 8;
/// For how many bytes of a body one turn is enough. JSON made to hurt takes up to 170 times its length in memory: of
/// bodies of 1 MiB, as much as is read unless configured, two are judged at once.
const BYTES_PER_PERMIT: usize = 256 << 10;

/// Where bodies are judged beside the checks.
#[derive(Debug)]
pub struct AssertionPool(Arc<Semaphore>);

impl Default for AssertionPool {
    fn default() -> AssertionPool {
        AssertionPool(Arc::new(Semaphore::new(PERMITS as usize)))
    }
}

/// Holds an attempt against the check's assertions; an error says why that could not be done.
pub async fn evaluate(
    check: &Check,
    record: AttemptRecord,
    data: ProbeData,
    pool: &AssertionPool,
) -> Result<(AttemptRecord, ProbeData), String> {
    if record.attempt.error.is_some() || check.assertions.is_empty() {
        return Ok((record, data));
    }
    let length = data.body.as_ref().map_or(0, Vec::len);
    if length > INLINE_LIMIT || (length > 0 && check.assertions.iter().any(Assertion::can_be_expensive)) {
        return Box::pin(in_own_thread(check, record, data, pool)).await;
    }
    Ok((evaluated(&check.assertions, record, &data), data))
}

/// The first assertion that fails is told; a failure before a concern.
fn evaluated(assertions: &[Assertion], mut record: AttemptRecord, data: &ProbeData) -> AttemptRecord {
    let mut error = None;
    let evidence = Evidence::new(data, &record.attempt);
    for assertion in assertions {
        let Some(failure) = assertion.evaluate(&evidence).failure else { continue };
        if assertion.otherwise == Status::Down {
            error = Some(failure);
            break;
        }
        record.warning.get_or_insert(failure);
    }
    if error.is_some() {
        record.attempt.error = error;
        record.warning = None;
    }
    record
}

async fn in_own_thread(
    check: &Check,
    record: AttemptRecord,
    mut data: ProbeData,
    pool: &AssertionPool,
) -> Result<(AttemptRecord, ProbeData), String> {
    let limit = check.kind.timeout();
    let taken = Duration::from_nanos(record.attempt.rtt.unsigned_abs());
    let deadline = Instant::now() + limit.saturating_sub(taken);
    let in_words = duration::format_exact(i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX));
    let permits = permits_for(data.body.as_ref().map_or(0, Vec::len));
    let Ok(Ok(permits)) = timeout_at(deadline, Arc::clone(&pool.0).acquire_many_owned(permits)).await else {
        return Err(format!(
            "failed to hold the answer against the assertions within {in_words}: large bodies of other endpoints kept it \
             waiting; lower their `body_limit`, or simplify their paths"
        ));
    };
    // What is left if judging takes too long: all but the body.
    let body = data.body.take();
    let length = body.as_ref().map_or(0, Vec::len);
    let (mut unevaluated, without_body) = (record.clone(), data.clone());
    data.body = body;
    let assertions = Arc::clone(&check.assertions);
    let (tell, told) = oneshot::channel();
    // A thread of its own and none of the runtime's: the program does not wait for it when it ends.
    let started = std::thread::Builder::new().name("assertions".to_owned()).spawn(move || {
        let record = evaluated(&assertions, record, &data);
        drop(permits);
        // Where nobody waits any more, nobody needs to know.
        let _ = tell.send((record, data));
    });
    started
        .map_err(|error| format!("failed to start a thread to hold a large body against the assertions: {error}"))?;
    match timeout_at(deadline, told).await {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(_)) => Err("failed to hold the answer against the assertions: judging broke off".to_owned()),
        Err(_) => {
            let error = format!("a body of {length} bytes not held against the assertions within {in_words}");
            unevaluated.attempt.error = Some(error);
            unevaluated.warning = None;
            Ok((unevaluated, without_body))
        }
    }
}

/// How many turns a body of so many bytes takes; half of them at the most, so that one that is judged for ever does not
/// take all that there are.
fn permits_for(length: usize) -> u32 {
    u32::try_from(length.div_ceil(BYTES_PER_PERMIT)).unwrap_or(PERMITS).clamp(1, PERMITS / 2)
}

#[cfg(test)]
mod tests {
    use crate::checks::assertions::evaluate::*;
    use crate::checks::assertions::read::from_located;
    use crate::checks::exec::ExecCheck;
    use crate::config::model::CheckKind;
    use crate::config::parser;
    use crate::config::problem::Problems;

    fn check(assertion: &str, timeout: Duration) -> Check {
        let list = serde_json::json!([assertion]).to_string();
        let located = parser::parse(&list, &|_| None, &mut Problems::default(), None).expect("it is JSON");
        let exec = ExecCheck {
            locator: "x".to_owned(),
            command: "x".into(),
            arguments: Vec::new(),
            timeout,
            exit_status: None,
            must_contain: None,
            must_not_contain: None,
        };
        let assertions = from_located(&located).expect("it is an assertion").into();
        Check { assertions, ..Check::of_kind("x", CheckKind::Exec(Box::new(exec))) }
    }

    fn saw(body: String) -> ProbeData {
        ProbeData { body: Some(body.into_bytes()), ..ProbeData::default() }
    }

    /// A body that a path which looks at everything for each value takes minutes for.
    fn hostile() -> ProbeData {
        saw(format!("[{}1]", "1,".repeat(400_000)))
    }

    const HOSTILE: &str = "[JSON $[?count($[*]) < 1]] exists";

    #[tokio::test]
    async fn a_large_body_is_judged_as_a_small_one_is_and_given_back() {
        let pool = AssertionPool::default();
        for length in [10, 2_000_000] {
            let check = check("[BODY].a == yes", Duration::from_mins(1));
            let data = saw(format!(r#"{{"a":"no","b":"{}"}}"#, "x".repeat(length)));
            let (record, data) =
                evaluate(&check, AttemptRecord::default(), data, &pool).await.expect("it is evaluated");
            assert_eq!(record.attempt.error.as_deref(), Some("`$.a` is `no`, expected `yes`"));
            assert!(data.body.is_some_and(|body| body.len() > length));
        }
        assert_eq!(pool.0.available_permits(), PERMITS as usize);
    }

    // One thread for all, as the checks have: judging that held it would let no time pass here.
    #[tokio::test]
    async fn a_body_that_takes_for_ever_ends_at_the_time_limit_and_delays_nobody_else() {
        let pool = AssertionPool::default();
        let check = check(HOSTILE, Duration::from_millis(300));
        let mut passed = 0;
        let mut attempts = Box::pin(evaluate(&check, AttemptRecord::default(), hostile(), &pool));
        let (record, data) = loop {
            tokio::select! {
                outcome = &mut attempts => break outcome.expect("it is the endpoint's fault"),
                () = tokio::time::sleep(Duration::from_millis(1)) => passed += 1,
            }
        };
        let error = "a body of 800003 bytes not held against the assertions within 300ms";
        assert_eq!((record.attempt.error.as_deref(), data.body), (Some(error), None));
        assert!(passed > 1, "others were looked at meanwhile");
    }

    #[test]
    fn large_bodies_take_the_turns_of_several_small_ones() {
        let permits = [0, 1, BYTES_PER_PERMIT, BYTES_PER_PERMIT + 1, 1 << 20, 3 << 20, usize::MAX].map(permits_for);
        assert_eq!(permits, [1, 1, 1, 2, 4, PERMITS / 2, PERMITS / 2]);
    }

    #[tokio::test]
    async fn two_large_bodies_leave_no_turn_for_another() {
        let pool = AssertionPool::default();
        let check = check(HOSTILE, Duration::from_millis(50));
        // It is judged for seconds, whatever is said of it after the time limit.
        let body = || saw(format!("[{}1{}]", "1,".repeat(50_000), " ".repeat(1 << 20)));
        for left in [PERMITS / 2, 0] {
            let (record, _) =
                evaluate(&check, AttemptRecord::default(), body(), &pool).await.expect("it has its permits");
            assert!(record.attempt.error.is_some_and(|error| error.contains("not held against")));
            assert_eq!(pool.0.available_permits(), left as usize);
        }
        assert!(evaluate(&check, AttemptRecord::default(), body(), &pool).await.is_err());
    }

    #[tokio::test]
    async fn those_that_others_keep_waiting_are_unknown_and_small_bodies_never_wait() {
        let pool = AssertionPool::default();
        let _all = Arc::clone(&pool.0).acquire_many_owned(PERMITS).await.expect("they are free");
        let large = || saw(format!("[{}1]", "1,".repeat(100_000)));
        let check = check("[JSON $[0]] == 1", Duration::from_millis(50));
        let why = evaluate(&check, AttemptRecord::default(), large(), &pool).await.expect_err("all are taken");
        assert!(why.starts_with("failed to hold the answer against the assertions within 50ms: large bodies"), "{why}");
        let (record, _) =
            evaluate(&check, AttemptRecord::default(), saw("[1]".to_owned()), &pool).await.expect("it needs nobody");
        assert_eq!(record.attempt.error, None);
    }
}
