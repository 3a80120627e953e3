//! States of the console to draw and to press keys in. All people and numbers in it are made up.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use unicode_width::UnicodeWidthStr;
use wacast::cloud_api::SenderInfo;
use wacast::console::look::{Look, Palette};
use wacast::console::message::{Answer, Event, FileEntry, FilePeek, PeekRow, Request};
use wacast::console::model::{Facts, Model};
use wacast::console::update::update;
use wacast::console::view;
use wacast::console::words::Zone;
use wacast::domain::broadcast::{Audience, Broadcast, Counts, Definition, Number, UploadId};
use wacast::domain::ids::BroadcastId;
use wacast::domain::pricing::{Pricing, listed};
use wacast::domain::state::{BroadcastStatus, PauseReason, RecipientState};
use wacast::domain::template::Template;
use wacast::domain::time::{DAY, HOUR, MINUTE, Millis, SECOND};
use wacast::service::audience::AudienceView;
use wacast::service::view::{
    BroadcastRequest, BroadcastView, Budget, Cause, Driver, EngineStatus, Plan, ReceiptsHealth, Snapshot, WhyNotFaster,
};
use wacast::store::{ListSummary, LogRow, Reject, Repeat, SyncedTemplates, UploadReport, UploadSummary};

/// Sun 8 Nov 2026 17:05 in India.
pub const NOW: Millis = Millis(1_794_137_700_000);

pub fn facts() -> Facts {
    Facts {
        host: "vps.example.com".to_owned(),
        user: "asha".to_owned(),
        in_folder: PathBuf::from("/home/asha/in"),
        out_folder: PathBuf::from("/home/asha/out"),
        zone: Zone::new(jiff::tz::TimeZone::get("Asia/Kolkata").unwrap()),
        default_country: Some("IN".to_owned()),
        pace_limit: 60.0,
        privacy: true,
        read_only: false,
        temporary: false,
        ssh_without_multiplexer: false,
        seed: 7,
    }
}

pub fn model(columns: u16, rows: u16) -> Model {
    Model::new(facts(), Look::default(), (columns, rows), NOW)
}

pub fn in_palette(palette: Palette) -> Look {
    Look { palette, ..Look::default() }
}

pub fn template(name: &str, status: &str) -> Template {
    serde_json::from_value(json!({
        "id": "1", "name": name, "language": "en", "status": status, "category": "MARKETING", "quality": "GREEN",
        "parameter_format": "POSITIONAL",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Diwali at Acme"},
            {"type": "BODY", "text": "Hello {{1}}, your city {{2}} gets 20 % off until Sunday. 🎉"},
            {"type": "FOOTER", "text": "Reply STOP to leave"},
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Show me"}]},
        ],
    }))
    .unwrap()
}

pub fn plain_template() -> Template {
    serde_json::from_value(json!({
        "id": "2", "name": "greeting", "language": "hi", "status": "APPROVED", "category": "UTILITY", "quality": "UNKNOWN",
        "components": [{"type": "BODY", "text": "दिवाली की शुभकामनाएँ 🎉 आपके लिए एक भेंट है।"}],
    }))
    .unwrap()
}

pub fn templates() -> SyncedTemplates {
    let templates = vec![template("offer_v2", "APPROVED"), plain_template(), template("offer_v3", "PENDING")];
    SyncedTemplates { templates, synced_at: Some(NOW.plus(-2 * HOUR)) }
}

pub fn id(random: u64) -> BroadcastId {
    BroadcastId::from_random(random)
}

pub fn broadcast(random: u64, label: &str, status: BroadcastStatus, total: u32) -> Broadcast {
    Broadcast {
        id: id(random),
        definition: Definition {
            label: label.to_owned(),
            sender: "5550100".to_owned(),
            template: template("offer_v2", "APPROVED"),
            bindings: BTreeMap::new(),
            audience: Audience {
                list: Some("diwali".to_owned()),
                uploads: vec![UploadId(1)],
                follow_up: None,
                own: Vec::new(),
            },
            messages_per_second: None,
            rehearsal: false,
            choices: wacast::domain::broadcast::Choices::default(),
        },
        status,
        reason: None,
        detail: String::new(),
        total,
        created_at: NOW.plus(-HOUR),
        start_at: None,
        started_at: Some(NOW.plus(-HOUR)),
        ended_at: None,
        occurrence: None,
        resume_at: None,
    }
}

pub fn view(broadcast: Broadcast, counts: &[(RecipientState, u64)]) -> BroadcastView {
    let mut all = Counts::default();
    for (state, count) in counts {
        all.set(*state, *count);
    }
    BroadcastView {
        broadcast,
        counts: all,
        funnel: all.funnel(),
        failures: Vec::new(),
        skips: Vec::new(),
        prices: Vec::new(),
        done_at: None,
        audit: None,
    }
}

