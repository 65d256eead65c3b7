//! Requests to IAM: users, their inline policies and their keys.

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::StatusType;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use serde_json::Value;

use super::{Call, Service, ServiceError, ServiceResult};
use crate::provision::names::USER_POLICY;
use crate::redact::redact_userinfo;
use crate::store::s3::client;
use crate::store::s3::error::S3Error;
use crate::store::settings::{Secret, WriterKeys};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub path: String,
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

impl Service {
    /// A user; `None` if it does not exist.
    pub async fn user(&self, name: &str) -> ServiceResult<Option<User>> {
        match self.iam.get_user().user_name(name).send().await {
            Ok(response) => Ok(response.user.map(|user| User { name: user.user_name, path: user.path })),
            Err(error) if error.code() == Some("NoSuchEntity") => Ok(None),
            Err(error) => Err(self.iam_refused("read the user", name, "iam:GetUser", &error)),
        }
    }

    /// All users with exactly this path.
    pub async fn users_with_path(&self, path: &str) -> ServiceResult<Vec<User>> {
        let mut pages = self.iam.list_users().path_prefix(path).into_paginator().send();
        let mut users = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.iam_refused("list the users below", path, "iam:ListUsers", &error))?;
            let found = page.users.into_iter().map(|user| User { name: user.user_name, path: user.path });
            users.extend(found.filter(|user| user.path == path));
        }
        Ok(users)
    }

    pub async fn create_user(&self, name: &str, path: &str) -> ServiceResult<()> {
        match self.iam.create_user().user_name(name).path(path).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("EntityAlreadyExists") => {
                // An earlier attempt, whose response was lost, created it, unless it has a different path.
                match self.user(name).await? {
                    Some(user) if user.path == path => Ok(()),
                    _ => Err(self.iam_refused("create the user", name, "iam:CreateUser", &error)),
                }
            }
            Err(error) => Err(self.iam_refused("create the user", name, "iam:CreateUser", &error)),
        }
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

    /// A user's inline policy from provisioning.
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

    /// A user's access keys, oldest first.
    pub async fn keys(&self, user: &str) -> ServiceResult<Vec<ListedKey>> {
        let listed = self.iam.list_access_keys().user_name(user).send().await;
        let listed = listed
            .map_err(|error| self.iam_refused("list the keys of the user", user, "iam:ListAccessKeys", &error))?;
        let mut keys = listed.access_key_metadata;
        keys.sort_by_key(|key| key.create_date.map(|date| date.as_nanos()));
        let state = |active: bool| if active { KeyState::Active } else { KeyState::Inactive };
        let keys = keys.into_iter().filter_map(|key| {
            Some(ListedKey { id: key.access_key_id?, state: state(key.status == Some(StatusType::Active)) })
        });
        Ok(keys.collect())
    }

    /// Creates an access key, without retries, because each one could create another key.
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
                Err(self.iam_refused("delete a key of the user", user, "iam:DeleteAccessKey", &error))
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
            // IAM puts errors in an `ErrorResponse` element; S3 and web servers do not.
            let body = String::from_utf8_lossy(response.body().bytes().unwrap_or_default());
            let is_transient = response.status().as_u16() >= 500 && response.status().as_u16() != 501;
            if !body.contains("<ErrorResponse") && !is_transient {
                return ServiceError::NoIam { endpoint: redact_userinfo(endpoint), status: response.status().as_u16() };
            }
        }
        self.error(format!("{task} `{user}`"), on_user(user, action), error)
    }
}

fn on_user(user: &str, action: &'static str) -> Call {
    let resource = match action {
        "iam:ListUsers" => "*".to_owned(),
        _ if user.starts_with('/') => format!("arn:aws:iam::*:user{user}*"),
        // If the user exists, the resource that IAM checks includes the user's path; otherwise, it does not.
        _ => format!("arn:aws:iam::*:user/*{user}"),
    };
    Call { action, resource }
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
