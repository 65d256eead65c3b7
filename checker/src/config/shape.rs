//! What may stand in the configuration file: one table that validation, the JSON Schema and the reference in
//! `docs/configuration.md` are all made from.

/// What a value has to be.
#[derive(Debug, Clone, Copy)]
pub enum Shape {
    /// Any text.
    Text,
    /// An `http` or `https` URL.
    Url,
    /// One of these words.
    Word(&'static [&'static str]),
    /// An integer between two numbers, both included.
    Integer(i64, i64),
    /// `true` or `false`.
    Flag,
    /// A duration: text with a unit, or integer nanoseconds; between two numbers of nanoseconds, both included.
    Duration(i64, i64),
    /// HTTP status codes: a code, a class such as `2xx`, a range such as `200-299`, or a list of these.
    StatusCodes,
    /// How several nodes agree: `any`, `majority`, `all`, or a number of nodes.
    Verdict,
    /// Header names, each with a text or a list of texts.
    Headers,
    /// A list of one shape.
    List(&'static Shape),
    /// An object with known keys.
    Object(&'static [Field]),
    /// An object whose kind stands under the first of these keys that is there.
    Tagged {
        /// Where the kind stands; the first is today's spelling, the others the original's older ones.
        keys: &'static [&'static str],
        /// The kinds that are supported.
        variants: &'static [Variant],
        /// The original's kinds that are not supported yet.
        not_yet: &'static [&'static str],
    },
    /// Anything: read from the original's files, but without meaning here.
    Anything,
}

/// A key of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What its value has to be.
    pub shape: Shape,
    /// Whether it must be there.
    pub need: Need,
    /// What it means, in a sentence for the schema and the reference.
    pub about: &'static str,
}

/// Whether a key must be there, and what holds if it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It must be there.
    Required,
    /// It may be left out; this is what holds then, in words.
    Optional(&'static str),
}

/// One kind of a tagged object.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// The kind's word.
    pub word: &'static str,
    /// Its keys, without the one the kind stands under.
    pub fields: &'static [Field],
    /// What it is, in a sentence.
    pub about: &'static str,
}

const fn required(key: &'static str, shape: Shape, about: &'static str) -> Field {
    Field { key, shape, need: Need::Required, about }
}

const fn optional(key: &'static str, shape: Shape, default: &'static str, about: &'static str) -> Field {
    Field { key, shape, need: Need::Optional(default), about }
}

const SECOND: i64 = shared::SECOND;
const DAY: i64 = shared::DAY;
/// A hundred years: longer than anything that is meant.
const FOREVER: i64 = 36_500 * DAY;

/// The whole file.
pub const ROOT: Shape = Shape::Object(&[
    optional("$schema", Shape::Text, "none", "The JSON Schema of this file, for editors."),
    optional(
        "node",
        Shape::Text,
        "the host's name",
        "The name of this checker among several: 1 to 32 of `a-z`, `0-9` and `-`.",
    ),
    optional(
        "every",
        Shape::Duration(SECOND, DAY),
        "`1m` for `serve`; for `run` the schedule it is given",
        "How often a round is made. Results say so, so that the page knows how long each stands.",
    ),
    optional(
        "concurrent_checks",
        Shape::Integer(0, 100_000),
        "`64`; 0 means the same",
        "How many checks are under way at once.",
    ),
    required(
        "checkers",
        Shape::List(&Shape::Tagged { keys: &["type"], variants: &[HTTP], not_yet: &["tcp", "dns", "tls", "exec"] }),
        "What is watched.",
    ),
    optional("storage", STORAGE, "none: rounds are only printed", "Where results are stored."),
    optional(
        "spool_dir",
        Shape::Text,
        "`$XDG_STATE_HOME/checkup/spool`, or `~/.local/state/checkup/spool`",
        "Where rounds wait that could not be stored; they are sent first next time.",
    ),
    optional(
        "page",
        Shape::Object(PAGE),
        "a page called `Status` over 24 hours",
        "What the page that `checker serve` serves is told.",
    ),
    optional("timestamp", Shape::Text, "now", "A time (RFC 3339) that every result carries instead of the clock's."),
    optional("notifiers", Shape::Anything, "none", "The original's notifiers; not yet supported."),
    optional("notifier", Shape::Anything, "none", "The original's older spelling of `notifiers`; not yet supported."),
]);

