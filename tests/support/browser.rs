//! A real browser: headless Chromium, controlled over WebDriver.
//!
//! Each test has a browser to itself while it runs, and a separate tab. The next test opens a tab in the same browser,
//! because starting a browser takes longer than most pages. Tests do not share the data that browsers keep for each
//! origin, because no two tests use the same ports.

use std::fmt::Debug;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use shared::{Nanos, UnixNanos};
use tempfile::{NamedTempFile, TempDir, TempPath};

use crate::program::Program;
use crate::{PATIENCE, free_port, tool, wait_blocking};

/// Runs in every document before the document's scripts. Records policy violations, errors, and calls by injected code.
const WITNESS: &str = r"
    window.witness = { violations: [], errors: [], canary: 0 };
    document.addEventListener('securitypolicyviolation', event =>
        window.witness.violations.push(event.effectiveDirective + ' ' + event.blockedURI));
    window.addEventListener('error', event => window.witness.errors.push(String(event.message)));
    window.addEventListener('unhandledrejection', event => window.witness.errors.push(String(event.reason)));
    // If a test sets the clock, the `Date` headers of servers follow it, unless the test requests otherwise.
    const [now, header] = [Date.now, Headers.prototype.get];
    Headers.prototype.get = function (name) {
        const value = header.call(this, name);
        const isSet = Date.now !== now && !window.clockIsWrong;
        return value && isSet && String(name).toLowerCase() === 'date' ? new Date(Date.now()).toUTCString() : value;
    };
    window.alert = window.canary = () => { window.witness.canary += 1; };
";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// The browser's clock is correct, and the servers' clocks agree with it.
    Browser,
    /// The servers' clocks are correct, and the browser's clock is wrong.
    Servers,
}

/// A browser tab. Dropping it makes the browser available to the next test.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: Option<Session>,
    use_after: Use,
}

/// A WebDriver session, which corresponds to a running browser.
#[derive(Debug)]
struct Session {
    id: String,
    _profile: TempDir,
}

/// Whether later tests can use the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Again,
    Once,
}

/// The browsers that no test is using.
static IDLE: Mutex<Vec<Session>> = Mutex::new(Vec::new());

impl Browser {
    /// Opens a tab in an idle browser, or in a new one.
    pub async fn open() -> Browser {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(session) = idle
            && let Some(client) = new_tab(&session).await
        {
            return Browser::new(client, session, Use::Again).await;
        }
        let (client, session) = start(&[]).await;
        Browser::new(client, session, Use::Again).await
    }

    /// Opens a new browser for this test only, with additional command-line arguments.
    pub async fn open_with(further: &[&str]) -> Browser {
        let (client, session) = start(further).await;
        Browser::new(client, session, Use::Once).await
    }

    async fn new(client: Client, session: Session, use_after: Use) -> Browser {
        // The session remains open when this connection is closed.
        client.persist().await.expect("the client accepts the command");
        let browser = Browser { client, session: Some(session), use_after };
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WITNESS })).await;
        browser
    }

    /// Freezes the clock at `time`, starting with the next page load.
    pub async fn stop_clock(&self, time: UnixNanos) {
        let source = format!("Date.now = () => {};", time / 1_000_000);
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    }

    /// Shifts the clock by `length`, starting with the next page load.
    pub async fn set_clock_off(&self, length: Nanos, truth: Truth) {
        let source = format!(
            "{{ const now = Date.now; Date.now = () => now() + {}; window.clockIsWrong = {}; }}",
            length / 1_000_000,
            truth == Truth::Servers
        );
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    }

    /// Makes later scripts run in the page's frame with this index.
    pub async fn enter_frame(&self, number: u16) {
        self.client.enter_frame(number).await.expect("there is such a frame");
    }

    pub async fn visit(&self, url: &str) {
        self.client.goto(url).await.expect("the browser loads the page");
    }

    /// Runs a script in the page and returns its result.
    pub async fn script(&self, script: &str) -> Value {
        self.script_with(script, Vec::new()).await
    }

    /// Runs a script with `arguments`, and awaits its result if that is a promise.
    pub async fn script_with(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap_or_else(|error| panic!("{error}: {script:.2000}"))
    }

    /// Runs a script that waits for something. Returns early if the document is replaced.
    pub async fn await_script(&self, script: &str) {
        let _ = self.client.execute(script, Vec::new()).await;
    }

    /// Presses a key by name: `ArrowLeft`, `Enter`, `Escape`, `Space`, `Tab`, `/`, or `Shift+Tab`.
    pub async fn press(&self, key: &str) {
        let (modifiers, key) = key.strip_prefix("Shift+").map_or((0, key), |key| (8, key));
        let (number, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "Space" => (32, " "),
            "End" => (35, ""),
            "Home" => (36, ""),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            "/" => (191, "/"),
            _ => panic!("unknown key `{key}`"),
        };
        let value = if key == "Space" { " " } else { key };
        for kind in ["keyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": value, "code": key, "windowsVirtualKeyCode": number,
                "text": text, "modifiers": modifiers });
            self.devtools("Input.dispatchKeyEvent", event).await;
        }
    }

    /// Sends a Chrome DevTools Protocol command.
    pub async fn devtools(&self, command: &'static str, parameters: Value) -> Value {
        let command = DeveloperToolsCommand { command, parameters };
        self.client.issue_cmd(command).await.expect("the browser accepts the command")
    }

    /// Sets the given user preferences, such as `("prefers-color-scheme", "dark")`, and resets all others.
    pub async fn prefer(&self, features: &[(&str, &str)]) {
        let features: Vec<Value> =
            features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Resizes the window, in CSS pixels. Widths below the minimum of a real window are possible.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }
}

