//! Compares searches of generated output with an oracle that reads the output in every charset and at every position.

use std::sync::LazyLock;

use proptest::prelude::*;
use regex::Regex;
use shared::check_file::Attempt;

use crate::checks::assertions::{Assertion, Evidence};
use crate::checks::expected_text::expect_texts;
use crate::checks::http::encoding_tests::encode;
use crate::checks::http::oracle_tests::received;
use crate::checks::probe_data::ProbeData;
use crate::checks::timing::Stopwatch;
use crate::checks::undeclared_text::{recognize, without_marks};

const WORD: &str = "Fatal";

fn output_of(parts: &[&[u8]]) -> ProbeData {
    ProbeData { body: Some(parts.concat()), facts: recognize(parts), ..ProbeData::default() }
}

fn holds(data: &ProbeData, assertion: &str) -> bool {
    let assertion = Assertion::parse(assertion).expect("an assertion");
    assertion.evaluate(&Evidence::new(data, &Attempt::default())).failure.is_none()
}

/// Returns whether each of these conditions holds: the word is found, and it is ruled out.
fn outcomes(data: &ProbeData) -> Vec<(&'static str, bool, bool)> {
    let holds = |text: &str| holds(data, text);
    let accepts = |must_contain, must_not_contain| {
        expect_texts("output", data, must_contain, must_not_contain, &Stopwatch::start()).is_ok()
    };
    vec![
        ("`must_contain`", accepts(Some(WORD), None), accepts(None, Some(WORD))),
        ("`contains`", holds("[BODY] contains Fatal"), holds("not [BODY] contains Fatal")),
        ("`matches`", holds("[BODY] matches Fatal"), holds("not [BODY] matches Fatal")),
        (
            "`all` of two",
            holds("[BODY] matches Fa.*al and [BODY] contains Fatal"),
            holds("not ([BODY] matches 'Fa.al')"),
        ),
    ]
}

fn utf_16(bytes: &[u8], read: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).filter_map(|unit| unit.try_into().ok()).map(read).collect();
    String::from_utf16_lossy(&units)
}

