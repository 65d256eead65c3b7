//! Plans the steps from the current to the desired state. Pure. If the states are equal, the plan is empty.

#[cfg(test)]
mod tests;

use aws_sdk_s3::error::BuildError;
use serde_json::{Value, json};
use shared::object_name;

use super::files::{self, FileState, FileUpdate};
use super::names::Role;
use super::policy;
use super::revocation::RevokedKey;
use super::service::{BucketState, KeyState, ListedKey};
use super::spec::{Access, ExistingFiles, ExistingKeys, Identity, ProvisionSpec};
use super::state::{CurrentState, ExistingUser};
use super::step::{DeletionReason, Step};
use crate::redact::Secret;

/// The maximum number of keys that IAM allows per user.
const KEYS_PER_USER: usize = 2;

/// The steps from the current to the desired state.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// Additional information for the operator, one sentence each.
    pub notes: Vec<String>,
    /// Steps that the operator must do manually because the service does not support them, one sentence each.
    pub manual: Vec<String>,
    /// The users that the operator must create because the service has no IAM API.
    pub by_hand: Vec<Identity>,
}

/// The desired state cannot be reached without changing something that provisioning must not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A file must not be replaced.
    #[error(
        "`{file}` already exists, and {why}; move it away, choose another folder with `--out`, or replace it with `--force`"
    )]
    FileInTheWay {
        file: String,
        /// The problem with the file, as a verb phrase.
        why: String,
    },
    /// A user that provisioning did not create has this name.
    #[error(
        "the user `{user}` already exists, but nothing shows that `provision` created it: its path is `{path}`, and it has neither the tag nor the permissions of this page's users; rename or delete it"
    )]
    ForeignUser { user: String, path: String },
    /// A key exists, but its secret is not available.
    #[error(
        "the secret of the {role}'s key `{key}` (user `{user}`) is not in `{file}`; pass the folder of this file with `--out`, or replace the key with `--rotate`"
    )]
    SecretElsewhere {
        role: Role,
        user: String,
        key: String,
        /// The file that should contain the secret.
        file: String,
    },
    /// Two keys exist, and it is unknown which of them is in use.
    #[error(
        "the {role} cannot get another key: its user `{user}` has the keys {keys}, the most a user can have, and neither secret is in `{file}`; pass the folder of this file with `--out`, or delete the key that is not in use: `aws iam delete-access-key --user-name {user} --access-key-id …`"
    )]
    SecretsElsewhere {
        role: Role,
        user: String,
        keys: String,
        /// The file that should contain the secret.
        file: String,
    },
    /// The key in the file no longer exists.
    #[error("the user `{user}` no longer has the key `{key}` in `{file}`; create a new one with `--force`")]
    KeyGone { file: String, user: String, key: String },
    /// The key in the file is inactive.
    #[error("the key `{key}` in `{file}` is inactive; activate it, or replace it with `--rotate`")]
    KeyInactive { file: String, key: String },
    /// The SDK rejects a rule.
    #[error("invalid rules for the bucket: {0}")]
    InvalidRules(String),
}

impl From<BuildError> for PlanError {
    fn from(error: BuildError) -> Self {
        PlanError::InvalidRules(error.to_string())
    }
}

/// Plans the steps from the current to the desired state.
pub fn plan(spec: &ProvisionSpec, current: &CurrentState) -> Result<Plan, PlanError> {
    let mut plan = Plan::default();
    plan_bucket(spec, current, &mut plan)?;
    match &current.users {
        Some(users) => {
            for identity in spec.identities() {
                plan_identity(&identity, users.get(&identity.user), spec, current, &mut plan)?;
            }
        }
        None => plan_by_hand(spec, current, &mut plan)?,
    }
    if spec.access == Access::Public {
        let content = files::content(spec, &Role::Reader, None);
        plan_file(&Role::Reader, content, FileKeys::None, spec, current, &mut plan)?;
    }
    plan_link(current, &mut plan);
    if spec.origins.is_empty() {
        plan.notes.push(
            "the page's origin was not given: browsers do not let pages from other origins read the bucket; add `--origin https://status.example.com`"
                .to_owned(),
        );
    }
    if spec.origins.iter().any(|origin| origin == "*") {
        plan.notes.push("the origin `*` lets every web page that knows the keys read the bucket".to_owned());
    }
    Ok(plan)
}

