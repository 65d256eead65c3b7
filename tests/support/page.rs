//! The contents of the status page as visitors see them, read from the built page in a real browser.

use std::cell::RefCell;

use serde_json::Value;

use crate::browser::Browser;
use crate::{PATIENCE, poll_until};

/// Reads everything that tests need in a single script so that all of it is from the same moment.
const READ: &str = r"
    const text = element => element ? element.textContent.replace(/\s+/g, ' ').trim() : '';
    const prose = element => {
        const copy = element.cloneNode(true);
        for (const code of copy.querySelectorAll('code')) code.textContent = '`' + code.textContent + '`';
        return text(copy);
    };
    const all = (from, selector, read) => [...from.querySelectorAll(selector)].map(read);
    const root = document.documentElement;
    return {
        state: root.dataset.state, loaded: Number(root.dataset.loaded || 0), complete: root.dataset.complete === 'true',
        title: document.title, overall: text(document.querySelector('#overall')), freshness: text(document.querySelector('#last-checked')),
        remark: text(document.querySelector('.remark')), scope: text(document.querySelector('.checked > .scope')),
        announcement: text(document.querySelector('#announcement')), trouble: all(document, '.trouble li', text),
        note: text(document.querySelector('#banner:not([hidden])')), kept: root.dataset.offline === 'cached',
        problems: all(document, '#problems li', prose),
        announcements: all(document, '#announcements .card, #announcements li', text), detail: text(document.querySelector('#detail')),
        planned: document.querySelector('.overall')?.dataset.planned === 'true',
        messages: all(document, '#messages .message', element => ({ text: text(element), html: element.innerHTML })),
        endpoints: all(document, 'section.endpoint', section => ({
            title: section.dataset.title, locator: section.dataset.locator, status: section.dataset.status,
            uptime: text(section.querySelector('.uptime')).match(/[\d.,]+[\s\u200e\u200f]*%|$/)[0] || '–', figure: text(section.querySelector('.uptime')), outside: text(section.querySelector('.outside')),
            planned: section.dataset.planned === 'true', coverage: text(section.querySelector('.coverage')),
            reason: text(section.querySelector('.reason')), text: text(section), localized: section.dataset.localized === 'true',
            breakdown: text(section.querySelector('.figure > .readout')), state: text(section.querySelector('.head .state')),
            times: text(section.querySelector('.chart-readout')), chart: section.querySelector('svg.chart')?.getAttribute('aria-label'),
            points: section.querySelector('svg.chart')?.dataset.points,
            bars: all(section, '.strip .bar', bar => ({ status: bar.dataset.status, start: bar.dataset.start,
                end: bar.dataset.end, label: bar.dataset.label.replace(/\s+/g, ' ') })),
        })),
        events: all(document, '#timeline .event', event => ({ kind: event.dataset.kind, status: event.dataset.status, text: text(event),
            times: all(event, 'time[datetime]', time => time.dateTime) })),
        nodes: all(document, '#nodes li', text),
        text: text(document.body), witness: window.witness,
        requests: performance.getEntriesByType('resource').map(entry => entry.name),
    };
";

/// Waits until the page changes, because reading it repeatedly would slow it down. Changes outside the document are
/// detected a little later.
const CHANGE: &str = r"
    return new Promise(done => {
        const seen = new MutationObserver(() => end());
        const end = () => { seen.disconnect(); clearTimeout(late); setTimeout(done, 20); };
        const late = setTimeout(end, 200);
        seen.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    });
";

/// Waits until everything is loaded, the page reports that loading failed, or a time limit is reached.
const END: &str = r"
    return new Promise(done => {
        const root = document.documentElement;
        const isThere = () => root.dataset.complete === 'true' || root.dataset.state === 'broken';
        const seen = new MutationObserver(() => isThere() && end());
        const end = () => { seen.disconnect(); clearTimeout(late); done(); };
        const late = setTimeout(end, 10000);
        seen.observe(root, { attributes: true });
        if (isThere()) end();
    });
";

/// A snapshot of the page.
#[derive(Debug, Clone)]
pub struct Page(pub Value);

/// An endpoint in a snapshot.
#[derive(Debug, Clone)]
pub struct EndpointOnPage(pub Value);

/// Visits a status page, and waits until everything is loaded or the page reports that loading failed.
pub async fn visit(browser: &Browser, url: &str) -> Page {
    browser.visit(url).await;
    browser.await_script(END).await;
    when(browser, "the page to be complete", |page| page.is_complete() || page.text_of("state") == "broken").await
}

