//! What may stand in the configuration of a check: the part of the table in [`crate::config::spec`] that is about
//! `checkers`.

use crate::checks::dns;
use crate::config::spec::{DAY, FOREVER, Field, SECOND, ValueKind, Variant, optional, required};

/// The list of checks.
pub(in crate::config) const CHECKERS: ValueKind = ValueKind::List(&CHECKER);

/// One check.
pub(in crate::config) const CHECKER: ValueKind = ValueKind::Tagged {
    keys: &["type"],
    variants: &[HTTP, TCP, TLS, DNS, ICMP, WEBSOCKET, GRPC, EXEC, HEARTBEAT],
    not_yet: &[],
    common: COMMON,
};

const COMMON: &[Field] = &[
    optional(
        "attempts",
        ValueKind::Integer(0, 1_000),
        "`1`; 0 means the same",
        "How many attempts a check makes. Any that fails makes it down.",
    ),
    optional("attempt_spacing", ValueKind::Duration(0, DAY), "`0`", "How long to wait between attempts."),
    optional(
        "threshold_rtt",
        ValueKind::Duration(0, FOREVER),
        "none",
        "The median round-trip time above which it is degraded.",
    ),
    optional(
        "retries",
        ValueKind::Integer(0, 100),
        "`0`",
        "How often a failed attempt is repeated before it counts. What failed before stays visible in the result.",
    ),
    optional(
        "failures_before_down",
        ValueKind::Integer(0, 100),
        "`1`; 0 means the same",
        "How many times in a row a worse status has to be seen before it is believed, and then from the first time on.",
    )
    .formerly("confirm"),
    optional(
        "every",
        ValueKind::Duration(SECOND, DAY),
        "the file's `every`",
        "How often this check is made, by `serve` and `run --every`.",
    ),
    optional(
        "every_when_unhealthy",
        ValueKind::Duration(SECOND, DAY),
        "the same",
        "How often this check is made while it is not healthy.",
    )
    .formerly("every_when_down"),
    optional(
        "quorum",
        ValueKind::Quorum,
        "`\"majority\"`",
        "How many of the nodes that report have to see it down before it is: `\"any\"`, `\"majority\"`, `\"all\"`, or a number. Results say so, so that the page and `checker status` agree.",
    )
    .formerly("verdict"),
    optional(
        "retry_delay",
        ValueKind::Duration(0, DAY),
        "`1s`",
        "How long to wait before a failed attempt is repeated.",
    ),
    optional(
        "assertions",
        ValueKind::Assertions,
        "none",
        "What has to hold of the answer, such as `[STATUS] == 200` or `[BODY].queue.depth < 500`; see [assertions](assertions.md).",
    ),
];

const NAME: Field = required("endpoint_name", ValueKind::String, "What people call it; the title on the page.");
const SHORTEST_TIMEOUT: i64 = SECOND / 1_000;
const TIMEOUT: Field =
    timeout("`10s`", "The longest an attempt may take, from the look-up of the name to the last byte that is read.");
const TLS_CA_FILE: Field = optional(
    "tls_ca_file",
    ValueKind::String,
    "the system's authorities",
    "A PEM file of authorities to trust instead of the system's.",
);
const TLS_SKIP_VERIFY: Field = optional(
    "tls_skip_verify",
    ValueKind::Bool,
    "`false`",
    "Whether any certificate is accepted. The check then proves little.",
);
const SERVER_NAME: Field = optional(
    "server_name",
    ValueKind::String,
    "the host of `endpoint_url`",
    "The name that is asked for (SNI), and that the certificate has to be for.",
);
const STARTTLS: Field = optional(
    "starttls",
    ValueKind::Enum(&["smtp", "imap", "pop3", "postgres"]),
    "none: TLS begins at once",
    "The protocol in which a plain connection is turned into one with TLS.",
);

const fn timeout(default: &'static str, about: &'static str) -> Field {
    optional("timeout", ValueKind::Duration(SHORTEST_TIMEOUT, DAY), default, about)
}

const HTTP: Variant = Variant {
    word: "http",
    about: "An HTTP or HTTPS request. Every attempt is a connection of its own.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::Url, "The URL, `http://` or `https://`."),
        optional("method", ValueKind::String, "`GET`", "The request's method."),
        TIMEOUT,
        optional("headers", ValueKind::Headers, "none", "Headers of the request; `Host` is honored."),
        optional("body", ValueKind::String, "none", "The request's body."),
        optional(
            "up_status",
            ValueKind::StatusCodes,
            "`\"2xx\"`",
            "The status codes that are up: `200`, `\"2xx\"`, `\"200-299\"`, or a list of these. Without it, assertions about `[STATUS]` decide alone.",
        ),
        optional("must_contain", ValueKind::String, "none", "A text that the response's body must contain."),
        optional("must_not_contain", ValueKind::String, "none", "A text that the response's body must not contain."),
        optional(
            "max_redirects",
            ValueKind::Integer(0, 50),
            "`0`: a redirect is the answer",
            "How many redirects are followed.",
        ),
        optional(
            "body_limit",
            ValueKind::Integer(1, 1 << 30),
            "`1048576`",
            "How many bytes of a body are read, if any presence be.",
        ),
        TLS_CA_FILE,
        TLS_SKIP_VERIFY,
    ],
};

const TCP: Variant = Variant {
    word: "tcp",
    about: "A TCP connection, with TLS if asked for, and with a script of what to send and what to expect.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "Host and port, such as `db.example:5432` or `[::1]:5432`."),
        timeout("`1s`", "The longest an attempt may take, the script included."),
        optional("tls", ValueKind::Bool, "`false`; `true` with `starttls`", "Whether TLS is spoken."),
        STARTTLS,
        SERVER_NAME,
        TLS_CA_FILE,
        TLS_SKIP_VERIFY,
        optional(
            "script",
            ValueKind::List(&ValueKind::Object(STEP)),
            "none: connecting is enough",
            "What is sent and expected after connecting, step by step.",
        ),
    ],
};

