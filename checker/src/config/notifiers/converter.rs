//! Helpers that notifier types share, to report problems and to convert URLs, secrets and addresses.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use lettre::message::Mailbox;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::config::document::{JsonValue, Located};
use crate::config::problem::{Problem, Problems};
use crate::config::raw::OneOrMany;
use crate::config::read_as;
use crate::config::spec::{Field, ValueKind, optional};
use crate::notify::channels::secret_url::SecretUrl;
use crate::notify::channels::{Authorization, HttpChannel, Login, Transport};
use crate::redact::Secret;

pub(super) const TOKEN: Field =
    optional("token", ValueKind::Secret, "none", "A token that is sent as `Authorization: Bearer …`.");
pub(super) const USERNAME: Field =
    optional("username", ValueKind::String, "none", "The user name, if `token` is not set.");
pub(super) const PASSWORD: Field = optional("password", ValueKind::Secret, "none", "The password for `username`.");

/// A notifier in the configuration file, with the list that collects its problems.
pub(super) struct NotifierConverter<'a> {
    pub located: &'a Located<'a>,
    /// The path of the notifier, such as `notifiers[0]`.
    pub path: String,
    /// The folder that contains the configuration file. Relative paths are resolved against it.
    pub folder: &'a Path,
    pub problems: &'a mut Problems,
}

/// The keys that authorize requests.
#[derive(Deserialize)]
pub(super) struct RawAuthorization {
    token: Option<String>,
    username: Option<String>,
    password: Option<String>,
}

impl NotifierConverter<'_> {
    /// Returns the file position of a key, such as `webhook` or `smtp.port`.
    fn position(&self, key: &str) -> usize {
        let mut current = self.located;
        for step in key.split('.') {
            let Some(next) = current.member(step) else { break };
            current = next;
        }
        current.at
    }

    /// Reports an error about the value of a key.
    pub(super) fn error(&mut self, key: &str, error: impl Display) {
        self.error_at(self.position(key), key, error);
    }

    /// Reports an error at a position in the value of a key.
    pub(super) fn error_at(&mut self, at: usize, key: &str, error: impl Display) {
        self.problems.add(Problem::error(at, format!("`{}.{key}`: {error}", self.path)));
    }

    /// Reports an error in a sentence that starts with the key and continues with `predicate`.
    pub(super) fn reject(&mut self, key: &str, predicate: &str) {
        let text = format!("`{}.{key}` {predicate}", self.path);
        self.problems.add(Problem::error(self.position(key), text));
    }

    /// Reports a warning in a sentence that starts with the key and continues with `predicate`.
    pub(super) fn warn(&mut self, key: &str, predicate: &str) {
        let text = format!("`{}.{key}` {predicate}", self.path);
        self.problems.add(Problem::warning(self.position(key), text));
    }

    pub(super) fn read<T: DeserializeOwned>(&mut self) -> Option<T> {
        read_as(self.located, self.problems)
    }

    /// Returns the parsed value of a key, or reports the error if the value is invalid.
    pub(super) fn accept<T, E: Display>(&mut self, key: &str, parsed: Result<T, E>) -> Option<T> {
        parsed.map_err(|error| self.error(key, error)).ok()
    }

    /// Converts an element of a list, or the only value of the key, and reports its error at its position.
    fn accept_element<T, E: Display>(&mut self, key: &str, index: usize, parsed: Result<T, E>) -> Option<T> {
        let at = match self.located.member(key).map(|list| &list.value) {
            Some(JsonValue::Array(elements)) => elements.get(index).map(|element| element.at),
            _ => None,
        };
        parsed.map_err(|error| self.error_at(at.unwrap_or_else(|| self.position(key)), key, error)).ok()
    }

    /// Converts a list of URLs that contain secrets.
    pub(super) fn urls(&mut self, key: &str, texts: &[String]) -> Option<Vec<SecretUrl>> {
        let urls =
            texts.iter().enumerate().map(|(index, text)| self.accept_element(key, index, SecretUrl::parse(text)));
        urls.collect::<Vec<_>>().into_iter().collect()
    }

    /// Converts a URL that contains a secret.
    pub(super) fn url(&mut self, key: &str, text: &str) -> Option<SecretUrl> {
        self.accept(key, SecretUrl::parse(text))
    }

    /// Converts a server's `url` key, or `default` if the key is not set.
    pub(super) fn server(&mut self, text: Option<&str>, default: &str) -> Option<SecretUrl> {
        self.url("url", text.unwrap_or(default))
    }

    /// Converts a required secret. Rejects an empty one, which usually comes from an empty environment variable.
    pub(super) fn secret(&mut self, key: &str, text: String) -> Option<Secret> {
        if text.trim().is_empty() {
            self.reject(key, "is empty: set it, or the environment variable that it contains");
            return None;
        }
        Some(Secret::new(text))
    }

    pub(super) fn text(&mut self, key: &str, text: String) -> Option<String> {
        if text.trim().is_empty() {
            self.reject(key, "is empty: set it, or the environment variable that it contains");
            return None;
        }
        Some(text)
    }

    /// Converts one or more email addresses.
    pub(super) fn addresses(&mut self, key: &str, raw: OneOrMany) -> Option<Vec<Mailbox>> {
        let texts = raw.into_vec();
        if texts.is_empty() {
            self.reject(key, "is empty: expected at least one address, for example `ops@example.com`");
            return None;
        }
        let addresses =
            texts.iter().enumerate().map(|(index, text)| self.accept_element(key, index, parse_address(text)));
        addresses.collect::<Vec<_>>().into_iter().collect()
    }

    /// Converts an email address, with or without a display name.
    pub(super) fn address(&mut self, key: &str, text: &str) -> Option<Mailbox> {
        self.accept(key, parse_address(text))
    }

    /// Converts the keys that authorize requests: a token, or a user name and password.
    pub(super) fn authorization(&mut self) -> Option<Authorization> {
        let RawAuthorization { token, username, password } = self.read()?;
        let not_empty = |text: Option<String>| text.filter(|text| !text.is_empty());
        match (not_empty(token), not_empty(username), not_empty(password)) {
            (Some(_), Some(_), _) => {
                self.reject("username", "conflicts with `token`: remove one of them");
                None
            }
            (Some(token), None, _) => Some(Authorization::Bearer(Secret::new(token))),
            (None, Some(username), password) => {
                let password = Secret::new(password.unwrap_or_default());
                Some(Authorization::Basic(Login { username, password }))
            }
            (None, None, Some(_)) => {
                self.reject("password", "has no effect without `username`: add it, or use `token`");
                None
            }
            (None, None, None) => None,
        }
    }
}

fn parse_address(text: &str) -> Result<Mailbox, String> {
    text.trim().parse::<Mailbox>().map_err(|_| {
        format!("invalid address `{text}`: expected for example `ops@example.com` or `Status <status@example.com>`")
    })
}

/// Creates the transport for a provider with an HTTP API.
pub(super) fn http(channel: impl HttpChannel + 'static) -> Transport {
    Transport::Http(Arc::new(channel))
}

/// Returns `None` for an empty string, which the original Checkup writes for an unset value.
pub(super) fn not_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}