/// Waits until the condition is true and the page is completely drawn. The page draws endpoints after the overall
/// status.
pub async fn when(browser: &Browser, what: &str, condition: impl Fn(&Page) -> bool) -> Page {
    let last = RefCell::new(Value::Null);
    let waiting = poll_until(|| async {
        let page = Page(browser.script(READ).await);
        let is_so = page.is_settled() && condition(&page);
        last.replace(page.0.clone());
        if !is_so {
            browser.await_script(CHANGE).await;
        }
        is_so.then_some(page)
    });
    let page = waiting.await;
    page.unwrap_or_else(|| panic!("waited {PATIENCE:?} for {what}; the page is\n{:#}", last.borrow()))
}

impl Page {
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.0["complete"] == true
    }

    /// Whether the page has drawn everything that it loaded.
    fn is_settled(&self) -> bool {
        self.is_complete() || ["loading", "broken"].contains(&self.text_of("state").as_str())
    }

    /// Returns a string by its name in [`READ`]: `state`, `overall`, `freshness`, `title`, `text`.
    #[must_use]
    pub fn text_of(&self, name: &str) -> String {
        self.0[name].as_str().unwrap_or_default().to_owned()
    }

    /// Whether the browser has stored the page for offline use.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.0["kept"] == true
    }

    /// The number of check files that the page has in memory.
    #[must_use]
    pub fn loaded(&self) -> u64 {
        self.0["loaded"].as_u64().unwrap_or_default()
    }

    /// Returns the endpoints, in the order on the page.
    #[must_use]
    pub fn endpoints(&self) -> Vec<EndpointOnPage> {
        elements(&self.0["endpoints"]).into_iter().map(EndpointOnPage).collect()
    }

    /// The endpoint with this title.
    #[must_use]
    pub fn endpoint(&self, title: &str) -> EndpointOnPage {
        let found = self.endpoints().into_iter().find(|endpoint| endpoint.text_of("title") == title);
        found.unwrap_or_else(|| panic!("`{title}` is not on the page:\n{:#}", self.0))
    }

    /// Returns the loading problems that the page lists.
    #[must_use]
    pub fn problems(&self) -> String {
        elements(&self.0["problems"]).iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Returns the nodes, each with its description.
    #[must_use]
    pub fn nodes(&self) -> Vec<String> {
        elements(&self.0["nodes"]).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Returns the current messages, as text and as HTML.
    #[must_use]
    pub fn messages(&self) -> Vec<(String, String)> {
        let text = |message: &Value, name: &str| message[name].as_str().unwrap_or_default().to_owned();
        elements(&self.0["messages"]).iter().map(|message| (text(message, "text"), text(message, "html"))).collect()
    }

    /// Returns the text of each incident and maintenance below the headline.
    #[must_use]
    pub fn announcements(&self) -> Vec<String> {
        elements(&self.0["announcements"]).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Returns the text of each event of this kind in the timeline, in the order on the page.
    #[must_use]
    pub fn events(&self, kind: &str) -> Vec<String> {
        let of_kind = elements(&self.0["events"]).into_iter().filter(|event| event["kind"] == kind);
        of_kind.filter_map(|event| event["text"].as_str().map(str::to_owned)).collect()
    }

    /// Returns the URLs that the page requested, except for those of the page's own files.
    #[must_use]
    pub fn requests(&self) -> Vec<String> {
        elements(&self.0["requests"]).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Fails if a foreign script ran, if the security policy blocked anything, or if the page's own code failed.
    pub fn assert_clean(&self) {
        let clean = serde_json::json!({ "violations": [], "errors": [], "canary": 0 });
        assert_eq!(self.0["witness"], clean, "no foreign script, no violation and no error");
    }
}

impl EndpointOnPage {
    /// Returns a string by its name in [`READ`]: `title`, `locator`, `status`, `uptime`, `coverage`, `reason`, `text`.
    #[must_use]
    pub fn text_of(&self, name: &str) -> String {
        self.0[name].as_str().unwrap_or_default().to_owned()
    }

    /// The statuses of the bars, oldest first.
    #[must_use]
    pub fn bar_statuses(&self) -> Vec<String> {
        let bars = elements(&self.0["bars"]);
        bars.iter().filter_map(|bar| bar["status"].as_str().map(str::to_owned)).collect()
    }

    /// Returns the number of points in the chart.
    #[must_use]
    pub fn points(&self) -> usize {
        self.text_of("points").parse().unwrap_or_else(|_| panic!("the chart has no number of points:\n{:#}", self.0))
    }
}

fn elements(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
