//! Snapshots of every error message that can be produced in a test.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use shared::history::InvalidHistory;
use shared::object_name::{CheckFileName, HistoryName, HistoryPart, NodeName, patterns, validate_prefix};
use shared::page_config::{AddressStyle, S3Source};
use shared::status::Status;

use super::{assert_list, environment};
use crate::checks::http::HttpCheck;
use crate::checks::net::connect::Address;
use crate::checks::net::tls_files::TrustError;
use crate::commands::MissingStorage;
use crate::commands::init::InitError;
use crate::config::origin::validate_origin;
use crate::config::{ConfigError, from_text};
use crate::doctor::address;
use crate::monitor::announcement::Announcement;
use crate::monitor::confirmation::ConfirmationState;
use crate::monitor::confirmation_file;
use crate::monitor::schedule::Shard;
use crate::provision::apply::ApplyError;
use crate::provision::files::FileError;
use crate::provision::names::{Role, validate_bucket_name};
use crate::provision::plan::PlanError;
use crate::provision::purge::PurgeError;
use crate::provision::service::{Call, ServiceError};
use crate::provision::spec::{InvalidProvisionSpec, whole_days};
use crate::recorder::history_writer::HistoryError;
use crate::recorder::summary::SummaryError;
use crate::server::assets::PageFilesError;
use crate::server::{PortRemedy, ServeError};
use crate::store::s3::aws_files::IrregularFile;
use crate::store::{S3Error, StoreError};

/// Returns the error with its causes, omitting causes whose text is already part of it.
fn text(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text} <- {words}");
        }
        cause = error.source();
    }
    text
}

fn of<T: std::fmt::Debug>(result: Result<T, impl Error>) -> String {
    text(&result.expect_err("it is refused"))
}

fn refused() -> io::Error {
    io::Error::from(ErrorKind::PermissionDenied)
}

fn node() -> NodeName {
    NodeName::new("eu-west").expect("a name")
}

fn history() -> HistoryName {
    HistoryName { node: Some(node()), part: HistoryPart::Main }
}

fn denied() -> S3Error {
    S3Error::AccessDenied { permission: "s3:PutObject", resource: "arn:aws:s3:::my-status/status/*".to_owned() }
}

fn store() -> StoreError {
    StoreError::S3 { task: "write `status/1.json` to the bucket `my-status`".to_owned(), cause: denied() }
}

fn file_store(kind: ErrorKind) -> StoreError {
    StoreError::File { task: "write `checks/1.json`".to_owned(), cause: kind.into() }
}

fn service() -> ServiceError {
    let call = Call { action: "s3:CreateBucket", resource: "arn:aws:s3:::my-status".to_owned() };
    let (task, problem) = ("create the bucket `my-status`".to_owned(), denied());
    ServiceError::Refused { task, call: Box::new(call), cause: problem, code: Some("AccessDenied".to_owned()) }
}

fn file() -> FileError {
    FileError::Unusable { task: "write", path: PathBuf::from("config.json"), source: refused() }
}

