//! Rows that could not be used: shown by cause, and a whole cause put right in one step where that loses nothing.

use super::reader::{Batch, Rejects, Room};
use super::{Done, ImportDone, Intake, Unfinished};
use crate::domain::broadcast::UploadId;
use crate::domain::said;
use crate::intake::{Again, read_again};
use crate::service::plan::wrong;
use crate::service::{Kind, Result, Service, ServiceError};
use crate::store::{KeptReject, NewUpload, UploadBegun};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Rows that are read at a time.
const PAGE: u32 = 1_000;
/// The longest name of a source, in characters.
const LONGEST_SOURCE: usize = 300;

/// What puts a cause's rows right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// Numbers without a country code are of this country (ISO 3166).
    Country(String),
    /// Numbers without `+` begin with their country code all the same.
    Plus,
    /// Spreadsheets' errors (#N/A …) in cells other than the phone's stand for nothing.
    Blank,
}

/// What can be done about a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remedy {
    /// The fixes there are, by their words.
    pub fixes: &'static [&'static str],
    /// What to do otherwise.
    pub advice: &'static str,
}

/// How the rejects of an upload with one cause stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseView {
    /// The stable word.
    pub cause: String,
    /// Rows still to be put right.
    pub open: u64,
    /// Rows that a fix has.
    pub fixed: u64,
    /// What can be done.
    pub remedy: Remedy,
}

/// Rejects of an upload.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectsPage {
    /// All kept ones by cause, most open ones first.
    pub causes: Vec<CauseView>,
    /// How many the upload had, kept or not.
    pub rejected: u64,
    /// How many are kept: the first [`KEPT_ROWS`](super::KEPT_ROWS) at most.
    pub kept: u64,
    /// The page: those still to be put right.
    pub items: Vec<KeptReject>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<u32>,
}

impl Fix {
    /// The words of all of them.
    pub const WORDS: [&str; 3] = ["country", "plus", "blank"];

    /// The word in the HTTP API and on the command line.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Country(_) => "country",
            Self::Plus => "plus",
            Self::Blank => "blank",
        }
    }

    /// The cause that is meant when none is named.
    pub fn usual_cause(&self) -> &'static str {
        match self {
            Self::Country(_) | Self::Plus => "no_country",
            Self::Blank => "formula_error",
        }
    }

    fn words(&self) -> String {
        match self {
            Self::Country(code) => format!("country {}", code.to_uppercase()),
            Self::Plus => "+ put before".to_owned(),
            Self::Blank => "errors left blank".to_owned(),
        }
    }
}

impl Remedy {
    /// What can be done about the rows with this cause.
    pub fn of(cause: &str) -> Self {
        let (fixes, advice): (&'static [&'static str], _) = match cause {
            "no_country" => (&["country", "plus"], "say which country they are of, or that only the + is missing"),
            "not_assigned" | "too_long" => {
                (&["plus"], "if they begin with another country's code, say that only the + is missing")
            }
            "formula_error" => (&["blank"], "repair the formula in the file, or let those cells stay blank"),
            "too_short" => (&[], "digits are missing: fill in the whole number in the file and import it again"),
            "rounded_by_excel" => {
                (&[], "the last digits are gone: format the column as Text, fill it in again and import the file again")
            }
            "several_numbers" => (&[], "leave one number in each cell, or give the others rows of their own"),
            "extension" => (&[], "write a number without an extension: WhatsApp cannot reach one"),
            "unknown_country_code" => (&[], "put the right country code behind the + in the file"),
            "no_phone" => (&[], "fill in the phone number in the file"),
            "not_a_number" => (&[], "leave only the number in the phone's cell"),
            "too_many_cells" => (&[], "put cells that contain the delimiter in quotes"),
            "cell_too_long" | "record_too_long" => (&[], "shorten it; mostly a quote is missing"),
            "lost_characters" => (&[], "export the file again as UTF-8"),
            "bad_json" | "several_phone_fields" => (&[], "repair the record in the file"),
            _ => (&[], "put the row right in the file and import it again"),
        };
        Self { fixes, advice }
    }
}

impl Service {
    /// The rejects of an upload that are still to be put right, by row after `after`, of one cause or all, `limit` (1 to
    /// 5,000) at most; and all of them by cause. `unknown_upload` (404).
    pub async fn rejects(
        &self,
        upload: UploadId,
        cause: Option<&str>,
        after: Option<u32>,
        limit: u32,
    ) -> Result<RejectsPage> {
        let limit = limit.clamp(1, crate::service::broadcasts::LONGEST_PAGE);
        let rejected = self.upload(upload).await?.summary.report.rejected;
        let about = |error| self.about_upload(upload, error);
        let causes = self.inner.store.reject_causes(upload).await.map_err(about)?;
        let items = self.inner.store.rejects(upload, cause, after, limit).await.map_err(about)?;
        let next = items.last().filter(|_| items.len() == limit as usize).map(|reject| reject.row);
        let causes: Vec<CauseView> = causes
            .into_iter()
            .map(|one| CauseView { remedy: Remedy::of(&one.cause), cause: one.cause, open: one.open, fixed: one.fixed })
            .collect();
        let kept = causes.iter().map(|one| one.open + one.fixed).sum();
        Ok(RejectsPage { causes, rejected, kept, items, next })
    }

