//! Configurations of the checker as people would write them.

use serde_json::{Value, json};

/// A configuration that watches these endpoints and stores there.
#[must_use]
pub fn watching(checks: &[Value], storage: &Value) -> Value {
    json!({ "checkers": checks, "storage": storage })
}

/// A directory called `checks`, beside the configuration.
#[must_use]
pub fn directory() -> Value {
    json!({ "type": "fs", "dir": "checks" })
}

/// A check of a URL with everything else as it is by default.
#[must_use]
pub fn check(title: &str, url: &str) -> Value {
    json!({ "type": "http", "endpoint_name": title, "endpoint_url": url })
}

/// A check with more keys than title and URL.
#[must_use]
pub fn check_with(title: &str, url: &str, more: Value) -> Value {
    let mut check = check(title, url);
    if let (Value::Object(check), Value::Object(more)) = (&mut check, more) {
        check.extend(more);
    }
    check
}
