//! `SeaweedFS`, the second real S3 and IAM server for all tests in the process. Unlike AWS, it ignores the paths of
//! users, deletes buckets along with their objects, lets every user list all buckets, and lets users manage their
//! access keys.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use crate::ministack::AccessKey;
use crate::program::Program;
use crate::{free_port, tool, wait_blocking};

/// The region in requests to the server, which accepts any region.
pub const REGION: &str = "us-east-1";

#[derive(Debug)]
pub struct SeaweedFs {
    /// The server's URL, without a trailing slash.
    pub url: String,
    _program: Program,
}

/// A key with all permissions.
#[must_use]
pub fn admin() -> AccessKey {
    AccessKey { id: "testadministrator".to_owned(), secret: "secretofthetestadministrator".to_owned() }
}

/// The shared server, which starts on first use. Its data is in a temporary folder that the system deletes.
#[must_use]
pub fn server() -> &'static SeaweedFs {
    static SERVER: OnceLock<SeaweedFs> = OnceLock::new();
    SERVER.get_or_init(|| {
        // The folder must exist as long as the process, so it is never deleted. Its name depends only on the port, and
        // each start empties it.
        let port = free_port();
        let folder = std::env::temp_dir().join(format!("checkup-test-seaweedfs-{port}"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("the temporary folder is writable");
        let program = Program::start_for_all(&tool("weed"), move |command| prepare(command, port, &folder));
        wait_blocking("SeaweedFS", || is_healthy(port));
        SeaweedFs { url: format!("http://127.0.0.1:{port}"), _program: program }
    })
}

fn prepare(command: &mut Command, port: u16, folder: &Path) {
    let administrator = admin();
    command.env("AWS_ACCESS_KEY_ID", administrator.id).env("AWS_SECRET_ACCESS_KEY", administrator.secret);
    // The server writes its logs to the temporary folder.
    command.env("TMPDIR", folder);
    command.arg("mini").arg(format!("-dir={}", folder.display()));
    command.args(["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-webdav=false", "-admin.ui=false", "-s3.iam.readOnly=false"]);
    command.args(["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-master.volumePreallocate=false"]);
    command.arg(format!("-s3.port={port}"));
    for name in ["s3.port.grpc", "s3.port.iceberg", "s3.port.lance", "master.port", "master.port.grpc", "volume.port"] {
        command.arg(format!("-{name}={}", free_port()));
    }
    for name in ["volume.port.grpc", "filer.port", "filer.port.grpc", "admin.port", "admin.port.grpc"] {
        command.arg(format!("-{name}={}", free_port()));
    }
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}
