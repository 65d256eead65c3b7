//! Requests to IAM: users, their inline policies and their keys.

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::{StatusType, Tag};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use serde_json::Value;

use super::{Call, Service, ServiceError, ServiceResult};
use crate::provision::names::{self, TAG, USER_POLICY};
use crate::provision::policy::{self, Scope};
use crate::redact::Secret;
use crate::redact::redact_userinfo;
use crate::store::s3::client;
use crate::store::s3::error::S3Error;
use crate::store::settings::WriterKeys;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub path: String,
}

/// The attributes by which a new user can be recognized later, apart from its name and permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreatedUser {
    WithPath,
    /// The service dropped the path.
    WithTag,
    /// The service supports neither paths nor tags.
    WithoutPath,
}

/// An access key in a listing, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    pub id: String,
    pub state: KeyState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Active,
    Inactive,
}

/// The maximum number of pages in a listing of users, with usually a hundred users each. A longer listing is considered
/// endless.
const USER_PAGES_LIMIT: usize = 1_000;

impl Service {
    /// Returns a user, or `None` if it does not exist.
    pub async fn user(&self, name: &str) -> ServiceResult<Option<User>> {
        match self.iam.get_user().user_name(name).send().await {
            Ok(response) => Ok(response.user.map(|user| User { name: user.user_name, path: user.path })),
            Err(error) if error.code() == Some("NoSuchEntity") => Ok(None),
            Err(error) => Err(self.iam_refused("read the user", name, "iam:GetUser", &error)),
        }
    }

    /// Returns all users of the account. Some services ignore path filters, or do not support paths.
    pub async fn users(&self) -> ServiceResult<Vec<User>> {
        let mut pages = self.iam.list_users().into_paginator().send();
        let mut users = Vec::new();
        for _ in 0..USER_PAGES_LIMIT {
            let Some(page) = pages.next().await else { return Ok(users) };
            let page = page.map_err(|error| self.iam_refused("list the users of", "", "iam:ListUsers", &error))?;
            let is_last = !page.is_truncated;
            users.extend(page.users.into_iter().map(|user| User { name: user.user_name, path: user.path }));
            if is_last {
                return Ok(users);
            }
        }
        Err(ServiceError::Refused {
            task: "list the users".to_owned(),
            call: Box::new(on_user("", "iam:ListUsers")),
            cause: S3Error::LimitExceeded(format!("the listing has more than {USER_PAGES_LIMIT} pages")),
            code: None,
        })
    }

    /// Creates a user with this path. If the service does not keep the path, tags the user, if possible.
    pub async fn create_user(&self, name: &str, path: &str, tag: &str) -> ServiceResult<CreatedUser> {
        let refused = |error: &_| self.iam_refused("create the user", name, "iam:CreateUser", error);
        let created = match self.iam.create_user().user_name(name).path(path).send().await {
            Ok(created) => created.user.map(|user| User { name: user.user_name, path: user.path }),
            // An earlier attempt whose response was lost created the user, unless the user has a different path and
            // keys.
            Err(error) if error.code() == Some("EntityAlreadyExists") => match self.user(name).await? {
                Some(user) if user.path == path || self.keys(name).await?.is_empty() => Some(user),
                _ => return Err(refused(&error)),
            },
            Err(error) => return Err(refused(&error)),
        };
        if created.is_none_or(|user| user.path == path) {
            return Ok(CreatedUser::WithPath);
        }
        let tags = Tag::builder().key(TAG).value(tag).build();
        let Ok(tags) = tags else { return Ok(CreatedUser::WithoutPath) };
        match self.iam.tag_user().user_name(name).tags(tags).send().await {
            Ok(_) => Ok(CreatedUser::WithTag),
            Err(error) => match self.iam_refused("tag the user", name, "iam:TagUser", &error) {
                error if error.may_have_succeeded() => Err(error),
                // The user's permissions identify it.
                _ => Ok(CreatedUser::WithoutPath),
            },
        }
    }