#[test]
fn errors_of_configurations_and_checks() {
    let config = |text: &str| from_text(text, Path::new(""), &environment()).0.expect("it is a configuration");
    let watched = config(r#"{"checkers": [{"type": "exec", "name": "Shop", "command": "true"}]}"#);
    let about = |title: &str| Announcement { message: "x".to_owned(), about: vec![title.to_owned()] };
    let confirmed = config(
        r#"{"node": "here", "spool_dir": "/dev/null/x", "checkers": [
            {"type": "exec", "name": "Shop", "command": "true", "failures_before_down": 2}]}"#,
    );
    let invalid =
        ConfigError::Invalid(vec!["checker.json:1:2: error: one".to_owned(), "checker.json:3:4: …".to_owned()]);
    let unreadable = ConfigError::Unreadable { path: "checker.json".into(), source: ErrorKind::NotFound.into() };
    let authorities = TrustError::Authorities("authority.pem".into(), "it holds no certificate".to_owned());
    let client = TrustError::ClientCertificate("client.key".into(), "the file contains no private key".to_owned());
    assert_list(
        "errors.configuration_and_checks",
        &[
            ("ConfigError::Unreadable", text(&unreadable)),
            ("ConfigError::Invalid", text(&invalid)),
            ("SaveError", of(confirmation_file::save(&confirmed, &[ConfirmationState::default()]))),
            ("UnknownTitle, nearest", of(about("Shp").resolve_titles(&watched))),
            ("UnknownTitle", of(about("Warehouse").resolve_titles(&watched))),
            ("InvalidShard", of("half".parse::<Shard>())),
            ("NotAnAddress", of(Address::parse("db.example", None))),
            ("NotAHost", of(Address::parse_host("db.example:53"))),
            ("NotAUrl::Unreadable", of(HttpCheck::parse_url("http://"))),
            ("NotAUrl::OtherScheme", of(HttpCheck::parse_url("ftp://a"))),
            ("TrustError::Authorities", text(&authorities)),
            ("TrustError::ClientCertificate", text(&client)),
            ("TrustError::Library", text(&TrustError::Library("no provider".to_owned()))),
            ("MissingStorage", text(&MissingStorage("checker.json".to_owned()))),
            ("InitError::Exists", text(&InitError::Exists("checker.json".into()))),
            ("InitError::Unwritable", text(&InitError::Unwritable("checker.json".into(), refused()))),
        ],
    );
}

#[test]
fn errors_of_s3() {
    let irregular =
        IrregularFile { path: "/root/.aws/config".to_owned(), kind: "a pipe or device", variable: "AWS_CONFIG_FILE" };
    let region = |region: Option<&str>| {
        text(&S3Error::WrongRegion { bucket: "my-status".to_owned(), region: region.map(str::to_owned) })
    };
    assert_list(
        "errors.s3",
        &[
            ("UnknownKey", text(&S3Error::UnknownKey)),
            ("WrongSecret", text(&S3Error::WrongSecret)),
            ("ExpiredCredentials", text(&S3Error::ExpiredCredentials)),
            ("AccessDenied", text(&denied())),
            ("NoBucket", text(&S3Error::NoBucket("my-status".to_owned()))),
            ("WrongRegion", region(None)),
            ("WrongRegion, known", region(Some("eu-west-1"))),
            ("ClockSkew", text(&S3Error::ClockSkew)),
            ("ConnectionRefused", text(&S3Error::ConnectionRefused)),
            ("NameNotResolved", text(&S3Error::NameNotResolved)),
            (
                "Tls",
                text(&S3Error::Tls("certificate is self-signed, and not one of the trusted certificates".to_owned())),
            ),
            ("TimedOut", text(&S3Error::TimedOut)),
            ("Connection", text(&S3Error::Connection("connection reset by peer".to_owned()))),
            ("NotS3", text(&S3Error::NotS3 { status: 404 })),
            ("NoCredentials", text(&S3Error::NoCredentials)),
            ("UnreadableCredentials", text(&S3Error::UnreadableCredentials("profile `x` not found".to_owned()))),
            ("IrregularFile", text(&S3Error::IrregularFile(irregular))),
            ("Busy", text(&S3Error::Busy("503 SlowDown: Reduce your request rate.".to_owned()))),
            ("Refused", text(&S3Error::Refused("400 InvalidRequest".to_owned()))),
            ("InvalidRequest", text(&S3Error::InvalidRequest("invalid URI".to_owned()))),
        ],
    );
}

