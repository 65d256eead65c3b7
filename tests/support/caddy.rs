//! The page behind the real Caddy with the project's Caddyfile. Each instance has a different origin.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::Program;
use crate::{free_port, http_client, page_directory, root, tool, wait_for};

/// A running web server with a copy of the built page.
#[derive(Debug)]
pub struct Caddy {
    /// The page's URL, with a trailing slash.
    pub url: String,
    /// The folder with the files that Caddy serves.
    pub site: TempDir,
    store_origin: String,
    embed_by: String,
    /// The path of the folder with a node's outputs. It takes effect when the server is started again.
    pub outputs: String,
    program: Option<Program>,
}

impl Caddy {
    /// Serves the built page without a `config.json`. The page can read from its origin and from `store_origin`.
    pub async fn start(store_origin: &str) -> Caddy {
        Caddy::start_for(store_origin, "").await
    }

    /// Serves the page, and allows pages whose origin is `embed_by` to show it in a frame.
    pub async fn start_for(store_origin: &str, embed_by: &str) -> Caddy {
        let site = TempDir::new().expect("a temporary folder");
        copy_folder(&page_directory(), site.path());
        let _ = std::fs::remove_file(site.path().join(shared::object_name::PAGE_CONFIG));
        let url = format!("http://127.0.0.1:{}/", free_port());
        let (store_origin, embed_by) = (store_origin.to_owned(), embed_by.to_owned());
        let mut caddy = Caddy { url, site, store_origin, embed_by, outputs: String::new(), program: None };
        caddy.start_again().await;
        caddy
    }

    /// Stops the server, and keeps its folder.
    pub fn stop(&mut self) {
        self.program = None;
    }

    /// Starts the server again at the same address.
    pub async fn start_again(&mut self) {
        let site = self.site.path();
        let caddyfile = site.join(".Caddyfile");
        // All instances would use the same port for Caddy's admin endpoint.
        let text = format!("{{\n\tadmin off\n}}\nimport {}\n", root().join("Caddyfile").display());
        std::fs::write(&caddyfile, text).expect("the file can be written");
        let program = Program::start(&tool("caddy"), |command| {
            command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&caddyfile);
            environment(command, site, self.url.trim_end_matches('/'), &self.store_origin);
            command.env("CHECKUP_EMBED_BY", &self.embed_by).env("CHECKUP_OUTPUTS", &self.outputs);
        });
        let url = &self.url;
        wait_for("Caddy", || async { http_client::is_reachable(url).await.then_some(()) }).await;
        self.program = Some(program);
    }

    /// Writes `config.json` next to the page. By default, the page shows URLs, errors and charts, which most tests
    /// read.
    pub fn configure(&self, config: &str) {
        let mut config = config.to_owned();
        if let Ok(Value::Object(mut keys)) = serde_json::from_str(&config)
            && keys.contains_key("source")
        {
            keys.entry("details").or_insert(true.into());
            keys.entry("charts").or_insert("open".into());
            config = Value::Object(keys).to_string();
        }
        self.configure_exactly(&config);
    }

    /// Writes exactly this `config.json` next to the page.
    pub fn configure_exactly(&self, config: &str) {
        let path = self.site.path().join(shared::object_name::PAGE_CONFIG);
        std::fs::write(path, config).expect("the file can be written");
    }
}

/// Sets the environment variables that the Caddyfile reads.
fn environment(command: &mut Command, site: &Path, address: &str, store_origin: &str) {
    command.env("CHECKUP_DIST", site).env("CHECKUP_ADDRESS", address).env("CHECKUP_STORE_ORIGIN", store_origin);
    command.env("CHECKUP_SUMMARY", "/checks/0-summary/test-node.html");
    command.env("XDG_DATA_HOME", site.join(".caddy")).env("XDG_CONFIG_HOME", site.join(".caddy"));
}

pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the folder can be created");
    for entry in std::fs::read_dir(from).expect("the folder exists") {
        let entry = entry.expect("the folder can be read");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("it has a type").is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("the file can be copied");
        }
    }
}
