//! axe-core in the real page: what it finds against the rules of accessibility. The driver runs it, since the page's own
//! policy lets no script in that is not the page's.

use std::sync::OnceLock;

use serde_json::Value;

use crate::browser::Browser;
use crate::npm_file;

/// All rules that are no experiment.
const RUN: &str = r"
    return axe.run({ resultTypes: ['violations'] })
        .then(({ violations }) => violations.flatMap(({ id, help, nodes }) => nodes.slice(0, 3).map(node =>
            `${id} (${help}, ${nodes.length} times): ${node.html.slice(0, 160)}: ${node.failureSummary}`)));
";

/// What axe looks at takes it the square of the time: of very many endpoints, all of which are made alike, the first ones
/// stay. Identifiers that are there twice are looked for before.
const LEAVE_FEW: &str = r"
    const ids = [...document.querySelectorAll('[id]')].map(element => element.id);
    document.querySelectorAll('.endpoint:nth-child(n + 21)').forEach(endpoint => endpoint.remove());
    return ids.filter((id, place) => ids.indexOf(id) < place).map(id => `the id ${id} is there twice`);
";

/// Everything that axe has to say against the page as it is.
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

/// Which version it is, to see that it runs at all.
pub async fn version(browser: &Browser) -> Value {
    browser.script("return axe.version").await
}
