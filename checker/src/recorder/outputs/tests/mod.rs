//! Tests of outputs: when they are written, the rules that hold for random histories, and what independent readers see.

mod histories;
mod readers;
mod worlds;
mod writing;
