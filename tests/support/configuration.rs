//! Checker configurations, written as users would write them.

use serde_json::{Value, json};

/// A configuration with these checks and this store.
#[must_use]
pub fn watching(checks: &[Value], storage: &Value) -> Value {
    json!({ "checkers": checks, "storage": storage })
}

/// A directory store in the `checks` folder next to the configuration.
#[must_use]
pub fn directory() -> Value {
    json!({ "type": "fs", "dir": "checks" })
}

/// An HTTP check with default settings.
#[must_use]
pub fn check(title: &str, url: &str) -> Value {
    json!({ "type": "http", "endpoint_name": title, "endpoint_url": url })
}

/// An HTTP check with additional keys.
#[must_use]
pub fn check_with(title: &str, url: &str, more: Value) -> Value {
    let mut check = check(title, url);
    if let (Value::Object(check), Value::Object(more)) = (&mut check, more) {
        check.extend(more);
    }
    check
}
