//! What may stand in the configuration file: one table that validation, the JSON Schema and the reference in
//! `docs/configuration.md` are all made from.

use shared::page_config::appearance;

use super::checks::spec::CHECKERS;

/// What a value has to be.
#[derive(Debug, Clone, Copy)]
pub enum ValueKind {
    /// Any text.
    String,
    /// An `http` or `https` URL.
    Url,
    /// One of these words.
    Enum(&'static [&'static str]),
    /// An integer between two numbers, both included.
    Integer(i64, i64),
    /// `true` or `false`.
    Bool,
    /// A duration: text with a unit, or integer nanoseconds; between two numbers of nanoseconds, both included.
    Duration(i64, i64),
    /// HTTP status codes: a code, a class such as `2xx`, a range such as `200-299`, or a list of these.
    StatusCodes,
    /// How several nodes agree: `any`, `majority`, `all`, or a number of nodes.
    Quorum,
    /// Assertions: texts such as `[STATUS] == 200`, or objects that combine them.
    Assertions,
    /// Header names, each with a text or a list of texts.
    Headers,
    /// A list of one kind.
    List(&'static ValueKind),
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
        /// Keys that every kind has.
        common: &'static [Field],
    },
    /// Anything: read from the original's files, but without meaning here.
    Any,
}

/// A key of an object.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// The name of the key in earlier versions. It is still accepted, with a notice.
    pub former: Option<&'static str>,
    /// What its value has to be.
    pub kind: ValueKind,
    /// Whether it must be there.
    pub presence: Presence,
    /// What it means, in a sentence for the schema and the reference.
    pub about: &'static str,
}

impl Field {
    /// The same key, renamed from `former`.
    pub(super) const fn formerly(self, former: &'static str) -> Field {
        Field { former: Some(former), ..self }
    }

    /// Whether this is its current or its former name.
    #[must_use]
    pub fn is_named(&self, key: &str) -> bool {
        self.key == key || self.former == Some(key)
    }
}

/// Whether a key must be there, and what holds if it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
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

pub(super) const fn required(key: &'static str, kind: ValueKind, about: &'static str) -> Field {
    Field { key, former: None, kind, presence: Presence::Required, about }
}

pub(super) const fn optional(key: &'static str, kind: ValueKind, default: &'static str, about: &'static str) -> Field {
    Field { key, former: None, kind, presence: Presence::Optional(default), about }
}

pub(super) const SECOND: i64 = shared::SECOND;
pub(super) const DAY: i64 = shared::DAY;
/// A hundred years: longer than anything that is meant.
pub(super) const FOREVER: i64 = 36_500 * DAY;

/// The whole file.
pub const ROOT: ValueKind = ValueKind::Object(&[
    optional("$schema", ValueKind::String, "none", "The JSON Schema of this file, for editors."),
    optional(
        "node",
        ValueKind::String,
        "the host's name",
        "The name of this checker among several: 1 to 32 of `a-z`, `0-9` and `-`.",
    ),
    optional(
        "every",
        ValueKind::Duration(SECOND, DAY),
        "`1m` for `serve`; for `run` the schedule it is given",
        "How often a round is made. Results say so, so that the page knows how long each stands.",
    ),
    optional(
        "concurrent_checks",
        ValueKind::Integer(0, 100_000),
        "`64` for a single round; `serve` and `run --every` have `512`, and up to `4096` with those that take longer than a second; 0 means the same",
        "How many checks are under way at once.",
    ),
    optional(
        "online_check",
        ValueKind::List(&ValueKind::String),
        "none: this node is taken to be online",
        "Addresses such as `1.1.1.1:443`. If something is down and none of them accepts a connection, this node is \
         offline, and the result is unknown.",
    )
    .formerly("connectivity"),
    required("checkers", CHECKERS, "What is watched."),
    optional(
        "deny_private_addresses",
        ValueKind::Bool,
        "`false`",
        "Whether checks may only connect to public addresses; for those who check other people's URLs.",
    ),
    optional("storage", STORAGE, "none: rounds are only printed", "Where results are stored."),
    optional(
        "spool_dir",
        ValueKind::String,
        "`$XDG_STATE_HOME/checkup/spool`, or `~/.local/state/checkup/spool`",
        "Where rounds wait that could not be stored; they are sent first next time.",
    ),
    optional(
        "page",
        ValueKind::Object(PAGE),
        "a page called `Status` over 24 hours",
        "What the page is told that `checker serve` serves, or that `checker provision` prepares.",
    ),
    optional(
        "summaries",
        ValueKind::Bool,
        "`true` up to 1,000 endpoints",
        "Whether this node keeps a summary and badges in the store for those who run no script.",
    ),
    optional(
        "timestamp",
        ValueKind::String,
        "now",
        "A time (RFC 3339) that every result carries instead of the clock's.",
    ),
    optional("notifiers", ValueKind::Any, "none", "The original's notifiers; not yet supported."),
    optional("notifier", ValueKind::Any, "none", "The original's older spelling of `notifiers`; not yet supported."),
]);

