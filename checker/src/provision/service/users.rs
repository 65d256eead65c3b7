//! The requests to IAM: users, their one inline policy, their keys. See [`super`] for what errors mean.

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::types::StatusType;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use serde_json::Value;

use super::{Answer, Call, Service, ServiceError};
use crate::provision::names::USER_POLICY;
use crate::redact::without_user;
use crate::store::s3::client;
use crate::store::s3::error::S3Error;
use crate::store::settings::{Secret, WriterKeys};

/// A user as IAM knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Its path.
    pub path: String,
}

/// An access key as IAM lists it, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// Its id.
    pub id: String,
    /// Whether it is switched on.
    pub state: KeyState,
}

/// Whether a key can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    /// It can.
    Active,
    /// Somebody has switched it off.
    Inactive,
}

impl Service {
    /// A user; `None` if there is none of that name.
    pub async fn user(&self, name: &str) -> Answer<Option<User>> {
        match self.iam.get_user().user_name(name).send().await {
            Ok(answer) => Ok(answer.user.map(|user| User { name: user.user_name, path: user.path })),
            Err(error) if error.code() == Some("NoSuchEntity") => Ok(None),
            Err(error) => Err(self.iam_refused("look for the user", name, "iam:GetUser", &error)),
        }
    }

    /// All users with exactly this path.
    pub async fn users_with_path(&self, path: &str) -> Answer<Vec<User>> {
        let mut pages = self.iam.list_users().path_prefix(path).into_paginator().send();
        let mut users = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.iam_refused("list the users below", path, "iam:ListUsers", &error))?;
            let found = page.users.into_iter().map(|user| User { name: user.user_name, path: user.path });
            users.extend(found.filter(|user| user.path == path));
        }
        Ok(users)
    }

    /// Makes a user.
    pub async fn create_user(&self, name: &str, path: &str) -> Answer<()> {
        match self.iam.create_user().user_name(name).path(path).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some("EntityAlreadyExists") => {
                // An attempt whose answer was lost has made it, unless it is somebody else's.
                match self.user(name).await? {
                    Some(user) if user.path == path => Ok(()),
                    _ => Err(self.iam_refused("make the user", name, "iam:CreateUser", &error)),
                }
            }
            Err(error) => Err(self.iam_refused("make the user", name, "iam:CreateUser", &error)),
        }
    }

    /// Removes a user, which must have no keys and no policies left.
    pub async fn delete_user(&self, name: &str) -> Answer<()> {
        match self.iam.delete_user().user_name(name).send().await {
            Err(error) if error.code() != Some("NoSuchEntity") => {
                Err(self.iam_refused("remove the user", name, "iam:DeleteUser", &error))
            }
            _ => Ok(()),
        }
    }

    /// A user's inline policy that we gave it.
    pub async fn user_policy(&self, user: &str) -> Answer<Option<Value>> {
        match self.iam.get_user_policy().user_name(user).policy_name(USER_POLICY).send().await {
            Ok(answer) => Ok(Some(read_document(&answer.policy_document))),
            Err(error) if error.code() == Some("NoSuchEntity") => Ok(None),
            Err(error) => Err(self.iam_refused("read the policy of the user", user, "iam:GetUserPolicy", &error)),
        }
    }

    /// Gives a user its inline policy.
    pub async fn put_user_policy(&self, user: &str, policy: &Value) -> Answer<()> {
        let put =
            self.iam.put_user_policy().user_name(user).policy_name(USER_POLICY).policy_document(policy.to_string());
        let put = put.send().await;
        put.map(drop).map_err(|error| self.iam_refused("give rights to the user", user, "iam:PutUserPolicy", &error))
    }

    /// Takes a user's inline policy away.
    pub async fn delete_user_policy(&self, user: &str) -> Answer<()> {
        match self.iam.delete_user_policy().user_name(user).policy_name(USER_POLICY).send().await {
            Err(error) if error.code() != Some("NoSuchEntity") => {
                Err(self.iam_refused("take the rights of the user", user, "iam:DeleteUserPolicy", &error))
            }
            _ => Ok(()),
        }
    }

    /// A user's access keys, the oldest first.
    pub async fn keys(&self, user: &str) -> Answer<Vec<ListedKey>> {
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

    /// Makes an access key. It is asked for once and never again by itself: each time would make another.
    pub async fn create_key(&self, user: &str) -> Answer<WriterKeys> {
        let once = aws_sdk_iam::config::Builder::new().retry_config(RetryConfig::disabled());
        let made = self.iam.create_access_key().user_name(user).customize().config_override(once).send().await;
        let failed = |problem| ServiceError::Refused {
            task: format!("make a key for the user `{user}`"),
            call: Box::new(on_user(user, "iam:CreateAccessKey")),
            problem,
            code: None,
        };
        match made {
            Ok(answer) => match answer.access_key {
                Some(key) => Ok(WriterKeys {
                    access_key_id: key.access_key_id,
                    secret_access_key: Secret::new(key.secret_access_key),
                }),
                None => Err(failed(S3Error::Connection("the answer names no key".to_owned()))),
            },
            Err(error) => Err(self.iam_refused("make a key for the user", user, "iam:CreateAccessKey", &error)),
        }
    }

    /// Removes an access key.
    pub async fn delete_key(&self, user: &str, key_id: &str) -> Answer<()> {
        match self.iam.delete_access_key().user_name(user).access_key_id(key_id).send().await {
            Err(error) if error.code() != Some("NoSuchEntity") => {
                Err(self.iam_refused("remove a key of the user", user, "iam:DeleteAccessKey", &error))
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
        if let (Some(endpoint), Some(answer)) = (&self.bucket.endpoint_url, error.raw_response()) {
            // IAM wraps its errors in an element of its own; S3 and web servers do not.
            let body = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default());
            let is_transient = answer.status().as_u16() >= 500 && answer.status().as_u16() != 501;
            if !body.contains("<ErrorResponse") && !is_transient {
                return ServiceError::NoIam { endpoint: without_user(endpoint), status: answer.status().as_u16() };
            }
        }
        self.error(format!("{task} `{user}`"), on_user(user, action), error)
    }
}

fn on_user(user: &str, action: &'static str) -> Call {
    let resource = match action {
        "iam:ListUsers" => "*".to_owned(),
        _ if user.starts_with('/') => format!("arn:aws:iam::*:user{user}*"),
        // IAM asks with a user's path once there is one, and without it before.
        _ => format!("arn:aws:iam::*:user/*{user}"),
    };
    Call { action, resource }
}

/// A policy as IAM reads it back: JSON, encoded for a URL by AWS.
fn read_document(text: &str) -> Value {
    let parse = |text: &str| serde_json::from_str(text).ok();
    parse(text).or_else(|| parse(&client::decode_url(text)?)).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_policy_is_read_encoded_or_plain() {
        let policy = json!({ "Version": "2012-10-17", "Statement": [] });
        assert_eq!(read_document(&policy.to_string()), policy);
        assert_eq!(read_document("%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"), policy);
        assert_eq!(read_document("none"), Value::Null);
    }

    #[test]
    fn a_denied_call_names_the_statement_that_would_allow_it() {
        let call = on_user("checkup_b_reader", "iam:CreateUser");
        let problem = S3Error::AccessDenied { permission: call.action, resource: call.resource.clone() };
        let error = ServiceError::Refused {
            task: "make the user `x`".to_owned(),
            call: Box::new(call.clone()),
            problem,
            code: None,
        };
        let text = error.to_string();
        assert!(text.starts_with("failed to make the user `x` (iam:CreateUser): access is denied"), "{text}");
        assert!(text.contains(&call.statement().to_string()), "{text}");
    }
}
