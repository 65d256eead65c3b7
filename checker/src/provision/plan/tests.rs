//! What is planned for every state that things can be in.

use std::collections::BTreeMap;

use super::*;
use crate::provision::spec::tests::wishes;
use crate::store::settings::{Secret, WriterKeys};

/// Nothing is there.
fn nothing() -> Observed {
    Observed {
        bucket: BucketState::Missing,
        cors: Some(Vec::new()),
        lifecycle: Some(Vec::new()),
        bucket_policy: None,
        access_block: None,
        users: Some(BTreeMap::new()),
        files: BTreeMap::new(),
        keys_in_the_making: BTreeMap::new(),
    }
}

/// The bucket and the users are as wished; the users have these keys, and the files the first of them.
fn everything(wishes: &Wishes, key_ids: &[&str]) -> Observed {
    let mut observed = nothing();
    observed.bucket = BucketState::Ours;
    observed.cors = policy::with_cors(&[], wishes.scope().prefix, &wishes.origins).unwrap();
    let mut users = BTreeMap::new();
    for identity in wishes.identities() {
        let keys = key_ids.iter().map(|id| ListedKey { id: (*id).to_owned(), state: KeyState::Active }).collect();
        users.insert(identity.user, ObservedUser { path: identity.path, policy: Some(identity.policy), keys });
        observed.files.insert(identity.role.file_name(), file(key_ids[0]));
    }
    observed.users = Some(users);
    observed
}

fn file(key_id: &str) -> FileState {
    let secret_access_key = Secret::new("canary".to_owned());
    FileState::Fits(Some(WriterKeys { access_key_id: key_id.to_owned(), secret_access_key }))
}

fn reader_only() -> Wishes {
    Wishes { writers: Vec::new(), ..wishes() }
}

/// The calls of a plan, in order.
fn calls(plan: &Plan) -> Vec<&str> {
    plan.steps.iter().map(|step| step.action().unwrap_or("file")).collect()
}

fn with_reader(observed: &mut Observed, change: impl FnOnce(&mut ObservedUser)) {
    let users = observed.users.as_mut().unwrap();
    change(users.values_mut().next().unwrap());
}

#[test]
fn from_nothing_everything_is_made_in_an_order_that_works() {
    let plan = plan(&Wishes { lifecycle_days: Some(90), ..wishes() }, &nothing()).unwrap();
    let user = ["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey", "s3:ListBucket"];
    let bucket = ["s3:CreateBucket", "s3:PutBucketCORS", "s3:PutLifecycleConfiguration"];
    assert_eq!(calls(&plan), [bucket.as_slice(), &user, &user].concat());
}

#[test]
fn where_everything_is_as_wished_nothing_is_to_be_done() {
    let plan = plan(&wishes(), &everything(&wishes(), &["AKIA1"])).unwrap();
    assert_eq!((calls(&plan).len(), plan.notes.len()), (0, 0), "{plan:?}");
}

#[test]
fn rights_that_differ_are_set_right() {
    let mut observed = everything(&reader_only(), &["AKIA1"]);
    with_reader(&mut observed, |user| user.policy = Some(json!({ "Version": "2012-10-17", "Statement": [] })));
    assert_eq!(calls(&plan(&reader_only(), &observed).unwrap()), ["iam:PutUserPolicy"]);
}

#[test]
fn a_user_that_is_not_ours_is_left_alone() {
    let mut observed = everything(&reader_only(), &["AKIA1"]);
    with_reader(&mut observed, |user| user.path = "/".to_owned());
    assert!(matches!(plan(&reader_only(), &observed), Err(PlanError::ForeignUser { .. })));
}

#[test]
fn a_key_whose_secret_is_elsewhere_is_neither_removed_nor_joined_by_another() {
    let mut observed = everything(&reader_only(), &["AKIA1"]);
    observed.files.clear();
    let error = plan(&reader_only(), &observed).unwrap_err().to_string();
    assert!(error.contains("AKIA1") && error.contains("--out") && error.contains("--rotate"), "{error}");
    let rotated = plan(&Wishes { keys: Keys::Rotate, ..reader_only() }, &observed).unwrap();
    assert_eq!(calls(&rotated), ["iam:CreateAccessKey", "s3:ListBucket", "iam:DeleteAccessKey"]);
}

#[test]
fn a_third_key_is_never_made() {
    let mut observed = everything(&reader_only(), &["AKIA1", "AKIA2"]);
    observed.files.clear();
    for keys in [Keys::Keep, Keys::Rotate] {
        let error = plan(&Wishes { keys, ..reader_only() }, &observed).unwrap_err().to_string();
        assert!(error.contains("`AKIA1` and `AKIA2`") && error.contains("delete-access-key"), "{error}");
    }
}

#[test]
fn the_new_key_works_before_the_old_one_goes() {
    let wishes = Wishes { keys: Keys::Rotate, ..reader_only() };
    let plan = plan(&wishes, &everything(&wishes, &["AKIA1"])).unwrap();
    assert_eq!(calls(&plan), ["iam:CreateAccessKey", "s3:ListBucket", "iam:DeleteAccessKey"]);
    assert!(
        matches!(&plan.steps[0], Step::CreateKey { how: Write::InPlaceOf(old), .. } if old.access_key_id == "AKIA1")
    );
    assert!(matches!(&plan.steps[2], Step::DeleteKey { key_id, .. } if key_id == "AKIA1"));
}

