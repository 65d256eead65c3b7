//! The responses on which curl and the checker disagree, with the reasons. `docs/verdicts.md` contains the same table.

/// A quirk on which curl and the checker disagree.
#[derive(Debug)]
pub(super) struct Disagreement {
    /// The name of the quirk.
    pub(super) quirk: &'static str,
    /// Whether a response with it is healthy for the checker. For curl, the opposite is true.
    pub(super) is_healthy: bool,
    pub(super) reason: &'static str,
}

const AMBIGUOUS_LENGTH: &str = "Without a valid length, nothing shows whether the body is complete (RFC 9112 6.3). curl ignores the length, or reads its first digits.";
const LIKE_A_URL: &str = "The location is read like a URL in browsers.";
const NOT_A_REDIRECT: &str = "Only 301, 302, 303, 307 and 308 are redirects (Fetch). curl follows every 3xx status.";
const FOLDED: &str = "Folded headers are joined, as in browsers.";

/// All disagreements, in the order of the documentation.
pub(super) const DISAGREEMENTS: &[Disagreement] = &[
    healthy("empty line before the status line", "Clients should ignore an empty line there, and browsers do."),
    healthy("several empty lines before the status line", "Clients should ignore empty lines there."),
    down(
        "unknown charset",
        "The characters are unknown, so a condition on the text cannot be judged. curl does not search the body.",
    ),
    down("different lengths, the first one correct", AMBIGUOUS_LENGTH),
    down("different lengths, the second one correct", AMBIGUOUS_LENGTH),
    down("list of different lengths", AMBIGUOUS_LENGTH),
    down("length with a sign", AMBIGUOUS_LENGTH),
    down("length in hexadecimal", AMBIGUOUS_LENGTH),
    down("length with letters after it", AMBIGUOUS_LENGTH),
    down("length with a fraction", AMBIGUOUS_LENGTH),
    down("length of 2^63", "The body is shorter than its length. curl ignores a length that it cannot represent."),
    down("length of 2^64", AMBIGUOUS_LENGTH),
    down("length with 30 digits", AMBIGUOUS_LENGTH),
    healthy("folded length", FOLDED),
    healthy("chunk size with 17 zeros", "Leading zeros do not change the size."),
    down(
        "line feeds between chunks",
        "Chunks end with a carriage return and a line feed (RFC 9112 7.1). The original requires them, too.",
    ),
    healthy("chunks and an invalid length", "Chunks take precedence over a length (RFC 9112 6.3)."),
    down(
        "chunked before another transfer encoding",
        "`chunked` must be the last transfer encoding (RFC 9112 6.1), so the end of the body is unknown.",
    ),
    down("redirect with status 300", NOT_A_REDIRECT),
    down("redirect with status 304", NOT_A_REDIRECT),
    down("redirect with status 305", NOT_A_REDIRECT),
    down("redirect with status 306", NOT_A_REDIRECT),
    down("redirect with status 399", NOT_A_REDIRECT),
    healthy("folded location", FOLDED),
    healthy("location with a space before the colon", "Spaces before a colon are ignored, as in browsers."),
    healthy("tab in a location", LIKE_A_URL),
    healthy("backslashes in a whole URL", LIKE_A_URL),
    healthy("scheme without slashes", LIKE_A_URL),
    healthy("dot after the address", LIKE_A_URL),
    healthy(
        "redirect that needs a cookie",
        "Cookies are sent along redirects, as in browsers. curl needs `--cookie` for that.",
    ),
];

const fn healthy(quirk: &'static str, reason: &'static str) -> Disagreement {
    Disagreement { quirk, is_healthy: true, reason }
}

const fn down(quirk: &'static str, reason: &'static str) -> Disagreement {
    Disagreement { quirk, is_healthy: false, reason }
}
