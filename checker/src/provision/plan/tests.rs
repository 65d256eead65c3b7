//! Plans for all combinations of current and desired states.

use std::collections::BTreeMap;

use super::*;
use crate::provision::spec::tests::spec;
use crate::redact::Secret;
use crate::store::settings::WriterKeys;

/// Returns the state before the first run.
fn nothing() -> CurrentState {
    CurrentState {
        bucket: BucketState::Missing,
        cors: Some(Vec::new()),
        lifecycle: Some(Vec::new()),
        bucket_policy: None,
        has_bucket_policies: true,
        access_block: None,
        users: Some(BTreeMap::new()),
        files: BTreeMap::new(),
        lacks_outputs: false,
        pending_keys: BTreeMap::new(),
    }
}

/// Returns the desired state, in which each user has these keys and the first key is in the user's file.
fn everything(spec: &ProvisionSpec, key_ids: &[&str]) -> CurrentState {
    let mut current = nothing();
    current.bucket = BucketState::Ours;
    current.cors = policy::with_cors(&[], spec.scope().prefix, &spec.origins).unwrap();
    let mut users = BTreeMap::new();
    for identity in spec.identities() {
        let keys = key_ids.iter().map(|id| ListedKey { id: (*id).to_owned(), state: KeyState::Active }).collect();
        let user = ExistingUser { path: identity.path, is_ours: true, policy: Some(identity.policy), keys };
        users.insert(identity.user, user);
        current.files.insert(identity.role.file_name(), file(key_ids[0]));
    }
    current.users = Some(users);
    current
}

fn file(key_id: &str) -> FileState {
    let secret_access_key = Secret::new("canary".to_owned());
    FileState::Fits(Some(WriterKeys { access_key_id: key_id.to_owned(), secret_access_key }))
}

fn reader_only() -> ProvisionSpec {
    ProvisionSpec { writers: Vec::new(), ..spec() }
}

/// Returns a plan's calls, in order.
fn calls(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.action().unwrap_or("file")).collect()
}

fn with_reader(current: &mut CurrentState, change: impl FnOnce(&mut ExistingUser)) {
    let users = current.users.as_mut().unwrap();
    change(users.values_mut().next().unwrap());
}

#[test]
fn the_first_plan_creates_everything_in_a_valid_order() {
    let plan = plan(&ProvisionSpec { lifecycle_days: Some(90), ..spec() }, &nothing()).unwrap();
    let user = ["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey", "s3:ListBucket"];
    let bucket = ["s3:CreateBucket", "s3:PutBucketTagging", "s3:PutBucketCORS", "s3:PutLifecycleConfiguration"];
    assert_eq!(calls(&plan), [bucket.as_slice(), &user, &user].concat());
}

#[test]
fn in_the_desired_state_the_plan_is_empty() {
    let plan = plan(&spec(), &everything(&spec(), &["AKIA1"])).unwrap();
    assert_eq!((calls(&plan).len(), plan.notes.len()), (0, 0), "{plan:?}");
}

#[test]
fn different_permissions_are_replaced() {
    let mut current = everything(&reader_only(), &["AKIA1"]);
    with_reader(&mut current, |user| user.policy = Some(json!({ "Version": "2012-10-17", "Statement": [] })));
    assert_eq!(calls(&plan(&reader_only(), &current).unwrap()), ["iam:PutUserPolicy"]);
}

#[test]
fn a_user_of_others_is_not_changed() {
    let mut current = everything(&reader_only(), &["AKIA1"]);
    with_reader(&mut current, |user| user.is_ours = false);
    assert!(matches!(plan(&reader_only(), &current), Err(PlanError::ForeignUser { .. })));
    // A marker proves that an interrupted run created the user, but only until the user has a key.
    let name = current.users.as_ref().unwrap().keys().next().unwrap().clone();
    current.pending_keys.insert(name, Vec::new());
    assert!(matches!(plan(&reader_only(), &current), Err(PlanError::ForeignUser { .. })));
    with_reader(&mut current, |user| (user.policy, user.keys) = (None, Vec::new()));
    current.files.clear();
    let steps = plan(&reader_only(), &current).unwrap();
    assert_eq!(calls(&steps), ["iam:PutUserPolicy", "iam:CreateAccessKey", "s3:ListBucket"]);
}

