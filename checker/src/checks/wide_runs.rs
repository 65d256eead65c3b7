//! Finds parts of a body that can be UTF-16 or UTF-32, by the null bytes between their characters.

use std::mem::take;

/// Returns whether the predicate holds for any run of ASCII and Latin-1 characters in UTF-16 or UTF-32. Such characters
/// are single bytes between one or three null bytes. A run includes the bytes before and after it, because the byte
/// order is unknown.
pub(super) fn any_wide_run(bytes: &[u8], holds: impl Fn(&str) -> bool) -> bool {
    [1, 3].into_iter().any(|gap| {
        // All characters have the same size, so that the first or the last byte can be something else.
        let is_odd = !bytes.len().is_multiple_of(gap + 1);
        let mut run = WideRun { is_first_optional: is_odd, ..WideRun::default() };
        let (mut nulls, mut is_after_text) = (0, false);
        for field in bytes.split(|byte| *byte == 0) {
            nulls += 1;
            let (Some(first), Some(last)) = (field.first(), field.last()) else { continue };
            if take(&mut nulls) != gap {
                // The next text has another encoding. Its null bytes do not show to which of them a character belongs.
                run.is_last_optional = true;
                if take(&mut run).is_met_by(&holds) {
                    return true;
                }
                run.is_first_optional = is_after_text || is_odd;
            }
            is_after_text = true;
            let is_single = field.len() == 1;
            let is_printable = run.push(*first, is_single);
            if is_single && is_printable {
                continue;
            }
            if take(&mut run).is_met_by(&holds) {
                return true;
            }
            if !is_single {
                run.push(*last, is_single);
            }
        }
        run.is_last_optional |= is_odd || (run.is_first_optional && nulls != gap);
        run.is_met_by(&holds)
    })
}

/// Consecutive characters that are separated by null bytes.
#[derive(Default)]
struct WideRun {
    text: String,
    /// Whether any of the characters has null bytes, or the start or the end of the body, on both sides.
    has_single: bool,
    /// Whether the first character can be part of the text before it.
    is_first_optional: bool,
    /// Whether the last character can be part of the text after it.
    is_last_optional: bool,
}

impl WideRun {
    /// Appends a character. Returns whether it is printable.
    fn push(&mut self, byte: u8, is_single: bool) -> bool {
        let is_printable = matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~' | 0xa0..);
        if is_printable {
            let is_optional =
                if self.text.is_empty() { &mut self.is_first_optional } else { &mut self.is_last_optional };
            *is_optional |= !is_single;
            self.text.push(char::from(byte));
            self.has_single |= is_single;
        }
        is_printable
    }

    /// Returns whether the predicate holds for the characters, with or without the optional ones.
    fn is_met_by(&self, holds: impl Fn(&str) -> bool) -> bool {
        let second = self.text.chars().next().filter(|_| self.is_first_optional).map(char::len_utf8);
        let last = self.text.char_indices().next_back().filter(|_| self.is_last_optional).map(|(start, _)| start);
        let starts = [Some(0), second].into_iter().flatten();
        let ends = || [Some(self.text.len()), last].into_iter().flatten();
        let mut readings = starts.flat_map(|start| ends().filter_map(move |end| self.text.get(start..end)));
        self.has_single && readings.any(|reading| reading.chars().nth(1).is_some() && holds(reading))
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use crate::checks::wide_runs::*;

    fn wide_runs(bytes: &[u8]) -> Vec<String> {
        let runs = RefCell::new(Vec::new());
        any_wide_run(bytes, |run| {
            runs.borrow_mut().push(run.to_owned());
            false
        });
        runs.into_inner()
    }

    #[test]
    fn runs_of_wide_characters_are_found_at_any_position() {
        for (bytes, runs) in [
            (&b"F\0a\0t\0a\0l\0"[..], &["Fatal"][..]),
            (b"\0F\0a\0t\0a\0l", &["Fatal"]),
            (b"okF\0a\0t\0a\0l\0\n\0", &["Fatal\n", "atal\n"]),
            (b"ok\0F\0a\0t\0a\0l", &["kFatal", "kFata", "Fatal", "Fata"]),
            (b"F\0a\0t\0a\0l\0do", &["Fatald", "Fatal"]),
            (b"ok\0\0\0K\0\0\0O\0\0\0do", &["kKOd", "kKO", "KOd", "KO"]),
            (b"K\0O\0d", &["KOd", "KO", "Od"]),
            (b"d\0K\0O", &["dKO", "dK", "KO"]),
            (b"\x01\0\0K\0O\0\0\0\x02K\0O\0", &["KO", "KO"]),
            (b"K\0\0\0O\0\0\0", &["KO"]),
            (b"K\0\0\0O\0\0\x005\0", &["KO5", "KO", "O5"]),
            (b"F\0\0\0K\0\0\0O", &["FKO", "FK", "KO"]),
            (b"okK\0\0\0O\0\0\x005\0", &["KO5", "KO", "O5"]),
            (b"\0\0\0K\0\0\0O", &["KO"]),
            (b"S\0t\0\xf6\0r\0", &["Stör"]),
            (b"5\x002\0Fatal error\0", &["52F", "52"]),
            (b"K\0\x01\0O\0", &[]),
            (b"./a\0./b\0", &[]),
            (b"ok\0\0\0\0", &[]),
            (b"\0", &[]),
            (b"", &[]),
            (b"x", &[]),
        ] {
            assert_eq!(wide_runs(bytes), runs, "{bytes:?}");
        }
    }
}
