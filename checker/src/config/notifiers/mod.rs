//! The configuration of notifications: the `notify` section and the `notifiers` list. Each notifier type has a separate
//! file with its keys and their conversion.
//!
//! To add a type, add its file and its line in [`TYPES`].

mod alertmanager;
mod apprise;
pub(super) mod check_keys;
mod common;
mod converter;
mod discord;
mod exec;
mod googlechat;
mod gotify;
mod incoming_webhook;
mod mail;
mod mailgun;
mod matrix;
mod mattermost;
mod ntfy;
mod pagerduty;
mod ping;
mod pushover;
mod rocketchat;
#[cfg(test)]
mod rule_tests;
mod section;
mod slack;
mod teams;
mod telegram;
#[cfg(test)]
mod tests;
mod webhook;
mod zulip;

use std::collections::{HashMap, HashSet};
use std::path::Path;

use shared::notification_log::IncidentScope;
use shared::page_config::appearance::Link;
use shared::suggest::suggest;

use self::check_keys::CheckKeys;
use self::common::{COMMON, ChannelIds, RawNotifier};
use self::converter::NotifierConverter;
pub(super) use self::section::SECTION;
use self::section::{CERTIFICATE_DAYS, NotifySection};
use super::document::{JsonValue, Located};
use super::problem::{Problem, Problems};
use super::spec::{ValueKind, Variant};
use super::validate::is_valid;
use crate::notify::channels::Transport;
use crate::notify::event::EventKind;
use crate::notify::rules::{Channel, Notifications};
use crate::notify::sample;

/// The key whose value is the array of notifiers.
pub(super) const NOTIFIERS: &str = "notifiers";

struct NotifierType {
    /// The type's name, description and keys.
    variant: Variant,
    /// Creates a transport from a validated notifier. Returns `None` after reporting a problem.
    convert: fn(&mut NotifierConverter<'_>) -> Option<Transport>,
}

const TYPES: &[NotifierType] = &[
    slack::TYPE,
    mattermost::TYPE,
    rocketchat::TYPE,
    teams::TYPE,
    googlechat::TYPE,
    discord::TYPE,
    mail::TYPE,
    mailgun::TYPE,
    pushover::TYPE,
    telegram::TYPE,
    ntfy::TYPE,
    gotify::TYPE,
    matrix::TYPE,
    zulip::TYPE,
    pagerduty::TYPE,
    webhook::TYPE,
    exec::TYPE,
    apprise::TYPE,
    alertmanager::TYPE,
    ping::TYPE,
];

const VARIANTS: [Variant; TYPES.len()] = {
    let mut variants = [slack::TYPE.variant; TYPES.len()];
    let mut index = 0;
    while index < variants.len() {
        variants[index] = TYPES[index].variant;
        index += 1;
    }
    variants
};

/// One notifier or an array of notifiers. The original Checkup's `notifier` key contains a single one.
pub(super) const NOTIFIERS_KIND: ValueKind = ValueKind::OneOrMany(&NOTIFIER);

const NOTIFIER: ValueKind = ValueKind::Tagged {
    name: "notifier",
    keys: &["type", "name"],
    variants: &VARIANTS,
    unsupported: &[],
    common: COMMON,
};

/// Converted notifiers, the byte offset of each channel in the file, and the links to public channels.
#[derive(Default)]
pub(super) struct ConvertedNotifiers {
    pub notifications: Option<Notifications>,
    pub positions: Vec<usize>,
    pub public: Vec<Link>,
}

/// Converts the notifiers that validation has accepted, and skips the others. `checks` contains the checks' references
/// to channels. Leaves the page's title, groups and authors empty.
pub(super) fn convert(root: &Located, checks: CheckKeys, folder: &Path, problems: &mut Problems) -> ConvertedNotifiers {
    let section = NotifySection::convert(root.member("notify"), problems);
    let mut ids = ChannelIds::default();
    let (mut channels, mut positions, mut public) = (Vec::new(), Vec::new(), Vec::new());
    let list = [NOTIFIERS, "notifier"].into_iter().find_map(|key| Some((key, root.member(key)?)));
    for (path, located) in list.into_iter().flat_map(|(key, list)| elements(key, list)) {
        if !is_valid(located, &NOTIFIER) {
            ids.reserve(located, &path);
            report_other_mistakes(
                NotifierConverter { located, path, folder, problems: &mut Problems::default() },
                problems,
            );
            continue;
        }
        let mut converter = NotifierConverter { located, path, folder, problems };
        let Some(raw) = converter.read::<RawNotifier>() else { continue };
        let (type_name, transport) = convert_transport(&mut converter);
        let id = ids.claim(raw.id.as_deref(), type_name, &mut converter);
        // Other nodes can notify a channel that is disabled here, so its link is shown, too.
        public.extend(raw.public_link(&mut converter).filter(|link| !public.contains(link)));
        let (is_enabled, mut policy) = raw.into_policy(&section, &mut converter);
        policy.incidents = transport.as_ref().and_then(Transport::incident_scope);
        if let (Some(id), Some(transport)) = (id, transport) {
            channels.push(Channel { id, is_enabled, policy, transport });
            positions.push(located.at);
        }
    }
    report_shared_incidents(&channels, &positions, problems);
    let is_empty = list.is_none_or(|(key, list)| elements(key, list).is_empty());
    let checks = checks.convert((!is_empty).then_some(&ids), problems);
    if is_empty {
        if let Some(section) = root.member("notify") {
            let text = "`notify` has no effect without `notifiers`: add one, or remove `notify`".to_owned();
            problems.add(Problem::notice(section.at, text));
        }
        return ConvertedNotifiers::default();
    }
    if root.member("storage").is_none()
        && let Some((key, list)) = list
    {
        let text = format!(
            "`{key}` has no effect without `storage`: nodes record messages in it, so that each message is \
             sent once"
        );
        problems.add(Problem::warning(list.at, text));
    }
    let days = root.member("notify").and_then(|section| section.member(CERTIFICATE_DAYS));
    if let Some(days) = days.filter(|_| !channels.iter().any(|one| one.policy.hears(EventKind::Certificate))) {
        let text = format!(
            "`notify.{CERTIFICATE_DAYS}` has no effect, because no notifier has `certificate` in `on`: add it, or \
             remove `{CERTIFICATE_DAYS}`"
        );
        problems.add(Problem::warning(days.at, text));
    }
    let notifications = Some(Notifications { rules: section.rules, channels, checks });
    ConvertedNotifiers { notifications, positions, public }
}

/// Converts the keys of a notifier's type. Returns the type and, unless there is a mistake, the transport.
fn convert_transport<'a>(converter: &mut NotifierConverter<'a>) -> (&'a str, Option<Transport>) {
    let located = converter.located;
    let type_name = ["type", "name"].iter().find_map(|key| located.member(key)?.text()).unwrap_or_default();
    let convert = TYPES.iter().find(|known| known.variant.name == type_name).map(|known| known.convert);
    let transport = convert.and_then(|convert| convert(converter));
    if let Some(Transport::Http(channel)) = &transport
        && let Err(error) = channel.requests(&sample::message(), sample::AT)
    {
        converter.error("type", error);
    }
    (type_name, transport)
}

