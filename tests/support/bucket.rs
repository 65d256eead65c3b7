//! A test's bucket, and operations on it.

use std::io::Read as _;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::types::{CorsConfiguration, CorsRule, CreateBucketConfiguration};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use shared::check_file::{CheckFile, CheckResult};
use shared::object_name::CheckFileName;
use shared::page_config::{AddressStyle, PageConfig, PublicKeys, S3Source, Source};

use crate::ministack::{self, AccessKey, REGION};
use crate::s3_server::S3Server;

/// A bucket on the shared S3 server.
#[derive(Debug, Clone)]
pub struct Bucket {
    pub name: String,
    /// The prefix of the keys of the checker's objects.
    pub prefix: String,
    /// A key with write access.
    pub writer: AccessKey,
    /// The URL of the S3 server.
    endpoint_url: String,
    region: &'static str,
    client: Client,
}

/// Whether browsers can read the bucket from other origins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cors {
    /// The documented rule: GET and HEAD are allowed from every origin.
    Allowed,
    None,
}

impl Bucket {
    /// Creates an empty bucket that pages can read, with the `status/` prefix.
    pub async fn new() -> Bucket {
        Bucket::with_cors(Cors::Allowed).await
    }

    pub async fn with_cors(cors: Cors) -> Bucket {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("checkup-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let writer = ministack::admin().await;
        let client = client(&writer);
        create(&client, &name).await;
        if cors == Cors::Allowed {
            let rule = CorsRule::builder()
                .allowed_methods("GET")
                .allowed_methods("HEAD")
                .allowed_origins("*")
                .allowed_headers("*")
                .expose_headers("ETag")
                .max_age_seconds(3_000)
                .build()
                .expect("it is complete");
            let rules = CorsConfiguration::builder().cors_rules(rule).build().expect("it is complete");
            client.put_bucket_cors().bucket(&name).cors_configuration(rules).send().await.expect("CORS is set");
        }
        Bucket {
            name,
            prefix: "status/".to_owned(),
            writer,
            endpoint_url: ministack::server().url.clone(),
            region: REGION,
            client,
        }
    }

    /// A bucket with the administrator's key. The bucket might not exist yet.
    pub async fn named(name: &str, prefix: &str) -> Bucket {
        Bucket::at(&ministack::server().url, &ministack::admin().await, name, prefix)
    }

    /// A bucket on this server with the administrator's key. The bucket might not exist yet.
    pub async fn on(server: S3Server, name: &str, prefix: &str) -> Bucket {
        let bucket = Bucket::at(&server.url(), &server.admin().await, name, prefix);
        Bucket { region: server.region(), ..bucket }
    }

    /// A bucket on any S3 server, with this key.
    #[must_use]
    pub fn at(endpoint_url: &str, key: &AccessKey, name: &str, prefix: &str) -> Bucket {
        Bucket {
            name: name.to_owned(),
            prefix: prefix.to_owned(),
            writer: key.clone(),
            endpoint_url: endpoint_url.to_owned(),
            region: REGION,
            client: client_at(endpoint_url, key),
        }
    }

    /// Creates the bucket with this key. The key's account becomes the owner of the bucket.
    pub async fn create_as(&self, owner: &AccessKey) {
        create(&client(owner), &self.name).await;
    }

    pub async fn exists(&self) -> bool {
        self.client.head_bucket().bucket(&self.name).send().await.is_ok()
    }

    /// The `storage` object of a checker's configuration for this bucket.
    #[must_use]
    pub fn storage(&self) -> Value {
        json!({
            "type": "s3",
            "bucket": self.name,
            "region": self.region,
            "access_key_id": self.writer.id,
            "secret_access_key": self.writer.secret,
            "endpoint_url": self.endpoint_url,
            "path_style": true,
            "prefix": self.prefix,
        })
    }

    /// The page's configuration for this bucket, with these public keys.
    #[must_use]
    pub fn page_config(&self, keys: Option<&AccessKey>) -> PageConfig {
        PageConfig::new(Source::S3(S3Source {
            bucket: self.name.clone(),
            region: self.region.to_owned(),
            endpoint_url: Some(self.endpoint_url.clone()),
            address_style: AddressStyle::Path,
            prefix: self.prefix.clone(),
            public_keys: keys
                .map(|key| PublicKeys { access_key_id: key.id.clone(), secret_access_key: key.secret.clone() }),
        }))
    }

    /// An S3 client for the bucket's server, with this key.
    #[must_use]
    pub fn client_with(&self, key: &AccessKey) -> Client {
        client_at(&self.endpoint_url, key)
    }

    /// Creates the bucket with its own key, in the default region.
    pub async fn create(&self) {
        self.client.create_bucket().bucket(&self.name).send().await.expect("the bucket is created");
    }

    pub async fn keys(&self) -> Vec<String> {
        let mut pages = self.client.list_objects_v2().bucket(&self.name).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.expect("the bucket can be listed");
            keys.extend(page.contents().iter().filter_map(|object| object.key().map(str::to_owned)));
        }
        keys
    }

