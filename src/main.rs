//! The program; everything is in the library ([`wacast::cli`]).

use std::process::ExitCode;

fn main() -> ExitCode {
    wacast::cli::run()
}