const HTTP: Variant = Variant {
    word: "http",
    about: "An HTTP or HTTPS request. Every attempt is a connection of its own.",
    fields: &[
        required("endpoint_name", Shape::Text, "What people call it; the title on the page."),
        required("endpoint_url", Shape::Url, "The URL, `http://` or `https://`."),
        optional("method", Shape::Text, "`GET`", "The request's method."),
        optional("headers", Shape::Headers, "none", "Headers of the request; `Host` is honoured."),
        optional("body", Shape::Text, "none", "The request's body."),
        optional(
            "attempts",
            Shape::Integer(0, 1_000),
            "`1`; 0 means the same",
            "How many attempts a check makes. Any that fails makes it down.",
        ),
        optional("attempt_spacing", Shape::Duration(0, DAY), "`0`", "How long to wait between attempts."),
        optional(
            "timeout",
            Shape::Duration(1_000_000, DAY),
            "`10s`",
            "The longest an attempt may take, from the look-up of the name to the last byte that is read.",
        ),
        optional(
            "threshold_rtt",
            Shape::Duration(0, FOREVER),
            "none",
            "The median round-trip time above which it is degraded.",
        ),
        optional(
            "up_status",
            Shape::StatusCodes,
            "`\"2xx\"`",
            "The status codes that are up: `200`, `\"2xx\"`, `\"200-299\"`, or a list of these.",
        ),
        optional(
            "verdict",
            Shape::Verdict,
            "`\"majority\"`",
            "How many of the nodes that report have to see it down before it is: `\"any\"`, `\"majority\"`, `\"all\"`, or a number. Results say so, so that the page and `checker status` agree.",
        ),
        optional("must_contain", Shape::Text, "none", "A text that the response's body must contain."),
        optional("must_not_contain", Shape::Text, "none", "A text that the response's body must not contain."),
        optional(
            "max_redirects",
            Shape::Integer(0, 50),
            "`0`: a redirect is the answer",
            "How many redirects are followed.",
        ),
        optional(
            "body_limit",
            Shape::Integer(1, 1 << 30),
            "`1048576`",
            "How many bytes of a body are read, if any need be.",
        ),
        optional(
            "tls_ca_file",
            Shape::Text,
            "the system's authorities",
            "A PEM file of authorities to trust instead of the system's.",
        ),
        optional(
            "tls_skip_verify",
            Shape::Flag,
            "`false`",
            "Whether any certificate is accepted. The check then proves little.",
        ),
    ],
};

const STORAGE: Shape = Shape::Tagged {
    keys: &["type", "provider"],
    variants: &[S3, DIRECTORY],
    not_yet: &["github", "mysql", "postgres", "sqlite3", "appinsights", "sql"],
};

const EXPIRY: Field = optional(
    "check_expiry",
    Shape::Duration(0, FOREVER),
    "kept for ever",
    "The age at which this node's check files are removed; 0 keeps them.",
);

const HISTORY_EXPIRY: Field = optional(
    "history_expiry",
    Shape::Duration(DAY, FOREVER),
    "`400d`",
    "How far back this node's history reaches; it outlives the check files it is made of.",
);

const S3: Variant = Variant {
    word: "s3",
    about: "A bucket of Amazon S3 or of any service that speaks its API.",
    fields: &[
        required("bucket", Shape::Text, "The bucket's name."),
        optional("region", Shape::Text, "the environment's or the profile's, else `us-east-1`", "The bucket's region."),
        optional(
            "access_key_id",
            Shape::Text,
            "AWS's default chain: environment, profile, instance role",
            "The writer's access key id.",
        ),
        optional(
            "secret_access_key",
            Shape::Text,
            "AWS's default chain",
            "The writer's secret access key; best as `${AWS_SECRET_ACCESS_KEY}`.",
        ),
        optional("endpoint_url", Shape::Url, "AWS", "The service's URL, where it is not AWS."),
        optional(
            "path_style",
            Shape::Flag,
            "`false`",
            "Whether the bucket stands in the path and not in the host name.",
        ),
        optional(
            "prefix",
            Shape::Text,
            "none",
            "What every object's name begins with: folders with a slash at the end.",
        ),
        EXPIRY,
        HISTORY_EXPIRY,
    ],
};

const DIRECTORY: Variant = Variant {
    word: "fs",
    about: "A directory of this machine, which any static web server can publish.",
    fields: &[
        required("dir", Shape::Text, "The directory; relative to the configuration file's folder."),
        optional("url", Shape::Text, "none", "The original's key for its page; ours does not need it."),
        EXPIRY,
        HISTORY_EXPIRY,
    ],
};

const PAGE: &[Field] = &[
    optional("title", Shape::Text, "`Status`", "The page's name."),
    optional("range", Shape::Duration(shared::HOUR, 366 * DAY), "`24h`", "How far back the page looks."),
    optional("refresh", Shape::Duration(5 * SECOND, DAY), "`60s`", "How often the page looks again."),
];
