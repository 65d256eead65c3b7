//! Runs axe-core in the real page to find violations of accessibility rules. WebDriver injects axe-core, because the
//! page's policy blocks foreign scripts.

use std::sync::OnceLock;

use serde_json::Value;

use crate::browser::Browser;
use crate::npm_file;

/// Applies all rules except experimental ones.
const RUN: &str = r"
    return axe.run({ resultTypes: ['violations'] })
        .then(({ violations }) => violations.flatMap(({ id, help, nodes }) => nodes.slice(0, 3).map(node =>
            `${id} (${help}, ${nodes.length} times): ${node.html.slice(0, 160)}: ${node.failureSummary}`)));
";

/// Reports duplicate IDs, then removes all but the first 20 endpoints: axe's run time is quadratic in their number, and
/// they are all alike.
const LEAVE_FEW: &str = r"
    const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
    document.querySelectorAll('.endpoint:nth-child(n + 21)').forEach(endpoint => endpoint.remove());
    return ids.filter((id, index) => ids.indexOf(id) < index).map(id => `duplicate id ${id}`);
";

/// Returns all violations that axe finds in the page.
pub async fn violations(browser: &Browser) -> Vec<String> {
    static AXE: OnceLock<String> = OnceLock::new();
    let axe =
        AXE.get_or_init(|| std::fs::read_to_string(npm_file("axe-core", "axe.min.js")).expect("the file can be read"));
    if browser.script("return typeof axe").await == "undefined" {
        browser.script(axe).await;
    }
    let twice = browser.script(LEAVE_FEW).await;
    let found = browser.script(RUN).await;
    let found = [twice, found].into_iter().flat_map(|list| list.as_array().cloned().expect("it is a list"));
    found.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// Returns axe's version, which proves that axe is running.
pub async fn version(browser: &Browser) -> Value {
    browser.script("return axe.version").await
}