fn cause(code: i64, title: &str, count: u64) -> Cause {
    Cause { code, title: title.to_owned(), advice: String::new(), count }
}

/// What Live shows in the middle of a large broadcast.
pub fn running() -> BroadcastView {
    use RecipientState::{Accepted, Delivered, Failed, Queued, Read, Sending, Sent, Skipped};
    let counts = [
        (Queued, 17_700),
        (Sending, 45),
        (Accepted, 1_200),
        (Sent, 707),
        (Delivered, 18_884),
        (Read, 9_120),
        (Failed, 172),
        (Skipped, 382),
    ];
    let mut view = view(broadcast(1, "diwali-offer", BroadcastStatus::Running, 48_210), &counts);
    view.failures = vec![
        cause(131_026, "not reachable on WhatsApp", 140),
        cause(131_049, "marketing cap reached, again tomorrow", 21),
        cause(131_050, "stopped marketing from you", 11),
    ];
    view.done_at = Some(NOW.plus(100 * MINUTE));
    view
}

pub fn paused(random: u64, label: &str) -> BroadcastView {
    let mut broadcast = broadcast(random, label, BroadcastStatus::Paused, 500);
    broadcast.reason = Some(PauseReason::Operator);
    view(broadcast, &[(RecipientState::Queued, 400), (RecipientState::Accepted, 100)])
}

pub fn scheduled(random: u64, label: &str) -> BroadcastView {
    let mut broadcast = broadcast(random, label, BroadcastStatus::Scheduled, 1_200);
    broadcast.start_at = Some(NOW.plus(14 * HOUR + 20 * MINUTE));
    broadcast.started_at = None;
    view(broadcast, &[])
}

pub fn ended(random: u64, label: &str) -> BroadcastView {
    let mut broadcast = broadcast(random, label, BroadcastStatus::Completed, 2_000);
    broadcast.ended_at = Some(NOW.plus(-22 * HOUR));
    let mut view = view(
        broadcast,
        &[
            (RecipientState::Delivered, 1_200),
            (RecipientState::Read, 740),
            (RecipientState::Failed, 57),
            (RecipientState::InDoubt, 3),
        ],
    );
    view.failures = vec![cause(131_026, "not reachable on WhatsApp", 57)];
    let pricing = |kind| Pricing::of("marketing", kind, None).unwrap();
    view.prices = listed([(pricing("regular"), 1_902), (pricing("free_entry_point"), 38)]);
    view
}

pub fn log_row(row: u64, status: &str) -> LogRow {
    let sent = status == "sent";
    let phone = format!("+1555010{:04}", 100 + row % 100);
    let response = if sent {
        format!(
            r#"{{"messaging_product":"whatsapp","contacts":[{{"input":"{phone}","wa_id":"{}"}}],"messages":[{{"id":"wamid.HBgLMTU1NTAxMDA{row}"}}]}}"#,
            &phone[1..]
        )
    } else {
        r#"{"error":{"message":"(#131026) Message undeliverable","code":131026}}"#.to_owned()
    };
    LogRow {
        id: row,
        broadcast: id(1),
        seq: u32::try_from(row).unwrap(),
        attempt: 1,
        phone: phone.parse().unwrap(),
        status: status.to_owned(),
        timestamp: NOW.plus(-i64::try_from(row).unwrap() * SECOND),
        code: if sent { 0 } else { 131_026 },
        response,
    }
}

pub fn sender() -> SenderInfo {
    SenderInfo {
        id: "5550100".to_owned(),
        display_phone_number: "+1 555 010 0111".to_owned(),
        verified_name: "Acme Retail".to_owned(),
        quality_rating: "GREEN".to_owned(),
        status: "CONNECTED".to_owned(),
        throughput_level: "STANDARD".to_owned(),
        messaging_limit: "TIER_10K".to_owned(),
        can_send_message: "AVAILABLE".to_owned(),
        health_notes: Vec::new(),
    }
}

pub fn lists() -> Vec<ListSummary> {
    let list = |name: &str, people, ago: i64| ListSummary {
        name: name.to_owned(),
        people,
        uploads: 2,
        last_upload_at: NOW.plus(-ago),
    };
    vec![list("diwali", 48_592, 3 * HOUR), list("ग्राहक-मुंबई 🎉", 1_204, 3 * DAY), list("staff", 12, 40 * DAY)]
}

