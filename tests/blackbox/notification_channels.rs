//! Tests channels with the programs that receive their messages: a scripted mail server, Python's mail parser, Apprise,
//! and the Standard Webhooks library. Unit tests cover the providers that cannot run here.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::certificates::Authority;
use support::checker::{Checker, Run};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::program::Program;
use support::{root, tool, wait_for};

const PASSWORD: &str = "corr3ct-h0rse";

fn script(name: &str) -> PathBuf {
    root().join("tests/blackbox/notification_channels").join(name)
}

/// Runs a script and returns the JSON that it prints.
fn run_script(name: &str, arguments: &[&str]) -> Value {
    let output = Command::new(tool("notify-python")).arg(script(name)).args(arguments).output().expect("Python runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} failed:\n{error}");
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// Creates a checker whose configuration has one channel.
pub(crate) fn notifying(notifier: &Value) -> Checker {
    let mut config = watching(&[check("Shop", "http://127.0.0.1:9/")], &directory());
    config["notifiers"] = json!([notifier]);
    Checker::new(&config)
}

/// Runs `checker notify test`, optionally with an additional trusted authority.
pub(crate) async fn test_channel(checker: &Checker, authority: Option<&Path>) -> Run {
    let trust = |command: &mut Command| {
        if let Some(authority) = authority {
            command.env("SSL_CERT_FILE", authority);
        }
    };
    checker.call_with(&["notify", "test", "-c", "checker.json"], trust).await
}

/// A running mail server with a temporary folder for mail and certificates.
struct MailServer {
    folder: tempfile::TempDir,
    port: u16,
    _program: Program,
}

impl MailServer {
    async fn start(mut options: Value) -> MailServer {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let authority = Authority::new();
        authority.write_pem(&path("authority.pem"));
        authority.write_server_pem("localhost", &path("certificate.pem"), &path("key.pem"));
        options["folder"] = json!(folder.path());
        if options["encryption"] != json!(false) {
            options["certificate"] = json!(path("certificate.pem"));
            options["key"] = json!(path("key.pem"));
        }
        let program = Program::start(&tool("notify-python"), |command| {
            command.arg(script("mail_server.py")).arg(options.to_string());
        });
        let port = wait_for("the mail server", || async { program.output().trim().parse().ok() }).await;
        MailServer { folder, port, _program: program }
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    fn channel(&self, encryption: &str) -> Value {
        json!({
            "type": "mail", "from": "Stätus <status@example.com>", "to": ["ops@example.com", "Jane Doe <jane@example.com>"],
            "smtp": { "server": "localhost", "port": self.port, "encryption": encryption },
        })
    }

    fn channel_with_login(&self, encryption: &str) -> Value {
        let mut channel = self.channel(encryption);
        channel["smtp"]["username"] = json!("status");
        channel["smtp"]["password"] = json!(PASSWORD);
        channel
    }

    /// Returns the envelope and the content of the only mail that was received.
    fn mail(&self) -> (Value, Value) {
        assert!(!self.folder.path().join("1.json").exists(), "there are two mails");
        let envelope = std::fs::read(self.folder.path().join("0.json")).expect("there is a mail");
        let file = self.folder.path().join("0.eml");
        let content = run_script("read_mail.py", &[file.to_str().expect("the path is text")]);
        (serde_json::from_slice(&envelope).expect("it is JSON"), content)
    }

    fn has_mail(&self) -> bool {
        self.folder.path().join("0.json").exists()
    }
}

#[tokio::test]
async fn mail_is_encrypted_authenticated_and_readable() {
    for (encryption, tls) in [("starttls", false), ("opportunistic", false), ("tls", true)] {
        let server = MailServer::start(json!({ "login": ["status", PASSWORD], "tls": tls })).await;
        let mut channel = server.channel_with_login(encryption);
        // This subject tries to inject a header and a body.
        channel["subject"] = json!("Überwachung\r\nBcc: evil@example.com\r\n\r\nBody");
        let run = test_channel(&notifying(&channel), Some(&server.authority())).await;
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (0, "channel `mail` accepted the test message\n"),
            "{}",
            run.output()
        );
        let (envelope, mail) = server.mail();
        let recipients = json!(["ops@example.com", "jane@example.com"]);
        let expected =
            json!({ "from": "status@example.com", "to": recipients, "encrypted": true, "authenticated": true });
        assert_eq!(envelope, expected);
        let headers = &mail["headers"];
        assert_eq!(mail["defects"], json!([]));
        let subject = headers["subject"].as_str().expect("a subject");
        assert!(subject.starts_with("Überwachung Bcc: evil@example.com Body: This is a test"), "{subject}");
        assert_eq!(headers["bcc"], Value::Null);
        assert_eq!(headers["from"], json!("Stätus <status@example.com>"));
        assert_eq!(headers["to"], json!("ops@example.com, Jane Doe <jane@example.com>"));
        assert_eq!(headers["auto-submitted"], json!("auto-generated"));
        let id = headers["message-id"].as_str().expect("an ID");
        assert!(id.starts_with("<m-") && id.ends_with("@example.com>"), "{id}");
        for part in ["plain", "html"] {
            let text = mail[part].as_str().expect("both parts have text");
            assert!(text.contains("This is a test: notifications reach this channel"), "{text}");
        }
    }
}

#[tokio::test]
async fn mail_is_not_sent_to_an_impostor_or_without_encryption() {
    let server = MailServer::start(json!({ "login": ["status", PASSWORD] })).await;
    let run = test_channel(&notifying(&server.channel_with_login("starttls")), None).await;
    let untrusted =
        "channel `mail` failed: its TLS certificate or settings are not accepted; check `server` and `port`\n";
    assert_eq!((run.code, run.stdout.as_str()), (1, untrusted), "{}", run.output());
    assert!(!server.has_mail());
    let plain = MailServer::start(json!({ "encryption": false })).await;
    let run = test_channel(&notifying(&plain.channel_with_login("starttls")), Some(&plain.authority())).await;
    let missing = "channel `mail` failed: its server does not offer STARTTLS; check `port`\n";
    assert_eq!((run.code, run.stdout.as_str()), (1, missing), "{}", run.output());
    assert!(!plain.has_mail());
    // Without a password, mail can be sent unencrypted, which is the original Checkup's default.
    let run = test_channel(&notifying(&plain.channel("opportunistic")), None).await;
    assert_eq!(run.code, 0, "{}", run.output());
}

#[tokio::test]
async fn replies_of_a_mail_server_are_explained_without_its_text() {
    let (ops, jane) = ("ops@example.com", "jane@example.com");
    let reply = |code: u16| json!(format!("{code} {PASSWORD} from the server"));
    for (replies, code, shown) in [
        (
            json!({ ops: reply(550), jane: reply(550) }),
            1,
            "channel `mail` did not accept the message (status 550): check the sender and recipient addresses\n",
        ),
        (
            json!({ ops: reply(550), jane: reply(451) }),
            1,
            "channel `mail` did not accept the message (status 451): try again later\n",
        ),
        (json!({ "DATA": reply(451) }), 1, "channel `mail` did not accept the message (status 451): try again later\n"),
        (json!({ "DATA": reply(554) }), 1, "channel `mail` did not accept the message (status 554): try again later\n"),
        (
            json!({ ops: reply(421), jane: reply(421) }),
            1,
            "channel `mail` did not accept the message (status 421): try again later\n",
        ),
        (
            json!({ ops: reply(550) }),
            0,
            "channel `mail` accepted the test message\nchannel `mail`: the server refused 1 of 2 recipients (status 550); check the addresses in `to`\n",
        ),
        (
            json!({ ops: reply(450) }),
            0,
            "channel `mail` accepted the test message\nchannel `mail`: the server deferred 1 of 2 recipients (status 450); try again later\n",
        ),
    ] {
        let server = MailServer::start(json!({ "replies": replies })).await;
        let run = test_channel(&notifying(&server.channel("opportunistic")), Some(&server.authority())).await;
        assert_eq!((run.code, run.stdout.as_str()), (code, shown), "{replies}: {}", run.output());
        assert_eq!(server.has_mail(), code == 0, "{replies}");
        assert!(!run.output().contains(PASSWORD), "{}", run.output());
    }
    let server = MailServer::start(json!({ "login": ["status", "another"] })).await;
    let run = test_channel(&notifying(&server.channel_with_login("starttls")), Some(&server.authority())).await;
    let refused = "channel `mail` did not accept the message (status 535): check its token or password\n";
    assert_eq!((run.code, run.stdout.as_str()), (1, refused), "{}", run.output());
}

#[tokio::test]
async fn apprise_delivers_to_its_services() {
    let service = Endpoint::start(Behavior::Answer("200 OK", String::new())).await;
    let url = service.url.replace("http://", "json://");
    let channel = json!({ "type": "apprise", "urls": [url], "command": tool("apprise") });
    let run = test_channel(&notifying(&channel), None).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let requests = service.requests();
    assert_eq!(requests.len(), 1);
    assert!(requests[0].contains("This is a test: notifications reach this channel"), "{}", requests[0]);
    service.behave(Behavior::Answer("403 Forbidden", String::new()));
    let run = test_channel(&notifying(&channel), None).await;
    assert_eq!(
        (run.code, run.stdout.as_str()),
        (1, "channel `apprise` failed: check its settings\n"),
        "{}",
        run.output()
    );
}

#[tokio::test]
async fn the_library_of_standard_webhooks_accepts_a_signature() {
    let hook = Endpoint::start(Behavior::Answer("200 OK", String::new())).await;
    let key = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let channel = json!({ "type": "webhook", "url": hook.url, "secret": key });
    let run = test_channel(&notifying(&channel), None).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let request = hook.requests().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").expect("a head and a body");
    let headers: serde_json::Map<String, Value> = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), json!(value)))
        .collect();
    let verified = run_script("verify_webhook.py", &[key, &Value::Object(headers).to_string(), body]);
    assert_eq!(verified["items"][0]["event"], json!("test"));
}