#[test]
fn a_key_without_its_secret_is_kept_unless_rotated() {
    let mut current = everything(&reader_only(), &["AKIA1"]);
    current.files.clear();
    let error = plan(&reader_only(), &current).unwrap_err().to_string();
    assert!(error.contains("AKIA1") && error.contains("--out") && error.contains("--rotate"), "{error}");
    let rotated = plan(&ProvisionSpec { keys: ExistingKeys::Rotate, ..reader_only() }, &current).unwrap();
    assert_eq!(calls(&rotated), ["iam:CreateAccessKey", "s3:ListBucket", "iam:DeleteAccessKey", "s3:ListBucket"]);
}

#[test]
fn a_third_key_is_never_created() {
    let mut current = everything(&reader_only(), &["AKIA1", "AKIA2"]);
    current.files.clear();
    for keys in [ExistingKeys::Keep, ExistingKeys::Rotate] {
        let error = plan(&ProvisionSpec { keys, ..reader_only() }, &current).unwrap_err().to_string();
        assert!(error.contains("`AKIA1` and `AKIA2`") && error.contains("delete-access-key"), "{error}");
    }
}

#[test]
fn the_new_key_is_verified_before_the_old_one_is_deleted() {
    let spec = ProvisionSpec { keys: ExistingKeys::Rotate, ..reader_only() };
    let plan = plan(&spec, &everything(&spec, &["AKIA1"])).unwrap();
    assert_eq!(calls(&plan), ["iam:CreateAccessKey", "s3:ListBucket", "iam:DeleteAccessKey", "s3:ListBucket"]);
    assert!(
        matches!(&plan.steps[0], Step::CreateKey { how: FileUpdate::ReplaceKeys(old), .. } if old.access_key_id == "AKIA1")
    );
    assert!(matches!(&plan.steps[2], Step::DeleteKey { key_id, .. } if key_id == "AKIA1"));
}

#[test]
fn an_interrupted_rotation_is_finished_without_another_key() {
    let mut current = everything(&reader_only(), &["AKIA2"]);
    with_reader(&mut current, |user| {
        user.keys.insert(0, ListedKey { id: "AKIA1".to_owned(), state: KeyState::Active });
    });
    let rotated = plan(&ProvisionSpec { keys: ExistingKeys::Rotate, ..reader_only() }, &current).unwrap();
    assert_eq!(calls(&rotated), ["s3:ListBucket", "iam:DeleteAccessKey", "s3:ListBucket"]);
    assert!(matches!(&rotated.steps[1], Step::DeleteKey { key_id, .. } if key_id == "AKIA1"));
    let kept = plan(&reader_only(), &current).unwrap();
    assert!(kept.steps.is_empty() && kept.notes[0].contains("AKIA1"), "{kept:?}");
}

#[test]
fn only_a_key_whose_secret_was_lost_is_deleted() {
    let mut current = everything(&reader_only(), &["AKIA1", "AKIA2"]);
    current.files.clear();
    let user = reader_only().identities()[0].user.clone();
    current.pending_keys.insert(user.clone(), vec!["AKIA1".to_owned()]);
    let rotated = plan(&ProvisionSpec { keys: ExistingKeys::Rotate, ..reader_only() }, &current).unwrap();
    let deleted = rotated.steps.iter().filter_map(|step| match step {
        Step::DeleteKey { key_id, why, .. } => Some((key_id.as_str(), *why)),
        _ => None,
    });
    assert_eq!(deleted.collect::<Vec<_>>(), [("AKIA2", DeletionReason::Lost), ("AKIA1", DeletionReason::Replaced)]);
    // A key that is in its file was not lost, regardless of the marker.
    let mut written = everything(&reader_only(), &["AKIA1"]);
    written.pending_keys.insert(user, Vec::new());
    assert!(plan(&reader_only(), &written).unwrap().steps.is_empty());
}

#[test]
fn existing_files_are_replaced_only_by_force() {
    let mut current = everything(&reader_only(), &["AKIA1"]);
    with_reader(&mut current, |user| user.keys.clear());
    for (state, word) in [
        (FileState::Foreign("it reads another store".to_owned()), "another store"),
        (FileState::Fits(None), "no key"),
        (file("AKIA0"), "AKIA0"),
    ] {
        current.files.insert("config.json".to_owned(), state);
        let error = plan(&reader_only(), &current).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("--force"), "{error}");
        let forced = plan(&ProvisionSpec { files: ExistingFiles::Replace, ..reader_only() }, &current).unwrap();
        assert!(matches!(&forced.steps[0], Step::CreateKey { how: FileUpdate::Overwrite, .. }), "{forced:?}");
    }
}

