//! A target that both programs check.

use serde_json::{Value, json};

/// An endpoint with both programs' settings for it.
#[derive(Debug)]
pub(super) struct Target {
    /// A description, for example `status 404`. Targets with the same settings can share it.
    pub(super) name: String,
    pub(super) module: Value,
    /// The address that the exporter probes.
    pub(super) address: String,
    /// The checker's check, without its title.
    pub(super) check: Value,
}

/// Both programs' time limit for targets that respond.
pub(super) const PATIENCE: &str = "40s";
/// Both programs' time limit for targets that never respond.
pub(super) const IMPATIENCE: &str = "4s";

impl Target {
    /// Creates a target. `prober` contains the exporter's settings for this kind of target, and `keys` the checker's.
    pub(super) fn new(kind: &str, name: impl Into<String>, address: &str, prober: Value, keys: &Value) -> Target {
        let mut check = json!({ "type": kind, "endpoint_url": address, "timeout": PATIENCE });
        let (Value::Object(all), Value::Object(keys)) = (&mut check, keys) else { panic!("{keys} is not an object") };
        all.extend(keys.clone());
        let mut module = json!({ "prober": kind, "timeout": PATIENCE });
        module[kind] = prober;
        Target { name: name.into(), module, address: address.to_owned(), check }
    }

    /// Shortens the time limit, for a target that never responds.
    pub(super) fn impatiently(mut self) -> Target {
        (self.module["timeout"], self.check["timeout"]) = (json!(IMPATIENCE), json!(IMPATIENCE));
        self
    }
}
