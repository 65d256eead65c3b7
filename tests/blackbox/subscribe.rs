//! The Subscribe menu: notifications of outages in the visitor's browser, feeds, the calendar, channels, and access by
//! keyboard.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use shared::object_name::{CheckFileName, INDEX};
use shared::{MINUTE, SECOND};
use support::browser::Browser;
use support::caddy::Caddy;
use support::page::{self, Page};
use support::{now, wait_for};

/// Records every notification, including those that replace an earlier one.
const RECORD: &str = r"
    window.notified = [];
    const show = ServiceWorkerRegistration.prototype.showNotification;
    ServiceWorkerRegistration.prototype.showNotification = function (title, options) {
        window.notified.push(`${title} | ${options.body} | ${options.tag.split(' ').pop()}`);
        return show.call(this, title, options);
    };
";

/// Returns the notifications that the browser currently shows for this page.
const SHOWN: &str = "return navigator.serviceWorker.getRegistration()
    .then(registration => registration.getNotifications()).then(all => all.map(one => one.title));";

/// Whether the menu is open and works.
const READY: &str = "return document.querySelector('#subscribe').open && window.showOutage !== undefined";

const BOX: &str = "#subscribe input[type=checkbox]";

/// A store in which each endpoint is either up or down.
struct Shop {
    caddy: Caddy,
    rounds: BTreeMap<String, u8>,
}

impl Shop {
    async fn open(keys: &Value) -> Shop {
        let caddy = Caddy::start("").await;
        let mut config = json!({
            "title": "Example", "source": { "type": "http", "url": "store/" }, "range": "1h", "refresh": "5s",
        });
        for (key, value) in keys.as_object().expect("an object") {
            config[key] = value.clone();
        }
        caddy.configure(&config.to_string());
        let mut shop = Shop { caddy, rounds: BTreeMap::new() };
        shop.check(true);
        shop
    }

    fn check(&mut self, is_up: bool) {
        let folder = self.caddy.site.path().join("store");
        let at = now() - SECOND;
        let name = CheckFileName { stored_at: at, node: None }.to_string();
        let mut shop = json!({ "title": "Shop", "endpoint": "https://shop.example/", "timestamp": at,
            "times": [{ "rtt": 95_000_000 }], "interval": 5 * MINUTE });
        if is_up {
            shop["healthy"] = json!(true);
        } else {
            shop["down"] = json!(true);
            shop["times"] = json!([{ "rtt": 95_000_000, "error": "503 Service Unavailable" }]);
        }
        write(&folder, &name, &json!([shop]));
        self.rounds.insert(name, 0);
        write(&folder, INDEX, &json!(self.rounds));
    }

    /// Visits the page, and waits until the service worker can show notifications.
    async fn visit(&self, browser: &Browser) -> Page {
        page::visit(browser, &self.caddy.url).await;
        page::when(browser, "the page to be stored", |page| page.is_kept() && page.is_complete()).await
    }

    /// Adds a round, and waits until the page has loaded it.
    async fn check_and_load(&mut self, browser: &Browser, is_up: bool) {
        self.check(is_up);
        let count = self.rounds.len();
        let status = if is_up { "healthy" } else { "down" };
        let is_loaded =
            |page: &Page| page.loaded() == count as u64 && page.endpoint("Shop").text_of("status") == status;
        page::when(browser, "the round to be loaded", is_loaded).await;
    }
}

fn write(folder: &Path, name: &str, content: &Value) {
    std::fs::create_dir_all(folder).expect("the folder can be created");
    std::fs::write(folder.join(name), content.to_string()).expect("the file can be written");
}

/// Opens a browser in which the visitor has already answered the question about notifications.
async fn browser_that_answers(origin: &str, answer: &str) -> Browser {
    let browser = Browser::open().await;
    let permission = json!({ "permission": { "name": "notifications" }, "setting": answer, "origin": origin });
    browser.devtools("Browser.setPermission", permission).await;
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": RECORD })).await;
    browser
}

