//! Posts: what people write about endpoints. A post is stored once, under its author's name, and then listed in the
//! digest of the author's posts, which all readers read. The formats and their meaning are in [`shared::post`].
//!
//! [`publish`] stores a post without locks: two commands of one author that run at the same time lose nothing.
//! [`board`] reads the digests of all authors, [`resolve`] finds the post that an operator means, [`erasure`]
//! determines what is deleted with it, and [`copies`] finds the check file that repeats a message.
//! [`recurrence`] expands the rule of planned maintenance into windows in UTC, and [`maintenance`] determines what its
//! commands post.

pub mod affected;
pub mod board;
pub mod copies;
pub mod erasure;
pub mod maintenance;
pub mod publish;
pub mod recurrence;
pub mod resolve;
pub mod store;
#[cfg(test)]
mod tests;
pub mod text;
pub mod time;
