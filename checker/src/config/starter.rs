//! The configuration that `checker init` writes: small, commented, and working as it is.

/// A commented configuration that watches one endpoint that works, and stores in a directory.
pub const STARTER: &str = r#"// Configuration of the checker: JSON in which comments and trailing commas are allowed.
// `checker validate` checks this file, `checker schema` prints its JSON Schema for your editor,
// and docs/configuration.md explains every key.
{
  // How often a round of checks is made: a number with a unit, such as "30s", "10m" or "1h".
  "every": "30s",

  // What is watched.
  "checkers": [
    {
      "type": "http",
      "endpoint_name": "This status page",
      // `checker serve` puts in where it listens.
      "endpoint_url": "http://${CHECKUP_LISTEN:-127.0.0.1:8080}/",
      // A check makes three attempts, each a connection of its own; one that fails makes it down.
      "attempts": 3,
      // Slower than this, and it is degraded.
      "threshold_rtt": "500ms",
      "must_contain": "<html",
    },
    // Watch something of yours: take the comment signs away and put your URL in.
    // {
    //   "type": "http",
    //   "endpoint_name": "Shop",
    //   "endpoint_url": "https://shop.example/health",
    //   "attempts": 3,
    //   "timeout": "10s",
    //   "up_status": "2xx",
    //   "must_contain": "ok",
    // },
  ],

  // Where results are stored: a directory of this machine, beside this file.
  "storage": {
    "type": "fs",
    "dir": "checks",
    "check_expiry": "30d",
  },
  // Or a bucket of S3 or of any service that speaks its API. Keys may come from the environment.
  // "storage": {
  //   "type": "s3",
  //   "bucket": "my-status",
  //   "region": "eu-central-1",
  //   "access_key_id": "${CHECKUP_ACCESS_KEY_ID}",
  //   "secret_access_key": "${CHECKUP_SECRET_ACCESS_KEY}",
  //   "check_expiry": "30d",
  // },

  // What the page that `checker serve` serves is told.
  "page": {
    "title": "Status",
    "range": "24h",
    "refresh": "30s",
  },
}
"#;
