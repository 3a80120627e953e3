//! How the console feels: the real program in a pseudo-terminal over a SQLite store of a million people, against the
//! sandbox. Run with `cargo bench --bench console -- [PART …] [PEOPLE] [at=FOLDER]`; the parts are `first`, `idle`,
//! `keys`, `bytes`, `slow`, `stopped` and `paging`, all of them when none is named. `at=`: the store is kept there, so
//! that the next run need not load it again. It prints a table of what was wanted and what was measured:
//!
//! - `first`: from exec to the first frame;
//! - `idle`: CPU of the whole process at Live with nothing going out;
//! - `keys`: from a key to the bytes that change the screen for it, and the CPU of the console's threads, while 1,000
//!   messages and 3,000 receipts a second go by;
//! - `bytes`: bytes a second to the terminal then;
//! - `slow`: the same and the echo of keys at 80x24 over a line of 4 kB/s;
//! - `stopped`: sending while the terminal reads nothing for 10 s, and what it shows when it reads again;
//! - `paging`: time a page, and memory, in the list of everybody of the broadcast.
//!
//! Sandbox, terminal and program share the same cores.

#![expect(clippy::cast_precision_loss, reason = "figures for people")]

#[path = "../tests/it/real.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod real;
#[path = "../tests/it/terminal.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod terminal;

use real::Workplace;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use terminal::{CTRL_C, DOWN, ENTER, ESC, Line, Seen, Terminal};
use wacast::sandbox::{Mix, PHONE_NUMBER_ID};

/// Clock ticks a second of `/proc/PID/stat` on Linux.
const TICKS: f64 = 100.0;
const PARTS: [&str; 7] = ["first", "idle", "keys", "bytes", "slow", "stopped", "paging"];
/// How long a share or a rate is taken over.
const WATCHED: Duration = Duration::from_secs(10);
const STARTS: usize = 20;
const KEYS: usize = 300;
const SLOW_KEYS: usize = 20;
const UP: &str = "\x1b[A";
const PAGE_DOWN: &str = "\x1b[6~";
/// A line that the slowest mobile connections still carry, in bytes a second.
const SLOW: u32 = 4_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let words: Vec<String> = std::env::args().collect();
    let people = words.iter().find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    let named: Vec<&str> = PARTS.into_iter().filter(|part| words.iter().any(|word| word == part)).collect();
    let parts = if named.is_empty() { PARTS.to_vec() } else { named };
    let own = tempfile::tempdir().expect("a folder");
    let kept = words.iter().find_map(|word| word.strip_prefix("at=")).map(PathBuf::from);
    let folder = kept.unwrap_or_else(|| own.path().to_path_buf());
    std::fs::create_dir_all(&folder).expect("a folder");
    let _inside = runtime.enter();
    let place = runtime.block_on(Workplace::new(&format!("sqlite://{}", folder.join("wacast.db").display()), 512));
    measure(&place, &folder, people, &parts);
}

