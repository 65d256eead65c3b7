//! Runs the checks when they are due and evaluates their outcomes.

pub mod announcement;
mod concurrency;
pub mod confirmation;
pub mod confirmation_file;
pub mod heartbeat_reader;
pub mod result_status;
pub mod round;
pub mod runner;
pub mod schedule;
pub mod scheduler;
