//! The configuration table lists every key with its type, default and description. Validation, the JSON Schema and the
//! reference in `docs/configuration.md` are based on it.

use shared::page_config::appearance;

use super::checks::CHECKERS;
use super::spec::{CENTURY, DAY, Field, SECOND, ValueKind, Variant, optional, required};
use super::{notifiers, outputs, patterns};

pub const ROOT: ValueKind = ValueKind::Object(ROOT_FIELDS);

pub const ROOT_FIELDS: &[Field] = &[
    optional("$schema", ValueKind::String, "none", "The JSON Schema of this file, for editors."),
    optional(
        "node",
        ValueKind::Pattern(patterns::NODE_NAME),
        "the host name",
        "The name of this node: 1 to 32 lowercase letters, digits and hyphens.",
    ),
    optional(
        "author",
        ValueKind::Pattern(patterns::NODE_NAME),
        "the name of the node",
        "The name under which `checker incident` and other commands post: 1 to 32 lowercase letters, digits and hyphens.",
    ),
    optional("templates", ValueKind::Map(&TEMPLATE), "none", "Texts for incidents; see [Incidents](incidents.md)."),
    optional(
        "every",
        ValueKind::Duration(SECOND, DAY),
        "`1m` for `serve`; `run` uses `--every`",
        "The interval between checks. Results contain it, so the page knows how long they are valid.",
    ),
    optional(
        "concurrent_checks",
        ValueKind::Integer(0, 100_000),
        "`64` for a single run; `512` for `serve` and `run --every`, and up to `4096` including checks that take longer than a second; `0` means the default",
        "The maximum number of checks to run at the same time.",
    ),
    optional(
        "online_check",
        ValueKind::List(&ValueKind::Pattern(patterns::HOST_AND_PORT)),
        "none: this node is assumed to be online",
        "Addresses such as `1.1.1.1:443`. If an endpoint is down and none of them accepts a connection, this node is \
         offline, and the result is unknown.",
    )
    .formerly("connectivity"),
    required("checkers", CHECKERS, "The endpoints to check."),
    optional(
        "deny_private_addresses",
        ValueKind::Bool,
        "`false`",
        "Whether checks may connect only to public addresses, for checkers whose URLs come from other people.",
    ),
    optional("storage", STORAGE, "none: results are only printed", "Where results are stored."),
    optional(
        "spool_dir",
        ValueKind::String,
        "`$XDG_STATE_HOME/checkup/spool`, or `~/.local/state/checkup/spool`",
        "The directory for results that could not be stored. They are sent before the next results.",
    ),
    optional(
        "page",
        ValueKind::Object(PAGE),
        "a page with the title `Status` and a range of 24 hours",
        "The settings of the page that `checker serve` serves and `checker provision` prepares.",
    ),
    optional(
        "summaries",
        ValueKind::Bool,
        "`true` for up to 1,000 endpoints",
        "Whether this node stores a summary and badges for clients without JavaScript.",
    ),
    optional(
        "outputs",
        ValueKind::Object(outputs::SECTION),
        "see `store` below",
        "Feeds, a calendar, the Statuspage API and badges for other programs; see [Outputs](outputs.md).",
    ),
    optional(
        "metrics",
        ValueKind::SwitchOrObject(METRICS),
        "`false`",
        "Whether `checker serve` answers `/metrics`; with `token`, only for clients that send it. See [Prometheus](prometheus.md).",
    ),
    optional(
        "metrics_file",
        ValueKind::Pattern(patterns::NOT_EMPTY),
        "none",
        "A file to which this node's metrics are written after each round, for a textfile collector.",
    ),
    optional(
        "timestamp",
        ValueKind::Pattern(patterns::TIME),
        "now",
        "A fixed time (RFC 3339) for all results, instead of the current time.",
    ),
    optional(
        "notify",
        ValueKind::Object(notifiers::SECTION),
        "see its section",
        "The rules for notifications that all channels share; see [Notifications](notifications.md).",
    ),
    optional(
        notifiers::NOTIFIERS,
        notifiers::NOTIFIERS_KIND,
        "none",
        "The channels to notify, such as a chat or mail addresses; see [Notifications](notifications.md).",
    )
    .formerly("notifier"),
];

const METRICS: &[Field] =
    &[required("token", ValueKind::Secret, "The token that clients send as `Authorization: Bearer …`.")];

/// A text that `checker incident open --template` uses.
const TEMPLATE: ValueKind = ValueKind::Object(&[
    optional("title", ValueKind::String, "none", "The title of the incident."),
    optional("text", ValueKind::String, "none", "The text as HTML."),
    optional("affects", ValueKind::List(&ValueKind::String), "none", "Endpoints with their impact: `Shop=degraded`."),
]);

