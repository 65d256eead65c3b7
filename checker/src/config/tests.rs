//! Tests that load whole configuration files.

use super::spec::ValueKind;
use super::*;
use crate::checks::CheckKind;
use crate::checks::net::tls_config::{TlsSettings, TlsTrust};
use shared::page_config::PageConfig;
use shared::status::Status;
use shared::{DAY, MINUTE};

fn environment() -> Environment<'static> {
    Environment {
        variable: &|name| (name == "KEY").then(|| "s3cr3t".to_owned()),
        host_name: "Web-01.example.com".to_owned(),
    }
}

fn loaded(text: &str) -> Config {
    let (config, problems) = from_text(text, Path::new("/etc/checkup"), &environment());
    config.unwrap_or_else(|| panic!("{:#?}", problems.lines("c.json", text)))
}

/// Returns the problems of a file, and its configuration if it is still usable.
fn problems(text: &str) -> (Vec<String>, Option<Config>) {
    let (config, problems) = from_text(text, Path::new(""), &environment());
    assert!(problems.has_errors(), "{text}");
    (problems.lines("c.json", text), config)
}

fn errors(text: &str) -> Vec<String> {
    let (lines, config) = problems(text);
    assert!(config.is_none(), "{text}");
    lines
}

fn http(config: &Config, index: usize) -> &HttpCheck {
    match &config.checks[index].kind {
        CheckKind::Http(http) => http,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_originals_configuration_loads_unchanged() {
    let text = include_str!("../../../shared/golden/checkup.json");
    let (_, problems) = from_text(text, Path::new(""), &environment());
    assert!(!problems.has_errors(), "{:#?}", problems.lines("checkup.json", text));
    let config = loaded(text);
    assert_eq!(config.checks.len(), 10);
    assert_eq!((config.checks[0].title.as_str(), config.checks[0].attempts), ("Shop", 5));
    assert_eq!(config.checks[1].threshold, 1_000);
    assert_eq!(http(&config, 2).must_contain.as_deref(), Some("absent"));
    assert!(http(&config, 3).up_status.contains(204) && !http(&config, 3).up_status.contains(200));
    let CheckKind::Tcp(tcp) = &config.checks[5].kind else { panic!("{:?}", config.checks[5]) };
    assert_eq!((tcp.address.to_string().as_str(), tcp.timeout), ("127.0.0.1:8099", Duration::from_secs(1)));
    let CheckKind::Exec(exec) = &config.checks[7].kind else { panic!("{:?}", config.checks[7]) };
    assert_eq!((exec.command.as_path(), exec.must_contain.as_deref()), (Path::new("/bin/echo"), Some("hello")));
    let failure_status = |index: usize| config.checks[index].kind.probe().failure_status();
    assert_eq!((failure_status(7), failure_status(8)), (Status::Down, Status::Degraded));
    let CheckKind::Tls(tls) = &config.checks[9].kind else { panic!("{:?}", config.checks[9]) };
    assert_eq!((tls.degraded_within, tls.down_within), (14 * DAY, 0));
    let storage = config.storage.expect("it has one");
    assert!(matches!(&storage.location, StoreLocation::Directory(dir) if dir == Path::new("/etc/checkup/checks")));
    assert_eq!(storage.check_expiry, Some(7 * DAY));
}

#[test]
fn every_key_of_the_originals_checks_is_supported() {
    let config = loaded(
        r#"{"checkers":[
        {"type":"tcp","endpoint_name":"A","endpoint_url":"a:1","tls":true,"tls_skip_verify":true,"tls_ca_file":"",
         "timeout":2000000000,"threshold_rtt":1,"attempts":2},
        {"type":"dns","endpoint_name":"B","endpoint_url":"192.0.2.53:53","hostname_fqdn":"a.example.","timeout":1000000000,
         "threshold_rtt":1,"attempts":2},
        {"type":"tls","endpoint_name":"C","endpoint_url":"a:443","timeout":1000000000,"threshold_rtt":1,"attempts":2,
         "cert_expiry_threshold":86400000000000,"trusted_roots":["ca.pem"]},
        {"type":"exec","name":"D","command":"./check.sh","arguments":["x"],"threshold_rtt":1,"must_contain":"a",
         "must_not_contain":"b","raise":"warning","attempts":2,"attempt_spacing":1}
    ]}"#,
    );
    let CheckKind::Tcp(tcp) = &config.checks[0].kind else { panic!("it is tcp") };
    assert_eq!(tcp.tls.as_ref().map(|tls| &tls.settings.trust), Some(&TlsTrust::AnyCertificate));
    let CheckKind::Dns(dns) = &config.checks[1].kind else { panic!("it is dns") };
    assert_eq!((dns.server.port, dns.name.to_string().as_str()), (53, "a.example."));
    let CheckKind::Tls(tls) = &config.checks[2].kind else { panic!("it is tls") };
    assert_eq!(tls.options.settings.trust, TlsTrust::Authorities(vec![PathBuf::from("/etc/checkup/ca.pem")]));
    let CheckKind::Exec(exec) = &config.checks[3].kind else { panic!("it is exec") };
    assert_eq!(exec.command, Path::new("/etc/checkup/./check.sh"));
}

