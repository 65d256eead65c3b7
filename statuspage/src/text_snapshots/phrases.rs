//! Tests durations, times, ranges, lists, search results and labels.

use shared::{DAY, HOUR, MINUTE, SECOND};

use super::{assert_texts, calendar, section};
use crate::i18n::texts;
use crate::test_support::NOW;
use crate::view::period::ranges;
use crate::view::{search, text};

#[test]
fn durations() {
    let lengths = [
        0,
        42 * SECOND,
        MINUTE,
        4 * MINUTE + 10 * SECOND,
        12 * MINUTE + SECOND,
        HOUR,
        3 * HOUR + 5 * MINUTE,
        DAY,
        2 * DAY + 4 * HOUR,
        89 * DAY + 23 * HOUR,
    ];
    assert_texts("durations", |language| {
        let line = |length| {
            let exact = text::exact_length(length, language);
            let (short, full) = (text::length(length, language), text::full_length(length, language));
            format!("{exact} | {short} | {full} | {}", text::ago(length, language))
        };
        section("exact | without seconds | in full | ago", &lengths.map(line))
    });
}

#[test]
fn times() {
    let ago = [0, 3 * HOUR, 20 * HOUR, 3 * DAY, 6 * DAY, 7 * DAY, 30 * DAY, 400 * DAY];
    assert_texts("times", |language| {
        let calendar = calendar(language);
        let line = |ago| {
            let moment = NOW - ago;
            let (short, full, day) = (calendar.moment(moment), calendar.full_moment(moment), calendar.day_name(moment));
            let (span, days) =
                (calendar.hour_span(moment, moment + HOUR), calendar.date_span(moment - 2 * DAY, moment));
            format!("{short} | {full} | {day} | {span} | {days} | {}", calendar.axis_date(moment))
        };
        section("short | full | day | hour | days | axis", &ago.map(line))
    });
}

#[test]
fn time_ranges() {
    assert_texts("ranges", |language| {
        let words = ranges(10 * DAY, 36 * HOUR + MINUTE, language).into_iter().map(|(_, words)| words);
        section(
            "ranges",
            &words.chain(ranges(HOUR, DAY, language).into_iter().map(|(_, words)| words)).collect::<Vec<_>>(),
        )
    });
}

#[test]
fn search_results() {
    assert_texts("search", |language| {
        let found =
            [(0, 1), (1, 1), (1, 3), (3, 1_200)].map(|(found, all)| search::summary("shop", found, all, language));
        section("found", &found)
    });
}

#[test]
fn labels_of_the_page() {
    let labels = [
        texts::LAST_CHECKED,
        texts::FILES_LOADED,
        texts::DETAILS,
        texts::LINKS,
        texts::AS_OF,
        texts::BACK_TO_NOW,
        texts::MESSAGES,
        texts::EARLIER_MESSAGES,
        texts::PERIOD_SHOWN,
        texts::PERCENTILES,
        texts::PHASES,
        texts::LOCATIONS,
        texts::FIND,
        texts::FIND_BY,
        texts::TABLE,
        texts::HOW_TO_READ,
        texts::TIME_ZONE,
        texts::THIS_DEVICE,
        texts::THEME,
        texts::AUTO,
        texts::LIGHT,
        texts::DARK,
        texts::SERVICES,
        texts::NOTHING_FOUND,
        texts::GROUP,
        texts::SERVICE,
        texts::STATUS,
        texts::UPTIME,
        texts::OBSERVED,
        texts::RESPONSE_TIME,
        texts::TABLE_OF_SERVICES,
        texts::RESPONSE_TIME_IS,
        texts::RESPONSE_TIMES,
        texts::TIMELINE,
        texts::MESSAGE,
        texts::LOCATION_LIST,
        texts::PROBLEMS,
        texts::CONFIG_ERROR_TAB,
        texts::CONFIG_ERROR_TITLE,
        texts::CONFIG_ERROR_INTRO,
        texts::CONFIG_ERROR_EXAMPLES,
        texts::CONFIG_ERROR_DIRECTORY,
        texts::CONFIG_ERROR_BUCKET,
        texts::CONFIG_ERROR_FIX,
    ];
    assert_texts("labels", |language| section("labels", &labels.map(|label| language.text(label).to_owned())));
}