/// Adds the URL of the outputs to a file that is kept. A new file already contains it.
fn plan_link(current: &CurrentState, plan: &mut Plan) {
    let is_new = |step: &Step| match step {
        Step::CreateKey { identity, how, .. } => {
            identity.role == Role::Reader && !matches!(how, FileUpdate::ReplaceKeys(_))
        }
        Step::WriteFile { role, .. } => *role == Role::Reader,
        _ => false,
    };
    let is_ours = matches!(current.files.get(&Role::Reader.file_name()), Some(FileState::Fits(_)));
    if current.lacks_outputs && is_ours && !plan.steps.iter().any(is_new) {
        plan.steps.push(Step::LinkOutputs);
    }
}

fn plan_bucket(spec: &ProvisionSpec, current: &CurrentState, plan: &mut Plan) -> Result<(), PlanError> {
    let scope = spec.scope();
    if current.bucket == BucketState::Missing {
        plan.steps.push(Step::CreateBucket { region: spec.region.clone() });
        plan.steps.push(Step::MarkBucket);
    }
    let public = match spec.access {
        Access::Keys => Vec::new(),
        Access::KeysAndPublicOutputs => vec![policy::public_outputs_statement(&scope)],
        Access::Public => policy::public_statements(&scope).to_vec(),
    };
    if !public.is_empty() {
        // New AWS buckets block public policies.
        if !policy::is_open(current.access_block.as_ref()) || current.bucket == BucketState::Missing {
            plan.steps.push(Step::OpenAccessBlock);
        }
        let desired = policy::with_public_statements(current.bucket_policy.as_ref(), &scope, &public);
        let is_set = current.bucket_policy.as_ref().is_some_and(|policy| policy::are_equivalent(policy, &desired));
        plan.add(Step::PutBucketPolicy(Some(desired)), is_set, current.has_bucket_policies);
        let readable = match spec.access {
            Access::Public => "list and read the objects below the prefix",
            _ => "read summaries, badges and outputs, but not check files or histories",
        };
        plan.notes.push(format!(
            "everyone on the internet can {readable}; access lists stay blocked, and nothing else becomes public"
        ));
    }
    if !spec.origins.is_empty() {
        let existing = current.cors.as_deref();
        let rules = policy::with_cors(existing.unwrap_or_default(), scope.prefix, &spec.origins)?;
        let is_set = rules.is_none();
        plan.add(Step::PutCors(rules.unwrap_or_default()), is_set, existing.is_some());
    }
    if let Some(days) = spec.lifecycle_days {
        let existing = current.lifecycle.as_deref();
        let rules = policy::with_expiry(existing.unwrap_or_default(), scope.prefix, days)?;
        let is_set = rules.is_none();
        plan.add(Step::PutLifecycle(rules.unwrap_or_default()), is_set, existing.is_some());
        let [one, other] = object_name::check_file_prefixes(scope.prefix);
        plan.notes.push(if existing.is_some() {
            format!(
                "the bucket deletes objects whose names start with `{one}` or `{other}` after {days} days; of all objects that checkers store, only check files have such names"
            )
        } else {
            "without lifecycle rules, use `--check-expiry`, so that the writers delete their check files".to_owned()
        });
    }
    Ok(())
}

fn plan_identity(
    identity: &Identity,
    user: Option<&ExistingUser>,
    spec: &ProvisionSpec,
    current: &CurrentState,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    match user {
        None => {
            plan.steps.push(Step::CreateUser(identity.clone()));
            plan.steps.push(Step::PutUserPolicy(identity.clone()));
        }
        // On a service without user paths and tags, a user whose creation was interrupted has no permissions yet. Only
        // the marker then proves that provisioning created it.
        Some(user)
            if !user.is_ours && (!current.pending_keys.contains_key(&identity.user) || !user.keys.is_empty()) =>
        {
            return Err(PlanError::ForeignUser { user: identity.user.clone(), path: user.path.clone() });
        }
        Some(user) => {
            if !user.policy.as_ref().is_some_and(|there| policy::are_equivalent(there, &identity.policy)) {
                plan.steps.push(Step::PutUserPolicy(identity.clone()));
            }
        }
    }
    plan_key(identity, user.map_or(&[], |user| &user.keys), spec, current, plan)
}

