//! Searches bytes for text in the legacy charsets that browsers support. Text in such a charset can be valid UTF-8 by
//! chance, or be declared as another charset.

use encoding_rs::{
    BIG5, EUC_JP, EUC_KR, Encoding, GB18030, GBK, IBM866, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6,
    ISO_8859_7, ISO_8859_8, ISO_8859_10, ISO_8859_13, ISO_8859_14, ISO_8859_15, ISO_8859_16, KOI8_R, KOI8_U, MACINTOSH,
    SHIFT_JIS, WINDOWS_874, WINDOWS_1250, WINDOWS_1251, WINDOWS_1252, WINDOWS_1253, WINDOWS_1254, WINDOWS_1255,
    WINDOWS_1256, WINDOWS_1257, WINDOWS_1258, X_MAC_CYRILLIC,
};
use memchr::memmem;

use super::text_pattern::TextPattern;

static SEVERAL_BYTES: [&Encoding; 6] = [GB18030, GBK, BIG5, SHIFT_JIS, EUC_JP, EUC_KR];
static SINGLE_BYTE: [&Encoding; 27] = [
    WINDOWS_1250,
    WINDOWS_1251,
    WINDOWS_1252,
    WINDOWS_1253,
    WINDOWS_1254,
    WINDOWS_1255,
    WINDOWS_1256,
    WINDOWS_1257,
    WINDOWS_1258,
    WINDOWS_874,
    KOI8_R,
    KOI8_U,
    IBM866,
    MACINTOSH,
    X_MAC_CYRILLIC,
    ISO_8859_2,
    ISO_8859_3,
    ISO_8859_4,
    ISO_8859_5,
    ISO_8859_6,
    ISO_8859_7,
    ISO_8859_8,
    ISO_8859_10,
    ISO_8859_13,
    ISO_8859_14,
    ISO_8859_15,
    ISO_8859_16,
];

/// Returns whether the bytes contain a string in a legacy charset. Ignores spellings that are so short that they often
/// occur by chance.
pub(super) fn contains(bytes: &[u8], text: &str) -> bool {
    if text.is_ascii() || bytes.is_ascii() {
        return false;
    }
    let is_utf_8 = std::str::from_utf8(bytes).is_ok();
    let is_long = |spelling: &[u8]| match spelling.len() {
        4.. => true,
        3 => !is_utf_8 || std::str::from_utf8(spelling).is_ok(),
        // In UTF-8, these bytes are whole characters, and not parts of others.
        _ => is_utf_8 && std::str::from_utf8(spelling).is_ok(),
    };
    plausible_encodings(is_utf_8).any(|encoding| {
        let (spelling, _, is_lossy) = encoding.encode(text);
        !is_lossy && is_long(&spelling) && *spelling != *text.as_bytes() && memmem::find(bytes, &spelling).is_some()
    })
}

/// Returns whether a pattern that names non-ASCII characters matches the bytes when all of them are read in a
/// legacy charset.
pub(super) fn is_match(bytes: &[u8], pattern: &TextPattern) -> bool {
    if bytes.is_ascii() || !names_characters(pattern.as_str()) {
        return false;
    }
    plausible_encodings(std::str::from_utf8(bytes).is_ok()).any(|encoding| {
        let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
        text.is_some_and(|text| pattern.could_match(text.as_bytes()))
    })
}

/// Returns the legacy charsets of text that is valid UTF-8, or not. Only text in charsets with several bytes per
/// character is valid UTF-8 by chance.
fn plausible_encodings(is_utf_8: bool) -> impl Iterator<Item = &'static &'static Encoding> {
    let single_byte: &[&Encoding] = if is_utf_8 { &[] } else { &SINGLE_BYTE };
    SEVERAL_BYTES.iter().chain(single_byte)
}

/// Returns whether a pattern contains non-ASCII characters, but only outside of character classes, which can match the
/// characters of any text that is read in a wrong charset.
fn names_characters(pattern: &str) -> bool {
    let (mut is_escaped, mut depth, mut is_named) = (false, 0_usize, false);
    for character in pattern.chars() {
        match character {
            _ if std::mem::take(&mut is_escaped) => {}
            '\\' => is_escaped = true,
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ if character.is_ascii() => {}
            _ if depth > 0 => return false,
            _ => is_named = true,
        }
    }
    is_named
}

#[cfg(test)]
mod tests {
    use crate::checks::legacy_text::*;

    #[test]
    fn text_that_is_valid_utf_8_by_chance_is_found() {
        let is_match = |bytes: &[u8], pattern: &str| is_match(bytes, &TextPattern::parse(pattern).expect(pattern));
        for text in ["停止", "停", "危", "通", "未知", "失效"] {
            let (bytes, ..) = GB18030.encode(text);
            let body = [b"STATE: ", &*bytes, b"\r\n"].concat();
            assert!(std::str::from_utf8(&body).is_ok(), "{text}");
            assert!(contains(&body, text), "{text}");
            assert!(is_match(&body, &format!("STATE: {text}|x")), "{text}");
            assert!(!is_match(&body, &format!("STATE: [{text}]")), "{text}");
            assert!(!is_match(&body, r"[^ -~\s]"), "{text}");
        }
    }

    #[test]
    fn text_in_a_wrong_charset_is_found() {
        for (charset, text) in [
            (WINDOWS_1251, "Ошибка"),
            (KOI8_R, "сбой"),
            (WINDOWS_1252, "Störung"),
            (SHIFT_JIS, "エラー"),
            (BIG5, "錯誤"),
        ] {
            let (bytes, ..) = charset.encode(text);
            assert!(contains(&[b"<p>", &*bytes, b"</p>"].concat(), text), "{text}");
            assert!(is_match(&bytes, &TextPattern::parse(text).expect(text)), "{text}");
        }
    }

    #[test]
    fn ordinary_text_contains_nothing_by_chance() {
        let text =
            "Größe: 5 €, café – naïve “quotes”, 日本語のテキスト、服务器状态：正常，磁盘可用。Всё в порядке. Όλα καλά.";
        for absent in [
            "é",
            "停止",
            "错误",
            "失敗",
            "エラー",
            "Ошибка",
            "Störung",
            "オ",
            "停",
            "ö!",
            "Σφάλμα",
            "오류",
            "ผิดพลาด",
            "Ã¶",
            "â€“",
        ] {
            assert!(!contains(text.as_bytes(), absent), "{absent}");
            assert!(!is_match(text.as_bytes(), &TextPattern::parse(absent).expect(absent)), "{absent}");
        }
        let (latin_1, ..) = WINDOWS_1252.encode("Größe: 5 km, café, naïve");
        for absent in ["停止", "Ошибка", "Störung", "é!"] {
            assert!(!contains(&latin_1, absent), "{absent}");
        }
    }
}