    /// The names of all check files, sorted.
    pub async fn check_files(&self) -> Vec<CheckFileName> {
        self.keys().await.iter().filter_map(|key| CheckFileName::parse_key(&self.prefix, key)).collect()
    }

    /// The results in a check file.
    pub async fn results(&self, name: &CheckFileName) -> Vec<CheckResult> {
        let content = self.get(&format!("{}{name}", self.prefix)).await;
        let file = CheckFile::parse(content.as_bytes()).expect("it is a check file");
        assert_eq!(file.skipped, [], "the checker writes nothing that cannot be read");
        file.stored_as(name).results
    }

    /// The results in all check files, in order.
    pub async fn all_results(&self) -> Vec<CheckResult> {
        let mut results = Vec::new();
        for name in self.check_files().await {
            results.extend(self.results(&name).await);
        }
        results
    }

    /// Returns an object's content, decompressed if it is stored with gzip.
    pub async fn get(&self, key: &str) -> String {
        let object = self.client.get_object().bucket(&self.name).key(key).send().await.expect("the object exists");
        let bytes = object.body.collect().await.expect("the object is complete").to_vec();
        if !bytes.starts_with(&[0x1f, 0x8b]) {
            return String::from_utf8(bytes).expect("it is text");
        }
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("it is text");
        text
    }

    /// Returns all keys except those of histories, summaries and badges.
    pub async fn keys_without_histories(&self) -> Vec<String> {
        let is_kept =
            |key: &String| ["history/", "0-summary/", "0-badge/", "0-feed/"].iter().any(|folder| key.contains(folder));
        self.keys().await.into_iter().filter(|key| !is_kept(key)).collect()
    }

    /// Returns an object's `Content-Type` and `Cache-Control`.
    pub async fn headers(&self, key: &str) -> (String, String) {
        let head = self.client.head_object().bucket(&self.name).key(key).send().await.expect("the object exists");
        let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
        (text(head.content_type()), text(head.cache_control()))
    }

    pub async fn put(&self, key: &str, content: impl Into<Vec<u8>>) {
        let put = self.client.put_object().bucket(&self.name).key(key).body(content.into().into());
        put.send().await.expect("the object is stored");
    }

    /// Stores an object that is already compressed with gzip, as histories are.
    pub async fn put_gzip(&self, key: &str, packed: Vec<u8>) {
        let put = self.client.put_object().bucket(&self.name).key(key).body(packed.into());
        let put = put.content_encoding("gzip").content_type("application/json").cache_control("no-cache");
        put.send().await.expect("the object is stored");
    }

    /// Stores many objects with the same content. Several uploads run at a time.
    pub async fn put_all(&self, keys: Vec<String>, content: &str) {
        self.put_each(keys.into_iter().map(|key| (key, content.to_owned())).collect()).await;
    }

    /// Stores many objects, given as keys and contents. Several uploads run at a time.
    pub async fn put_each(&self, objects: Vec<(String, String)>) {
        let puts = objects.iter().map(|(key, content)| self.put(key, content.as_str()));
        stream::iter(puts).buffer_unordered(16).collect::<()>().await;
    }

    pub async fn open_to_everyone(&self) {
        self.client.delete_public_access_block().bucket(&self.name).send().await.expect("public access is not blocked");
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::{}", self.name)},
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": format!("arn:aws:s3:::{}/*", self.name)},
        ]});
        let put = self.client.put_bucket_policy().bucket(&self.name).policy(policy.to_string());
        put.send().await.expect("the policy is set");
    }
}

async fn create(client: &Client, name: &str) {
    let region = CreateBucketConfiguration::builder().location_constraint(REGION.into()).build();
    let create = client.create_bucket().bucket(name).create_bucket_configuration(region);
    create.send().await.expect("the bucket is created");
}

/// An S3 client with this key.
#[must_use]
pub fn client(key: &AccessKey) -> Client {
    client_at(&ministack::server().url, key)
}

fn client_at(endpoint_url: &str, key: &AccessKey) -> Client {
    let credentials = Credentials::new(&key.id, &key.secret, None, None, "tests");
    let configuration = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .credentials_provider(credentials)
        .region(Region::new(REGION))
        .endpoint_url(endpoint_url)
        .force_path_style(true)
        .build();
    Client::from_conf(configuration)
}