#[test]
fn an_interrupted_rotation_is_finished_without_another_key() {
    let mut observed = everything(&reader_only(), &["AKIA2"]);
    with_reader(&mut observed, |user| {
        user.keys.insert(0, ListedKey { id: "AKIA1".to_owned(), state: KeyState::Active });
    });
    let rotated = plan(&Wishes { keys: Keys::Rotate, ..reader_only() }, &observed).unwrap();
    assert_eq!(calls(&rotated), ["s3:ListBucket", "iam:DeleteAccessKey"]);
    assert!(matches!(&rotated.steps[1], Step::DeleteKey { key_id, .. } if key_id == "AKIA1"));
    let kept = plan(&reader_only(), &observed).unwrap();
    assert!(kept.steps.is_empty() && kept.notes[0].contains("AKIA1"), "{kept:?}");
}

#[test]
fn a_key_whose_answer_was_lost_is_removed_and_only_that() {
    let mut observed = everything(&reader_only(), &["AKIA1", "AKIA2"]);
    observed.files.clear();
    let user = reader_only().identities()[0].user.clone();
    observed.keys_in_the_making.insert(user.clone(), vec!["AKIA1".to_owned()]);
    let rotated = plan(&Wishes { keys: Keys::Rotate, ..reader_only() }, &observed).unwrap();
    let deleted = rotated.steps.iter().filter_map(|step| match step {
        Step::DeleteKey { key_id, why, .. } => Some((key_id.as_str(), *why)),
        _ => None,
    });
    assert_eq!(deleted.collect::<Vec<_>>(), [("AKIA2", WhyDeleted::Lost), ("AKIA1", WhyDeleted::Replaced)]);
    // A key that is in its file was not lost, whatever the mark says.
    let mut written = everything(&reader_only(), &["AKIA1"]);
    written.keys_in_the_making.insert(user, Vec::new());
    assert!(plan(&reader_only(), &written).unwrap().steps.is_empty());
}

#[test]
fn files_of_others_are_replaced_only_by_force() {
    let mut observed = everything(&reader_only(), &["AKIA1"]);
    with_reader(&mut observed, |user| user.keys.clear());
    for (state, word) in [
        (FileState::Foreign("it reads another store".to_owned()), "another store"),
        (FileState::Fits(None), "no key"),
        (file("AKIA0"), "AKIA0"),
    ] {
        observed.files.insert("config.json".to_owned(), state);
        let error = plan(&reader_only(), &observed).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("--force"), "{error}");
        let forced = plan(&Wishes { files: Files::Replace, ..reader_only() }, &observed).unwrap();
        assert!(matches!(&forced.steps[0], Step::CreateKey { how: Write::Over, .. }), "{forced:?}");
    }
}

#[test]
fn a_key_that_is_switched_off_is_told() {
    let mut observed = everything(&reader_only(), &["AKIA1"]);
    with_reader(&mut observed, |user| user.keys[0].state = KeyState::Inactive);
    assert!(matches!(plan(&reader_only(), &observed), Err(PlanError::KeyOff { .. })));
    assert!(plan(&Wishes { keys: Keys::Rotate, ..reader_only() }, &observed).is_ok());
}

#[test]
fn a_public_bucket_is_opened_just_as_far_as_needed_and_it_is_said() {
    let wishes = Wishes { access: Access::Public, ..reader_only() };
    let plan_of = |observed: &Observed| plan(&wishes, observed).unwrap();
    let first = plan_of(&nothing());
    assert_eq!(
        calls(&first),
        ["s3:CreateBucket", "s3:PutBucketPublicAccessBlock", "s3:PutBucketPolicy", "s3:PutBucketCORS", "file"]
    );
    assert!(first.notes.iter().any(|note| note.contains("anybody on the internet")), "{first:?}");
    let mut observed = everything(&wishes, &["unused"]);
    observed.access_block = Some(policy::opened_access_block());
    observed.bucket_policy = Some(policy::with_public_statements(None, &wishes.scope()));
    observed.files.insert("config.json".to_owned(), FileState::Fits(None));
    assert!(plan_of(&observed).steps.is_empty());
    observed.access_block = Some(policy::closed_access_block());
    assert_eq!(calls(&plan_of(&observed)), ["s3:PutBucketPublicAccessBlock"]);
}

#[test]
fn without_an_iam_api_the_bucket_is_prepared_and_the_rights_are_named() {
    let observed = Observed { users: None, ..nothing() };
    let plan = plan(&wishes(), &observed).unwrap();
    assert_eq!(calls(&plan), ["s3:CreateBucket", "s3:PutBucketCORS", "file", "file"]);
    assert_eq!(plan.by_hand.len(), 2);
    assert!(plan.notes.iter().any(|note| note.contains("no IAM API")));
    assert!(plan.to_json()["by_hand"][0]["policy"].to_string().contains("s3:ListBucket"));
}

#[test]
fn what_a_service_does_not_know_is_left_to_its_own_tool() {
    let wishes = Wishes { lifecycle_days: Some(90), ..reader_only() };
    let observed = Observed { cors: None, lifecycle: None, ..everything(&wishes, &["AKIA1"]) };
    let plan = plan(&wishes, &observed).unwrap();
    assert_eq!(calls(&plan), [""; 0]);
    assert!(plan.notes[0].contains("https://status.example") && plan.notes[1].contains("--check-expiry"), "{plan:?}");
}

#[test]
fn no_plan_shows_a_secret() {
    let wishes = Wishes { keys: Keys::Rotate, ..wishes() };
    let plan = plan(&wishes, &everything(&wishes, &["AKIA1"])).unwrap();
    assert!(!plan.to_json().to_string().contains("canary") && !format!("{plan:?}").contains("canary"));
}