async fn start(further: &[&str]) -> (Client, Session) {
    let profile = TempDir::new().expect("a temporary folder");
    let mut capabilities = json!({
        "browserName": "chrome",
        "goog:chromeOptions": {
            "binary": driver().browser.to_str().expect("the path is text"),
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage",
                "--no-first-run", "--disable-background-networking", "--disable-component-update",
                "--disable-sync", "--no-proxy-server", "--lang=en-GB", "--window-size=1280,1024",
                format!("--user-data-dir={}", profile.path().display()),
            ],
        },
    });
    if let Some(arguments) = capabilities["goog:chromeOptions"]["args"].as_array_mut() {
        arguments.extend(further.iter().map(|argument| json!(argument)));
    }
    let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
    let client = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities)
        .connect(&driver().url())
        .await
        .expect("the browser opens");
    let id = client.session_id().await.expect("the driver answers").expect("there is a session");
    (client, Session { id, _profile: profile })
}

/// Closes the previous tab, along with its scripts, clocks and emulation, and opens a new one. Returns `None` if the
/// browser cannot do that.
async fn new_tab(session: &Session) -> Option<Client> {
    let client = Client::with_existing_session(&driver().url(), &session.id, HttpConnector::new()).await.ok()?;
    client.persist().await.ok()?;
    let tab = client.new_window(true).await.ok()?;
    client.close_window().await.ok()?;
    client.switch_to_window(tab.handle).await.ok()?;
    Some(client)
}

impl Session {
    /// Sends a request to the driver without the async runtime, which may have shut down already.
    fn request(&self, method: &str, path: &str, body: &str) {
        let request = format!(
            "{method} /session/{}{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.id,
            body.len()
        );
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", driver().port)) {
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.write_all(request.as_bytes());
            // The driver responds once it has handled the request, and does not close the connection.
            let _ = stream.read(&mut [0; 1_024]);
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        // After a failed test, the browser may be in any state, so it is not reused.
        if self.use_after == Use::Once || std::thread::panicking() {
            session.request("DELETE", "", "");
            return;
        }
        // Otherwise, the page would keep sending requests to servers that are gone.
        session.request("POST", "/url", "{\"url\":\"about:blank\"}");
        IDLE.lock().unwrap_or_else(PoisonError::into_inner).push(session);
    }
}

/// The WebDriver server for all tests in this process.
#[derive(Debug)]
struct Driver {
    port: u16,
    browser: TempPath,
    _program: Program,
}

impl Driver {
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn driver() -> &'static Driver {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    DRIVER.get_or_init(|| {
        let port = free_port();
        let program = Program::start_for_all(&tool("chromedriver"), move |command| {
            command.arg(format!("--port={port}"));
        });
        wait_blocking("chromedriver", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Driver { port, browser: bound_browser(), _program: program }
    })
}

#[must_use]
pub fn chromium() -> PathBuf {
    let browser = ["chromium", "chromium-browser", "google-chrome"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let browser = browser.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    let browser = browser.into_iter().find(|program| program.is_file());
    browser.expect("Chromium is missing; run `scripts/setup.sh test`")
}

/// A script that starts the browser and makes it exit together with the driver, even if the driver is killed.
fn bound_browser() -> TempPath {
    let browser = chromium();
    let mut script = NamedTempFile::new().expect("a temporary file");
    write!(script, "#!/bin/sh\nexec setpriv --pdeathsig KILL -- '{}' \"$@\"\n", browser.display())
        .expect("it is written");
    script.as_file().set_permissions(std::fs::Permissions::from_mode(0o700)).expect("it becomes executable");
    // The file must be closed, because a file that is open for writing cannot be executed.
    script.into_temp_path()
}

/// Wraps a DevTools command in the form that ChromeDriver accepts.
#[derive(Debug)]
struct DeveloperToolsCommand {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DeveloperToolsCommand {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "cmd": self.command, "params": self.parameters }).to_string()))
    }
}