async fn strings(browser: &Browser, script: &str) -> Vec<String> {
    let list = browser.script(script).await;
    list.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

async fn notified(browser: &Browser) -> Vec<String> {
    strings(browser, "return window.notified").await
}

async fn until(browser: &Browser, what: &str, script: &str) {
    let is_so = || async { (browser.script(script).await == true).then_some(()) };
    wait_for(what, is_so).await;
}

async fn open_menu(browser: &Browser) {
    browser.script("document.querySelector('#subscribe summary').click()").await;
    until(browser, "the menu", READY).await;
}

/// Clicks the checkbox for notifications, and waits until it has this state.
async fn choose_notifications(browser: &Browser, is_checked: bool) {
    open_menu(browser).await;
    browser.script(&format!("document.querySelector('{BOX}').click()")).await;
    let kept = format!(
        "return document.querySelector('{BOX}').checked === {is_checked} \
         && (localStorage.getItem('checkup notifications /') === 'on') === {is_checked}"
    );
    until(browser, "the choice to be kept", &kept).await;
}

#[tokio::test]
async fn one_outage_is_one_notification() {
    let mut shop = Shop::open(&json!({})).await;
    shop.check(false);
    let browser = browser_that_answers(&shop.caddy.url, "granted").await;
    let page = shop.visit(&browser).await;
    assert_eq!(page.endpoint("Shop").text_of("status"), "down");
    choose_notifications(&browser, true).await;
    // The outage that the page showed first is not news, but its end is.
    shop.check_and_load(&browser, false).await;
    assert_eq!(notified(&browser).await, [""; 0]);
    shop.check_and_load(&browser, true).await;
    until(&browser, "the recovery", "return window.notified.length === 1").await;
    shop.check_and_load(&browser, false).await;
    until(&browser, "the outage", "return window.notified.length === 2").await;
    shop.check_and_load(&browser, false).await;
    shop.check_and_load(&browser, false).await;
    assert_eq!(
        notified(&browser).await,
        ["Shop: healthy | Example | Shop", "Shop: down | 503 Service Unavailable | Shop"]
    );
    // The browser shows one notification per endpoint.
    let is_shown = || async { (strings(&browser, SHOWN).await == ["Shop: down"]).then_some(()) };
    wait_for("one notification", is_shown).await;
    page::when(&browser, "the page", Page::is_complete).await.assert_clean();

    // The choice is kept, and a page that shows an outage when it is opened does not notify of it.
    shop.visit(&browser).await;
    shop.check_and_load(&browser, false).await;
    assert_eq!(notified(&browser).await, [""; 0]);
    open_menu(&browser).await;
    until(&browser, "the kept choice", &format!("return document.querySelector('{BOX}').checked")).await;

    // A tab in the background is still refreshed.
    browser.script("Object.defineProperty(document, 'hidden', { get: () => true, configurable: true })").await;
    browser.script("document.dispatchEvent(new Event('visibilitychange'))").await;
    shop.check_and_load(&browser, true).await;
    until(&browser, "the recovery", "return window.notified.length === 1").await;
    assert_eq!(notified(&browser).await, ["Shop: healthy | Example | Shop"]);
    browser.script("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))").await;
    browser.script(&format!("document.querySelector('{BOX}').click()")).await;
    until(&browser, "the choice to be forgotten", "return localStorage.length === 0").await;
    shop.check_and_load(&browser, false).await;
    assert_eq!(notified(&browser).await.len(), 1, "notifications are off");
}

#[tokio::test]
async fn two_tabs_notify_of_an_outage_once() {
    let mut shop = Shop::open(&json!({})).await;
    let browser = browser_that_answers(&shop.caddy.url, "granted").await;
    shop.visit(&browser).await;
    choose_notifications(&browser, true).await;
    browser.script("window.other = open(location.href)").await;
    let is_open = "return window.other.document.documentElement?.dataset.complete === 'true'";
    until(&browser, "the other tab", is_open).await;
    let record = "window.other.ServiceWorkerRegistration.prototype.showNotification = async title => {
        window.notified.push(`other tab: ${title}`);
    }";
    browser.script(record).await;
    shop.check_and_load(&browser, false).await;
    until(&browser, "the outage", "return window.notified.length === 1").await;
    let other = "return window.other.document.querySelector('.endpoint').dataset.status === 'down'";
    until(&browser, "the other tab to be refreshed", other).await;
    shop.check_and_load(&browser, false).await;
    assert_eq!(notified(&browser).await, ["Shop: down | 503 Service Unavailable | Shop"]);
    browser.script("window.other.close()").await;
}

#[tokio::test]
async fn a_browser_that_blocks_notifications_is_explained() {
    let mut shop = Shop::open(&json!({})).await;
    let browser = browser_that_answers(&shop.caddy.url, "denied").await;
    shop.visit(&browser).await;
    open_menu(&browser).await;
    let status = "return document.querySelector('#subscribe [role=status]').textContent";
    assert_eq!(browser.script(status).await, "");
    browser.script(&format!("document.querySelector('{BOX}').click()")).await;
    until(&browser, "the explanation", "return document.querySelector('#subscribe [role=status]').textContent !== ''")
        .await;
    let text = browser.script(status).await;
    assert_eq!(text, "This browser blocks notifications from this page. Allow them in the settings for this site.");
    until(&browser, "the box to be empty", &format!("return !document.querySelector('{BOX}').checked")).await;
    assert_eq!(browser.script("return localStorage.length").await, 0);
    shop.check_and_load(&browser, false).await;
    assert_eq!(notified(&browser).await, [""; 0]);
}

#[tokio::test]
async fn pages_without_offline_use_do_not_offer_notifications() {
    let shop = Shop::open(&json!({ "offline": false })).await;
    let browser = browser_that_answers(&shop.caddy.url, "granted").await;
    page::visit(&browser, &shop.caddy.url).await;
    let is_visible = "return document.querySelector('#subscribe').checkVisibility()";
    assert_eq!(browser.script(is_visible).await, false, "the menu would be empty");
}

const LINKS: &str =
    "return [...document.querySelectorAll('#subscribe li a')].map(one => `${one.textContent} ${one.href}`)";

