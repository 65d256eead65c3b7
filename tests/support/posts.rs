//! Posts and digests, as authors' commands write them. The unit tests of the page use this file, too.

use shared::UnixNanos;
use shared::object_name::{DigestName, NodeName};
use shared::post::digest::PostDigest;
use shared::post::{Affected, Details, Impact, IncidentState, MaintenancePlan, Post, PostId, Scope};

/// Returns the identity of a post.
#[must_use]
pub fn id(author: &str, posted_at: UnixNanos) -> PostId {
    PostId { posted_at, author: name(author) }
}

fn name(author: &str) -> NodeName {
    NodeName::new(author).expect("it is a name")
}

/// Returns the name and the content of an author's digest.
#[must_use]
pub fn digest(author: &str, posts: &[Post]) -> (String, String) {
    let own = posts.iter().filter(|post| post.id.author == name(author)).cloned().collect();
    let digest = PostDigest { author: name(author), listed_at: None, posts: own, skipped: 0 };
    (DigestName { author: name(author) }.to_string(), digest.to_json())
}

/// Creates the first post of an incident.
#[must_use]
pub fn incident(id: &PostId, title: &str, about: &[(&str, Impact)], text: &str) -> Post {
    Post { title: Some(title.to_owned()), affects: Some(affects(about)), ..update(id, id, None, text) }
}

/// Creates an update of an incident.
#[must_use]
pub fn update(id: &PostId, subject: &PostId, state: Option<IncidentState>, text: &str) -> Post {
    Post {
        id: id.clone(),
        subject: subject.clone(),
        edit: None,
        title: None,
        affects: None,
        text: Some(text.to_owned()),
        at: None,
        details: Details::Incident { state, began: None, ended: None },
    }
}

/// Creates planned maintenance with these windows.
#[must_use]
pub fn maintenance(
    id: &PostId,
    title: &str,
    about: &[(&str, Impact)],
    windows: &[(UnixNanos, UnixNanos)],
    text: &str,
) -> Post {
    let length = windows.first().map_or(1, |(start, end)| end.saturating_sub(*start));
    let plan = MaintenancePlan { windows: windows.to_vec(), length, ..MaintenancePlan::default() };
    Post { details: Details::Maintenance { plan: Some(plan), change: None }, ..incident(id, title, about, text) }
}

fn affects(about: &[(&str, Impact)]) -> Vec<Affected> {
    about.iter().map(|(scope, impact)| Affected { scope: Scope((*scope).to_owned()), impact: *impact }).collect()
}
