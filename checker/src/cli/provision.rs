//! The arguments of `checker provision` and `checker deprovision`.

use std::path::PathBuf;

use clap::Args;
use shared::Nanos;
use shared::object_name::NodeName;

use super::age;
use super::posts::author;

/// The bucket that `provision` and `deprovision` work on.
#[derive(Debug, Args)]
pub struct BucketArguments {
    /// Configuration whose `storage` names the bucket; the flags below override it
    #[arg(short, long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Name of the bucket (default: the configuration's bucket)
    #[arg(long = "bucket", value_name = "NAME")]
    pub name: Option<String>,
    /// Region of the bucket (default: from the configuration, `AWS_REGION` or the AWS profile; otherwise us-east-1)
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Prefix of all object names, for example status/
    #[arg(long, value_name = "PREFIX")]
    pub prefix: Option<String>,
    /// URL of the service, for services other than AWS
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
    /// Put the bucket name in the URL path instead of the host name
    #[arg(long)]
    pub path_style: bool,
    /// Profile in ~/.aws with the administrator's credentials
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a command-line flag")]
pub struct ProvisionArguments {
    #[command(flatten)]
    pub bucket: BucketArguments,
    /// Origin of the page, for example `https://status.example.com` (repeatable; `*` allows every origin)
    #[arg(long, value_name = "URL")]
    pub origin: Vec<String>,
    /// Create a user with write access for this node, such as eu-west (repeatable)
    #[arg(long, value_name = "NODE")]
    pub writer: Vec<NodeName>,
    /// Create a user who can post incidents, maintenance windows and silences under this name, such as anna
    /// (repeatable)
    #[arg(long, value_name = "NAME", value_parser = author)]
    pub author: Vec<NodeName>,
    /// Do not create keys for the page; allow everyone to read objects below the prefix instead
    #[arg(long)]
    pub public: bool,
    /// Also allow everyone to read summaries, badges and outputs such as feeds, but not check files or histories
    #[arg(long, conflicts_with = "public")]
    pub public_outputs: bool,
    /// Let checkers delete their own check files once they reach this age, for example 30d (default: `check_expiry`
    /// in the configuration). To have the bucket delete them, use --lifecycle
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub check_expiry: Option<Nanos>,
    /// Also let checkers delete check files of the original Checkup, which have no node name
    #[arg(long, alias = "expire-originals")]
    pub expire_legacy: bool,
    /// Have the bucket delete check files once they reach this age, in whole days, for example 90d. To let checkers
    /// delete them, use --check-expiry
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub lifecycle: Option<Nanos>,
    /// Directory for config.json, checker-NODE.json and author-NAME.json
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Replace existing files in --out that do not match the bucket or its keys, instead of failing
    #[arg(long)]
    pub force: bool,
    /// Create new keys, and delete the old ones once the new ones work
    #[arg(long)]
    pub rotate: bool,
    /// Print the plan as JSON, with all API calls and policies, without changing anything
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the confirmation prompts, including the one before --rotate deletes the old keys
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct DeprovisionArguments {
    #[command(flatten)]
    pub bucket: BucketArguments,
    /// Also delete all check files, histories, heartbeats, logs and posts, and the bucket if it is then empty. You must
    /// type the bucket's name to confirm
    #[arg(long)]
    pub delete_data: bool,
    /// Directory with config.json, checker-NODE.json and author-NAME.json, whose keys are tested after deletion
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Print the plan as JSON without changing anything
    #[arg(long)]
    pub dry_run: bool,
    /// Skip the confirmation prompt; --delete-data still asks for the bucket's name
    #[arg(long, short)]
    pub yes: bool,
}