#[test]
fn errors_of_stores() {
    let name = CheckFileName { stored_at: 1_795_330_254_340_493_978, node: Some(node()) };
    let not_kept = || StoreError::NotKept {
        cause: Box::new(store()),
        spool_cause: Box::new(file_store(ErrorKind::PermissionDenied)),
    };
    let kept = StoreError::Kept { path: "spool/1.json".into(), cause: Box::new(store()) };
    let not_ours = |cause| text(&HistoryError::Newer { name: history(), cause });
    assert_list(
        "errors.stores",
        &[
            ("StoreError::S3", text(&store())),
            ("StoreError::File, PermissionDenied", text(&file_store(ErrorKind::PermissionDenied))),
            ("StoreError::File, StorageFull", text(&file_store(ErrorKind::StorageFull))),
            ("StoreError::File, QuotaExceeded", text(&file_store(ErrorKind::QuotaExceeded))),
            ("StoreError::File, ReadOnlyFilesystem", text(&file_store(ErrorKind::ReadOnlyFilesystem))),
            ("StoreError::File, NotADirectory", text(&file_store(ErrorKind::NotADirectory))),
            ("StoreError::File, other", text(&file_store(ErrorKind::TimedOut))),
            ("StoreError::NamesTaken", text(&StoreError::NamesTaken { name })),
            (
                "StoreError::Stopped",
                text(&StoreError::Stopped { store: "the bucket `my-status`".to_owned(), limit: 7 }),
            ),
            ("StoreError::Kept", text(&kept)),
            ("StoreError::NotKept", text(&not_kept())),
            ("HistoryError::Store", text(&HistoryError::Store(store()))),
            ("HistoryError::Newer, newer", not_ours(InvalidHistory::UnsupportedVersion(9))),
            (
                "HistoryError::Newer, malformed",
                not_ours(InvalidHistory::Malformed("the key `version` is missing".to_owned())),
            ),
            ("HistoryError::TooManyFiles", text(&HistoryError::TooManyFiles)),
            ("SummaryError::Histories", text(&SummaryError::Histories(HistoryError::TooManyFiles))),
            ("SummaryError::Store", text(&SummaryError::Store(store()))),
        ],
    );
}

#[test]
fn errors_of_serving() {
    let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
    let (busy, low) = (address("127.0.0.1:8080"), address("0.0.0.0:80"));
    let pages = |path: &str| PathBuf::from(path);
    let cause = || io::Error::from(ErrorKind::NotFound);
    assert_list(
        "errors.serving",
        &[
            ("ServeError::Busy, flag", text(&ServeError::Busy(busy, PortRemedy::Flag))),
            ("ServeError::Busy, make", text(&ServeError::Busy(busy, PortRemedy::Make))),
            ("ServeError::NotPermitted", text(&ServeError::NotPermitted(low, PortRemedy::Flag))),
            ("ServeError::NoSuchAddress", text(&ServeError::NoSuchAddress(busy))),
            ("ServeError::Listen", text(&ServeError::Listen { address: busy, cause: cause() })),
            ("ServeError::Accept", text(&ServeError::Accept(cause()))),
            ("PageFilesError::Unreadable", text(&PageFilesError::Unreadable { path: pages("dist"), cause: cause() })),
            ("PageFilesError::NoIndex", text(&PageFilesError::NoIndex(pages("dist")))),
            ("PageFilesError::TooLarge", text(&PageFilesError::TooLarge(pages("dist")))),
        ],
    );
}

#[test]
fn errors_of_plans() {
    let words = |text: &str| text.to_owned();
    let (user, key, path) = (|| words("checkup_my-status_reader"), || words("AKIA1"), || words("config.json"));
    let in_the_way = PlanError::FileInTheWay { file: path(), why: words("it reads another store") };
    let foreign = PlanError::ForeignUser { user: user(), path: words("/") };
    let elsewhere = PlanError::SecretElsewhere { role: Role::Reader, user: user(), key: key(), file: path() };
    let keys = words("`AKIA1` and `AKIA2`");
    let two = PlanError::SecretsElsewhere { role: Role::Writer(node()), user: user(), keys, file: path() };
    assert_list(
        "errors.plans",
        &[
            ("PlanError::FileInTheWay", text(&in_the_way)),
            ("PlanError::ForeignUser", text(&foreign)),
            ("PlanError::SecretElsewhere", text(&elsewhere)),
            ("PlanError::SecretsElsewhere", text(&two)),
            ("PlanError::KeyGone", text(&PlanError::KeyGone { file: path(), user: user(), key: key() })),
            ("PlanError::KeyInactive", text(&PlanError::KeyInactive { file: path(), key: key() })),
            ("PlanError::InvalidRules", text(&PlanError::InvalidRules(words("`Status` is missing")))),
        ],
    );
}