fn plan_key(
    identity: &Identity,
    listed: &[ListedKey],
    spec: &ProvisionSpec,
    current: &CurrentState,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    let (user, file) = (identity.user.clone(), identity.role.file_name());
    let delete = |key: &ListedKey, why| Step::DeleteKey { user: user.clone(), key_id: key.id.clone(), why };
    let state = current.files.get(&file).unwrap_or(&FileState::Missing);
    let in_file = match state {
        FileState::Fits(keys) => keys.as_ref(),
        FileState::Missing | FileState::Foreign(_) => None,
    };
    let is_in_file = |key: &&ListedKey| in_file.is_some_and(|keys| keys.access_key_id == key.id);
    // After an interrupted key creation, the secrets of keys that did not exist before and are in no file are lost.
    let before = current.pending_keys.get(&user);
    let is_lost = |key: &&ListedKey| before.is_some_and(|before| !before.contains(&key.id)) && !is_in_file(key);
    let (lost, keys): (Vec<&ListedKey>, Vec<&ListedKey>) = listed.iter().partition(is_lost);
    plan.steps.extend(lost.iter().map(|key| delete(key, DeletionReason::Lost)));
    let keys_before = || keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
    let create = |how| Step::CreateKey { identity: identity.clone(), how, keys_before: keys_before() };

    let in_use = keys.iter().find(|key| is_in_file(key));
    if let (Some(in_use), Some(in_file)) = (in_use, in_file) {
        let others: Vec<_> = keys.iter().filter(|key| !is_in_file(key)).collect();
        match (spec.keys, others.as_slice()) {
            (ExistingKeys::Keep, _) if in_use.state == KeyState::Inactive => {
                return Err(PlanError::KeyInactive { file, key: in_use.id.clone() });
            }
            (ExistingKeys::Keep, []) => {}
            (ExistingKeys::Keep, [other, ..]) => plan.notes.push(format!(
                "the user `{user}` has the key `{}` in addition to the one in `{file}`; once it is no longer in use, delete it with `--rotate`",
                other.id
            )),
            (ExistingKeys::Rotate, []) => {
                plan.steps.push(create(FileUpdate::ReplaceKeys(in_file.clone())));
                plan.steps.push(Step::VerifyKey(identity.clone()));
                plan.steps.push(delete(in_use, DeletionReason::Replaced));
                plan.steps.push(verify_revocation(&user, &[in_use], Some(&in_file.secret_access_key)));
            }
            // A rotation was interrupted: the file already contains the new key.
            (ExistingKeys::Rotate, _) => {
                plan.steps.push(Step::VerifyKey(identity.clone()));
                plan.steps.extend(others.iter().map(|key| delete(key, DeletionReason::Replaced)));
                let others: Vec<&ListedKey> = others.into_iter().copied().collect();
                plan.steps.push(verify_revocation(&user, &others, None));
            }
        }
        return Ok(());
    }

    let how = match (state, spec.files) {
        (FileState::Missing, _) => FileUpdate::Create,
        (_, ExistingFiles::Replace) => FileUpdate::Overwrite,
        (FileState::Foreign(why), ExistingFiles::Keep) => {
            return Err(PlanError::FileInTheWay { file, why: why.clone() });
        }
        (FileState::Fits(Some(gone)), ExistingFiles::Keep) => {
            return Err(PlanError::KeyGone { file, user, key: gone.access_key_id.clone() });
        }
        (FileState::Fits(None), ExistingFiles::Keep) => {
            return Err(PlanError::FileInTheWay { file, why: "has no key".to_owned() });
        }
    };
    match (keys.as_slice(), spec.keys) {
        ([], _) => {
            plan.steps.push(create(how));
            plan.steps.push(Step::VerifyKey(identity.clone()));
        }
        ([old], ExistingKeys::Rotate) => {
            plan.steps.push(create(how));
            plan.steps.push(Step::VerifyKey(identity.clone()));
            plan.steps.push(delete(old, DeletionReason::Replaced));
            plan.steps.push(verify_revocation(&user, &[*old], None));
        }
        ([key], ExistingKeys::Keep) => {
            let role = identity.role.clone();
            return Err(PlanError::SecretElsewhere { role, user, key: key.id.clone(), file });
        }
        (several, _) => {
            debug_assert!(several.len() >= KEYS_PER_USER);
            let keys = several.iter().map(|key| format!("`{}`", key.id)).collect::<Vec<_>>().join(" and ");
            return Err(PlanError::SecretsElsewhere { role: identity.role.clone(), user, keys, file });
        }
    }
    Ok(())
}

