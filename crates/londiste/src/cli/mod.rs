//! The command line: options, console output and exit codes.

use std::process::ExitCode;

/// Everything from the arguments to the exit code.
pub fn main() -> ExitCode {
    todo!()
}