const STEP: &[Field] = &[
    optional("send", ValueKind::String, "nothing", "A text that is sent; write `\\r\\n` for the end of a line."),
    optional(
        "expect",
        ValueKind::String,
        "nothing",
        "A regular expression that what arrives has to match, such as `^220 `; the next step sees what follows the match.",
    ),
];

const TLS: Variant = Variant {
    word: "tls",
    about: "A TLS handshake that verifies chain and host name, and looks at when the certificates expire.",
    fields: &[
        NAME,
        required(
            "endpoint_url",
            ValueKind::String,
            "Host and port, such as `shop.example:443`; without a port it is 443.",
        ),
        timeout("`1s`", "The longest an attempt may take."),
        STARTTLS,
        SERVER_NAME,
        optional(
            "cert_expiry_threshold",
            ValueKind::Duration(0, FOREVER),
            "`14d`",
            "A certificate that expires within this time makes it degraded.",
        ),
        optional(
            "cert_expiry_down",
            ValueKind::Duration(0, FOREVER),
            "`0`: when it has expired",
            "A certificate that expires within this time makes it down.",
        ),
        optional(
            "trusted_roots",
            ValueKind::List(&ValueKind::String),
            "the system's authorities",
            "PEM files of authorities to trust instead of the system's.",
        ),
    ],
};

const DNS: Variant = Variant {
    word: "dns",
    about: "A question to a name server. A wrong answer is down.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "The server: a host, with a port if it is not 53."),
        required("hostname_fqdn", ValueKind::String, "The name that is asked about."),
        timeout("`1s`", "The longest an attempt may take."),
        optional("record_type", ValueKind::Enum(dns::RECORDS), "`A`", "The kind of record that is asked for."),
        optional(
            "expected_answers",
            ValueKind::List(&ValueKind::String),
            "any answer will do",
            "The answers that have to come, all of them and no others, in any order. Names are compared without case and final dot; values, as of TXT and CAA, exactly, with or without quotes.",
        ),
        optional("rcode", ValueKind::Enum(dns::RCODES), "`NOERROR`", "The response code that has to come."),
        optional(
            "dnssec",
            ValueKind::Bool,
            "`false`",
            "Whether the server has to say that it verified the answer by DNSSEC.",
        ),
    ],
};

const ICMP: Variant = Variant {
    word: "icmp",
    about: "An echo request (ping). It needs no privilege where the system's `ping_group_range` allows it.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "A host name or an IP address."),
        timeout("`1s`", "The longest an attempt may take."),
    ],
};

const WEBSOCKET: Variant = Variant {
    word: "websocket",
    about: "A WebSocket connection, with a message and the reply to it if asked for.",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "The URL, `ws://` or `wss://`."),
        TIMEOUT,
        optional("headers", ValueKind::Headers, "none", "Headers of the request, such as `Sec-WebSocket-Protocol`."),
        optional("send", ValueKind::String, "nothing", "A message that is sent."),
        optional(
            "expect",
            ValueKind::String,
            "nothing",
            "A regular expression that a message that arrives has to match.",
        ),
        TLS_CA_FILE,
        TLS_SKIP_VERIFY,
    ],
};

const GRPC: Variant = Variant {
    word: "grpc",
    about: "A question to the standard health service (`grpc.health.v1.Health`).",
    fields: &[
        NAME,
        required("endpoint_url", ValueKind::String, "Host and port, such as `api.example:50051`."),
        TIMEOUT,
        optional("service", ValueKind::String, "the server as a whole", "The service that is asked about."),
        optional("tls", ValueKind::Bool, "`false`", "Whether TLS is spoken."),
        SERVER_NAME,
        TLS_CA_FILE,
        TLS_SKIP_VERIFY,
    ],
};

const EXEC: Variant = Variant {
    word: "exec",
    about: "A command, run without a shell. When the attempt ends, its process group is killed: the command and what it started, save what left the group (`setsid`).",
    fields: &[
        required("name", ValueKind::String, "What people call it; the title on the page."),
        required("command", ValueKind::String, "The program: a path, or a name that is found in `PATH`."),
        optional("arguments", ValueKind::List(&ValueKind::String), "none", "Its arguments."),
        timeout("`10s`", "The longest it may run."),
        optional(
            "exit_status",
            ValueKind::Integer(0, 255),
            "`0`",
            "The exit status that means success. Without it, assertions about `[STATUS]` decide alone.",
        ),
        optional("must_contain", ValueKind::String, "none", "A text that its output must contain."),
        optional("must_not_contain", ValueKind::String, "none", "A text that its output must not contain."),
        optional(
            "raise",
            ValueKind::Enum(&["error", "warn", "warning"]),
            "`error`",
            "What a failure means: `error` is down, `warn` (or `warning`) is degraded.",
        ),
    ],
};

const HEARTBEAT: Variant = Variant {
    word: "heartbeat",
    about: "A job that reports in with `checker beat JOB`. It is down if it is late, or says that it failed.",
    fields: &[
        NAME,
        required("job", ValueKind::String, "The job's name: 1 to 64 of `a-z`, `0-9` and `-`."),
        required("interval", ValueKind::Duration(SECOND, FOREVER), "How often the job reports in."),
        optional("grace", ValueKind::Duration(0, FOREVER), "`1m`", "How much later than that it may report in."),
        timeout("`10s`", "The longest that reading from the store may take; after that it is unknown."),
    ],
};
