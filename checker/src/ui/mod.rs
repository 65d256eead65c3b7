//! All terminal output: results on standard output; messages, prompts and progress on standard error. No other module
//! prints. A daemon's messages go to its [`log`] instead of the terminal.

pub mod explain;
pub mod log;
mod output;
pub mod progress;
pub mod prompt;
pub mod table;
mod verbosity;

pub use self::output::{
    StdoutError, clear_screen, error, info, note, print, print_line, stdout, stdout_data, stdout_json, stdout_styles,
    warn,
};
pub use self::verbosity::{Verbosity, configure, is_verbose};