#[test]
fn errors_of_provisioning() {
    let words = |text: &str| text.to_owned();
    let (user, key) = (|| words("checkup_my-status_reader"), || words("AKIA1"));
    let taken_back = ApplyError::KeyReverted { user: user(), key: key(), source: file() };
    let left = ApplyError::KeyOrphaned { user: user(), key: key(), removal: Box::new(service()), source: file() };
    let broken = ApplyError::KeyNotVerified { role: words("reader"), source: Box::new(service()) };
    let some =
        PurgeError::Refused { key: words("status/1.json"), code: words("AccessDenied"), refused: 3, deleted: 997 };
    let no_iam = |code| ServiceError::NoIam { endpoint: words("http://127.0.0.1:9000"), status: 400, code };
    let unsupported = ServiceError::Unsupported {
        task: words("read the CORS rules of the bucket `my-status`"),
        action: "s3:GetBucketCORS",
        status: 501,
        code: Some(words("NotImplemented")),
    };
    let listed = PurgeError::StillListed { key: words("status/1.json"), count: 3 };
    let source = S3Source {
        bucket: words("a b"),
        region: words("eu-west-1"),
        endpoint_url: Some(words("http://[")),
        address_style: AddressStyle::Path,
        prefix: String::new(),
        public_keys: None,
    };
    let mut errors = vec![
        ("ServiceError::Refused", text(&service())),
        ("ServiceError::ForeignBucket", text(&ServiceError::ForeignBucket(words("my-status")))),
        ("ServiceError::NoIam", text(&no_iam(None))),
        ("ServiceError::NoIam", text(&no_iam(Some(words("InvalidAction"))))),
        ("ServiceError::Unsupported", text(&unsupported)),
        ("PurgeError::Refused", text(&some)),
        ("PurgeError::StillListed", text(&listed)),
        ("PurgeError::TooMany", text(&PurgeError::TooMany { deleted: 50_000_000 })),
        ("FileError::Unusable", text(&file())),
        ("FileError::InTheWay", text(&FileError::InTheWay("config.json".into()))),
        ("FileError::KeyNotFound", text(&FileError::KeyNotFound("config.json".into()))),
        ("ApplyError::KeyReverted", text(&taken_back)),
        ("ApplyError::KeyOrphaned", text(&left)),
        ("ApplyError::KeyNotVerified", text(&broken)),
        ("ApplyError::MissingKey", text(&ApplyError::MissingKey(words("reader")))),
        ("ApplyError::NotConfirmed", text(&ApplyError::NotConfirmed)),
        (
            "InvalidProvisionSpec::Prefix",
            text(&InvalidProvisionSpec::from(validate_prefix("status").expect_err("no slash"))),
        ),
        (
            "InvalidProvisionSpec::Pattern",
            text(&InvalidProvisionSpec::from(patterns::validate_prefix("a*/").expect_err("a star"))),
        ),
        ("InvalidOrigin", of(validate_origin("https://a/b"))),
        ("InvalidProvisionSpec::Days", of(whole_days(shared::HOUR))),
        ("InvalidProvisionSpec::MissingExpiry", text(&InvalidProvisionSpec::MissingExpiry)),
        ("InvalidBucketUrl", of(address::list_url(&source, 1, 2))),
    ];
    for name in ["a", "My_Bucket", "-bucket", "a..b", "192.0.2.1", "xn--bucket"] {
        errors.push(("InvalidBucketName", of(validate_bucket_name(name))));
    }
    errors.push(("UnknownStatus", of("x".parse::<Status>())));
    assert_list("errors.provisioning", &errors);
}
