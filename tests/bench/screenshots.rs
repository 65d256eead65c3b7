//! Takes the screenshots for the documentation, and contact sheets of all page states for review: `make screenshots`.
//! The scenarios run at a fixed time, so a screenshot changes only when the page changes.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a tool that prints, and stops at the first error")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use support::browser::Browser;
use support::page_scenario::{self, PageScenario, PageState};
use support::root;

/// The sizes of the browser window, in CSS pixels.
const WINDOWS: [(u32, u32); 3] = [(360, 780), (768, 960), (1_440, 900)];
const THEMES: [&str; 2] = ["light", "dark"];

/// The height of each screenshot on a contact sheet, in pixels.
const HEIGHT_ON_SHEET: u32 = 400;

/// A screenshot for the documentation: name, state, window size, device pixels per CSS pixel, and theme.
type Shown = (&'static str, PageState, (u32, u32), f64, &'static str);

const SHOWN: [Shown; 3] = [
    ("page.png", PageState::Localized, (1_100, 900), 1.0, "light"),
    ("dark.png", PageState::Down, (1_100, 620), 1.0, "dark"),
    ("phone.png", PageState::Down, (360, 720), 1.5, "light"),
];

/// Screenshots of a customized page: name, query, height and theme.
const OWN: [(&str, &str, u32, &str); 2] =
    [("groups.png", "", 760, "light"), ("table.png", "?theme=dark&view=table", 640, "dark")];

const LOGO: &str = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 28 28'><circle cx='14' cy='14' r='13' \
     fill='#3d5a80'/><path d='m8 14 5 5 8-9' fill='none' stroke='#fff' stroke-width='3'/></svg>";

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(take_all());
}

/// Writes the screenshots for the documentation to `docs/images`, and the other screenshots and the contact sheets to
/// the folder in `CHECKUP_PICTURES` or to `target/screenshots`.
async fn take_all() {
    let folder = std::env::var_os("CHECKUP_PICTURES").map_or_else(|| root().join("target/screenshots"), PathBuf::from);
    let images = root().join("docs/images");
    std::fs::create_dir_all(&folder).expect("the folder can be created");
    let browser = page_scenario::open_browser().await;
    browser.devtools("Emulation.setScrollbarsHidden", json!({ "hidden": true })).await;
    for state in PageState::ALL {
        let mut scenario = state.start().await;
        for (width, height) in WINDOWS {
            for theme in THEMES {
                let path = folder.join(file_name(state, width, theme));
                picture(&browser, &scenario, (width, height), 1.0, theme, &path).await;
            }
        }
        take_announcements(&browser, &mut scenario, &folder).await;
        for (name, of, size, scale, theme) in SHOWN {
            if of == state {
                picture(&browser, &scenario, size, scale, theme, &images.join(name)).await;
            }
        }
        if state == PageState::Down {
            make_own(&scenario);
            for (name, query, height, theme) in OWN {
                let url = scenario.url.clone();
                scenario.url.push_str(query);
                picture(&browser, &scenario, (1_100, height), 1.0, theme, &images.join(name)).await;
                scenario.url = url;
            }
        }
        println!("  {}", state.name());
    }
    let browser = Browser::open_with(&[]).await;
    for (width, height) in WINDOWS {
        let sheet = folder.join(format!("sheet-{width}.png"));
        photograph_sheet(&browser, &folder, &[(width, height)], height * 2 / 3, &sheet).await;
    }
    photograph_sheet(&browser, &folder, &WINDOWS, HEIGHT_ON_SHEET, &images.join("states.webp")).await;
    println!("the screenshots and sheets are in {}, those of the documentation in docs/images", folder.display());
}

/// Takes the screenshots of single announcements and of the history.
async fn take_announcements(browser: &Browser, scenario: &mut PageScenario, folder: &Path) {
    let url = scenario.url.clone();
    for (number, (query, _)) in (1..).zip(page_scenario::announcement_queries(scenario.state)) {
        scenario.url = format!("{url}{query}");
        for (width, height) in WINDOWS {
            for theme in THEMES {
                let name = file_name(scenario.state, width, theme).replace(".png", &format!("-{number}.png"));
                picture(browser, scenario, (width, height), 1.0, theme, &folder.join(name)).await;
            }
        }
    }
    scenario.url = url;
}

