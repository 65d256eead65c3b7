//! The table of the configuration of checks: the part of [`crate::config::spec`] below `checkers`.

use crate::checks::dns;
use crate::config::spec::{CENTURY, DAY, Field, SECOND, ValueKind, Variant, optional, required};

/// The array of checks.
pub(in crate::config) const CHECKERS: ValueKind = ValueKind::List(&CHECKER);

/// One check.
pub(in crate::config) const CHECKER: ValueKind = ValueKind::Tagged {
    keys: &["type"],
    variants: &[HTTP, TCP, TLS, DNS, ICMP, WEBSOCKET, GRPC, EXEC, HEARTBEAT],
    unsupported: &[],
    common: COMMON,
};

const COMMON: &[Field] = &[
    optional(
        "attempts",
        ValueKind::Integer(0, 1_000),
        "`1`; `0` is the default",
        "The number of attempts per check. If one of them fails, the endpoint is down.",
    ),
    optional("attempt_spacing", ValueKind::Duration(0, DAY), "`0`", "The pause between attempts."),
    optional(
        "threshold_rtt",
        ValueKind::Duration(0, CENTURY),
        "none",
        "The median round-trip time above which the endpoint is degraded.",
    ),
    optional(
        "retries",
        ValueKind::Integer(0, 100),
        "`0`",
        "How many times a failed attempt is repeated before it counts. Failures that a retry recovered from stay visible in the result.",
    ),
    optional(
        "retry_delay",
        ValueKind::Duration(0, DAY),
        "`1s`",
        "The pause before a retry.",
    ),
    optional(
        "failures_before_down",
        ValueKind::Integer(0, 100),
        "`1`; `0` is the default",
        "How many times in a row a worse status must be measured before it applies. It then applies from its first occurrence.",
    )
    .formerly("confirm"),
    optional(
        "every",
        ValueKind::Duration(SECOND, DAY),
        "the file's `every`",
        "The interval between checks of this endpoint, for `serve` and `run --every`.",
    ),
    optional(
        "every_when_unhealthy",
        ValueKind::Duration(SECOND, DAY),
        "the same",
        "The interval while the endpoint is not healthy.",
    )
    .formerly("every_when_down"),
    optional(
        "quorum",
        ValueKind::Quorum,
        "`\"majority\"`",
        "How many of the reporting nodes must see the endpoint down: `\"any\"`, `\"majority\"`, `\"all\"`, or a number. Results contain it, so that the page and `checker status` agree.",
    )
    .formerly("verdict"),
    optional(
        "assertions",
        ValueKind::Assertions,
        "none",
        "Conditions that the response must meet, for example `[STATUS] == 200` or `[BODY].queue.depth < 500`; see [Assertions](assertions.md).",
    ),
];

const NAME: Field = required("endpoint_name", ValueKind::String, "The title of the endpoint.");
const SHORTEST_TIMEOUT: i64 = SECOND / 1_000;
const TIMEOUT: Field =
    timeout("`10s`", "The time limit for an attempt, from the DNS lookup to the last byte that is read.");
const TLS_CA_FILE: Field = optional(
    "tls_ca_file",
    ValueKind::String,
    "the system's certificate authorities",
    "A PEM file of certificate authorities to trust instead of the system's.",
);
const TLS_SKIP_VERIFY: Field = optional(
    "tls_skip_verify",
    ValueKind::Bool,
    "`false`",
    "Whether any certificate is accepted. The check then does not prove who responds.",
);
const SERVER_NAME: Field = optional(
    "server_name",
    ValueKind::String,
    "the host of `endpoint_url`",
    "The name to request (SNI) and to expect in the certificate.",
);
const STARTTLS: Field = optional(
    "starttls",
    ValueKind::Enum(&["smtp", "imap", "pop3", "postgres"]),
    "none: TLS starts immediately",
    "The protocol that upgrades a plain connection to TLS.",
);

const fn timeout(default: &'static str, description: &'static str) -> Field {
    optional("timeout", ValueKind::Duration(SHORTEST_TIMEOUT, DAY), default, description)
}

const HTTP: Variant = Variant {
    name: "http",
    description: "An HTTP or HTTPS request. Every attempt opens a new connection.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::Url, "The URL, `http://` or `https://`."),
        optional("method", ValueKind::String, "`GET`", "The method of the request."),
        TIMEOUT,
        optional("headers", ValueKind::Headers, "none", "The headers of the request. `Host` is honored."),
        optional("body", ValueKind::String, "none", "The body of the request."),
        optional(
            "up_status",
            ValueKind::StatusCodes,
            "`\"2xx\"`, or any if an assertion is about `[STATUS]`",
            "The status codes that count as up: `200`, `\"2xx\"`, `\"200-299\"`, or an array of these.",
        ),
        optional("must_contain", ValueKind::String, "none", "A text that the body of the response must contain."),
        optional("must_not_contain", ValueKind::String, "none", "A text that the body of the response must not contain."),
        optional(
            "max_redirects",
            ValueKind::Integer(0, 50),
            "`0`: a redirect is the response",
            "The maximum number of redirects to follow.",
        ),
        optional(
            "body_limit",
            ValueKind::Integer(1, 1 << 30),
            "`1048576`",
            "The maximum number of bytes of the body to read, if it is read at all.",
        ),
        TLS_CA_FILE,
        TLS_SKIP_VERIFY,
    ],
};