const STORAGE: ValueKind = ValueKind::Tagged {
    name: "storage",
    keys: &["type", "provider"],
    variants: &[S3, DIRECTORY],
    unsupported: &["github", "mysql", "postgres", "sqlite3", "appinsights", "sql"],
    common: &[],
};

const EXPIRY: Field = optional(
    "check_expiry",
    ValueKind::Duration(0, CENTURY),
    "kept indefinitely",
    "The age at which this node's check files are deleted; `0` keeps them.",
);

const HISTORY_EXPIRY: Field = optional(
    "history_expiry",
    ValueKind::Duration(DAY, CENTURY),
    "`400d`",
    "How far back this node's history reaches. It outlives the check files that it summarizes.",
);

const S3: Variant = Variant {
    name: "s3",
    description: "A bucket in Amazon S3 or a compatible service.",
    fields: &[
        required("bucket", ValueKind::Pattern(patterns::NOT_EMPTY), "The name of the bucket."),
        optional(
            "region",
            ValueKind::String,
            "from the environment or the profile, otherwise `us-east-1`",
            "The region of the bucket.",
        ),
        optional(
            "access_key_id",
            ValueKind::String,
            "the AWS default credential chain: environment, profile, instance role",
            "The writer's access key ID.",
        ),
        optional(
            "secret_access_key",
            ValueKind::String,
            "the AWS default credential chain",
            "The writer's secret access key, preferably as a variable such as `${AWS_SECRET_ACCESS_KEY}`.",
        ),
        optional("endpoint_url", ValueKind::Url, "AWS", "The URL of the service, for services other than AWS."),
        optional(
            "path_style",
            ValueKind::Bool,
            "`false`",
            "Whether URLs contain the bucket name in the path instead of the host name.",
        ),
        optional(
            "prefix",
            ValueKind::Pattern(patterns::PREFIX),
            "none",
            "The prefix of all object names: one or more folders, ending with a slash.",
        ),
        EXPIRY,
        HISTORY_EXPIRY,
    ],
};

const DIRECTORY: Variant = Variant {
    name: "fs",
    description: "A local directory, which any static web server can publish.",
    fields: &[
        required("dir", ValueKind::String, "The directory, relative to the configuration file."),
        optional("url", ValueKind::String, "none", "The URL of the original Checkup's page. Not used."),
        EXPIRY,
        HISTORY_EXPIRY,
    ],
};

/// The keys of the page: the settings in its `config.json`, and the origins whose pages can show it in a frame.
pub const PAGE: &[Field] = &[
    optional("title", ValueKind::String, "`Status`", "The title of the page."),
    optional("range", ValueKind::Duration(shared::HOUR, 366 * DAY), "`24h`", "The time range that the page shows."),
    optional("refresh", ValueKind::Duration(5 * SECOND, DAY), "`60s`", "The interval at which the page refreshes."),
    optional(
        "interval",
        ValueKind::Duration(SECOND, 31 * DAY),
        "`10m`",
        "How long a result is valid if it has no interval and none can be derived from neighboring results.",
    ),
    optional(
        "offline",
        ValueKind::Bool,
        "`true`",
        "Whether browsers keep the page and its latest data for offline use.",
    ),
    optional(
        "authors",
        ValueKind::List(&ValueKind::Pattern(patterns::NODE_NAME)),
        "all authors",
        "The authors whose incidents, maintenance and messages the page shows.",
    ),
    optional(
        "editors",
        ValueKind::List(&ValueKind::Pattern(patterns::NODE_NAME)),
        "none: authors change only their own posts",
        "The authors who may replace and withdraw what others posted.",
    ),
    optional(
        "embed_by",
        ValueKind::List(&ValueKind::Pattern(patterns::ORIGIN)),
        "none: only the page's own origin",
        "The origins whose pages may show this one in a frame, for example `https://example.com`.",
    ),
    optional(
        "language",
        ValueKind::Enum(&["auto", "en", "de", "fr", "es", "pt", "ja", "zh", "ar"]),
        "`auto`: the visitor's language",
        "The language of the page.",
    ),
    optional(
        "logo",
        ValueKind::String,
        "none",
        "An image before the title: a file next to the page, or a `data:image/…` URL.",
    ),
    optional(
        "favicon",
        ValueKind::String,
        "an icon that shows the status",
        "The icon for the browser tab, in the same format as `logo`.",
    ),
    optional(
        "outputs",
        ValueKind::Object(OUTPUTS),
        "`serve`, and `provision` if everyone can read outputs: their addresses; otherwise none",
        "Where visitors can read the feeds and the calendar.",
    ),
    optional("links", ValueKind::List(&ValueKind::Object(LINK)), "none", "The links in the header."),
    optional(
        "subscribe",
        ValueKind::List(&ValueKind::Object(SUBSCRIBE_LINK)),
        "none",
        "Links in the Subscribe menu, for example to mailing lists. Public channels of `notifiers` come before them.",
    ),
    optional("footer", ValueKind::String, "none", "The text at the bottom of the page."),
    optional(
        "theme",
        ValueKind::Object(THEME),
        "neutral",
        "Colors, corners and font; see [Appearance](status-page.md#appearance).",
    )
    .formerly("look"),
    optional("labels", ValueKind::Object(LABELS), "the default names", "Custom names for the statuses.")
        .formerly("texts"),
    optional("groups", ValueKind::List(&ValueKind::Object(GROUP)), "none", "Groups of endpoints, in order."),
    optional(
        "order",
        ValueKind::List(&ValueKind::String),
        "as in `checkers`",
        "The order of endpoints, by title. `Shop *` matches every title that starts with `Shop `.",
    ),
    optional(
        "endpoints",
        ValueKind::List(&ValueKind::Object(DESCRIPTION)),
        "none",
        "The descriptions and links that the page shows for endpoints.",
    ),
    optional(
        "charts",
        ValueKind::Enum(&["folded", "open"]),
        "`folded`",
        "Whether the charts of response times are open at first.",
    ),
    optional(
        "details",
        ValueKind::Bool,
        "`serve` on a loopback address: `true`; elsewhere: `false`",
        "Whether the page shows the URLs and the error messages of endpoints.",
    ),
    optional(
        "hidden",
        ValueKind::Object(HIDDEN),
        "nothing",
        "The titles of endpoints whose error messages or URLs are hidden.",
    )
    .formerly("hide"),
];