    /// Returns the value of the tag that provisioning set on a user, or `None` if the user has no such tag or its tags
    /// cannot be read.
    pub async fn user_tag(&self, name: &str) -> Option<String> {
        let tags = self.iam.list_user_tags().user_name(name).send().await.ok()?;
        tags.tags.into_iter().find(|tag| tag.key == TAG).map(|tag| tag.value)
    }

    /// Returns whether provisioning created this user, which has the name of a provisioned user.
    pub async fn is_ours(&self, user: &User, policy: Option<&Value>, scope: &Scope<'_>) -> bool {
        user.path == names::user_path(scope.bucket, scope.prefix)
            || policy.is_some_and(|policy| policy::grants_reading(policy, scope))
            || self.user_tag(&user.name).await == Some(names::user_tag(scope.bucket, scope.prefix))
    }

    /// Deletes a user, which must have neither keys nor policies.
    pub async fn delete_user(&self, name: &str) -> ServiceResult<()> {
        match self.iam.delete_user().user_name(name).send().await {
            Err(error) if error.code() != Some("NoSuchEntity") => {
                Err(self.iam_refused("delete the user", name, "iam:DeleteUser", &error))
            }
            _ => Ok(()),
        }
    }

    /// Returns a user's inline policy from provisioning.
    pub async fn user_policy(&self, user: &str) -> ServiceResult<Option<Value>> {
        match self.iam.get_user_policy().user_name(user).policy_name(USER_POLICY).send().await {
            Ok(response) => Ok(Some(parse_document(&response.policy_document))),
            Err(error) if error.code() == Some("NoSuchEntity") => Ok(None),
            Err(error) => Err(self.iam_refused("read the policy of the user", user, "iam:GetUserPolicy", &error)),
        }
    }

    /// Sets a user's inline policy.
    pub async fn put_user_policy(&self, user: &str, policy: &Value) -> ServiceResult<()> {
        let put =
            self.iam.put_user_policy().user_name(user).policy_name(USER_POLICY).policy_document(policy.to_string());
        let put = put.send().await;
        put.map(drop)
            .map_err(|error| self.iam_refused("set the permissions of the user", user, "iam:PutUserPolicy", &error))
    }

    /// Deletes a user's inline policy.
    pub async fn delete_user_policy(&self, user: &str) -> ServiceResult<()> {
        match self.iam.delete_user_policy().user_name(user).policy_name(USER_POLICY).send().await {
            Err(error) if error.code() != Some("NoSuchEntity") => {
                Err(self.iam_refused("delete the permissions of the user", user, "iam:DeleteUserPolicy", &error))
            }
            _ => Ok(()),
        }
    }

    /// Returns a user's access keys, oldest first, or an empty list if the user does not exist.
    pub async fn keys(&self, user: &str) -> ServiceResult<Vec<ListedKey>> {
        let mut keys = match self.iam.list_access_keys().user_name(user).send().await {
            Ok(listed) => listed.access_key_metadata,
            Err(error) if error.code() == Some("NoSuchEntity") => Vec::new(),
            Err(error) => {
                return Err(self.iam_refused("list the keys of the user", user, "iam:ListAccessKeys", &error));
            }
        };
        keys.sort_by_key(|key| key.create_date.map(|date| date.as_nanos()));
        let state = |active: bool| if active { KeyState::Active } else { KeyState::Inactive };
        let keys = keys.into_iter().filter_map(|key| {
            Some(ListedKey { id: key.access_key_id?, state: state(key.status == Some(StatusType::Active)) })
        });
        Ok(keys.collect())
    }