const TCP: Variant = Variant {
    name: "tcp",
    description: "A TCP connection, optionally with TLS and a script of texts to send and to expect.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "Host and port, for example `db.example:5432` or `[::1]:5432`."),
        timeout("`1s`", "The time limit for an attempt, including the script."),
        optional("tls", ValueKind::Bool, "`false`; `true` with `starttls`", "Whether the connection uses TLS."),
        STARTTLS,
        SERVER_NAME,
        TLS_CA_FILE,
        TLS_SKIP_VERIFY,
        optional(
            "script",
            ValueKind::List(&ValueKind::Object(STEP)),
            "none: connecting is enough",
            "The texts to send and to expect after connecting, step by step.",
        ),
    ],
};

const STEP: &[Field] = &[
    optional("send", ValueKind::String, "nothing", "A text to send. Write `\\r\\n` for the end of a line."),
    optional(
        "expect",
        ValueKind::String,
        "nothing",
        "A regular expression that the received text must match, for example `^220 `. The next step continues after the match.",
    ),
];

const TLS: Variant = Variant {
    name: "tls",
    description: "A TLS handshake that verifies the certificate chain, the host name and when the certificates expire.",
    fields: &[
        NAME,
        required(
            "endpoint_url",
            ValueKind::String,
            "Host and port, for example `shop.example:443`. The default port is 443.",
        ),
        timeout("`1s`", "The time limit for an attempt."),
        STARTTLS,
        SERVER_NAME,
        optional(
            "cert_expiry_threshold",
            ValueKind::Duration(0, CENTURY),
            "`14d`",
            "The endpoint is degraded if a certificate expires within this time.",
        ),
        optional(
            "cert_expiry_down",
            ValueKind::Duration(0, CENTURY),
            "`0`: when it has expired",
            "The endpoint is down if a certificate expires within this time.",
        ),
        optional(
            "trusted_roots",
            ValueKind::List(&ValueKind::String),
            "the system's certificate authorities",
            "PEM files of certificate authorities to trust instead of the system's.",
        ),
    ],
};

const DNS: Variant = Variant {
    name: "dns",
    description: "A query to a DNS server. A wrong answer is down.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "The server: a host, and a port unless it is 53."),
        required("hostname_fqdn", ValueKind::String, "The name to query."),
        timeout("`1s`", "The time limit for an attempt."),
        optional("record_type", ValueKind::Enum(dns::RECORDS), "`A`", "The type of record to query."),
        optional(
            "expected_answers",
            ValueKind::List(&ValueKind::String),
            "any answer",
            "The complete list of expected answers, in any order. Names are compared without case and trailing dot; values, for example of TXT and CAA records, exactly, with or without quotes.",
        ),
        optional("rcode", ValueKind::Enum(dns::RCODES), "`NOERROR`", "The expected response code."),
        optional(
            "dnssec",
            ValueKind::Bool,
            "`false`",
            "Whether the server must confirm that it verified the answer with DNSSEC.",
        ),
    ],
};

const ICMP: Variant = Variant {
    name: "icmp",
    description: "An echo request (ping). It needs no privileges where `ping_group_range` of the system allows it.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "A host name or an IP address."),
        timeout("`1s`", "The time limit for an attempt."),
    ],
};

const WEBSOCKET: Variant = Variant {
    name: "websocket",
    description: "A WebSocket connection, optionally with a message and the expected reply.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "The URL, `ws://` or `wss://`."),
        TIMEOUT,
        optional(
            "headers",
            ValueKind::Headers,
            "none",
            "The headers of the request, for example `Sec-WebSocket-Protocol`.",
        ),
        optional("send", ValueKind::String, "nothing", "A message to send."),
        optional("expect", ValueKind::String, "nothing", "A regular expression that a received message must match."),
        TLS_CA_FILE,
        TLS_SKIP_VERIFY,
    ],
};

const GRPC: Variant = Variant {
    name: "grpc",
    description: "A call of the standard health service (`grpc.health.v1.Health`).",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "Host and port, for example `api.example:50051`."),
        TIMEOUT,
        optional("service", ValueKind::String, "the whole server", "The service to query."),
        optional("tls", ValueKind::Bool, "`false`", "Whether the connection uses TLS."),
        SERVER_NAME,
        TLS_CA_FILE,
        TLS_SKIP_VERIFY,
    ],
};

const EXEC: Variant = Variant {
    name: "exec",
    description: "A command, run without a shell. When the attempt ends, its process group is killed, except for processes that left the group (`setsid`).",
    fields: &[
        required("name", ValueKind::String, "The title of the endpoint."),
        required("command", ValueKind::String, "The program: a path, or a name to find in `PATH`."),
        optional("arguments", ValueKind::List(&ValueKind::String), "none", "The arguments of the program."),
        timeout("`10s`", "The time limit for the command."),
        optional(
            "exit_status",
            ValueKind::Integer(0, 255),
            "`0`, or any if an assertion is about `[STATUS]`",
            "The exit status of success.",
        ),
        optional("must_contain", ValueKind::String, "none", "A text that the output must contain."),
        optional("must_not_contain", ValueKind::String, "none", "A text that the output must not contain."),
        optional(
            "raise",
            ValueKind::Enum(&["error", "warn", "warning"]),
            "`error`",
            "The status after a failure: `error` is down, `warn` (or `warning`) is degraded.",
        ),
    ],
};

const HEARTBEAT: Variant = Variant {
    name: "heartbeat",
    description: "A job that sends heartbeats with `checker beat JOB`. It is down if it is late or reports that it failed.",
    fields: &[
        NAME,
        required("job", ValueKind::String, "The name of the job: 1 to 64 lowercase letters, digits and hyphens."),
        required("interval", ValueKind::Duration(SECOND, CENTURY), "The interval between heartbeats."),
        optional("grace", ValueKind::Duration(0, CENTURY), "`1m`", "How much later a heartbeat can be."),
        timeout("`10s`", "The time limit for reading from the store, after which the status is unknown."),
    ],
};
