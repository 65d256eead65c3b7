//! The page in the visitor's language: text, dates, numbers and writing direction. Every language is complete.

use serde_json::{Value, json};
use shared::page_config::appearance::LANGUAGES;
use support::axe;
use support::browser::Browser;
use support::page::{self, Page};
use support::page_scenario::{self, PageScenario, PageState};

/// The window size of a narrow phone, in CSS pixels.
const NARROW: (u32, u32) = (320, 640);

/// Finds text with unfilled placeholders and text without a translation.
const INCOMPLETE: &str = r"
    const words = [...document.querySelectorAll('*')].flatMap(element => [
        ...[...element.childNodes].filter(node => node.nodeType === 3).map(node => node.data),
        ...['aria-label', 'placeholder', 'title'].map(name => element.getAttribute(name) ?? 'none'),
    ]);
    const empty = [...document.querySelectorAll('h1, h2, h3, th, button, label, legend, option:not(:empty)')]
        .filter(element => !element.textContent.trim() && !element.querySelector('input'));
    const odd = words.filter(word => /[{}|]|undefined|NaN/.test(word));
    return [...odd, ...empty.map(element => element.outerHTML)];
";

/// Finds elements that overflow the window, and by how much. Scrollable elements are allowed to overflow, except for
/// the table.
const OVERFLOWING: &str = r"
    const wide = document.documentElement.clientWidth;
    const scrolls = element => element.closest('.table, .message-text, pre, .visually-hidden, svg');
    const over = [...document.querySelectorAll('body *')].filter(element => !scrolls(element)).flatMap(element => {
        const { left, right, width } = element.getBoundingClientRect();
        return width > 0 && (left < -1 || right > wide + 1) ? [`${element.tagName}.${element.className}: ${left} to ${right}`] : [];
    });
    const scrolled = [document.documentElement, ...document.querySelectorAll('.table')];
    const wider = scrolled.filter(element => element.scrollWidth > element.clientWidth);
    return [...wider.map(element => `${element.tagName}.${element.className} is ${element.scrollWidth} wide`), ...over];
";

/// Sets the visitor's languages, in order of preference.
async fn prefer(browser: &Browser, languages: &str) {
    let agent = browser.script("return navigator.userAgent;").await;
    let override_ = json!({ "userAgent": agent, "acceptLanguage": languages });
    browser.devtools("Emulation.setUserAgentOverride", override_).await;
}

/// Opens the page with a query and waits until it is complete.
async fn visit(browser: &Browser, scenario: &PageScenario, query: &str) -> Page {
    page::visit(browser, &format!("{}{query}", scenario.url)).await
}

/// Returns the document's language and text direction.
async fn spoken(browser: &Browser) -> (String, String) {
    let document = browser.script("return [document.documentElement.lang, document.documentElement.dir];").await;
    let text = |position: usize| document[position].as_str().unwrap_or_default().to_owned();
    (text(0), text(1))
}

