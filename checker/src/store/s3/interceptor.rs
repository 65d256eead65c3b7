//! An interceptor for every response. It limits the size and records the service's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use chrono::DateTime;
use http_body_util::Limited;
use shared::UnixNanos;

/// The maximum size, in bytes, of a response that is held in memory: three times the size of a listing with a thousand
/// keys of 1,024 bytes. Objects have separate limits.
pub(super) const RESPONSE_LIMIT: u64 = 16 << 20;

/// A service's clock, as seen in its responses. All clones refer to the same clock.
#[derive(Debug, Clone, Default)]
pub(super) struct ServiceClock(Arc<AtomicI64>);

impl ServiceClock {
    /// Returns the time of the last response, or `None` if no response contained one.
    pub(super) fn last(&self) -> Option<UnixNanos> {
        Some(self.0.load(Ordering::Relaxed)).filter(|time| *time > 0)
    }

    fn note(&self, date: &str) {
        let time = DateTime::parse_from_rfc2822(date).ok().and_then(|time| time.timestamp_nanos_opt());
        if let Some(time) = time.filter(|time| *time > 0) {
            self.0.store(time, Ordering::Relaxed);
        }
    }
}

#[derive(Debug)]
pub(super) struct ResponseInterceptor {
    clock: ServiceClock,
}

impl ResponseInterceptor {
    pub(super) fn new(clock: ServiceClock) -> ResponseInterceptor {
        ResponseInterceptor { clock }
    }
}

impl Intercept for ResponseInterceptor {
    fn name(&self) -> &'static str {
        "ResponseInterceptor"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_object = settings.load::<Metadata>().is_some_and(|operation| operation.name() == "GetObject");
        let response = context.response_mut();
        if let Some(date) = response.headers().get("date") {
            self.clock.note(date);
        }
        if !(is_object && response.status().is_success()) {
            let body = std::mem::replace(response.body_mut(), SdkBody::taken());
            let limit = usize::try_from(RESPONSE_LIMIT).unwrap_or(usize::MAX);
            *response.body_mut() = SdkBody::from_body_1_x(Limited::new(body, limit));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_shows_the_last_valid_date() {
        let clock = ServiceClock::default();
        clock.note("never");
        assert_eq!(clock.last(), None);
        clock.note("Sun, 29 Nov 2026 11:46:23 GMT");
        clock.note("");
        assert_eq!(clock.last(), Some(1_795_952_783_000_000_000));
    }
}