#[tokio::test]
async fn the_menu_and_the_head_offer_what_is_configured() {
    let keys = json!({
        "outputs": { "url": "feeds" },
        "subscribe": [
            { "text": "<b>Telegram</b>", "url": "https://t.me/example" },
            { "text": "Hostile", "url": "javascript:canary()" },
            { "text": "List", "url": "mailto:join@lists.example" },
        ],
    });
    let shop = Shop::open(&keys).await;
    let browser = Browser::open().await;
    let page = page::visit(&browser, &format!("{}?range=1h", shop.caddy.url)).await;
    let feeds = format!("{}feeds/", shop.caddy.url);
    open_menu(&browser).await;
    assert_eq!(
        strings(&browser, LINKS).await,
        [
            format!("Atom {feeds}feed.atom"),
            format!("RSS {feeds}feed.rss"),
            format!("JSON Feed {feeds}feed.json"),
            format!("Add to a calendar app {}maintenance.ics", feeds.replace("http://", "webcal://")),
            format!("iCalendar {feeds}maintenance.ics"),
            "<b>Telegram</b> https://t.me/example".to_owned(),
            "List mailto:join@lists.example".to_owned(),
        ]
    );
    let in_head = "return [...document.head.querySelectorAll('link[rel=alternate]')].map(one => `${one.type} ${one.title} ${one.href}`)";
    assert_eq!(
        strings(&browser, in_head).await,
        [
            format!("application/atom+xml Atom {feeds}feed.atom"),
            format!("application/rss+xml RSS {feeds}feed.rss"),
            format!("application/feed+json JSON Feed {feeds}feed.json"),
        ]
    );
    // The bars of an endpoint lead to its own feed.
    assert_eq!(browser.script("return document.querySelector('.level')").await, Value::Null);
    browser
        .script("document.querySelector('.bar:last-child').dispatchEvent(new Event('click', { bubbles: true }))")
        .await;
    let own = format!("return document.querySelector('.level a')?.href === '{feeds}endpoint/Shop.atom'");
    until(&browser, "the feed of the endpoint", &own).await;
    // Addresses can be copied.
    let clipboard =
        json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"], "origin": shop.caddy.url });
    browser.devtools("Browser.grantPermissions", clipboard).await;
    browser.script("window.copied = []; navigator.clipboard.writeText = text => { window.copied.push(text); };").await;
    open_menu(&browser).await;
    browser.script("document.querySelectorAll('#subscribe li button')[1].click()").await;
    let text = "return document.querySelectorAll('#subscribe li button')[1].textContent === 'Copied RSS'";
    until(&browser, "the confirmation", text).await;
    assert_eq!(strings(&browser, "return window.copied").await, [format!("{feeds}feed.rss")]);
    page.assert_clean();
    let requests = strings(&browser, "return performance.getEntriesByType('resource').map(one => one.name)").await;
    assert!(requests.iter().all(|url| url.starts_with(&shop.caddy.url)), "{requests:?}");
    assert!(!requests.iter().any(|url| url.contains("feed.")), "feeds are not loaded: {requests:?}");
}

const FOCUS: &str = "const one = document.activeElement; return one.matches('#subscribe *') ? one.tagName : 'outside'";

#[tokio::test]
async fn the_menu_works_with_the_keyboard_alone() {
    let keys = json!({ "outputs": { "url": "./" }, "subscribe": [{ "text": "Chat", "url": "https://chat.example/" }] });
    let shop = Shop::open(&keys).await;
    let browser = browser_that_answers(&shop.caddy.url, "granted").await;
    shop.visit(&browser).await;
    let is_open = "return document.querySelector('#subscribe').open";
    // The first stop is the link to the services.
    browser.press("Tab").await;
    browser.press("Tab").await;
    assert_eq!(browser.script(FOCUS).await, "SUMMARY");
    browser.press("Enter").await;
    until(&browser, "the menu", READY).await;
    browser.press("Tab").await;
    assert_eq!(browser.script("return document.activeElement.type").await, "checkbox");
    browser.press("Space").await;
    until(&browser, "notifications", "return localStorage.length === 1").await;
    let mut stops = Vec::new();
    for _ in 0..10 {
        browser.press("Tab").await;
        stops.push(browser.script(FOCUS).await.as_str().unwrap_or_default().to_owned());
    }
    let expected = ["A", "BUTTON", "A", "BUTTON", "A", "BUTTON", "A", "A", "BUTTON", "A"];
    assert_eq!(stops, expected);
    assert_eq!(browser.script(is_open).await, true);
    browser.press("Escape").await;
    assert_eq!((browser.script(is_open).await, browser.script(FOCUS).await), (json!(false), json!("SUMMARY")));
    // The menu does not cover what has the focus outside of it.
    browser.press("Space").await;
    until(&browser, "the menu", "return document.querySelector('#subscribe').open").await;
    browser.press("Shift+Tab").await;
    browser.script("document.querySelector('.ranges input').focus()").await;
    until(&browser, "the menu to close", "return !document.querySelector('#subscribe').open").await;
    open_menu(&browser).await;
    browser.script("document.querySelector('main').click()").await;
    until(&browser, "the menu to close", "return !document.querySelector('#subscribe').open").await;
}
