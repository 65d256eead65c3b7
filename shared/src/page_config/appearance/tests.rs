use super::*;
use crate::json;

fn appearance(text: &str) -> (Appearance, Vec<String>) {
    let mut skipped = Vec::new();
    let appearance = read(&json::parse(text).expect("it is JSON"), &mut skipped);
    (appearance, skipped)
}

const FULL: &str = r##"{
    "language": "pt", "logo": "logo.svg", "favicon": "data:image/png;base64,AAAA", "footer": "Example Ltd.",
    "links": [{ "text": "Help", "url": "https://help.example/" }, { "text": "Write", "url": "mailto:a@b.example" }],
    "subscribe": [{ "text": "Telegram", "url": "https://t.me/example" }],
    "theme": { "light": { "ground": "#ffffff", "healthy": "#007755" }, "dark": { "ground": "#000000" },
              "radius": 12, "font": "serif" },
    "labels": { "healthy": { "word": "operational" }, "down": { "word": "out", "remark": "Call us." } },
    "groups": [{ "title": "Shop", "endpoints": ["Cart", "Pay*"],
                 "groups": [{ "title": "Back", "endpoints": ["API"] }] }],
    "order": ["Cart"], "charts": "open", "details": true,
    "endpoints": [{ "title": "Cart", "about": "Where you pay.", "link": "https://wiki.example/cart" }],
    "hidden": { "errors": ["*"], "locators": ["API"] }
}"##;

#[test]
fn a_full_appearance_round_trips() {
    let (full, skipped) = appearance(FULL);
    assert!(skipped.is_empty(), "{skipped:?}");
    assert_eq!(full.status_words[1].as_deref(), Some("operational"));
    assert_eq!((full.status_remarks[3].as_deref(), full.radius), (Some("Call us."), Some(12)));
    assert_eq!(full.groups[0].groups[0].title, "Back");
    assert_eq!((full.charts_open, full.details), (true, Some(true)));
    assert_eq!(description(&full.descriptions, "Cart").and_then(|one| one.about.as_deref()), Some("Where you pay."));
    let mut written = Map::new();
    full.write(&mut written);
    assert_eq!(appearance(&Value::Object(written).to_string()), (full, Vec::new()));
    assert_eq!(appearance(r#"{ "language": "auto" }"#), (Appearance::default(), Vec::new()));
    let mut nothing = Map::new();
    Appearance::default().write(&mut nothing);
    assert!(nothing.is_empty());
}

#[test]
fn errors_and_locators_are_hidden_unless_requested() {
    let hides = |text: &str| {
        let appearance = appearance(text).0;
        (appearance.hides_errors("A"), appearance.hides_locator("A"))
    };
    for text in ["{}", r#"{ "details": false }"#, r#"{ "details": 1 }"#] {
        assert_eq!(hides(text), (true, true), "{text}");
    }
    assert_eq!(hides(r#"{ "details": true }"#), (false, false));
    assert_eq!(hides(r#"{ "details": true, "hidden": { "errors": ["A"] } }"#), (true, false));
}

#[test]
fn invalid_values_are_reported_and_skipped() {
    let (odd, skipped) = appearance(
        r##"{
        "language": "klingon", "logo": "https://elsewhere.example/logo.svg", "favicon": "//elsewhere.example/i.png", "footer": 7,
        "links": [{ "text": "x", "url": "javascript:alert(1)" }, { "text": "Help", "url": "help/" }, 3],
        "theme": { "light": { "ground": "red; } body { display: none", "helthy": "#000000", "down": "#aa0000" },
                  "radius": 900, "font": "Comic Sans", "css": "*{}" },
        "labels": { "helthy": {}, "down": { "word": "" } },
        "groups": [{ "endpoints": ["A"] }, { "title": "G", "groups": [{ "title": "H", "groups": [{ "title": "I" }] }] }],
        "order": "A", "hidden": ["A"], "charts": "shut", "details": "yes",
        "endpoints": [{ "about": "x" }, { "title": "A", "link": "javascript:alert(1)", "abot": "x" }]
    }"##,
    );
    for path in [
        "`language` must be one of `en`, `de`",
        "`logo` must be a file next to the page",
        "`favicon` must be a file next to the page",
        "`footer` must be a non-empty string",
        "`links[0]` must have a `url` that is relative",
        "`links[2]` must be an object",
        "`theme.light.ground` must be a color",
        "`theme.light.helthy` is unknown; did you mean `healthy`?",
        "`theme.radius` must be a number",
        "`theme.font` must be one of",
        "`theme.css` is unknown",
        "`labels.helthy` is unknown; did you mean `healthy`?",
        "`labels.down.word` must be a non-empty string",
        "`groups[0]` must have a `title`",
        "`groups[1].groups[0].groups` is a third level",
        "`order` must be an array",
        "`hidden` must be an object",
        "`charts` must be one of `folded`, `open`",
        "`details` must be `true` or `false`",
        "`endpoints[0]` must have a `title`",
        "`endpoints[1].link` must be relative or start with",
        "`endpoints[1].abot` is unknown; did you mean `about`?",
    ] {
        assert!(skipped.iter().any(|skipped| skipped.starts_with(path)), "{path}: {skipped:#?}");
    }
    assert_eq!(odd.links, [Link { text: "Help".to_owned(), url: "help/".to_owned() }]);
    assert_eq!(odd.colors[0], [("down".to_owned(), "#aa0000".to_owned())]);
    assert_eq!(odd.groups[0].groups[0].title, "H");
}

#[test]
fn former_keys_are_read_unless_the_new_ones_are_also_set() {
    let former = FULL.replace("\"theme\"", "\"look\"").replace("\"labels\"", "\"texts\"");
    let former = former.replace("\"hidden\"", "\"hide\"");
    assert_eq!(appearance(&former), appearance(FULL));
    let (_, skipped) = appearance(r#"{ "look": { "radius": 99 } }"#);
    assert_eq!(skipped, ["`look.radius` must be a number of pixels from 0 to 24; it is skipped"]);
    let (both, skipped) = appearance(r#"{ "look": { "radius": 1 }, "theme": { "radius": 2 } }"#);
    assert_eq!(both.radius, Some(2));
    assert!(skipped[0].contains("keep `theme` and remove `look`"), "{skipped:?}");
}

#[test]
fn a_star_at_the_end_matches_any_characters() {
    let titles = ["Cart".to_owned(), "Pay*".to_owned()];
    assert_eq!(position_in(&titles, "Cart"), Some(0));
    assert_eq!((position_in(&titles, "Payments"), position_in(&titles, "Cart 2")), (Some(1), None));
}