#[test]
fn defaults_match_the_reference() {
    let config = loaded(r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"https://a.example/"}]}"#);
    assert_eq!(config.node.as_str(), "web-01");
    assert_eq!((config.concurrent_checks, config.every), (None, None));
    let http = http(&config, 0);
    assert_eq!(
        (http.method.as_str(), http.timeout, http.body_limit, http.max_redirects),
        ("GET", Duration::from_secs(10), 1 << 20, 0)
    );
    assert_eq!(http.tls, TlsSettings::default());
    assert!(config.storage.is_none());
    let page = &config.page.config;
    assert_eq!((page.title.as_str(), page.range, page.refresh), ("Status", DAY, MINUTE));
}

#[test]
fn page_settings_are_passed_on() {
    let config = loaded(
        r##"{"checkers":[],"page":{"title":"Shop","range":"7d","refresh":"5m","interval":"1m","offline":false,
        "embed_by":["https://intranet.example"],"language":"ja","logo":"logo.svg","links":[{"text":"Help","url":"https://help.example/"}],
        "subscribe":[{"text":"List","url":"mailto:join@lists.example"}],"outputs":{"url":"https://b.example/feeds"},
        "footer":"Example Inc.","theme":{"dark":{"ground":"#101418"},"radius":10,"font":"serif"},
        "labels":{"down":{"word":"out of order"}},"order":["Shop"],"hidden":{"errors":["Intranet *"]},
        "groups":[{"title":"All","endpoints":["*"],"groups":[{"title":"API","endpoints":["API v1"]}]}]}}"##,
    );
    let page = &config.page.config;
    assert_eq!((page.title.as_str(), page.range, page.refresh, page.offline), ("Shop", 7 * DAY, 5 * MINUTE, false));
    assert_eq!((page.interval, page.appearance.radius, page.appearance.groups.len()), (MINUTE, Some(10), 1));
    assert_eq!(page.appearance.language.as_deref(), Some("ja"));
    assert_eq!(page.appearance.status_words[Status::Down as usize].as_deref(), Some("out of order"));
    assert_eq!(config.page.embed_by, ["https://intranet.example"]);
    assert_eq!(page.outputs.as_deref(), Some("https://b.example/feeds/"));
    assert_eq!(page.appearance.subscribe[0].url, "mailto:join@lists.example");
    assert_eq!(PageConfig::parse(&page.to_json()).as_ref(), Ok(page), "it is passed on whole");
}

#[test]
fn the_table_has_every_key_of_the_page_configuration() {
    let ValueKind::Object(root) = table::ROOT else { panic!("it is an object") };
    let ValueKind::Object(page) = root.iter().find(|field| field.key == "page").expect("it is there").kind else {
        panic!("it is an object")
    };
    let here: Vec<&str> = page.iter().map(|field| field.key).collect();
    for key in shared::page_config::KEYS.iter().chain(&shared::page_config::appearance::KEYS) {
        let follows_from_how_it_is_served = ["$schema", "source", "starter_file"].contains(key);
        assert!(here.contains(key) != follows_from_how_it_is_served, "{key}");
    }
}