fn measure(place: &Workplace, folder: &Path, people: u32, parts: &[&str]) {
    let change = place.sandbox.change(|settings| {
        settings.latency_ms = (50, 100);
        settings.mix = Mix { failed: vec![], read: 1.0, delivered: 0.0 };
    });
    change.expect("fits");
    let unlimited =
        place.sandbox.change_sender(PHONE_NUMBER_ID, |sender| sender.messaging_limit = "TIER_UNLIMITED".into());
    unlimited.expect("the sender is there");
    let id = broadcast(place, folder, people);
    println!(
        "{people} people in the store; {} processors",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    println!("{:<58} {:>10}  measured", "", "wanted");
    if parts.contains(&"first") {
        first(place);
    }
    if parts.contains(&"idle") {
        idle(place);
    }
    if !parts.iter().any(|part| ["keys", "bytes", "slow", "stopped", "paging"].contains(part)) {
        return;
    }
    place.json(&["resume", &id, "--json"]);
    if parts.iter().any(|part| ["keys", "bytes", "stopped", "paging"].contains(part)) {
        let mut terminal = sending(place, 120, 40);
        if parts.contains(&"keys") {
            keys(place, &mut terminal);
        }
        if parts.contains(&"bytes") {
            let (rate, sent) = bytes_a_second(place, &terminal);
            row("bytes a second at Live, 120x40", "< 10 kB", &format!("{rate:.0} B at {sent:.0} messages/s"));
        }
        if parts.contains(&"stopped") {
            stopped(place, &mut terminal);
        }
        if parts.contains(&"paging") {
            paging(&mut terminal);
        }
        quit(terminal);
    }
    if parts.contains(&"slow") {
        if parts.contains(&"paging") {
            // Which leaves it paused.
            place.json(&["resume", &id, "--json"]);
        }
        slow(place);
    }
    place.json(&["pause", &id, "--json"]);
}

fn row(what: &str, wanted: &str, measured: &str) {
    println!("{what:<58} {wanted:>10}  {measured}");
}

/// The broadcast to everybody, paused: the one that an earlier run left, or a new one.
fn broadcast(place: &Workplace, folder: &Path, people: u32) -> String {
    let status = place.json(&["status", "--json"]);
    let mut left = None;
    for one in status["broadcasts"].as_array().expect("a list") {
        let id = one["id"].as_str().expect("an id").to_owned();
        let open = ["running", "paused", "preparing"].iter().any(|word| one["status"] == *word);
        if open {
            place.json(&["pause", &id, "--json"]);
            // Enough for a whole run.
            left = (one["counts"]["queued"].as_u64() > Some(300_000)).then_some(id).or(left);
        }
    }
    if let Some(id) = left {
        return id;
    }
    let lists = place.json(&["lists", "--json"]).to_string();
    if !lists.contains("\"everybody\"") {
        import(place, folder, people);
    }
    let words = ["send", "--template", "hello", "--language", "en_US", "--list", "everybody", "--yes", "--json"];
    let mut words = words.to_vec();
    words.extend(["--repeat"].iter().filter(|_| !status["broadcasts"].as_array().expect("a list").is_empty()));
    let id = place.json(&words)["broadcast_id"].as_str().expect("an id").to_owned();
    // Who gets it is fixed by whoever sends.
    let mut terminal = sending(place, 120, 40);
    terminal.press(CTRL_C);
    quit(terminal);
    place.json(&["pause", &id, "--json"]);
    id
}

fn import(place: &Workplace, folder: &Path, people: u32) {
    let path = folder.join("everybody.csv");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file"));
    writeln!(file, "phone,name").expect("written");
    for person in 0..people {
        writeln!(file, "+91{},Person {person}", 9_900_000_000_u64 + u64::from(person)).expect("written");
    }
    file.flush().expect("written");
    place.json(&["import", path.to_str().expect("a path"), "--list", "everybody", "--json"]);
}

/// The console, sending 1,000 messages a second, with as many receipts as it will ever get.
fn sending(place: &Workplace, columns: u16, rows: u16) -> Terminal {
    let before = place.sandbox.taken();
    let terminal = place.terminal(&[], &[("WACAST_SENDER__MESSAGES_PER_SECOND", "1000")], columns, rows);
    let until = Instant::now() + Duration::from_mins(10);
    while place.sandbox.taken() < before + 5_000 {
        assert!(Instant::now() < until, "nothing goes out; the screen was\n{}", terminal.text());
        std::thread::sleep(Duration::from_millis(10));
    }
    terminal
}

fn quit(mut terminal: Terminal) {
    // Closes the card of what happened since the last visit, which may be there.
    terminal.press(ESC);
    terminal.press(CTRL_C);
    terminal.shows("Quit?");
    terminal.press(CTRL_C);
    assert_eq!(terminal.ended(), 0);
}

fn first(place: &Workplace) {
    let (mut frames_ms, mut figures_ms) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = Instant::now();
        let terminal = place.terminal(&[], &[], 120, 40);
        frames_ms.push(ms(terminal.when("a frame", |seen| text(seen).contains("wacast ")) - began));
        figures_ms.push(ms(terminal.when("the figures", |seen| text(seen).contains("paused by an operator")) - began));
        quit(terminal);
    }
    row("first frame after exec", "< 100 ms", &quantiles(&mut frames_ms));
    row("  the same, with the store's figures", "", &quantiles(&mut figures_ms));
}

fn idle(place: &Workplace) {
    let terminal = place.terminal(&[], &[], 120, 40);
    terminal.shows("paused by an operator");
    std::thread::sleep(Duration::from_secs(2));
    let pid = terminal.child.process_id().expect("it runs");
    let (all, console, bytes) = (ticks(pid, ""), ticks(pid, "console"), terminal.seen().bytes.len());
    let began = Instant::now();
    std::thread::sleep(WATCHED);
    let share = |ticks: f64| ticks / TICKS / began.elapsed().as_secs_f64() * 100.0;
    let (all, console) = (share(ticks(pid, "") - all), share(ticks(pid, "console") - console));
    let bytes = (terminal.seen().bytes.len() - bytes) as f64 / began.elapsed().as_secs_f64();
    row(
        "CPU of the whole process, idle at Live",
        "< 5 %",
        &format!("{all:.1} % of a core ({console:.1} % the console's, {bytes:.0} B/s)"),
    );
    quit(terminal);
}

