//! From wishes and what is there to the steps between them. Pure: the same two always make the same plan, and where
//! nothing is left to do, it has no steps.

#[cfg(test)]
mod tests;

use aws_sdk_s3::error::BuildError;
use serde_json::{Value, json};
use shared::object_name;

use super::files::{self, FileState, Write};
use super::names::Role;
use super::policy;
use super::service::{BucketState, KeyState, ListedKey};
use super::spec::{Access, Files, Identity, Keys, Wishes};
use super::state::{Observed, ObservedUser};
use super::step::{Step, WhyDeleted};

/// What IAM allows a user in keys.
const KEYS_PER_USER: usize = 2;

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What a person should know besides, one sentence each.
    pub notes: Vec<String>,
    /// The rights that have to be given by hand, where there is no IAM API.
    pub by_hand: Vec<Identity>,
}

/// There is no way from what is there to what is wanted that we may go unasked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// A file of another kind has the name.
    #[error(
        "`{file}` already exists, and {why}; move it away, name another folder with `--out`, or replace it with `--force`"
    )]
    FileInTheWay {
        /// The file.
        file: String,
        /// What it is.
        why: String,
    },
    /// A user that we did not make has the name.
    #[error("the user `{user}` already exists, but its path `{path}` is not ours; rename or remove it")]
    ForeignUser {
        /// Its name.
        user: String,
        /// Its path.
        path: String,
    },
    /// A key is there whose secret is not.
    #[error(
        "the secret of the {role}'s key `{key}` (user `{user}`) is not in `{file}`; name the folder that contains this file with `--out`, or replace the key with `--rotate`"
    )]
    SecretElsewhere {
        /// Whose.
        role: Role,
        /// Its user.
        user: String,
        /// The key.
        key: String,
        /// Where the secret should be.
        file: String,
    },
    /// Two keys are there, and which of them is in use cannot be known.
    #[error(
        "the {role} cannot get another key: its user `{user}` has the keys {keys}, the most a user can have, and neither secret is in `{file}`; name the folder that contains this file with `--out`, or remove the key that is not in use: `aws iam delete-access-key --user-name {user} --access-key-id …`"
    )]
    TwoKeysElsewhere {
        /// Whose.
        role: Role,
        /// Its user.
        user: String,
        /// The keys.
        keys: String,
        /// Where the secret should be.
        file: String,
    },
    /// The key in the file is gone.
    #[error("the user `{user}` no longer has the key `{key}` in `{file}`; create a new one with `--force`")]
    KeyGone {
        /// The file.
        file: String,
        /// Its user.
        user: String,
        /// The key.
        key: String,
    },
    /// The key in the file is switched off.
    #[error("the key `{key}` in `{file}` is inactive; activate it, or replace it with `--rotate`")]
    KeyOff {
        /// The file.
        file: String,
        /// The key.
        key: String,
    },
    /// The SDK refuses what we made.
    #[error("the bucket's rules cannot be written: {0}")]
    Rules(String),
}

impl From<BuildError> for PlanError {
    fn from(error: BuildError) -> Self {
        PlanError::Rules(error.to_string())
    }
}

/// What has to be done.
pub fn plan(wishes: &Wishes, observed: &Observed) -> Result<Plan, PlanError> {
    let mut plan = Plan::default();
    plan_bucket(wishes, observed, &mut plan)?;
    match &observed.users {
        Some(users) => {
            for identity in wishes.identities() {
                plan_identity(&identity, users.get(&identity.user), wishes, observed, &mut plan)?;
            }
        }
        None => plan_by_hand(wishes, observed, &mut plan)?,
    }
    if wishes.access == Access::Public {
        let content = files::content(wishes, &Role::Reader, None);
        plan_file(&Role::Reader, content, FileKeys::None, wishes, observed, &mut plan)?;
    }
    if wishes.origins.is_empty() {
        plan.notes.push(
            "no page origin is given: browsers let no page elsewhere read the bucket; add `--origin https://status.example.com`"
                .to_owned(),
        );
    }
    if wishes.origins.iter().any(|origin| origin == "*") {
        plan.notes.push("the origin `*` lets every web page that knows the keys read the bucket".to_owned());
    }
    Ok(plan)
}