/// The locale files that the page requested.
fn language_files(page: &Page) -> Vec<String> {
    let requests = page.requests().into_iter();
    let files = requests.filter_map(|url| url.split_once("locales/").map(|(_, name)| name.to_owned()));
    files.map(|name| name.split('?').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn a_german_visitor_sees_german_text_dates_and_numbers() {
    let scenario = PageState::Down.start().await;
    let browser = page_scenario::open_browser().await;
    prefer(&browser, "nl-NL,de-DE,en").await;
    let page = visit(&browser, &scenario, "").await;
    page.assert_clean();
    assert_eq!(spoken(&browser).await, ("de".to_owned(), "ltr".to_owned()));
    assert_eq!(page.text_of("overall"), "Shop ist seit 10 Minuten ausgefallen");
    assert_eq!(page.text_of("scope"), "seit 14:50, von allen 3 Standorten aus");
    let shop = page.endpoint("Shop");
    assert!(shop.text_of("text").contains("Ausgefallen seit 10 Min."), "{shop:?}");
    let uptime = shop.text_of("uptime");
    assert!(uptime.starts_with("99,") && uptime.ends_with(" %"), "{uptime}");
    let label = shop.0["bars"][0]["label"].as_str().unwrap_or_default().to_owned();
    assert!(label.starts_with("Dienstag, 25. August: 100 % verfügbar"), "{label}");
    let text = page.text_of("text");
    for words in ["Heute", "zuletzt geprüft", "90 Tage", "Mittwoch, 18. November", "Messstandorteap-south hat sich"] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
    assert_eq!(language_files(&page), ["de.txt"], "no other language is loaded");
}

#[tokio::test]
async fn the_url_overrides_the_configured_language() {
    let scenario = PageState::One.start().await;
    let browser = page_scenario::open_browser().await;
    prefer(&browser, "de-DE").await;
    let path = scenario.folder().join("config.json");
    let mut config: Value = serde_json::from_slice(&std::fs::read(&path).expect("it exists")).expect("it is JSON");
    config["language"] = json!("fr");
    std::fs::write(&path, config.to_string()).expect("it is written");
    let page = visit(&browser, &scenario, "").await;
    assert_eq!((spoken(&browser).await.0.as_str(), page.text_of("overall").as_str()), ("fr", "Website est en ligne"));
    let page = visit(&browser, &scenario, "?lang=ja").await;
    assert_eq!((spoken(&browser).await.0.as_str(), page.text_of("overall").as_str()), ("ja", "Website：正常"));
    assert_eq!(language_files(&page), ["ja.txt"]);
    // The `lang` parameter stays in the URL when the visitor changes the view.
    browser.script("document.querySelector('.ranges input').click();").await;
    let query = browser.script("return location.search;").await;
    assert_eq!(query, "?range=1d&lang=ja");
}

#[tokio::test]
async fn arabic_runs_right_to_left_and_time_left_to_right() {
    let scenario = PageState::Localized.start().await;
    let browser = page_scenario::open_browser().await;
    for (width, height) in [NARROW, (1_280, 1_024)] {
        browser.resize(width, height).await;
        let page = visit(&browser, &scenario, "?lang=ar").await;
        page.assert_clean();
        assert_eq!(spoken(&browser).await, ("ar".to_owned(), "rtl".to_owned()));
        assert!(page.text_of("scope").contains("من أصل 3 من المواقع"), "{}", page.text_of("scope"));
        assert!(
            page.endpoint("Mail").text_of("uptime").starts_with("99."),
            "digits are the same as in errors and logs"
        );
        let positions = browser
            .script(
                "const middle = selector => { const { left, right } = document.querySelector(selector).getBoundingClientRect();
                     return (left + right) / 2 / innerWidth; };
                 return [middle('.head h3 .icon'), middle('.head .state'), middle('.strip .bar:first-of-type'),
                     middle('.strip .bar:last-of-type')];",
            )
            .await;
        let position = |number: usize| positions[number].as_f64().expect("it is a number");
        assert!(
            position(0) > 0.8 && position(1) < 0.3,
            "the name is on the right, the status on the left: {positions}"
        );
        assert!(position(2) < 0.2 && position(3) > 0.8, "the oldest bar is on the left: {positions}");
        assert_eq!(axe::violations(&browser).await, Vec::<String>::new());
        assert_eq!(browser.script(OVERFLOWING).await, json!([]), "{width}");
    }
}

#[tokio::test]
async fn every_language_is_complete_and_fits_a_narrow_phone() {
    let scenarios = [PageState::Localized.start().await, PageState::Incomplete.start().await];
    let browser = page_scenario::open_browser().await;
    browser.resize(NARROW.0, NARROW.1).await;
    let mut sentences = Vec::new();
    for code in LANGUAGES {
        for scenario in &scenarios {
            for view in ["", "&view=table", "&view=table&filter=a"] {
                let page = visit(&browser, scenario, &format!("?lang={code}{view}")).await;
                page.assert_clean();
                assert_eq!(spoken(&browser).await.0, code);
                for is_menu_open in [false, true] {
                    let open = "document.querySelector('#subscribe').open = arguments[0]";
                    browser.script_with(open, vec![json!(is_menu_open)]).await;
                    assert_eq!(browser.script(INCOMPLETE).await, json!([]), "{code}: {}", scenario.state.name());
                    assert_eq!(browser.script(OVERFLOWING).await, json!([]), "{code}: {}", scenario.state.name());
                }
                assert_eq!(language_files(&page), [format!("{code}.txt")]);
                sentences.push(page.text_of("overall"));
            }
        }
    }
    sentences.sort();
    sentences.dedup();
    assert_eq!(sentences.len(), 2 * LANGUAGES.len(), "each language has its own sentences: {sentences:#?}");
}

#[tokio::test]
async fn configuration_errors_are_shown_in_the_visitors_language() {
    let scenario = PageState::Broken.start().await;
    let browser = page_scenario::open_browser().await;
    let page = visit(&browser, &scenario, "?lang=es").await;
    assert_eq!(page.text_of("overall"), "La configuración de esta página no es válida");
    assert_eq!(page.text_of("title"), "Configuración errónea");
    assert!(page.problems().contains("`titel`"), "{}", page.problems());
}

#[tokio::test]
async fn missing_translations_are_english_and_missing_files_are_reported() {
    let scenario = PageState::One.start().await;
    let browser = page_scenario::open_browser().await;
    let languages = scenario.folder().join("locales");
    let german = std::fs::read_to_string(languages.join("de.txt")).expect("it exists");
    let without = german.replacen("\nhealthy = ", "\nwell = ", 1);
    assert_ne!(without, german);
    std::fs::write(languages.join("de.txt"), without).expect("it is written");
    let page = visit(&browser, &scenario, "?lang=de").await;
    let shown = (spoken(&browser).await.0, page.text_of("overall"));
    assert_eq!(shown, ("de".to_owned(), "Website ist healthy".to_owned()), "a missing string is English");
    std::fs::remove_file(languages.join("de.txt")).expect("it was there");
    let page = visit(&browser, &scenario, "?lang=de").await;
    assert_eq!((spoken(&browser).await.0.as_str(), page.text_of("overall").as_str()), ("en", "Website is healthy"));
    // The English file of another version lacks a string, and there is no fallback for English.
    let english = std::fs::read_to_string(languages.join("en.txt")).expect("it exists");
    let other = english.replacen("\nhealthy = ", "\nwell = ", 1);
    assert_ne!(other, english);
    std::fs::write(languages.join("en.txt"), other).expect("it is written");
    let page = visit(&browser, &scenario, "?lang=de").await;
    assert_eq!(page.text_of("state"), "broken");
    assert!(page.text_of("text").contains("The texts of this page could not be loaded"), "{}", page.text_of("text"));
    let page = visit(&browser, &scenario, "?lang=fr").await;
    assert_eq!(page.text_of("overall"), "Website est en ligne", "available locales are used");
}

#[tokio::test]
async fn every_language_has_the_plurals_of_its_browser_locale() {
    let scenario = PageState::One.start().await;
    let browser = page_scenario::open_browser().await;
    visit(&browser, &scenario, "").await;
    for code in LANGUAGES {
        let script = "return fetch(`locales/${arguments[0]}.txt`).then(answer => answer.text()).then(text => {
            const forms = text.match(/^plurals = (.*)$/m)[1].split('|');
            const rules = new Intl.PluralRules(arguments[0]);
            const asked = new Set([...Array(1001).keys()].map(number => rules.select(number)));
            return [forms.filter(form => !asked.has(form) && form !== 'other'), [...asked].filter(form => !forms.includes(form))];
        });";
        assert_eq!(browser.script_with(script, vec![json!(code)]).await, json!([[], []]), "{code}");
    }
}