#[test]
fn settings_that_the_page_skips_are_warnings() {
    let text = r#"{"checkers":[],"page":{
        "theme":{"light":{"ground":"white"}},
        "links":[{"text":"x","url":"javascript:alert(1)"}],
        "logo":"https://elsewhere.example/logo.svg"}}"#;
    let (config, problems) = from_text(text, Path::new(""), &environment());
    assert!(
        config.is_some_and(
            |config| config.page.config.appearance == shared::page_config::appearance::Appearance::default()
        )
    );
    let lines = problems.lines("c.json", text);
    for (line, expected) in lines.iter().zip([
        "c.json:2:36: warning: `page.theme.light.ground` must be a color",
        "c.json:3:18: warning: `page.links[0]` must have a `url`",
        "c.json:4:16: warning: `page.logo` must be a file next to the page",
    ]) {
        assert!(line.starts_with(expected), "{line}");
    }
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let refused = errors(r#"{"checkers":[],"page":{"embed_by":["https://a.example/path"],"grups":[]}}"#);
    assert!(refused.iter().any(|line| line.contains("did you mean `groups`?")), "{refused:?}");
    let refused = errors(r#"{"checkers":[],"page":{"embed_by":["'none'; script-src *"]}}"#);
    assert!(refused[0].contains("`page.embed_by`: invalid origin `'none'; script-src *`"), "{refused:?}");
}

#[test]
fn durations_headers_and_variables_are_parsed() {
    let config = loaded(
        r#"{
        // the shop
        "every": "10m",
        "checkers": [{
            "type": "http", "endpoint_name": "A", "endpoint_url": "https://a.example/", "method": "POST", "body": "x",
            "headers": {"Host": ["b.example"], "Authorization": "Bearer ${KEY}"},
            "timeout": "2s", "attempt_spacing": 100000000, "up_status": ["2xx", 404],
        }],
        "storage": {"provider": "s3", "bucket": "b", "access_key_id": "A", "secret_access_key": "${KEY}", "prefix": "p/", "check_expiry": "30d"},
    }"#,
    );
    assert_eq!(config.every, Some(10 * MINUTE));
    assert_eq!(http(&config, 0).headers["authorization"], "Bearer s3cr3t");
    assert_eq!(config.checks[0].attempt_spacing, Duration::from_millis(100));
    let StoreLocation::S3(bucket) = config.storage.expect("it has one").location else { panic!("it is a bucket") };
    assert_eq!(bucket.prefix, "p/");
    assert_eq!(bucket.keys.map(|keys| keys.secret_access_key.reveal().to_owned()).as_deref(), Some("s3cr3t"));
}

#[test]
fn debug_output_and_problems_contain_no_secrets() {
    let text =
        r#"{"checkers":[],"storage":{"type":"s3","bucket":"b","access_key_id":"A","secret_access_key":"${KEY}"}}"#;
    assert!(!format!("{:?}", loaded(text)).contains("s3cr3t"));
    let text = r#"{"checkers":[],"storage":{"type":"s3","bucket":"","prefix":"p","secret_access_key":"${KEY}"}}"#;
    let errors = errors(text).join("\n");
    assert!(
        errors.contains("missing key `storage.access_key_id`") && errors.contains("`p/`") && !errors.contains("s3cr3t"),
        "{errors}"
    );
}