/// CPU ticks of the threads whose names begin like this.
fn ticks(pid: u32, name: &str) -> f64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let of_task = |task: PathBuf| {
        let stat = std::fs::read_to_string(task.join("stat")).ok()?;
        let (front, back) = stat.rsplit_once(')')?;
        front.split_once('(')?.1.starts_with(name).then_some(())?;
        let fields: Vec<&str> = back.split_whitespace().collect();
        Some(fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?)
    };
    tasks.filter_map(|task| of_task(task.ok()?.path())).sum()
}

fn text(seen: &Seen) -> String {
    seen.parser.screen().contents()
}

/// The row that is marked below the tabs.
fn marked_row(seen: &Seen) -> Option<u16> {
    let screen = seen.parser.screen();
    let (rows, columns) = screen.size();
    let marked = |row: &u16| {
        (0..columns.get()).filter(|column| screen.cell(*row, *column).is_some_and(vt100::Cell::inverse)).count()
    };
    (3..rows.get() - 2).find(|row| marked(row) > 20)
}

/// The tab that is marked.
fn marked_tab(seen: &Seen) -> String {
    let screen = seen.parser.screen();
    let cells = (0..screen.size().1.get()).filter_map(|column| screen.cell(1, column));
    cells.filter(|cell| cell.inverse()).map(vt100::Cell::contents).collect::<String>().trim().to_owned()
}

/// Presses a key and tells how long it took until the screen showed it, in milliseconds.
fn key(terminal: &mut Terminal, key: &str, shown: impl Fn(&Seen) -> bool) -> f64 {
    let began = Instant::now();
    terminal.press(key);
    ms(terminal.when(&format!("what {key:?} does"), shown) - began)
}

/// Keys of all kinds, so many of them, each at a moment of its own: other screens, the cursor, help. `pause_ms` lies
/// between two keys at least: what a key before brings must be over the line, or it is that which is measured.
fn press_keys(terminal: &mut Terminal, count: usize, pause_ms: u64) -> Vec<f64> {
    let mut took_ms = Vec::new();
    let pause = || std::thread::sleep(Duration::from_millis(pause_ms + fastrand::u64(..60)));
    for tab in ["3 Numbers", "7 Log", "2 Broadcasts", "4 Templates"].into_iter().cycle() {
        if took_ms.len() >= count {
            break;
        }
        let mut step = |terminal: &mut Terminal, name: &str, shown: &dyn Fn(&Seen) -> bool| {
            took_ms.push(key(terminal, name, shown));
            pause();
        };
        step(terminal, &tab[..1], &|seen| marked_tab(seen) == tab);
        // The other lists have too few rows, or rows that come and go by themselves.
        if tab == "4 Templates" {
            terminal.when("the rows", |seen| marked_row(seen).is_some());
            for name in [DOWN, DOWN, UP, DOWN, UP, UP] {
                let before = marked_row(&terminal.seen());
                step(terminal, name, &|seen| marked_row(seen) != before);
            }
        }
        step(terminal, "?", &|seen| text(seen).contains("Help: "));
        step(terminal, ESC, &|seen| !text(seen).contains("Help: "));
        step(terminal, "1", &|seen| marked_tab(seen) == "1 Live");
    }
    took_ms
}

fn keys(place: &Workplace, terminal: &mut Terminal) {
    let pid = terminal.child.process_id().expect("it runs");
    let (sent, began) = (place.sandbox.taken(), Instant::now());
    let mut took_ms = press_keys(terminal, KEYS, 20);
    let rate = (place.sandbox.taken() - sent) as f64 / began.elapsed().as_secs_f64();
    let words = format!("{} of {} keys at {rate:.0} messages/s", quantiles(&mut took_ms), took_ms.len());
    row("key to frame, 120x40", "99 % 50 ms", &words);

    terminal.press("1");
    let (ticks_before, sent, began) = (ticks(pid, "console"), place.sandbox.taken(), Instant::now());
    std::thread::sleep(WATCHED);
    let seconds = began.elapsed().as_secs_f64();
    let share = (ticks(pid, "console") - ticks_before) / TICKS / seconds * 100.0;
    let rate = (place.sandbox.taken() - sent) as f64 / seconds;
    row("CPU of the console's threads at Live", "< 15 %", &format!("{share:.1} % of a core at {rate:.0} messages/s"));
}