fn plan_bucket(wishes: &Wishes, observed: &Observed, plan: &mut Plan) -> Result<(), PlanError> {
    let scope = wishes.scope();
    if observed.bucket == BucketState::Missing {
        plan.steps.push(Step::CreateBucket { region: wishes.region.clone() });
    }
    if wishes.access == Access::Public {
        // A new bucket of AWS blocks public policies; one without a block needs none opened.
        let is_open = observed.access_block.as_ref().is_none_or(|block| {
            block.block_public_policy() != Some(true) && block.restrict_public_buckets() != Some(true)
        });
        if !is_open || observed.bucket == BucketState::Missing {
            plan.steps.push(Step::OpenAccessBlock(policy::opened_access_block()));
        }
        let wanted = policy::with_public_statements(observed.bucket_policy.as_ref(), &scope);
        if !observed.bucket_policy.as_ref().is_some_and(|there| policy::mean_the_same(there, &wanted)) {
            plan.steps.push(Step::PutBucketPolicy(Some(wanted)));
        }
        plan.notes.push(
            "anybody on the internet may list and read what is below the prefix; access lists stay blocked, and nothing else is opened"
                .to_owned(),
        );
    }
    if !wishes.origins.is_empty() {
        match &observed.cors {
            Some(there) => {
                plan.steps.extend(policy::with_cors(there, scope.prefix, &wishes.origins)?.map(Step::PutCors));
            }
            None => plan.notes.push(format!(
                "this service takes no CORS rules by its S3 API: allow GET and HEAD from {} with its own tool",
                wishes.origins.join(", ")
            )),
        }
    }
    if let Some(days) = wishes.lifecycle_days {
        match &observed.lifecycle {
            Some(there) => {
                plan.steps.extend(policy::with_expiry(there, scope.prefix, days)?.map(Step::PutLifecycle));
                let [one, other] = object_name::check_file_prefixes(scope.prefix);
                plan.notes.push(format!(
                    "the bucket removes objects whose names begin with `{one}` or `{other}` after {days} days: those of check files, and of nothing else that checkers store"
                ));
            }
            None => plan.notes.push(
                "this service takes no lifecycle rules: let the writers expire their files with `--check-expiry`"
                    .to_owned(),
            ),
        }
    }
    Ok(())
}

fn plan_identity(
    identity: &Identity,
    user: Option<&ObservedUser>,
    wishes: &Wishes,
    observed: &Observed,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    match user {
        None => {
            plan.steps.push(Step::CreateUser(identity.clone()));
            plan.steps.push(Step::PutUserPolicy(identity.clone()));
        }
        Some(user) if user.path != identity.path => {
            return Err(PlanError::ForeignUser { user: identity.user.clone(), path: user.path.clone() });
        }
        Some(user) => {
            if !user.policy.as_ref().is_some_and(|there| policy::mean_the_same(there, &identity.policy)) {
                plan.steps.push(Step::PutUserPolicy(identity.clone()));
            }
        }
    }
    plan_key(identity, user.map_or(&[], |user| &user.keys), wishes, observed, plan)
}