/// Asserts that the check in `text` is reported with the expected problem, and that another check still runs.
fn assert_only_this_check_fails(text: &str, expected: &str) {
    let good = r#"{"checkers":[{"type":"exec","name":"B","command":"true"},"#;
    let text = text.replace(r#"{"checkers":["#, good);
    let (lines, config) = problems(&text);
    let expected = expected.replace("checkers[0]", "checkers[1]");
    assert!(lines.len() == 1 && lines[0].starts_with("c.json:1:") && lines[0].contains(&expected), "{lines:?}");
    let checks = config.expect("the other is left").checks;
    assert!(matches!(&checks[0].kind, CheckKind::Exec(_)), "{:?}", checks[0]);
    let CheckKind::Misconfigured(misconfigured) = &checks[1].kind else { panic!("{:?}", checks[1]) };
    assert!(checks[1].title == "A" && misconfigured.reason.contains(&expected), "{misconfigured:?}");
}

#[test]
fn an_invalid_check_is_reported_and_the_others_run() {
    for (text, expected) in [
        (r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"ftp://a"}]}"#, "`ftp://a`"),
        (
            r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"http://a","method":"G T"}]}"#,
            "invalid HTTP method `G T`",
        ),
        (
            r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"http://a","headers":{"a b":"c"}}]}"#,
            "invalid header name `a b`",
        ),
        (r#"{"checkers":[{"type":"tcp","endpoint_name":"A","endpoint_url":"db.example"}]}"#, "a host and a port"),
        (
            r#"{"checkers":[{"type":"tcp","endpoint_name":"A","endpoint_url":"a:1","script":[{"expect":"("}]}]}"#,
            "invalid regular expression `(`: unclosed group",
        ),
        (
            r#"{"checkers":[{"type":"tcp","endpoint_name":"A","endpoint_url":"a:1","script":[{}]}]}"#,
            "step 0 has neither `send` nor `expect`",
        ),
        (r#"{"checkers":[{"type":"exec","name":"A","command":""}]}"#, "`checkers[0].command` is empty"),
        (
            r#"{"checkers":[{"type":"dns","endpoint_name":"A","endpoint_url":"a","hostname_fqdn":"a..b"}]}"#,
            "invalid host name `a..b`",
        ),
        (
            r#"{"checkers":[{"type":"tls","endpoint_name":"A","endpoint_url":"a","cert_expiry_down":"30d"}]}"#,
            "the endpoint is never degraded",
        ),
        (
            r#"{"checkers":[{"type":"tls","endpoint_name":"A","endpoint_url":"a","server_name":"a b"}]}"#,
            "`checkers[0].server_name`",
        ),
        (
            r#"{"checkers":[{"type":"icmp","endpoint_name":"A","endpoint_url":"a:80"}]}"#,
            "only a host name or an IP address",
        ),
        (
            r#"{"checkers":[{"type":"websocket","endpoint_name":"A","endpoint_url":"http://a"}]}"#,
            "invalid WebSocket URL `http://a`",
        ),
        (
            r#"{"checkers":[{"type":"grpc","endpoint_name":"A","endpoint_url":"a:1","tls":true,"server_name":"a b"}]}"#,
            "`checkers[0].server_name`",
        ),
        (
            r#"{"checkers":[{"type":"heartbeat","endpoint_name":"A","job":"My job","interval":"1h"}]}"#,
            "invalid job name `My job`",
        ),
    ] {
        assert_only_this_check_fails(text, expected);
    }
}

#[test]
fn an_invalid_assertion_is_reported() {
    for (text, expected) in [
        (
            r#"{"checkers":[{"type":"tcp","endpoint_name":"A","endpoint_url":"a:1","assertions":["[STATUS] == 200"]}]}"#,
            "`checkers[0].assertions`: `[STATUS] == 200`: checks of type `tcp` do not provide `[STATUS]`; they provide \
             `[RTT]`, `[DNS]`, `[CONNECT]`, `[TLS]`, `[TTFB]`",
        ),
        (
            r#"{"checkers":[{"type":"grpc","endpoint_name":"A","endpoint_url":"a:1","assertions":[{"any":["[RTT] < 1s",{"not":"[CERTIFICATE] < 1d"}]}]}]}"#,
            "checks of type `grpc` do not provide `[CERTIFICATE]`",
        ),
        (
            r#"{"checkers":[{"type":"exec","name":"A","command":"true","assertions":["len([HEADER x]) > 1"]}]}"#,
            "checks of type `exec` do not provide `[HEADER name]`",
        ),
        (
            r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"http://a","assertions":["[STATUS] == 200 and [TLS] < 1s"]}]}"#,
            "`checkers[0].assertions`: `[STATUS] == 200 and [TLS] < 1s`: the check does not use TLS, which `[TLS]` \
             needs; enable it with an `https://` URL, or with `max_redirects` if a redirect leads to one",
        ),
        (
            r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"HTTP://a","assertions":[{"not":"has([CERTIFICATE])"}]}]}"#,
            "does not use TLS, which `[CERTIFICATE]` needs",
        ),
        (
            r#"{"checkers":[{"type":"tcp","endpoint_name":"A","endpoint_url":"a:1","assertions":["[TLS] < 1s"]}]}"#,
            "enable it with `tls` or `starttls`",
        ),
        (
            r#"{"checkers":[{"type":"websocket","endpoint_name":"A","endpoint_url":"ws://a","assertions":["[TLS] < 1s"]}]}"#,
            "enable it with a `wss://` URL",
        ),
        (
            r#"{"checkers":[{"type":"websocket","endpoint_name":"A","endpoint_url":"ws://a","assertions":["[BODY] != x"]}]}"#,
            "`checkers[0].assertions`: an assertion examines the body, which is the message that matches `expect`: add \
             `expect`",
        ),
        (
            r#"{"checkers":[{"type":"grpc","endpoint_name":"A","endpoint_url":"a:1","assertions":["[TLS] < 1s"]}]}"#,
            "enable it with `tls`",
        ),
        (
            r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"http://a","assertions":["[RTT] < 5"]}]}"#,
            "write a duration such as `500ms`",
        ),
        (
            r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"http://a","assertions":["[BODY] matches '('"]}]}"#,
            "`checkers[0].assertions`: invalid assertion `[BODY] matches '('`: ",
        ),
        (
            r#"{"checkers":[{"type":"exec","name":"A","command":"a","assertions":[{"any":["[JSON queue] == 1"]}]}]}"#,
            "invalid JSON path `queue` (RFC 9535)",
        ),
        (
            r#"{"checkers":[{"type":"tcp","endpoint_name":"A","endpoint_url":"a:1","assertions":[{"thta":"[RTT] < 5s"}]}]}"#,
            "exactly one of `that`, `all`, `any` or `not`",
        ),
    ] {
        assert_only_this_check_fails(text, expected);
    }
}