#[test]
fn an_inactive_key_is_an_error() {
    let mut current = everything(&reader_only(), &["AKIA1"]);
    with_reader(&mut current, |user| user.keys[0].state = KeyState::Inactive);
    assert!(matches!(plan(&reader_only(), &current), Err(PlanError::KeyInactive { .. })));
    assert!(plan(&ProvisionSpec { keys: ExistingKeys::Rotate, ..reader_only() }, &current).is_ok());
}

#[test]
fn a_public_bucket_is_opened_only_as_far_as_necessary() {
    let spec = ProvisionSpec { access: Access::Public, ..reader_only() };
    let plan_of = |current: &CurrentState| plan(&spec, current).unwrap();
    let first = plan_of(&nothing());
    assert_eq!(
        calls(&first),
        [
            "s3:CreateBucket",
            "s3:PutBucketTagging",
            "s3:PutBucketPublicAccessBlock",
            "s3:PutBucketPolicy",
            "s3:PutBucketCORS",
            "file"
        ]
    );
    assert!(first.notes.iter().any(|note| note.contains("everyone on the internet")), "{first:?}");
    let mut current = everything(&spec, &["unused"]);
    let closed = aws_sdk_s3::types::PublicAccessBlockConfiguration::builder().block_public_policy(true).build();
    current.access_block = Some(policy::opened(&closed));
    current.bucket_policy =
        Some(policy::with_public_statements(None, &spec.scope(), &policy::public_statements(&spec.scope())));
    current.files.insert("config.json".to_owned(), FileState::Fits(None));
    assert!(plan_of(&current).steps.is_empty());
    current.access_block = Some(closed);
    assert_eq!(calls(&plan_of(&current)), ["s3:PutBucketPublicAccessBlock"]);
    current.has_bucket_policies = false;
    assert!(plan_of(&current).manual[0].contains("CheckupRead"), "{:?}", plan_of(&current));
}

#[test]
fn an_existing_page_gets_the_url_of_public_outputs() {
    let spec = ProvisionSpec { access: Access::KeysAndPublicOutputs, ..spec() };
    let mut current = everything(&spec, &["AKIA1"]);
    current.lacks_outputs = true;
    let plan_of = |spec: &ProvisionSpec, current: &CurrentState| plan(spec, current).unwrap();
    let last = |plan: &Plan| plan.steps.last().map(|step| (step.what(), step.action()));
    let linked = Some(("add the URL of the feeds and the calendar to `config.json`".to_owned(), None));
    assert_eq!(last(&plan_of(&spec, &current)), linked);
    let rotating = ProvisionSpec { keys: ExistingKeys::Rotate, ..spec.clone() };
    assert_eq!(last(&plan_of(&rotating, &current)), linked);
    // A new file already contains it.
    let forced = ProvisionSpec { files: ExistingFiles::Replace, ..spec };
    current.files.insert("config.json".to_owned(), FileState::Foreign("it reads another store".to_owned()));
    with_reader(&mut current, |user| user.keys.clear());
    assert!(!plan_of(&forced, &current).steps.iter().any(|step| matches!(step, Step::LinkOutputs)));
}

#[test]
fn without_an_iam_api_the_plan_contains_the_permissions() {
    let current = CurrentState { users: None, ..nothing() };
    let plan = plan(&spec(), &current).unwrap();
    assert_eq!(calls(&plan), ["s3:CreateBucket", "s3:PutBucketTagging", "s3:PutBucketCORS", "file", "file"]);
    assert_eq!(plan.by_hand.len(), 2);
    assert!(plan.manual.iter().any(|step| step.contains("no IAM API")));
    assert!(plan.to_json()["by_hand"][0]["policy"].to_string().contains("s3:ListBucket"));
}

#[test]
fn what_the_service_does_not_support_is_left_to_the_operator() {
    let spec = ProvisionSpec { lifecycle_days: Some(90), ..reader_only() };
    let current = CurrentState { cors: None, lifecycle: None, ..everything(&spec, &["AKIA1"]) };
    let plan = plan(&spec, &current).unwrap();
    assert_eq!(calls(&plan), [""; 0]);
    assert!(plan.manual[0].contains("https://status.example") && plan.manual[1].contains("shop/1"), "{plan:?}");
    assert!(plan.notes[0].contains("--check-expiry"), "{plan:?}");
    assert!(plan.to_json()["manual"][0].to_string().contains("CORS"), "{plan:?}");
}

#[test]
fn plans_do_not_show_secrets() {
    let spec = ProvisionSpec { keys: ExistingKeys::Rotate, ..spec() };
    let plan = plan(&spec, &everything(&spec, &["AKIA1"])).unwrap();
    assert!(!plan.to_json().to_string().contains("canary") && !format!("{plan:?}").contains("canary"));
}
