//! The real S3 and IAM servers for tests. Their common interface allows a test to run on each of them.

use aws_sdk_iam::Client;
use aws_sdk_iam::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_iam::error::ProvideErrorMetadata as _;

use crate::ministack::{self, AccessKey};
use crate::seaweedfs;

/// A real server that implements S3 and IAM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3Server {
    MiniStack,
    SeaweedFs,
}

impl S3Server {
    pub const ALL: [S3Server; 2] = [S3Server::MiniStack, S3Server::SeaweedFs];

    /// The server's URL, without a trailing slash. Starts the server if it is not running.
    #[must_use]
    pub fn url(self) -> String {
        match self {
            S3Server::MiniStack => ministack::server().url.clone(),
            S3Server::SeaweedFs => seaweedfs::server().url.clone(),
        }
    }

    #[must_use]
    pub fn region(self) -> &'static str {
        match self {
            S3Server::MiniStack => ministack::REGION,
            S3Server::SeaweedFs => seaweedfs::REGION,
        }
    }

    /// A key with all permissions.
    pub async fn admin(self) -> AccessKey {
        match self {
            S3Server::MiniStack => ministack::admin().await,
            S3Server::SeaweedFs => seaweedfs::admin(),
        }
    }

    /// Creates an IAM client with this key.
    #[must_use]
    pub fn iam(self, key: &AccessKey) -> Client {
        let configuration = aws_sdk_iam::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .credentials_provider(Credentials::new(&key.id, &key.secret, None, None, "tests"))
            .region(Region::new(self.region()))
            .endpoint_url(self.url())
            .build();
        Client::from_conf(configuration)
    }

    /// Returns a user's access key IDs. The list is empty if there is no such user.
    pub async fn keys_of(self, user: &str) -> Vec<String> {
        match self.iam(&self.admin().await).list_access_keys().user_name(user).send().await {
            Ok(keys) => keys.access_key_metadata.into_iter().filter_map(|key| key.access_key_id).collect(),
            Err(error) if error.code() == Some("NoSuchEntity") => Vec::new(),
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Returns the names of all users whose name contains a string.
    pub async fn users(self, containing: &str) -> Vec<String> {
        let listed = self.iam(&self.admin().await).list_users().max_items(1_000).send().await.expect("it lists users");
        let names = listed.users.into_iter().map(|user| user.user_name);
        names.filter(|name| name.contains(containing)).collect()
    }
}
