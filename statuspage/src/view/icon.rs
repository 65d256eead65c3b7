//! The shapes of statuses, which distinguish them without color, and the tab icon.

use shared::status::Status;

/// Returns the SVG path for a status or for a partial outage.
#[must_use]
pub fn outline(status: Status, is_partial: bool) -> &'static str {
    if is_partial { PARTIAL } else { shape(status) }
}

/// Returns the SVG path for a status in a box of 16 by 16 units: a disc, a triangle, a square or a ring.
#[must_use]
pub fn shape(status: Status) -> &'static str {
    match status {
        Status::Healthy => "M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1Z",
        Status::Degraded => "M8 1 15.5 14.5H.5Z",
        Status::Down => "M1.5 1.5h13v13h-13Z",
        Status::Unknown => "M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1ZM8 4a4 4 0 1 1 0 8A4 4 0 1 1 8 4Z",
    }
}

/// The SVG path for a partial outage: a half-filled ring.
const PARTIAL: &str = "M8 1a7 7 0 1 0 0 14A7 7 0 1 0 8 1ZM8 3a5 5 0 0 1 0 10Z";

/// Returns the tab icon, as a `data:` URL.
#[must_use]
pub fn icon(status: Status) -> String {
    // Colors that are visible on light and dark tabs. `%23` is an encoded `#`.
    let color = match status {
        Status::Healthy => "389b6a",
        Status::Degraded => "d98b06",
        Status::Down => "d8372b",
        Status::Unknown => "7d838a",
    };
    format!(
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath fill='%23{color}' fill-rule='evenodd' d='{}'/%3E%3C/svg%3E",
        shape(status)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_icons_differ() {
        let mut icons: Vec<String> = Status::ALL.into_iter().map(icon).collect();
        assert!(icons.iter().all(|icon| icon.starts_with("data:image/svg+xml,") && !icon.contains(['#', '<', '"'])));
        icons.sort();
        icons.dedup();
        assert_eq!(icons.len(), 4);
    }
}