fn bytes_a_second(place: &Workplace, terminal: &Terminal) -> (f64, f64) {
    let (bytes, sent, began) = (terminal.seen().bytes.len(), place.sandbox.taken(), Instant::now());
    std::thread::sleep(WATCHED);
    let seconds = began.elapsed().as_secs_f64();
    let bytes = (terminal.seen().bytes.len() - bytes) as f64 / seconds;
    (bytes, (place.sandbox.taken() - sent) as f64 / seconds)
}

fn slow(place: &Workplace) {
    let mut terminal = sending(place, 80, 24);
    terminal.line(Line::Slow(SLOW));
    std::thread::sleep(Duration::from_secs(3));
    let (rate, sent) = bytes_a_second(place, &terminal);
    row("bytes a second at Live, 80x24, over 4 kB/s", "< 2 kB", &format!("{rate:.0} B at {sent:.0} messages/s"));
    let mut took_ms = press_keys(&mut terminal, SLOW_KEYS, 1_200);
    let words = format!("{} of {} keys", quantiles(&mut took_ms), took_ms.len());
    row("key echo over that line", "< 300 ms", &words);
    terminal.line(Line::Fast);
    quit(terminal);
}

fn stopped(place: &Workplace, terminal: &mut Terminal) {
    let ten = Duration::from_secs(10);
    let rate = |time: Duration| {
        let (sent, began) = (place.sandbox.taken(), Instant::now());
        std::thread::sleep(time);
        (place.sandbox.taken() - sent) as f64 / began.elapsed().as_secs_f64()
    };
    let before = rate(ten);
    let old = taken_shown(&text(&terminal.seen()));
    terminal.line(Line::Stopped);
    // Whole screens fill what lies between the program and the terminal, so that it does stand still.
    for _ in 0..8 {
        terminal.press("2");
        std::thread::sleep(Duration::from_millis(100));
        terminal.press("1");
        std::thread::sleep(Duration::from_millis(100));
    }
    let during = rate(ten);
    let began = Instant::now();
    let bytes = terminal.seen().bytes.len();
    terminal.line(Line::Fast);
    // It stood still for longer than that, and the newest picture may be half a second old.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some thousand messages")]
    let newest = old + (during * 10.0) as u64;
    let shown = terminal.when("the newest figures", |seen| taken_shown(&text(seen)) >= newest);
    let bytes = terminal.seen().bytes.len() - bytes;
    row(
        "messages a second while the terminal reads, and while not",
        "the same",
        &format!("{before:.0} and {during:.0}"),
    );
    row("  from reading again to the newest frame", "at once", &format!("{:.0} ms, {bytes} B", ms(shown - began)));
}

/// The figure behind `taken` on Live.
fn taken_shown(text: &str) -> u64 {
    let figure = text.split("accepted ").nth(1).and_then(|rest| rest.split_whitespace().next());
    figure.and_then(|figure| figure.replace(',', "").parse().ok()).unwrap_or(0)
}

fn paging(terminal: &mut Terminal) {
    terminal.press("p");
    terminal.shows("paused by an operator");
    terminal.press("2");
    terminal.when("the list", |seen| marked_row(seen).is_some());
    terminal.press(ENTER);
    terminal.shows("read");
    terminal.press("\t");
    terminal.shows("1 to 200 of");
    let pid = terminal.child.process_id().expect("it runs");
    let (memory, began) = (resident_kb(pid), Instant::now());
    let mut took_ms = Vec::new();
    while began.elapsed() < WATCHED {
        let before = {
            let seen = terminal.seen();
            (text(&seen), marked_row(&seen))
        };
        took_ms.push(key(terminal, PAGE_DOWN, |seen| {
            let now = (text(seen), marked_row(seen));
            now.1.is_some() && now != before
        }));
    }
    let text = terminal.text();
    let place = text.lines().find(|line| line.contains(" to ") && line.contains(" of ")).unwrap_or_default();
    let place = place.trim_matches(|letter: char| !letter.is_ascii_alphanumeric()).to_owned();
    row("a page of everybody (PgDn), 120x40", "", &format!("{} of {} pages", quantiles(&mut took_ms), took_ms.len()));
    let now = resident_kb(pid);
    row("  memory before and after, at row", "the same", &format!("{memory} and {now} kB, {place}"));
    terminal.press("1");
}

fn resident_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("the field");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

/// The half, 99 % and the worst, in milliseconds.
fn quantiles(took_ms: &mut [f64]) -> String {
    took_ms.sort_by(f64::total_cmp);
    let at = |percent: usize| took_ms[(took_ms.len() - 1) * percent / 100];
    format!("half {:.1} ms, 99 % {:.1} ms, worst {:.1} ms", at(50), at(99), at(100))
}
