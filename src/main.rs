//! The program; everything is in the library ([`wacast::cli`]).

use std::process::ExitCode;

fn main() -> ExitCode {
    // For faults of wacast itself; everything that can be expected is told in a line by the command line.
    if let Err(error) = color_eyre::config::HookBuilder::default().display_env_section(false).install() {
        eprintln!("error: {error}");
    }
    wacast::cli::run()
}