fn utf_32(bytes: &[u8], read: fn([u8; 4]) -> u32) -> String {
    let characters = bytes.chunks_exact(4).filter_map(|unit| unit.try_into().ok()).map(read);
    characters.map(|character| char::from_u32(character).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Returns the output in UTF-8 and UTF-16.
fn whole_readings(output: &[u8]) -> Vec<String> {
    let utf_8 = String::from_utf8_lossy(output).into_owned();
    vec![utf_8, utf_16(output, u16::from_le_bytes), utf_16(output, u16::from_be_bytes)]
}

/// Returns the output in every charset and alignment. A reading that began at another character could have a whole word
/// that the output does not have.
fn readings(output: &[u8]) -> Vec<String> {
    let from = |start: usize| output.get(start..).unwrap_or_default();
    let shifted = [utf_16(from(1), u16::from_le_bytes), utf_16(from(1), u16::from_be_bytes)];
    let wide =
        (0..4).flat_map(|start| [utf_32(from(start), u32::from_le_bytes), utf_32(from(start), u32::from_be_bytes)]);
    whole_readings(output).into_iter().chain(shifted).chain(wide).collect()
}

/// Returns the output in UTF-8 and in the charset that its byte order mark declares, or in both byte orders.
fn declared_readings(output: &[u8]) -> Vec<String> {
    let utf_8 = String::from_utf8_lossy(output).into_owned();
    match without_marks(output) {
        [0xff, 0xfe, rest @ ..] => vec![utf_8, utf_16(rest, u16::from_le_bytes)],
        [0xfe, 0xff, rest @ ..] => vec![utf_8, utf_16(rest, u16::from_be_bytes)],
        rest => whole_readings(rest),
    }
}

/// Terminal escape sequences, and the invisible characters that [`piece`] generates.
static INVISIBLE: LazyLock<Regex> = LazyLock::new(|| {
    let sequence = r"(\x1b\[|\x{9b})[0-?]*[ -/]*[@-~]?|\x1b([\]PX^_][^\x00-\x1f]*(\x07|\x1b\\)|[\]PX^_]|[ -/]*[0-~]?)";
    let invisible =
        r"[\x{ad}\x{34f}\x{61c}\x{fe00}-\x{fe0f}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{feff}]";
    Regex::new(&format!("{sequence}|{invisible}")).expect("a pattern")
});

fn has_word(readings: &[String]) -> bool {
    readings.iter().any(|reading| reading.contains(WORD))
}

/// Returns whether any reading has the word, with or without what terminals do not show.
fn shows_word(readings: &[String]) -> bool {
    has_word(readings) || readings.iter().any(|reading| INVISIBLE.replace_all(reading, "").contains(WORD))
}

fn utf_16_text() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::sample::select(vec![
        "Fatal",
        "all is well\r\n",
        "Störung: Fatal error",
        "障害 Fatal",
        "Ошибка",
        "ok",
        "• 5 € → Fatal\r\n",
        "┌──────┐\r\n│ ok 😀 │\r\n",
    ]);
    (text, any::<bool>(), any::<bool>()).prop_map(|(text, has_mark, is_little)| {
        let write = if is_little { u16::to_le_bytes } else { u16::to_be_bytes };
        let mark = has_mark.then_some(0xfeff);
        mark.into_iter().chain(text.encode_utf16()).flat_map(write).collect()
    })
}

fn fields() -> impl Strategy<Value = Vec<u8>> {
    let field =
        prop::sample::select(vec!["5", "2", "F", "a", "t", "al", "./a", "Fatal error", "Fat", "file.txt", "", "ö"]);
    prop::collection::vec(field, 0..8)
        .prop_map(|fields| fields.iter().flat_map(|field| [field.as_bytes(), b"\0"].concat()).collect())
}

fn binary() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0), any::<u8>(), prop::sample::select(b"Fatal\xff\xfe".to_vec())];
    prop::collection::vec(byte, 0..40)
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let text = prop::sample::select(vec![
        "Fatal",
        "Fat",
        "al",
        "ok\n",
        "\n",
        "\u{feff}",
        "Störung",
        "x\u{9c}",
        "\u{1b}[1m",
        "\u{ad}",
        "\u{9b}31m",
        "\u{fe0f}",
        "─ 5 €\r\n",
    ]);
    let utf_32 = any::<bool>().prop_map(|is_little| {
        let write = if is_little { u32::to_le_bytes } else { u32::to_be_bytes };
        WORD.chars().flat_map(|character| write(character.into())).collect()
    });
    prop_oneof![
        utf_16_text(),
        utf_16_text(),
        fields(),
        binary(),
        text.prop_map(|text| text.as_bytes().to_vec()),
        utf_32
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_global_rejects: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn a_string_is_not_ruled_out_if_any_reading_has_it(
        pieces in prop::collection::vec(piece(), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let output = pieces.concat();
        let cut = cut.index(output.len() + 1);
        let is_text = std::str::from_utf8(&output).is_ok();
        let has_word = has_word(&readings(&output)) || (is_text && shows_word(&readings(&output)));
        for data in [output_of(&[&output]), output_of(&[&output[..cut], &output[cut..]])] {
            for (condition, found, ruled_out) in outcomes(&data) {
                let is_about_string = condition.contains("contain");
                prop_assert!(!(ruled_out && has_word && is_about_string), "{} {:?}", condition, output);
                prop_assert!(!(ruled_out && found), "{} {:?}", condition, output);
            }
        }
    }

    #[test]
    fn a_match_is_not_ruled_out_if_a_reading_has_it(pieces in prop::collection::vec(piece(), 1..4)) {
        let output = pieces.concat();
        let readings = readings(&output);
        for (condition, _, ruled_out) in outcomes(&output_of(&[&output])) {
            prop_assert!(!(ruled_out && has_word(&readings)), "{} {:?}", condition, output);
        }
    }

    #[test]
    fn a_match_of_a_whole_word_is_not_ruled_out(pieces in prop::collection::vec(piece(), 1..4)) {
        let output = pieces.concat();
        let data = output_of(&[&output]);
        for pattern in [r"\bFatal\b", r"\bFatal", r"Fatal\b"] {
            let regex = Regex::new(pattern).expect("a pattern");
            if holds(&data, &format!("not [BODY] matches '{pattern}'")) {
                prop_assert!(!readings(&output).iter().any(|text| regex.is_match(text)), "{} {:?}", pattern, output);
            }
        }
    }

    #[test]
    fn a_required_word_is_only_found_in_all_of_the_output(output in prop::collection::vec(piece(), 1..3)) {
        let output = output.concat();
        let is_in_output = shows_word(&declared_readings(&output));
        for (condition, found, _) in outcomes(&output_of(&[&output])) {
            prop_assert!(!found || is_in_output, "{} {:?}", condition, output);
        }
    }

    #[test]
    fn a_response_is_searched_in_every_reading(
        body in prop::collection::vec(piece(), 1..4),
        content_type in prop::sample::select(vec![
            "",
            "text/plain",
            "application/octet-stream",
            "image/png",
            "text/html; charset=utf-8",
            "text/plain; charset=iso-8859-1",
            "text/plain; charset=utf-16",
            "text/plain; charset=utf-16be",
            "text/plain; charset=shift_jis",
        ]),
    ) {
        let body = body.concat();
        let (has_word, shows_word) = (has_word(&readings(&body)), shows_word(&readings(&body)));
        for (condition, found, ruled_out) in outcomes(&received(body.clone(), &[content_type])) {
            let is_about_string = condition.contains("contain");
            prop_assert!(!(ruled_out && has_word && is_about_string), "{} {} {:?}", content_type, condition, body);
            prop_assert!(!found || shows_word, "{} {} {:?}", content_type, condition, body);
            prop_assert!(!(ruled_out && found), "{} {} {:?}", content_type, condition, body);
        }
    }

    #[test]
    fn binary_output_without_the_word_is_healthy(pieces in prop::collection::vec(prop_oneof![fields(), binary()], 1..4)) {
        let output = pieces.concat();
        let data = output_of(&[&output]);
        prop_assume!(!shows_word(&readings(&output)) && data.facts.as_ref().is_none_or(|it| it.compression.is_none()));
        // A pattern without `(?-u)` is about characters, which are unknown in binary output.
        for (condition, _, ruled_out) in outcomes(&data).into_iter().take(2) {
            prop_assert!(ruled_out, "{} {:?}", condition, output);
        }
    }

    #[test]
    fn fields_without_the_word_are_healthy(output in fields()) {
        let joined: Vec<u8> = output.iter().copied().filter(|byte| *byte != 0).collect();
        prop_assume!(!has_word(&[String::from_utf8_lossy(&joined).into_owned()]));
        for (condition, _, ruled_out) in outcomes(&output_of(&[&output])) {
            prop_assert!(ruled_out, "{} {:?}", condition, output);
        }
    }

    #[test]
    fn utf_16_is_searched_like_utf_8(output in utf_16_text(), is_after_other in any::<bool>()) {
        let other: &[u8] = if is_after_other { b"done\n" } else { b"" };
        prop_assume!(output.contains(&0));
        for (condition, found, ruled_out) in outcomes(&output_of(&[other, &output])) {
            let has_word = has_word(&readings(&output));
            prop_assert_eq!((found, ruled_out), (has_word, !has_word), "{} {:?}", condition, output);
        }
    }

    #[test]
    fn compressed_output_is_not_searched(
        text in "(Fatal)?[a-z ]{1,300}",
        coding in prop::sample::select(vec!["gzip", "deflate", "zstd"]),
        more in any::<[u8; 3]>(),
    ) {
        let output = [&encode(coding, text.as_bytes())[..], &more].concat();
        let is_stored = has_word(&readings(&output));
        for (condition, found, ruled_out) in outcomes(&output_of(&[&output])) {
            prop_assert_eq!((found, ruled_out), (is_stored, false), "{} {:?}", condition, output);
        }
    }
}

#[test]
fn text_that_starts_like_a_zlib_header_is_not_compressed() {
    for text in [
        &b"x^2 + y^2 = 1"[..],
        b"x\x9cuvre",
        b"x\x9c\x07\x01",
        b"x\xda",
        b"x\x01K\x04\0\0b\0c",
        b"x\x9c\x03\0\0\0\0\x01",
    ] {
        assert!(recognize(&[text]).is_none_or(|it| it.compression.is_none()), "{text:?}");
    }
    let compressed = encode("deflate", b"x");
    assert_eq!(recognize(&[&compressed]).and_then(|it| it.compression), Some("zlib"));
    let mut corrupt = compressed;
    *corrupt.last_mut().expect("a checksum") ^= 1;
    assert_eq!(recognize(&[&corrupt]).and_then(|it| it.compression), Some("zlib"));
}

#[test]
fn a_mark_makes_any_text_utf_16() {
    for (output, text) in [
        (&b"\xff\xfe"[..], &b""[..]),
        (b"\xff\xfeo\0k\0\0\xd8\n\0", b"ok\xff\n"),
        (b"\xff\xfeo\0k\0\0\0", b"ok\0"),
        (b"\xfe\xff\0o\0k\n", b"ok\xff"),
        (b"\xff\xfe\xff\xfeo\0", b"o"),
        (b"\xef\xbb\xbf\xef\xbb\xbfok", b"ok"),
    ] {
        let converted = recognize(&[output]).and_then(|it| it.converted).expect("it has a mark");
        assert_eq!(converted, text, "{output:?}");
    }
    assert_eq!(recognize(&[b"\xff\xfe\0\0o\0\0\0"]).and_then(|it| it.converted), None, "it is UTF-32");
}
