//! Generates responses from a seed: one for each quirk, and then combinations of two quirks.

use support::mutants::Random;
use support::raw_server::{RawEnding, RawResponse};

use super::draft::{Draft, Part, Quirk};
use super::{bodies, codings, endings, headers, redirects, status_lines};

/// Headers that are common in ordinary responses.
const ORDINARY: &[&str] = &[
    "Date: Tue, 03 Feb 2026 08:15:00 GMT\r\n",
    "Server: nginx\r\n",
    "Cache-Control: no-store, max-age=0\r\n",
    "ETag: W/\"5f3c\"\r\n",
    "Vary: Accept-Encoding, Cookie\r\n",
    "Set-Cookie: session=1; Path=/; HttpOnly\r\n",
    "X-Request-Id: 7d1f\r\n",
];

/// The possible numbers of bytes in each write of a response.
const PIECES: &[usize] = &[usize::MAX, usize::MAX, 1_000, 64, 7];

/// A generated response and the request that it answers.
#[derive(Debug)]
pub(super) struct Case {
    /// The names of the response's quirks.
    pub(super) quirks: Vec<&'static str>,
    pub(super) path: String,
    /// The request's method, which is `GET` or `HEAD`.
    pub(super) method: &'static str,
    pub(super) response: RawResponse,
    /// Whether the server keeps the connection open without sending anything.
    pub(super) holds: bool,
}

/// Returns all quirks. Each of them is the only quirk of one generated response.
pub(super) fn all_quirks() -> Vec<Quirk> {
    let all = status_lines::quirks().chain(headers::quirks()).chain(bodies::quirks()).chain(codings::quirks());
    all.chain(endings::quirks()).chain(redirects::quirks()).collect()
}

/// Generates this many responses for the server at the address `authority`.
pub(super) fn generate(seed: u64, count: usize, authority: &str) -> Vec<Case> {
    let mut random = Random::new(seed);
    let all = all_quirks();
    let combined: Vec<Quirk> = all.iter().copied().filter(|quirk| quirk.part != Part::Redirect).collect();
    (0..count)
        .map(|number| {
            let quirks = match all.get(number) {
                Some(quirk) => vec![*quirk],
                None => pair(&combined, &mut random),
            };
            case(number, &quirks, authority, &mut random)
        })
        .collect()
}

/// Returns two quirks that change different parts of a response, in their original order.
fn pair(quirks: &[Quirk], random: &mut Random) -> Vec<Quirk> {
    loop {
        let (first, second) = (random.below(quirks.len()), random.below(quirks.len()));
        if first < second && quirks[first].part != quirks[second].part {
            return vec![quirks[first], quirks[second]];
        }
    }
}

fn case(number: usize, quirks: &[Quirk], authority: &str, random: &mut Random) -> Case {
    let path = format!("/cases/{number}");
    let mut draft = Draft::ordinary();
    for _ in 0..random.below(4) {
        draft.headers.extend(random.pick(ORDINARY).as_bytes());
    }
    for quirk in quirks {
        draft.apply(quirk);
    }
    let (_, port) = authority.split_once(':').expect("an address has a port");
    let origin = format!("http://{authority}");
    let bytes = [("{origin}", origin.as_str()), ("{authority}", authority), ("{port}", port), ("{self}", &path)]
        .iter()
        .fold(draft.bytes(), |bytes, (name, value)| replaced(&bytes, name, value));
    // Sending a large response in tiny pieces would take too long.
    let piece = random.pick(PIECES).max(bytes.len() / 50);
    Case {
        quirks: quirks.iter().map(|quirk| quirk.name).collect(),
        path,
        method: draft.method,
        holds: draft.ending == RawEnding::Hold,
        response: RawResponse { bytes, piece, ending: draft.ending },
    }
}

fn replaced(bytes: &[u8], name: &str, value: &str) -> Vec<u8> {
    match bytes.windows(name.len()).position(|window| window == name.as_bytes()) {
        None => bytes.to_vec(),
        Some(at) => [&bytes[..at], value.as_bytes(), &replaced(&bytes[at + name.len()..], name, value)].concat(),
    }
}