    /// Imports the rejects of one cause (`None`: the fix's usual one) after all, as an upload of its own into the same
    /// list with the same tags. Rows that still cannot be used stay where they are; those that can are never imported by
    /// another fix while this upload stands.
    ///
    /// Errors: `unknown_upload` (404), `not_fixable` (422: this fix does not put this cause right; says what to do),
    /// `bad_country`, `nothing_to_fix`, `nothing_fixed` (422).
    pub async fn fix_rejects(&self, upload: UploadId, cause: Option<&str>, fix: Fix) -> Result<ImportDone> {
        let cause = cause.unwrap_or(fix.usual_cause());
        let remedy = Remedy::of(cause);
        if !remedy.fixes.contains(&fix.word()) {
            let message = format!("{cause} is not put right by \"{}\": {}", fix.word(), remedy.advice);
            return Err(wrong("not_fixable", message).with_details(json!({ "cause": cause, "fixes": remedy.fixes })));
        }
        let again = match &fix {
            Fix::Country(code) => {
                Again::Country(code.parse().map_err(|error| wrong("bad_country", format!("{error}")))?)
            }
            Fix::Plus => Again::Plus,
            Fix::Blank => Again::Blank(self.country(None)?),
        };
        self.may_change().await?;
        let of = self.upload(upload).await?;
        let first = self.inner.store.rejects(upload, Some(cause), None, 1).await?;
        if first.is_empty() {
            let message = format!("upload {} has no rows with the cause {cause} to put right", upload.0);
            return Err(wrong("nothing_to_fix", message));
        }
        let source = format!("{} (fixed: {})", of.summary.source, fix.words());
        let source: String = source.chars().take(LONGEST_SOURCE).collect();
        let new = NewUpload { list: of.summary.list.clone(), source, tags: of.tags, idempotency: None };
        let UploadBegun::New(made) = self.inner.store.begin_upload(new, self.now()).await? else {
            return Err(ServiceError::new(Kind::Internal, "internal", "an upload without a key was begun before"));
        };
        let unfinished = Unfinished { store: self.inner.store.clone(), upload: Some(made) };
        let mut intake = Intake { store: &*self.inner.store, upload: made, done: Done::default() };
        let mut after = None;
        loop {
            let page = self.inner.store.rejects(upload, Some(cause), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.row);
            let mut batch = Batch::default();
            for reject in &page {
                let row = read_again(reject.row.into(), &reject.cells, &again);
                batch.add(row, &mut None::<_> as &mut Rejects, &mut Room::none())?;
            }
            let rows: Vec<u32> = batch.numbers.iter().map(|row| row.row).collect();
            let ours: HashSet<u32> = self.inner.store.claim_rejects(upload, &rows, made).await?.into_iter().collect();
            // What another fix was faster with is that one's.
            batch.numbers.retain(|row| ours.contains(&row.row));
            intake.store(batch).await?;
        }
        let done = std::mem::take(&mut intake.done);
        let report = &done.report;
        if report.received == report.rejected {
            let why = report.rejects.first().map(|reject| format!("row {}: {}", reject.row, reject.reason));
            let message = format!(
                "none of {} can be used that way, so nothing was imported; {}",
                said::counted(report.received, "row"),
                why.unwrap_or_default()
            );
            return Err(wrong("nothing_fixed", message));
        }
        self.finish_import(unfinished, made, done, of.summary.report.columns, None).await
    }
}

impl RejectsPage {
    /// As the HTTP API and scripts see it.
    pub fn to_json(&self) -> Value {
        let causes = self.causes.iter().map(|one| {
            json!({
                "cause": one.cause,
                "open": one.open,
                "fixed": one.fixed,
                "fixes": one.remedy.fixes,
                "advice": one.remedy.advice,
            })
        });
        let items = self.items.iter().map(|reject| {
            let cells = reject.cells.cells.iter().map(|(name, cell)| json!({ "column": name, "cell": cell }));
            json!({
                "row": reject.row,
                "phone": reject.phone,
                "cause": reject.cause,
                "reason": reject.reason,
                "cells": cells.collect::<Vec<_>>(),
            })
        });
        json!({
            "rejected": self.rejected,
            "kept": self.kept,
            "causes": causes.collect::<Vec<_>>(),
            "items": items.collect::<Vec<_>>(),
            "next": self.next,
        })
    }
}