#[test]
fn an_invalid_assertion_is_reported_along_with_other_problems() {
    let text = r#"{"checkers":[{"type":"http","endpoint_name":"A","endpoint_url":"http://a","treshold_rtt":1,"assertions":["[RTT] < 5"]}]}"#;
    let (lines, config) = problems(text);
    assert!(config.is_none() && lines.len() == 2, "{lines:?}");
    assert!(
        lines[0].contains("did you mean `threshold_rtt`?") && lines[1].contains("invalid assertion `[RTT] < 5`"),
        "{lines:?}"
    );
}

#[test]
fn tls_assertions_are_valid_wherever_tls_is_possible() {
    for check in [
        r#""type":"http","endpoint_url":"https://a""#,
        r#""type":"http","endpoint_url":"http://a","max_redirects":1"#,
        r#""type":"tcp","endpoint_url":"a:1","tls":true"#,
        r#""type":"tcp","endpoint_url":"a:1","starttls":"smtp""#,
        r#""type":"tls","endpoint_url":"a:1""#,
        r#""type":"websocket","endpoint_url":"wss://a""#,
        r#""type":"grpc","endpoint_url":"a:1","tls":true"#,
    ] {
        let text = format!(r#"{{"checkers":[{{"endpoint_name":"A",{check},"assertions":["[TLS] < 1s"]}}]}}"#);
        let checks = loaded(&text).checks;
        assert!(!matches!(checks[0].kind, CheckKind::Misconfigured(_)), "{:?}", checks[0]);
    }
}

#[test]
fn invalid_values_are_reported() {
    for (text, expected) in [
        (r#"{"checkers":[{"type":"http","endpoint_name":"","endpoint_url":"http://a"}]}"#, "checkers[0].endpoint_name"),
        (r#"{"checkers":[],"storage":{"type":"s3","bucket":"b","endpoint_url":"ftp://a"}}"#, "`storage.endpoint_url`"),
        (r#"{"checkers":[],"online_check":["1.1.1.1"]}"#, "a host and a port"),
        (r#"{"checkers":[],"node":"Büro"}"#, "`node`: invalid node name `Büro`"),
        (r#"{"checkers":[],"timestamp":"noon"}"#, "RFC 3339"),
        (r#"{"checkers":[],"storage":{"type":"mysql","dsn":"x"}}"#, "unsupported type `mysql` for `storage`"),
        (r#"{"checkers":[],"storage":{"type":"s3","bucket":"${BUCKET}"}}"#, "`BUCKET` is not set"),
        (r#"{"checkers":["#, "invalid JSON"),
        ("", "the file is empty"),
    ] {
        let errors = errors(text).join("\n");
        assert!(errors.starts_with("c.json:1:") && errors.contains(expected), "{text}: {errors}");
    }
}

/// Returns a file that has this member in the root or in its only check.
fn file_with(parent: Parent, member: &str) -> String {
    let check = r#""type":"exec","name":"A","command":"true""#;
    match parent {
        Parent::Root => format!(r#"{{"checkers":[{{{check}}}],{member}}}"#),
        Parent::Check => format!(r#"{{"checkers":[{{{check},{member}}}]}}"#),
        Parent::Page => format!(r#"{{"checkers":[{{{check}}}],"page":{{{member}}}}}"#),
    }
}

#[derive(Clone, Copy)]
enum Parent {
    Root,
    Check,
    Page,
}

#[test]
fn renamed_keys_are_accepted_under_their_former_name_with_a_notice() {
    for (parent, former, current, value) in [
        (Parent::Root, "connectivity", "online_check", r#"["192.0.2.1:443"]"#),
        (Parent::Check, "confirm", "failures_before_down", "3"),
        (Parent::Check, "every_when_down", "every_when_unhealthy", r#""10s""#),
        (Parent::Check, "verdict", "quorum", r#""all""#),
        (Parent::Page, "look", "theme", r#"{"radius":9}"#),
        (Parent::Page, "texts", "labels", r#"{"down":{"word":"broken"}}"#),
        (Parent::Page, "hide", "hidden", r#"{"errors":["A"]}"#),
    ] {
        let old = file_with(parent, &format!("\"{former}\":{value}"));
        let new = file_with(parent, &format!("\"{current}\":{value}"));
        assert_eq!(format!("{:?}", loaded(&old)), format!("{:?}", loaded(&new)), "{former}");
        assert_ne!(format!("{:?}", loaded(&new)), format!("{:?}", loaded(&file_with(parent, ""))), "{current}");

        let problems = from_text(&old, Path::new(""), &environment()).1;
        let notices = problems.lines("c.json", &old);
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert!(notices[0].contains(": notice: `"), "{notices:?}");
        assert!(notices[0].contains(&format!("{former}` was renamed to `{current}`")), "{notices:?}");
        assert_eq!(problems.lines_from(Severity::Warning, "c.json", &old), [""; 0], "only `validate` reports it");

        let both = errors(&file_with(parent, &format!("\"{former}\":{value},\"{current}\":{value}")));
        assert_eq!(both.len(), 1, "{both:?}");
        assert!(both[0].contains(": error: ") && both[0].contains(former) && both[0].contains(current), "{both:?}");
    }
}

#[test]
fn the_starter_configuration_is_valid_without_warnings() {
    let (config, problems) = from_text(&starter::starter(), Path::new(""), &environment());
    assert!(problems.is_empty(), "{:#?}", problems.lines("starter", &starter::starter()));
    assert_eq!(config.expect("it is valid").every, Some(30 * shared::SECOND));
}

#[test]
fn each_key_of_the_table_is_in_the_schema() {
    let schema = json_schema::schema().to_string();
    let mut keys = Vec::new();
    collect_keys(&table::ROOT, &mut keys);
    assert!(keys.len() > 30);
    for key in keys {
        assert!(schema.contains(&format!("\"{key}\":")), "{key} is not in the schema");
    }
}

#[test]
fn the_documented_reference_is_up_to_date() {
    const MARKERS: [&str; 2] = ["<!-- reference: begin -->\n", "<!-- reference: end -->\n"];
    let path = "../docs/configuration.md";
    let text = std::fs::read_to_string(path).expect("the documentation is there");
    let (before, rest) = text.split_once(MARKERS[0]).expect("the first marker is there");
    let (written, after) = rest.split_once(MARKERS[1]).expect("the second marker is there");
    let reference = format!("\n{}", reference::reference());
    if std::env::var_os("UPDATE_DOCUMENTATION").is_some() {
        std::fs::write(path, format!("{before}{}{reference}{}{after}", MARKERS[0], MARKERS[1]))
            .expect("it can be written");
        return;
    }
    assert_eq!(written, reference, "run `UPDATE_DOCUMENTATION=1 cargo test -p checker reference`");
}

fn collect_keys(kind: &spec::ValueKind, keys: &mut Vec<&'static str>) {
    let mut of_fields = |fields: &[spec::Field]| {
        for field in fields {
            keys.push(field.key);
            collect_keys(&field.kind, keys);
        }
    };
    match kind {
        spec::ValueKind::Object(fields) | spec::ValueKind::SwitchOrObject(fields) => of_fields(fields),
        spec::ValueKind::Tagged { variants, common, .. } => {
            of_fields(common);
            variants.iter().for_each(|variant| of_fields(variant.fields));
        }
        spec::ValueKind::List(element) | spec::ValueKind::OneOrMany(element) => collect_keys(element, keys),
        _ => {}
    }
}