/// Returns the step that verifies that a user's deleted keys no longer work. `secret` belongs to a replaced key, and
/// comes from the file that contained it until now.
fn verify_revocation(user: &str, keys: &[&ListedKey], secret: Option<&Secret>) -> Step {
    let revoked = |key: &&ListedKey| RevokedKey { user: user.to_owned(), id: key.id.clone(), secret: secret.cloned() };
    Step::VerifyRevocation(keys.iter().map(revoked).collect())
}

/// Plans the files for a service without an IAM API, with placeholders for keys that the operator creates.
fn plan_by_hand(spec: &ProvisionSpec, current: &CurrentState, plan: &mut Plan) -> Result<(), PlanError> {
    plan.by_hand = spec.identities();
    for identity in spec.identities() {
        let content = match &identity.role {
            Role::Reader => files::page_config_to_fill_in(spec),
            Role::Writer(_) | Role::Author(_) => files::content(spec, &identity.role, None),
        };
        plan_file(&identity.role, content, FileKeys::ByHand, spec, current, plan)?;
    }
    plan.manual.push(
        "create the keys with the service's own tools, because it has no IAM API or does not let this key use it; grant them the listed permissions, and add them to the files"
            .to_owned(),
    );
    Ok(())
}

/// The keys that a file should contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKeys {
    None,
    ByHand,
}

fn plan_file(
    role: &Role,
    content: String,
    keys: FileKeys,
    spec: &ProvisionSpec,
    current: &CurrentState,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    let file = role.file_name();
    let how = match (current.files.get(&file), spec.files) {
        (None | Some(FileState::Missing), _) => FileUpdate::Create,
        (Some(FileState::Fits(None)), _) => return Ok(()),
        (Some(FileState::Fits(Some(_))), _) if keys == FileKeys::ByHand => return Ok(()),
        (Some(_), ExistingFiles::Replace) => FileUpdate::Overwrite,
        (Some(FileState::Fits(Some(_))), ExistingFiles::Keep) => {
            return Err(PlanError::FileInTheWay {
                file,
                why: "contains keys, which a public bucket does not need".to_owned(),
            });
        }
        (Some(FileState::Foreign(why)), ExistingFiles::Keep) => {
            return Err(PlanError::FileInTheWay { file, why: why.clone() });
        }
    };
    plan.steps.push(Step::WriteFile { role: role.clone(), how, content });
    Ok(())
}

impl Plan {
    /// Adds a step unless its rules are already set. If the service does not support them, adds a manual step instead.
    fn add(&mut self, step: Step, is_set: bool, is_supported: bool) {
        if !is_supported {
            self.manual.push(step.by_hand());
        } else if !is_set {
            self.steps.push(step);
        }
    }

    /// Returns the plan as JSON, with all calls and policies but without secrets.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let by_hand = self.by_hand.iter().map(|identity| {
            json!({ "role": identity.role.to_string(), "file": identity.role.file_name(), "policy": identity.policy })
        });
        json!({
            "steps": self.steps.iter().map(Step::to_json).collect::<Vec<_>>(),
            "notes": self.notes,
            "manual": self.manual,
            "by_hand": by_hand.collect::<Vec<_>>(),
        })
    }
}