pub fn uploads() -> Vec<UploadSummary> {
    let upload = |id, list: &str, source: &str, ago: i64, report| UploadSummary {
        id: UploadId(id),
        list: list.to_owned(),
        source: source.to_owned(),
        at: NOW.plus(-ago),
        report,
    };
    let reject = |row, reason: &str| Reject { row, phone: "98".to_owned(), reason: reason.to_owned() };
    let report = UploadReport {
        received: 48_700,
        imported: 48_592,
        duplicates: 100,
        rejected: 8,
        rejects: vec![
            reject(14, "too short to be a phone number"),
            reject(90, "a spreadsheet turned it into 9.19E+11: format the column as text"),
            reject(412, "too short to be a phone number"),
        ],
        columns: vec!["city".to_owned(), "store".to_owned()],
        repeated: 2,
        repeats: vec![Repeat { row: 17, of: Some(3) }, Repeat { row: 40_001, of: None }],
    };
    vec![
        upload(2, "diwali", "customers-nov.xlsx", 3 * HOUR, report),
        upload(
            1,
            "diwali",
            "first-try.csv",
            5 * DAY,
            UploadReport { received: 20, imported: 20, ..UploadReport::default() },
        ),
    ]
}

/// A picture with nothing in it.
pub fn empty_snapshot() -> Snapshot {
    Snapshot {
        at: NOW,
        rehearsal: false,
        sender: Some(sender()),
        sender_id: "5550100".to_owned(),
        driver: Driver::Us,
        engine: EngineStatus { sender: "5550100".to_owned(), pace: 60.0, ..EngineStatus::default() },
        open: Vec::new(),
        ended: Vec::new(),
        schedules: Vec::new(),
        lists: Vec::new(),
        latest: Vec::new(),
        budget: Some(Budget { limit: 10_000, used: 3_214, room_at: None }),
        receipts: ReceiptsHealth { set_up: true, ..ReceiptsHealth::default() },
        account: wacast::service::view::AccountView::default(),
        problems: Vec::new(),
        templates: (0, 0, None),
        store_place: "/var/lib/wacast/wacast.db".to_owned(),
        store_trouble: None,
        http: String::new(),
    }
}

/// A picture in the middle of things.
pub fn full_snapshot() -> Snapshot {
    let written = (0..120).map(|second: u32| if second < 20 { second * 3 } else { 52 + second % 9 }).collect();
    Snapshot {
        engine: EngineStatus {
            sender: "5550100".to_owned(),
            pace: 60.0,
            why: WhyNotFaster::Pace { messages_per_second: 60.0 },
            in_flight: 14,
            unsettled: 20,
            written_per_second: written,
            answer_ms_p50: 180,
            answer_ms_p99: 1_240,
            held_back: 0,
            trouble: String::new(),
        },
        open: vec![running(), scheduled(3, "follow-up")],
        ended: vec![ended(4, "october-news")],
        lists: lists(),
        latest: (1..40).map(|row| log_row(row, if row % 7 == 3 { "failed" } else { "sent" })).collect(),
        templates: (3, 2, Some(NOW.plus(-2 * HOUR))),
        ..empty_snapshot()
    }
}

pub fn full(columns: u16, rows: u16) -> Model {
    let mut model = model(columns, rows);
    show(&mut model, full_snapshot());
    update(&mut model, Event::Answer(Answer::Templates(Ok(templates()), false)));
    update(&mut model, Event::Answer(Answer::Uploads(Ok(uploads()))));
    update(
        &mut model,
        Event::Answer(Answer::Log(Ok((1..200)
            .map(|row| log_row(row, if row % 7 == 3 { "failed" } else { "sent" }))
            .collect()))),
    );
    model
}

pub fn show(model: &mut Model, snapshot: Snapshot) -> Vec<Request> {
    update(model, Event::Snapshot(Arc::new(snapshot)))
}

pub fn number(phone: &str, name: &str, city: &str) -> Number {
    Number {
        phone: phone.parse().unwrap(),
        name: name.to_owned(),
        attributes: [("city".to_owned(), city.to_owned())].into(),
    }
}

pub fn people() -> Vec<Number> {
    vec![
        number("+15550100111", "Asha Rao", "Pune"),
        number("+15550100122", "श्रीमती लक्ष्मीबाई", "मुंबई"),
        number("+15550100133", "Bo 🎉", "Salem"),
    ]
}

pub fn audience() -> AudienceView {
    AudienceView {
        people: 48_592,
        columns: vec!["name".to_owned(), "phone".to_owned(), "city".to_owned()],
        samples: people(),
    }
}