/// Gives a page a logo, links and groups.
fn make_own(scenario: &PageScenario) {
    let path = scenario.folder().join("config.json");
    let config = std::fs::read(&path).expect("the page has a configuration");
    let mut config: Value = serde_json::from_slice(&config).expect("it is JSON");
    config["logo"] = json!("logo.svg");
    config["links"] = json!([
        { "text": "Help", "url": "https://help.example/" }, { "text": "Contact", "url": "https://example.com/contact" }
    ]);
    config["groups"] = json!([
        { "title": "Customers", "endpoints": ["Shop", "Website", "Search"],
          "groups": [{ "title": "Money", "endpoints": ["Payments"] }] },
        { "title": "Inside", "endpoints": ["Sign-in", "Mail"] }
    ]);
    std::fs::write(path, config.to_string()).expect("the file can be written");
    std::fs::write(scenario.folder().join("logo.svg"), LOGO).expect("the file can be written");
}

fn file_name(state: PageState, width: u32, theme: &str) -> String {
    format!("{}-{width}-{theme}.png", state.name().replace(' ', "-"))
}

/// Takes a screenshot of the page in a window of this size.
async fn picture(
    browser: &Browser,
    scenario: &PageScenario,
    (width, height): (u32, u32),
    scale: f64,
    theme: &str,
    path: &Path,
) {
    set_window(browser, width, height, scale).await;
    browser.prefer(&[("prefers-color-scheme", theme)]).await;
    scenario.visit(browser).await;
    photograph(browser, path).await;
}

async fn set_window(browser: &Browser, width: u32, height: u32, scale: f64) {
    let size = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500 });
    browser.devtools("Emulation.setDeviceMetricsOverride", size).await;
}

async fn photograph(browser: &Browser, path: &Path) {
    // Two frames later, the last change has been drawn.
    browser.script("return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));").await;
    // A contact sheet would be four times as large in PNG.
    let is_sheet = path.extension().is_some_and(|extension| extension == "webp");
    let format = if is_sheet { json!({ "format": "webp", "quality": 70 }) } else { json!({ "format": "png" }) };
    let picture = browser.devtools("Page.captureScreenshot", format).await;
    let picture = picture["data"].as_str().expect("the browser returns an image");
    std::fs::write(path, BASE64.decode(picture).expect("it is in base64")).expect("the file can be written");
}

/// Combines the screenshots of all states, light and dark, into one contact sheet.
async fn photograph_sheet(browser: &Browser, folder: &Path, windows: &[(u32, u32)], height: u32, path: &Path) {
    let mut sheet = format!(
        "<!doctype html><style>body {{ margin: 16px; width: max-content; background: #888; font: 16px sans-serif }}
         h2 {{ margin: 0 0 6px; font-size: 16px }} img {{ height: {height}px; margin: 0 8px 14px 0 }}
         .states {{ display: grid; grid-template-columns: repeat({}, max-content); gap: 0 24px }}</style><div class=states>",
        if windows.len() == 1 { 2 } else { 1 },
    );
    for state in PageState::ALL {
        write!(sheet, "<div><h2>{}</h2>", state.name()).expect("a string can be written to");
        for (width, _) in windows {
            for theme in THEMES {
                write!(sheet, "<img src='{}'>", file_name(state, *width, theme)).expect("a string can be written to");
            }
        }
        sheet.push_str("</div>");
    }
    let page = folder.join("sheet.html");
    std::fs::write(&page, sheet).expect("the file can be written");
    browser.visit(&format!("file://{}", page.display())).await;
    let size = browser
        .script("const { width, height } = document.body.getBoundingClientRect(); return [width + 32, height + 32];")
        .await;
    let pixels = |value: &Value| value.as_f64().expect("it is a size").ceil() as u32;
    set_window(browser, pixels(&size[0]), pixels(&size[1]), 1.0).await;
    photograph(browser, path).await;
}