const LINK: &[Field] = &[
    required("text", ValueKind::String, "The link text."),
    required("url", ValueKind::String, "The target, an `https:`, `http:`, `mailto:` or relative URL."),
];

const SUBSCRIBE_LINK: &[Field] = &[
    required("text", ValueKind::String, "The link text."),
    required("url", ValueKind::String, "The target, an `https:`, `http:` or `mailto:` URL."),
];

const DESCRIPTION: &[Field] = &[
    required("title", ValueKind::String, "The title of the endpoints. `Shop *` matches all that start with `Shop `."),
    optional("about", ValueKind::String, "none", "A sentence for customers: what the service is for."),
    optional(
        "link",
        ValueKind::String,
        "none",
        "The URL of a page for operators, such as a runbook. The page shows it only with `details`.",
    ),
];

const OUTPUTS: &[Field] = &[required(
    "url",
    ValueKind::String,
    "The URL of the folder that contains `feed.atom`, relative to the page or absolute.",
)];

const THEME: &[Field] = &[
    optional("light", ValueKind::Object(COLORS), "neutral colors", "Colors for the light theme."),
    optional("dark", ValueKind::Object(COLORS), "neutral colors", "Colors for the dark theme."),
    optional("radius", ValueKind::Integer(0, 24), "6", "The corner radius in pixels."),
    optional("font", ValueKind::Enum(&["system", "serif", "rounded", "mono"]), "`system`", "The font."),
];

/// The keys that set the colors of the page.
const COLORS: &[Field] = &{
    let mut fields =
        [optional("", ValueKind::String, "a neutral color", "A color, as `#rrggbb`."); appearance::COLORS.len()];
    let mut index = 0;
    while index < fields.len() {
        fields[index].key = appearance::COLORS[index];
        index += 1;
    }
    fields
};

const LABELS: &[Field] = &[
    optional("healthy", ValueKind::Object(LABEL), "healthy", "The label for the `healthy` status."),
    optional("degraded", ValueKind::Object(LABEL), "degraded", "The label for the `degraded` status."),
    optional("down", ValueKind::Object(LABEL), "down", "The label for the `down` status."),
    optional("unknown", ValueKind::Object(LABEL), "unknown", "The label for the `unknown` status."),
];

const LABEL: &[Field] = &[
    optional("word", ValueKind::String, "the default name", "An adjective that can follow “is”."),
    optional("remark", ValueKind::String, "none", "The text below the headline while this is the overall status."),
];

const GROUP_TITLE: Field = required("title", ValueKind::String, "The title of the group.");
const GROUP_ENDPOINTS: Field = optional(
    "endpoints",
    ValueKind::List(&ValueKind::String),
    "none",
    "The titles of its endpoints, or prefixes of titles followed by `*`.",
);

const GROUP: &[Field] = &[
    GROUP_TITLE,
    GROUP_ENDPOINTS,
    optional("groups", ValueKind::List(&ValueKind::Object(INNER_GROUP)), "none", "Nested groups, one level deep."),
];

const INNER_GROUP: &[Field] = &[GROUP_TITLE, GROUP_ENDPOINTS];

const HIDDEN: &[Field] = &[
    optional(
        "errors",
        ValueKind::List(&ValueKind::String),
        "none",
        "The titles of endpoints whose error messages are hidden.",
    ),
    optional("locators", ValueKind::List(&ValueKind::String), "none", "The titles of endpoints whose URLs are hidden."),
];
