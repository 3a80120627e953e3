//! The demo without a screen: ends by itself, and its figures add up.

use assert_cmd::Command;

#[test]
fn the_demo_ends_by_itself_and_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_wacast"))
        .args(["demo", "--no-tui"])
        .current_dir(folder.path())
        .env("TMPDIR", folder.path())
        // A configuration that would be refused: the demo reads none.
        .env("WACAST_CONFIG", folder.path().join("gone.toml"))
        .timeout(std::time::Duration::from_mins(1))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    let figure = |word: &str| -> u64 {
        let line = text.lines().find(|line| line.starts_with(word)).unwrap_or_else(|| panic!("no {word} in\n{text}"));
        line.split_whitespace().nth(if word == "not sure" { 2 } else { 1 }).unwrap().parse().unwrap()
    };
    assert!(figure("people") >= 300);
    assert_eq!(figure("twice"), 0);
    assert_eq!(figure("accepted") + figure("failed") + figure("not sure"), figure("people"), "{text}");
    assert!(figure("accepted") >= figure("delivered") && figure("delivered") >= figure("read"), "{text}");
    assert!(text.contains("completed after") && text.contains("REHEARSAL"), "{text}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "it leaves nothing behind: {left:?}");
}