pub fn plan(request: BroadcastRequest) -> Plan {
    Plan {
        template: template("offer_v2", "APPROVED").key(),
        category: "MARKETING".to_owned(),
        quality: "GREEN".to_owned(),
        people: 48_592,
        left_out: vec![("{{2}} would be blank (column city)".to_owned(), 382)],
        left_out_first: vec![(number("+15550100144", "No City", ""), "column city is blank".to_owned())],
        left_out_at: vec![wacast::store::AudiencePlace { upload: 1, row: 44 }],
        samples: people(),
        sender: Some(sender()),
        rehearsal: false,
        messages_per_second: 60.0,
        takes_ms: Some(48_210 * 1_000 / 60),
        cost: wacast::domain::cost::Estimate {
            currency: "USD".to_owned(),
            category: "marketing".to_owned(),
            total: wacast::domain::cost::Money(568_878_000),
            by_market: Vec::new(),
            without_rate: 0,
            rates_from: Some(jiff::civil::date(2026, 10, 1)),
        },
        budget: Some(Budget { limit: 100_000, used: 3_214, room_at: None }),
        repeat_of: None,
        warnings: Vec::new(),
        request,
    }
}

pub fn entries() -> Vec<FileEntry> {
    let entry = |name: &str, is_folder, bytes, ago: i64| FileEntry {
        name: name.to_owned(),
        is_folder,
        bytes,
        changed_at: NOW.plus(-ago),
    };
    vec![
        entry("customers-nov.xlsx", false, 1_412_000, 10 * MINUTE),
        entry("customers-oct.csv", false, 820, 30 * DAY),
        entry("old", true, 4_096, 90 * DAY),
    ]
}

pub fn peek() -> FilePeek {
    FilePeek {
        taken_for: "csv, semicolon, windows-1252".to_owned(),
        phone_column: Some("Mobile No.".to_owned()),
        name_column: Some("Full name".to_owned()),
        other_columns: vec!["city".to_owned(), "store".to_owned()],
        rows: vec![
            PeekRow {
                line: 2,
                phone: Ok("+15550100111".parse().unwrap()),
                name: "Asha Rao".to_owned(),
                cells: vec!["Pune".to_owned(), "12".to_owned()],
            },
            PeekRow {
                line: 3,
                phone: Err("too short to be a phone number".to_owned()),
                name: String::new(),
                cells: Vec::new(),
            },
            PeekRow {
                line: 4,
                phone: Ok("+15550100122".parse().unwrap()),
                name: "श्रीमती लक्ष्मीबाई".to_owned(),
                cells: vec!["मुंबई".to_owned(), "7".to_owned()],
            },
        ],
        notes: Vec::new(),
        looked_at: 3,
        unusable: 1,
        without_country: 0,
    }
}

/// The key that a word stands for: a letter, or `enter`, `ctrl-c` …
pub fn key(word: &str) -> KeyEvent {
    let code = match word {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "left" => KeyCode::Left,
        "right" => KeyCode::Right,
        "pgdn" => KeyCode::PageDown,
        "space" => KeyCode::Char(' '),
        "backspace" => KeyCode::Backspace,
        "ctrl-c" => return KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
        letter => KeyCode::Char(letter.chars().next().unwrap()),
    };
    KeyEvent::from(code)
}

/// Presses keys one after the other (words parted by blanks) and collects what is asked for.
pub fn press(model: &mut Model, keys: &str) -> Vec<Request> {
    keys.split_whitespace().flat_map(|word| update(model, Event::Key(key(word)))).collect()
}

/// Types a text, letter by letter.
pub fn type_text(model: &mut Model, text: &str) -> Vec<Request> {
    text.chars().flat_map(|letter| update(model, Event::Key(KeyEvent::from(KeyCode::Char(letter))))).collect()
}

/// Hands an answer to the console.
pub fn answer(model: &mut Model, answer: Answer) -> Vec<Request> {
    update(model, Event::Answer(answer))
}

/// The wizard up to the review, its plan there.
pub fn at_review(columns: u16, rows: u16, change: impl FnOnce(&mut Plan)) -> Model {
    let mut model = full(columns, rows);
    press(&mut model, "n enter");
    answer(&mut model, Answer::Audience(Some("diwali".to_owned()), Ok(audience())));
    // The second variable is bound to the column city: not chosen, name, phone, city.
    press(&mut model, "enter tab tab right right right enter");
    let requests = press(&mut model, "enter");
    let Some(Request::Plan(serial, request)) = requests.into_iter().next() else { panic!("no plan was asked for") };
    let mut plan = plan(request);
    change(&mut plan);
    answer(&mut model, Answer::Planned(serial, Box::new(Ok(plan))));
    model
}

pub fn drawn(model: &Model) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, model.size.0, model.size.1));
    view::render(model, &mut buffer);
    buffer
}

/// The cells as lines of text, as a terminal would show them.
pub fn text_of(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut text = String::new();
    for y in 0..area.height {
        let mut line = String::new();
        let mut x = 0;
        while x < area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(symbol.width().max(1)).unwrap();
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub fn text(model: &Model) -> String {
    text_of(&drawn(model))
}
