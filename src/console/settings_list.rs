//! The state of the Settings screen: its rows, and which of them is marked.

use super::listing::Listing;
use super::model::{Load, Model};
use super::settings::{AllSettings, Lies, Setting};
use super::text::{counted, pace, shown_phone};
use super::words;
use crate::domain::phone::Phone;
use crate::service::token;

/// The state of the screen.
#[derive(Debug, Clone, Default)]
pub struct SettingsList {
    /// What is set.
    pub all: Load<AllSettings>,
    /// The operator's own numbers.
    pub own: Load<Vec<Phone>>,
    /// The list.
    pub list: Listing,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// How the access token stands; Enter replaces it.
    Token(String),
    /// The numbers that tests go to; Enter changes them.
    OwnNumbers(String),
    /// Something to know.
    Fact(&'static str, String),
    /// A setting.
    Setting(Setting),
    /// Where something lies.
    Lies(Lies),
}

impl Row {
    /// The part of the screen that it stands in.
    pub fn section(&self) -> &str {
        match self {
            Self::Token(_) | Self::OwnNumbers(_) | Self::Fact(..) => "account",
            Self::Setting(setting) => &setting.section,
            Self::Lies(_) => "files and folders",
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        match self {
            Self::Token(_) => "access token",
            Self::OwnNumbers(_) => "own numbers",
            Self::Fact(name, _) => name,
            Self::Setting(setting) => &setting.name,
            Self::Lies(lies) => &lies.name,
        }
    }

    /// Its value, with what it counts.
    pub fn value(&self) -> String {
        match self {
            Self::Token(words) | Self::OwnNumbers(words) | Self::Fact(_, words) => words.clone(),
            Self::Setting(setting) if setting.unit.is_empty() => setting.value.clone(),
            Self::Setting(setting) => format!("{} {}", setting.value, setting.unit),
            Self::Lies(lies) => lies.path.clone(),
        }
    }

    /// Whether Enter changes it.
    pub fn is_changed_here(&self) -> bool {
        match self {
            Self::Token(_) | Self::OwnNumbers(_) => true,
            Self::Setting(setting) => setting.counts.is_some() || setting.is_token(),
            Self::Fact(..) | Self::Lies(_) => false,
        }
    }

    fn words(&self) -> String {
        let what = if let Self::Setting(setting) = self { setting.what.as_str() } else { "" };
        format!("{} {} {} {what}", self.section(), self.name(), self.value())
    }
}

/// The rows that the filter lets through, in their order.
pub fn rows(model: &Model) -> Vec<Row> {
    let mut rows = account(model);
    if let Some(all) = model.settings.all.get() {
        rows.extend(all.settings.iter().cloned().map(Row::Setting));
        rows.extend(all.places.iter().cloned().map(Row::Lies));
        let path = model.facts.out_folder.display().to_string();
        rows.push(Row::Lies(Lies { name: "exports".to_owned(), path, what: "where e writes files to".to_owned() }));
    }
    model.settings.list.shown(&rows, Row::words, &[]).into_iter().cloned().collect()
}

/// The marked row.
pub fn marked(model: &Model) -> Option<Row> {
    let rows = rows(model);
    let place = model.settings.list.place(rows.len());
    rows.into_iter().nth(place)
}

/// How account, token, receipts and pace stand.
fn account(model: &Model) -> Vec<Row> {
    let Some(snapshot) = &model.snapshot else { return Vec::new() };
    let token = snapshot.account.token.as_ref().map_or_else(
        || "not looked at yet".to_owned(),
        |standing| {
            let ago = words::ago(standing.checked_at, model.now);
            format!("{}, looked at {ago}", token::words(standing, model.now))
        },
    );
    let mut rows = vec![Row::Fact("sender", words::sender_name(model)), Row::Token(token)];
    if let Some(restriction) = &snapshot.account.restriction {
        let until =
            restriction.until.map_or_else(String::new, |at| format!(", until {}", model.facts.zone.at(at, model.now)));
        rows.push(Row::Fact("restricted", format!("{}{until}", restriction.detail)));
    }
    if let Some(api_version) = &snapshot.account.api_version {
        rows.push(Row::Fact("API version", api_version.clone()));
    }
    let receipts = match (snapshot.receipts.set_up, snapshot.receipts.last_at) {
        (true, Some(at)) => format!("set up; the last one came {}", words::ago(at, model.now)),
        (true, None) => "set up; none has come yet".to_owned(),
        (false, _) => "not set up: delivered and read stay unknown".to_owned(),
    };
    rows.push(Row::Fact("receipts", receipts));
    let (now, limit) = (snapshot.engine.pace, model.facts.pace_limit);
    let at_most = if limit > 0.0 { format!("{} at most", pace(limit)) } else { "no limit".to_owned() };
    let paced = if now > 0.0 { format!("{} a second now, {at_most}", pace(now)) } else { at_most };
    rows.push(Row::Fact("pace", paced));
    rows.push(Row::OwnNumbers(own_numbers(model)));
    rows.push(Row::Fact("sent by", words::carried_by(&snapshot.driver, model.facts.ssh_without_multiplexer)));
    rows.push(Row::Fact("HTTP", snapshot.http.clone()));
    rows
}

/// The own numbers, masked as any.
fn own_numbers(model: &Model) -> String {
    match &model.settings.own {
        Load::Waiting => "asking the store …".to_owned(),
        Load::Failed(words) => words.clone(),
        Load::Here(own) if own.is_empty() => "none noted: a test message has nowhere to go yet".to_owned(),
        Load::Here(own) => {
            let shown: Vec<String> =
                own.iter().map(|phone| shown_phone(*phone, model.facts.privacy, model.look.glyphs.mask)).collect();
            format!("{}: {}", counted(own.len() as u64, "number"), shown.join(", "))
        }
    }
}
