//! Proves that deleted keys no longer work. A service may report a deletion without deleting anything, and AWS takes a
//! few seconds to refuse a deleted key, so keys are tried until they are refused, for a limited time.

use std::fmt;
use std::time::Duration;

use super::service::{Service, ServiceError};
use crate::redact::Secret;
use crate::store::s3::error::S3Error;
use crate::store::settings::WriterKeys;

/// The number of times that a deleted key is tested.
const ATTEMPTS: usize = 30;
/// The delay between two attempts.
const DELAY: Duration = Duration::from_secs(1);

/// A key that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedKey {
    pub user: String,
    pub id: String,
    /// The secret, if a file contains it. A key can be tested only with its secret.
    pub secret: Option<Secret>,
}

/// The status of a deleted key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// The service refused a request that was signed with the key.
    Refused,
    /// IAM no longer lists the key, but the checker could not test whether it still works.
    Untried(UntriedReason),
    /// After all attempts, the service still accepts the key, or IAM still lists it.
    StillWorks,
}

/// Why a key could not be tested, as a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UntriedReason {
    NoSecret,
    /// The request failed for a reason other than the key.
    Failed(String),
}

impl fmt::Display for UntriedReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UntriedReason::NoSecret => formatter.write_str("none of the files here contains its secret"),
            UntriedReason::Failed(why) => formatter.write_str(why),
        }
    }
}

/// Returns the total time for which a deleted key is tested, in seconds.
#[must_use]
pub fn patience() -> u64 {
    DELAY.as_secs() * ATTEMPTS as u64
}

/// Checks each key until it no longer works or the attempts are used up.
pub async fn verify(keys: &[RevokedKey], check: impl AsyncFn(&RevokedKey) -> Revocation) -> Vec<Revocation> {
    let mut outcomes = vec![Revocation::StillWorks; keys.len()];
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(DELAY).await;
        }
        for (key, outcome) in keys.iter().zip(&mut outcomes) {
            if *outcome == Revocation::StillWorks {
                *outcome = check(key).await;
            }
        }
        if !outcomes.contains(&Revocation::StillWorks) {
            break;
        }
    }
    outcomes
}

impl Service {
    /// Checks once whether a deleted key still works.
    pub async fn revocation(&self, key: &RevokedKey) -> Revocation {
        let Some(secret) = &key.secret else { return self.listed(key, UntriedReason::NoSecret).await };
        let keys = WriterKeys { access_key_id: key.id.clone(), secret_access_key: secret.clone() };
        match self.try_keys(&keys).await {
            Ok(()) => Revocation::StillWorks,
            Err(ServiceError::Refused {
                cause:
                    S3Error::UnknownKey | S3Error::WrongSecret | S3Error::ExpiredCredentials | S3Error::AccessDenied { .. },
                ..
            }) => Revocation::Refused,
            Err(ServiceError::Refused { cause, .. }) => {
                self.listed(key, UntriedReason::Failed(cause.to_string())).await
            }
            Err(error) => self.listed(key, UntriedReason::Failed(error.to_string())).await,
        }
    }

    /// Checks whether IAM still lists a key that cannot be tested.
    async fn listed(&self, key: &RevokedKey, why: UntriedReason) -> Revocation {
        match self.keys(&key.user).await {
            Ok(keys) if keys.iter().any(|listed| listed.id == key.id) => Revocation::StillWorks,
            Ok(_) => Revocation::Untried(why),
            Err(error) => Revocation::Untried(UntriedReason::Failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn key(id: &str) -> RevokedKey {
        RevokedKey { user: "checkup_b_reader".to_owned(), id: id.to_owned(), secret: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_is_tried_until_it_is_refused() {
        let tried = RefCell::new(Vec::new());
        let check = async |key: &RevokedKey| {
            tried.borrow_mut().push(key.id.clone());
            let count = tried.borrow().iter().filter(|id| **id == key.id).count();
            if key.id == "A" || count == 3 { Revocation::Refused } else { Revocation::StillWorks }
        };
        let outcomes = verify(&[key("A"), key("B")], check).await;
        assert_eq!(outcomes, [Revocation::Refused, Revocation::Refused]);
        assert_eq!(tried.into_inner(), ["A", "B", "B", "B"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_that_keeps_working_is_reported_after_all_attempts() {
        let start = tokio::time::Instant::now();
        let outcomes = verify(&[key("A")], async |_: &RevokedKey| Revocation::StillWorks).await;
        assert_eq!(outcomes, [Revocation::StillWorks]);
        assert!(start.elapsed().as_secs() < patience());
    }
}
