//! Reads the sources and keeps the rules on who may know what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// All sources below `src`, by their path there, without comments.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().display().to_string();
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>();
                sources.insert(name, code.join("\n"));
            }
        }
    }
    assert!(sources.len() > 50, "these are not the sources: {:?}", sources.keys());
    sources
}

/// Whether a file belongs to a part: `store.rs` and everything in `store/` belong to `store`.
fn belongs(file: &str, part: &str) -> bool {
    file == format!("{part}.rs") || file.starts_with(&format!("{part}/"))
}

/// Whether code names a crate or path as a word of its own: `use axum::…`, `axum::Router`.
fn names(code: &str, word: &str) -> bool {
    let part_of_a_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    code.match_indices(&format!("{word}::")).any(|(at, _)| !code[..at].chars().next_back().is_some_and(part_of_a_word))
        || code.contains(&format!("use {word};"))
}

/// Files outside of `allowed` that name one of `words`.
fn trespassers(words: &[&str], allowed: &[&str]) -> Vec<String> {
    let found = |(file, code): (&String, &String)| {
        let word = words.iter().find(|word| names(code, word))?;
        (!allowed.iter().any(|part| belongs(file, part))).then(|| format!("{file} names {word}"))
    };
    sources().iter().filter_map(found).collect()
}

/// What the parts in `parts` name of `words`.
fn known(parts: &[&str], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (file, code) in sources() {
        if parts.iter().any(|part| belongs(&file, part)) {
            found.extend(words.iter().filter(|word| names(&code, word)).map(|word| format!("{file} names {word}")));
        }
    }
    found
}

const NOTHING: Vec<String> = Vec::new();

#[test]
fn names_are_found_as_whole_words() {
    assert!(
        names("use axum::Router;", "axum")
            && names("let r = axum::Router::new();", "axum")
            && names("use bson;", "bson")
    );
    assert!(!names("use my_axum::Router;", "axum") && !names("let axum = 1;", "axum"));
}

#[test]
fn only_the_console_knows_a_terminal_library() {
    assert_eq!(trespassers(&["ratatui", "crossterm", "tui_input"], &["console"]), NOTHING);
}

#[test]
fn only_api_and_sandbox_know_axum() {
    assert_eq!(trespassers(&["axum", "tower_http"], &["api", "sandbox"]), NOTHING);
}

#[test]
fn only_the_store_knows_a_database_driver() {
    assert_eq!(trespassers(&["rusqlite", "mongodb", "bson"], &["store"]), NOTHING);
}

#[test]
fn only_cloud_api_knows_reqwest() {
    assert_eq!(trespassers(&["reqwest"], &["cloud_api"]), NOTHING);
}

#[test]
fn only_the_command_line_knows_clap() {
    assert_eq!(trespassers(&["clap", "clap_complete"], &["cli"]), NOTHING);
}

#[test]
fn the_domain_knows_no_clock_and_no_other_part() {
    let clocks = ["SystemTime", "Instant", "Timestamp::now", "Zoned::now", "crate::clock"];
    let outside = ["tokio", "std::fs", "std::net", "std::env", "std::process", "tracing", "fastrand"];
    let parts = [
        "crate::api",
        "crate::app",
        "crate::cli",
        "crate::cloud_api",
        "crate::config",
        "crate::console",
        "crate::engine",
        "crate::intake",
        "crate::sandbox",
        "crate::scheduler",
        "crate::service",
        "crate::store",
    ];
    assert_eq!(known(&["domain"], &[clocks.as_slice(), &outside, &parts].concat()), NOTHING);
    let reads_the_time = |code: &str| clocks.iter().any(|clock| code.contains(&format!("{clock}(")));
    let readers: Vec<String> = sources()
        .into_iter()
        .filter(|(file, code)| belongs(file, "domain") && reads_the_time(code))
        .map(|(file, _)| file)
        .collect();
    assert_eq!(readers, NOTHING);
}

#[test]
fn engine_store_and_cloud_api_know_no_face() {
    let faces =
        ["crate::console", "crate::api", "crate::cli", "crate::headless", "crate::demo", "crate::app", "crate::config"];
    assert_eq!(known(&["engine", "store", "cloud_api", "intake"], &faces), NOTHING);
}

#[test]
fn the_service_knows_no_face_and_no_faces_know_the_engines_inside() {
    let faces =
        ["crate::console", "crate::api", "crate::cli", "crate::headless", "crate::demo", "crate::app", "crate::config"];
    assert_eq!(known(&["service", "scheduler"], &faces), NOTHING);
    let inside = ["crate::engine::reign", "crate::engine::gate", "crate::engine::lease", "crate::engine::pace"];
    assert_eq!(known(&["console", "api", "cli", "headless"], &inside), NOTHING);
}

#[test]
fn console_and_api_do_what_the_service_can_and_nothing_else() {
    assert_eq!(known(&["console", "api"], &["crate::app", "crate::cli", "crate::config"]), NOTHING);
}

#[test]
fn nothing_is_left_to_be_done() {
    let todo = |code: &str| code.contains("todo!(") || code.contains("unimplemented!(");
    let left: Vec<String> = sources().into_iter().filter(|(_, code)| todo(code)).map(|(file, _)| file).collect();
    assert_eq!(left, NOTHING);
}
