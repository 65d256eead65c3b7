//! The starter configuration that `checker init` writes. It works without changes.

/// A commented configuration that checks the page itself and stores results in a directory.
pub const STARTER: &str = r#"// Configuration of the checker: JSON with comments and trailing commas.
// `checker validate` reports mistakes in this file, `checker schema` prints its JSON Schema for your editor,
// and docs/configuration.md describes every key.
{
  // The interval between checks: a number with a unit, for example "30s", "10m" or "1h".
  "every": "30s",

  // The endpoints to check.
  "checkers": [
    {
      "type": "http",
      // The id keeps the endpoint's history if its title or URL changes.
      "id": "status-page",
      "endpoint_name": "This status page",
      // `checker serve` replaces the variable with the address it listens on. With `checker run`, this check is down
      // unless the page is being served on port 8080.
      "endpoint_url": "http://${CHECKUP_LISTEN:-127.0.0.1:8080}/",
      // Each check makes three attempts on new connections. If one of them fails, the endpoint is down.
      "attempts": 3,
      // Above this median response time, the endpoint is degraded.
      "threshold_rtt": "500ms",
      "must_contain": "<html",
    },
    // To check your own service, uncomment this and set the URL.
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

  // Where results are stored: a directory next to this file.
  "storage": {
    "type": "fs",
    "dir": "checks",
    "check_expiry": "30d",
  },
  // Or an S3 bucket, on AWS or a compatible service. Keys can come from the environment.
  // "storage": {
  //   "type": "s3",
  //   "bucket": "my-status",
  //   "region": "eu-central-1",
  //   "access_key_id": "${CHECKUP_ACCESS_KEY_ID}",
  //   "secret_access_key": "${CHECKUP_SECRET_ACCESS_KEY}",
  //   "check_expiry": "30d",
  // },

  // Settings of the page that `checker serve` serves.
  "page": {
    "title": "Status",
    "range": "24h",
    "refresh": "30s",
  },
}
"#;