fn plan_key(
    identity: &Identity,
    listed: &[ListedKey],
    wishes: &Wishes,
    observed: &Observed,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    let (user, file) = (identity.user.clone(), identity.role.file_name());
    let delete = |key: &ListedKey, why| Step::DeleteKey { user: user.clone(), key_id: key.id.clone(), why };
    let state = observed.files.get(&file).unwrap_or(&FileState::Missing);
    let in_file = match state {
        FileState::Fits(keys) => keys.as_ref(),
        FileState::Missing | FileState::Foreign(_) => None,
    };
    let is_in_file = |key: &&ListedKey| in_file.is_some_and(|keys| keys.access_key_id == key.id);
    // A key that came while one was being made, and that is in no file, is one whose answer was lost.
    let before = observed.keys_in_the_making.get(&user);
    let is_lost = |key: &&ListedKey| before.is_some_and(|before| !before.contains(&key.id)) && !is_in_file(key);
    let (lost, keys): (Vec<&ListedKey>, Vec<&ListedKey>) = listed.iter().partition(is_lost);
    plan.steps.extend(lost.iter().map(|key| delete(key, WhyDeleted::Lost)));
    let keys_before = || keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
    let create = |how| Step::CreateKey { identity: identity.clone(), how, keys_before: keys_before() };

    let current = keys.iter().find(|key| is_in_file(key));
    if let (Some(current), Some(in_file)) = (current, in_file) {
        let others: Vec<_> = keys.iter().filter(|key| !is_in_file(key)).collect();
        match (wishes.keys, others.as_slice()) {
            (Keys::Keep, _) if current.state == KeyState::Inactive => {
                return Err(PlanError::KeyOff { file, key: current.id.clone() });
            }
            (Keys::Keep, []) => {}
            (Keys::Keep, [other, ..]) => plan.notes.push(format!(
                "the user `{user}` still has the key `{}` besides the one in `{file}`; when nobody uses it any more, remove it with `--rotate`",
                other.id
            )),
            (Keys::Rotate, []) => {
                plan.steps.push(create(Write::InPlaceOf(in_file.clone())));
                plan.steps.push(Step::ProveKey(identity.clone()));
                plan.steps.push(delete(current, WhyDeleted::Replaced));
            }
            // A rotation that was interrupted: the new key is in the file already.
            (Keys::Rotate, _) => {
                plan.steps.push(Step::ProveKey(identity.clone()));
                plan.steps.extend(others.iter().map(|key| delete(key, WhyDeleted::Replaced)));
            }
        }
        return Ok(());
    }

    let how = match (state, wishes.files) {
        (FileState::Missing, _) => Write::New,
        (_, Files::Replace) => Write::Over,
        (FileState::Foreign(why), Files::Keep) => {
            return Err(PlanError::FileInTheWay { file, why: why.clone() });
        }
        (FileState::Fits(Some(gone)), Files::Keep) => {
            return Err(PlanError::KeyGone { file, user, key: gone.access_key_id.clone() });
        }
        (FileState::Fits(None), Files::Keep) => {
            return Err(PlanError::FileInTheWay { file, why: "holds no key".to_owned() });
        }
    };
    match (keys.as_slice(), wishes.keys) {
        ([], _) => {
            plan.steps.push(create(how));
            plan.steps.push(Step::ProveKey(identity.clone()));
        }
        ([old], Keys::Rotate) => {
            plan.steps.push(create(how));
            plan.steps.push(Step::ProveKey(identity.clone()));
            plan.steps.push(delete(old, WhyDeleted::Replaced));
        }
        ([key], Keys::Keep) => {
            let role = identity.role.clone();
            return Err(PlanError::SecretElsewhere { role, user, key: key.id.clone(), file });
        }
        (several, _) => {
            debug_assert!(several.len() >= KEYS_PER_USER);
            let keys = several.iter().map(|key| format!("`{}`", key.id)).collect::<Vec<_>>().join(" and ");
            return Err(PlanError::TwoKeysElsewhere { role: identity.role.clone(), user, keys, file });
        }
    }
    Ok(())
}

/// Where there is no IAM API, the files are written for keys that somebody makes by hand.
fn plan_by_hand(wishes: &Wishes, observed: &Observed, plan: &mut Plan) -> Result<(), PlanError> {
    plan.by_hand = wishes.identities();
    for identity in wishes.identities() {
        let content = match &identity.role {
            Role::Reader => files::page_config_to_fill_in(wishes),
            Role::Writer(_) => files::content(wishes, &identity.role, None),
        };
        plan_file(&identity.role, content, FileKeys::ByHand, wishes, observed, plan)?;
    }
    plan.notes.push(
        "this service has no IAM API: make the keys with its own tool, give them the rights below, and put them where the files say"
            .to_owned(),
    );
    Ok(())
}

/// Which keys a file should hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileKeys {
    None,
    ByHand,
}

fn plan_file(
    role: &Role,
    content: String,
    keys: FileKeys,
    wishes: &Wishes,
    observed: &Observed,
    plan: &mut Plan,
) -> Result<(), PlanError> {
    let file = role.file_name();
    let how = match (observed.files.get(&file), wishes.files) {
        (None | Some(FileState::Missing), _) => Write::New,
        (Some(FileState::Fits(None)), _) => return Ok(()),
        (Some(FileState::Fits(Some(_))), _) if keys == FileKeys::ByHand => return Ok(()),
        (Some(_), Files::Replace) => Write::Over,
        (Some(FileState::Fits(Some(_))), Files::Keep) => {
            return Err(PlanError::FileInTheWay {
                file,
                why: "holds keys, which a public bucket does not need".to_owned(),
            });
        }
        (Some(FileState::Foreign(why)), Files::Keep) => {
            return Err(PlanError::FileInTheWay { file, why: why.clone() });
        }
    };
    plan.steps.push(Step::WriteFile { role: role.clone(), how, content });
    Ok(())
}

impl Plan {
    /// The plan for machines: every call and every policy, and no secret.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let by_hand = self.by_hand.iter().map(|identity| {
            json!({ "role": identity.role.to_string(), "file": identity.role.file_name(), "policy": identity.policy })
        });
        json!({
            "steps": self.steps.iter().map(Step::to_json).collect::<Vec<_>>(),
            "notes": self.notes,
            "by_hand": by_hand.collect::<Vec<_>>(),
        })
    }
}