    /// Creates an access key, without retries, because each attempt could create another key.
    pub async fn create_key(&self, user: &str) -> ServiceResult<WriterKeys> {
        let once = aws_sdk_iam::config::Builder::new().retry_config(RetryConfig::disabled());
        let created = self.iam.create_access_key().user_name(user).customize().config_override(once).send().await;
        let failed = |cause| ServiceError::Refused {
            task: format!("create a key for the user `{user}`"),
            call: Box::new(on_user(user, "iam:CreateAccessKey")),
            cause,
            code: None,
        };
        match created {
            Ok(response) => match response.access_key {
                Some(key) => Ok(WriterKeys {
                    access_key_id: key.access_key_id,
                    secret_access_key: Secret::new(key.secret_access_key),
                }),
                None => Err(failed(S3Error::Connection("the response contains no key".to_owned()))),
            },
            Err(error) => Err(self.iam_refused("create a key for the user", user, "iam:CreateAccessKey", &error)),
        }
    }

    pub async fn delete_key(&self, user: &str, key_id: &str) -> ServiceResult<()> {
        match self.iam.delete_access_key().user_name(user).access_key_id(key_id).send().await {
            Err(error) if error.code() != Some("NoSuchEntity") => {
                Err(self.iam_refused("delete an access key for the user", user, "iam:DeleteAccessKey", &error))
            }
            _ => Ok(()),
        }
    }

    fn iam_refused<E>(
        &self,
        task: &str,
        user: &str,
        action: &'static str,
        error: &SdkError<E, HttpResponse>,
    ) -> ServiceError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let (Some(endpoint), Some(response)) = (&self.bucket.endpoint_url, error.raw_response()) {
            // IAM wraps errors in an `ErrorResponse` element; S3 services and web servers do not.
            let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
            let is_transient = response.status().as_u16() >= 500 && response.status().as_u16() != 501;
            // Other services use the same protocol, but do not recognize any of the calls.
            let is_unknown = error.code().is_some_and(|code| super::UNKNOWN_CALL.contains(&code));
            if (!body.contains("<ErrorResponse") || is_unknown) && !is_transient {
                return ServiceError::NoIam {
                    endpoint: redact_userinfo(endpoint),
                    status: response.status().as_u16(),
                    code: error.code().map(str::to_owned).or_else(|| code_in(&body)),
                };
            }
        }
        let task = if user.is_empty() {
            format!("{task} the bucket `{}`", self.bucket.name)
        } else {
            format!("{task} `{user}`")
        };
        self.error(task, on_user(user, action), error)
    }
}

fn on_user(user: &str, action: &'static str) -> Call {
    let resource = match action {
        "iam:ListUsers" => "*".to_owned(),
        // The resource that IAM checks includes the user's path only if the user exists.
        _ => format!("arn:aws:iam::*:user/*{user}"),
    };
    Call { action, resource }
}

/// Returns the error code in an S3 response.
fn code_in(body: &str) -> Option<String> {
    let (code, _) = body.split_once("<Code>")?.1.split_once("</Code>")?;
    let is_code = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_code.then(|| code.to_owned())
}

/// Parses a policy from an IAM response: JSON, which AWS URL-encodes.
fn parse_document(text: &str) -> Value {
    let parse = |text: &str| serde_json::from_str(text).ok();
    parse(text).or_else(|| parse(&client::decode_url(text)?)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_is_parsed_encoded_or_plain() {
        let policy = json!({ "Version": "2012-10-17", "Statement": [] });
        assert_eq!(parse_document(&policy.to_string()), policy);
        assert_eq!(parse_document("%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"), policy);
        assert_eq!(parse_document("none"), Value::Null);
    }

    #[test]
    fn the_error_of_a_denied_call_has_the_statement_that_allows_it() {
        let call = on_user("checkup_b_reader", "iam:CreateUser");
        let cause = S3Error::AccessDenied { permission: call.action, resource: call.resource.clone() };
        let error = ServiceError::Refused {
            task: "create the user `x`".to_owned(),
            call: Box::new(call.clone()),
            cause,
            code: None,
        };
        let text = error.to_string();
        assert!(text.starts_with("failed to create the user `x` (iam:CreateUser): access is denied"), "{text}");
        assert!(text.contains(&call.statement().to_string()), "{text}");
    }
}
