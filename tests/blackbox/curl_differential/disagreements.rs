//! The responses on which curl and the checker disagree, with the reasons. `docs/verdicts.md` contains the same table.

/// A quirk on which curl and the checker disagree.
#[derive(Debug)]
pub(super) struct Disagreement {
    /// The name of the quirk.
    pub(super) quirk: &'static str,
    /// Whether the checker reports a response with this quirk as healthy. curl's verdict is the opposite.
    pub(super) is_healthy: bool,
    pub(super) reason: &'static str,
}

const AMBIGUOUS_LENGTH: &str = "Without a valid length, nothing shows whether the body is complete, so clients must discard it (RFC 9112, section 6.3). curl reads the first digits, or ignores the length.";
const LIKE_A_URL: &str = "The location is read like a URL in browsers.";
const NOT_A_REDIRECT: &str =
    "Only 301, 302, 303, 307 and 308 are redirects, as in browsers. curl follows every 3xx status.";
const FOLDED: &str = "Folded headers are joined, as in browsers.";
const ENDS_EARLY: &str = "The body is incomplete. This version of curl does not notice that.";
const BODY_OF_A_REDIRECT: &str = "The body of a redirect is not needed. curl reads it first.";
const LIMIT: &str = "See [Limits](limits.md).";
const CUT_HEAD: &str = "The head is incomplete, so headers and body can be missing. curl does not notice that.";

/// All disagreements, in the order of the documentation.
pub(super) const DISAGREEMENTS: &[Disagreement] = &[
    healthy("empty line before the status line", "Empty lines there are ignored, as in browsers."),
    healthy("several empty lines before the status line", "Empty lines there are ignored. Browsers accept one."),
    down("closed after the status line", CUT_HEAD),
    down("closed in the headers", CUT_HEAD),
    down("8,000 headers", LIMIT),
    healthy("value of 150,000 bytes", "The limit is higher than curl's: see [Limits](limits.md)."),
    down(
        "unknown charset",
        "The characters are unknown, so a condition on the text cannot be evaluated. curl does not search the body.",
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
    down("chunk extension of 50,000 bytes", LIMIT),
    down(
        "line feeds between chunks",
        "Chunks end with a carriage return and a line feed (RFC 9112, section 7.1). Browsers are more lenient.",
    ),
    healthy("chunks and an invalid length", "Chunks take precedence over a length (RFC 9112, section 6.3)."),
    down(
        "chunks in HTTP/1.0",
        "HTTP/1.0 has no chunks, so browsers and curl read different bodies (RFC 9112, section 6.1).",
    ),
    down(
        "chunked before another transfer encoding",
        "`chunked` must be the last transfer encoding, so the end of the body is unknown (RFC 9112, section 6.1).",
    ),
    healthy("gzip in two members", "A gzip body can have several members (RFC 1952)."),
    healthy("null bytes after gzip", "Padding after gzip data is ignored, as in other programs."),
    down("gzip without its end", ENDS_EARLY),
    down("gzip without its last byte", ENDS_EARLY),
    down("half of gzip", ENDS_EARLY),
    down("header of gzip alone", ENDS_EARLY),
    down("half of gzip without a length", ENDS_EARLY),
    down(
        "gzip that is not declared",
        "curl and browsers do not decompress it, so its text cannot be searched. curl does not search the body.",
    ),
    down("half of deflate", ENDS_EARLY),
    down("deflate without its checksum", ENDS_EARLY),
    down("half of deflate without a header", ENDS_EARLY),
    down("half of Brotli", ENDS_EARLY),
    down("Brotli without its last byte", ENDS_EARLY),
    down("half of zstd", ENDS_EARLY),
    down("zstd without its checksum", ENDS_EARLY),
    healthy("charset as an encoding", "Some servers send their charset as the encoding. Browsers ignore it."),
    healthy("encoding with a parameter", "Parameters do not change the encoding."),
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
    healthy(
        "redirect that needs a cookie",
        "Cookies are sent along redirects, as in browsers. curl needs `--cookie` for that.",
    ),
    healthy("redirect with a body that is reset", BODY_OF_A_REDIRECT),
    healthy("redirect with a body that never ends", BODY_OF_A_REDIRECT),
    healthy("redirect with invalid chunks", BODY_OF_A_REDIRECT),
];

const fn healthy(quirk: &'static str, reason: &'static str) -> Disagreement {
    Disagreement { quirk, is_healthy: true, reason }
}

const fn down(quirk: &'static str, reason: &'static str) -> Disagreement {
    Disagreement { quirk, is_healthy: false, reason }
}