/// Reports the mistakes in a notifier that validation has rejected, so that all of them can be corrected at once. Values
/// that already have an error are skipped. If keys are missing, nothing can be converted.
fn report_other_mistakes(mut converter: NotifierConverter<'_>, problems: &mut Problems) {
    convert_transport(&mut converter);
    let at = converter.located.at;
    for problem in std::mem::take(converter.problems).into_list() {
        if problem.at != at && problems.errors_at(problem.at).next().is_none() {
            problems.add(problem);
        }
    }
}

/// Reports `endpoints` of channels that match none of the titles in this file but resemble one. Others can match the
/// endpoints of other nodes.
pub(super) fn check_endpoints<'c>(
    notifiers: &ConvertedNotifiers,
    titles: &(impl Iterator<Item = &'c str> + Clone),
    problems: &mut Problems,
) {
    let channels = notifiers.notifications.iter().flat_map(|notifications| &notifications.channels);
    if channels.clone().all(|channel| channel.policy.endpoints.is_empty()) {
        return;
    }
    let known: HashSet<&str> = titles.clone().collect();
    for (channel, at) in channels.zip(&notifiers.positions) {
        for pattern in channel.policy.endpoints.iter().filter(|pattern| !pattern.ends_with('*')) {
            if known.contains(pattern.as_str()) {
                continue;
            }
            let Some(suggested) = suggest(pattern, titles.clone()) else { continue };
            let what =
                format!("no endpoint in this file matches `{pattern}` in `endpoints` of channel `{}`", channel.id);
            problems.add(Problem::warning(*at, format!("{what}: did you mean `{suggested}`?")));
        }
    }
}

/// Warns about channels that share their incidents: the first recovery that one of them reports ends the incident for
/// all of them.
fn report_shared_incidents(channels: &[Channel], positions: &[usize], problems: &mut Problems) {
    let mut first: HashMap<IncidentScope, &Channel> = HashMap::new();
    for (channel, at) in channels.iter().zip(positions).filter(|(channel, _)| channel.is_enabled) {
        let Some(scope) = channel.policy.incidents else { continue };
        let other = *first.entry(scope).or_insert(channel);
        if other.id != channel.id {
            let text = format!(
                "channels `{}` and `{}` have the same key, so the first recovery that either of them reports resolves \
                 the incident: use one channel, or separate keys",
                other.id, channel.id
            );
            problems.add(Problem::warning(*at, text));
        }
    }
}

/// Returns the notifiers with their paths: the elements of an array, or a single object.
fn elements<'l, 't>(key: &str, list: &'l Located<'t>) -> Vec<(String, &'l Located<'t>)> {
    match &list.value {
        JsonValue::Array(elements) => {
            elements.iter().enumerate().map(|(index, element)| (format!("{key}[{index}]"), element)).collect()
        }
        _ => vec![(key.to_owned(), list)],
    }
}