const STORAGE: ValueKind = ValueKind::Tagged {
    keys: &["type", "provider"],
    variants: &[S3, DIRECTORY],
    not_yet: &["github", "mysql", "postgres", "sqlite3", "appinsights", "sql"],
    common: &[],
};

const EXPIRY: Field = optional(
    "check_expiry",
    ValueKind::Duration(0, FOREVER),
    "kept for ever",
    "The age at which this node's check files are removed; 0 keeps them.",
);

const HISTORY_EXPIRY: Field = optional(
    "history_expiry",
    ValueKind::Duration(DAY, FOREVER),
    "`400d`",
    "How far back this node's history reaches; it outlives the check files it is made of.",
);

const S3: Variant = Variant {
    word: "s3",
    about: "A bucket of Amazon S3 or of any service that speaks its API.",
    fields: &[
        required("bucket", ValueKind::String, "The bucket's name."),
        optional(
            "region",
            ValueKind::String,
            "the environment's or the profile's, else `us-east-1`",
            "The bucket's region.",
        ),
        optional(
            "access_key_id",
            ValueKind::String,
            "AWS's default chain: environment, profile, instance role",
            "The writer's access key id.",
        ),
        optional(
            "secret_access_key",
            ValueKind::String,
            "AWS's default chain",
            "The writer's secret access key; best as `${AWS_SECRET_ACCESS_KEY}`.",
        ),
        optional("endpoint_url", ValueKind::Url, "AWS", "The service's URL, where it is not AWS."),
        optional(
            "path_style",
            ValueKind::Bool,
            "`false`",
            "Whether the bucket stands in the path and not in the host name.",
        ),
        optional(
            "prefix",
            ValueKind::String,
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
        required("dir", ValueKind::String, "The directory; relative to the configuration file's folder."),
        optional("url", ValueKind::String, "none", "The original's key for its page; ours does not presence it."),
        EXPIRY,
        HISTORY_EXPIRY,
    ],
};

/// What the page's own `config.json` says, too, and who may show the page.
const PAGE: &[Field] = &[
    optional("title", ValueKind::String, "`Status`", "The page's name."),
    optional("range", ValueKind::Duration(shared::HOUR, 366 * DAY), "`24h`", "How far back the page looks."),
    optional("refresh", ValueKind::Duration(5 * SECOND, DAY), "`60s`", "How often the page looks again."),
    optional(
        "interval",
        ValueKind::Duration(SECOND, 31 * DAY),
        "`10m`",
        "How long a result stands that does not say so and has no neighbors to tell.",
    ),
    optional(
        "offline",
        ValueKind::Bool,
        "`true`",
        "Whether browsers keep the page and what it last showed for when they are offline.",
    ),
    optional(
        "embed_by",
        ValueKind::List(&ValueKind::String),
        "none: only the page's own origin",
        "The origins whose pages may show this one in a frame, such as `https://example.com`.",
    ),
    optional(
        "language",
        ValueKind::Enum(&["auto", "en", "de", "fr", "es", "pt", "ja", "zh", "ar"]),
        "`auto`: the reader's",
        "The language of the page.",
    ),
    optional(
        "logo",
        ValueKind::String,
        "none",
        "A picture before the title: a file beside the page or a `data:image/…` URL.",
    ),
    optional("favicon", ValueKind::String, "it tells the state", "The tab's icon, as `logo`."),
    optional("links", ValueKind::List(&ValueKind::Object(LINK)), "none", "The links in the header."),
    optional("footer", ValueKind::String, "none", "A text at the bottom."),
    optional("look", ValueKind::Object(LOOK), "calm", "Colors, corners and font; docs/status-page.md has the names."),
    optional("texts", ValueKind::Object(TEXTS), "their own names", "What the statuses are called."),
    optional("groups", ValueKind::List(&ValueKind::Object(GROUP)), "none", "Groups of endpoints, in their order."),
    optional(
        "order",
        ValueKind::List(&ValueKind::String),
        "as in `checkers`",
        "Titles in the order in which endpoints stand where nothing needs attention; `Shop *` is every title that \
         begins so.",
    ),
    optional(
        "hide",
        ValueKind::Object(HIDE),
        "nothing",
        "The titles of endpoints whose error texts or URLs are not shown.",
    ),
];

const LINK: &[Field] = &[
    required("text", ValueKind::String, "Its words."),
    required("url", ValueKind::String, "Where it leads: `https:`, `http:`, `mailto:` or relative."),
];

const LOOK: &[Field] = &[
    optional("light", ValueKind::Object(COLORS), "calm colors", "Colors on light ground."),
    optional("dark", ValueKind::Object(COLORS), "calm colors", "Colors on dark ground."),
    optional("radius", ValueKind::Integer(0, 24), "6", "How round corners are, in pixels."),
    optional("font", ValueKind::Enum(&["system", "serif", "rounded", "mono"]), "`system`", "The font."),
];

/// One field for each color that can be chosen.
const COLORS: &[Field] = &{
    let mut fields =
        [optional("", ValueKind::String, "a calm one", "A color, as `#rrggbb`."); appearance::COLORS.len()];
    let mut place = 0;
    while place < fields.len() {
        fields[place].key = appearance::COLORS[place];
        place += 1;
    }
    fields
};

const TEXTS: &[Field] = &[
    optional("healthy", ValueKind::Object(TEXT), "healthy", "What healthy is called."),
    optional("degraded", ValueKind::Object(TEXT), "degraded", "What degraded is called."),
    optional("down", ValueKind::Object(TEXT), "down", "What down is called."),
    optional("unknown", ValueKind::Object(TEXT), "unknown", "What unknown is called."),
];

const TEXT: &[Field] = &[
    optional("word", ValueKind::String, "its own name", "An adjective that fits behind “is”."),
    optional("remark", ValueKind::String, "nothing", "What stands below the first sentence while this is the state."),
];

const GROUP: &[Field] = &[
    required("title", ValueKind::String, "Its name."),
    optional(
        "endpoints",
        ValueKind::List(&ValueKind::String),
        "none",
        "The titles of its endpoints, or beginnings with a `*`.",
    ),
    optional("groups", ValueKind::List(&ValueKind::Object(INNER_GROUP)), "none", "The groups in it; those have none."),
];

const INNER_GROUP: &[Field] = &[
    required("title", ValueKind::String, "Its name."),
    optional(
        "endpoints",
        ValueKind::List(&ValueKind::String),
        "none",
        "The titles of its endpoints, or beginnings with a `*`.",
    ),
];

const HIDE: &[Field] = &[
    optional("errors", ValueKind::List(&ValueKind::String), "none", "Whose error texts are not shown."),
    optional("locators", ValueKind::List(&ValueKind::String), "none", "Whose URLs are not shown."),
];
