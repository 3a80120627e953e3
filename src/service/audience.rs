//! Who would get a broadcast: how many, which columns they have, who would be left out.

use super::lately::Lately;
use super::templates::some_of;
use super::{Kind, Result, Service, ServiceError};
use crate::domain::binding::{Resolved, Source};
use crate::domain::broadcast::{Number, UploadId};
use crate::domain::cost::Tally;
use crate::domain::marketing::{MARKETING, undeliverable};
use crate::domain::opt_out::Kinds;
use crate::domain::phone::Phone;
use crate::domain::said;
use crate::domain::time::DAY;
use crate::store::{AudiencePlace, StoreError};
use serde_json::json;

/// People shown as samples.
const SAMPLES: u32 = 5;
/// People in one page of a walk.
const PAGE: u32 = 2_000;
/// The first of those who would be left out.
const LEFT_OUT_FIRST: usize = 20;
/// Kinds of reasons that are told apart.
const REASONS: usize = 50;
const OTHER_REASONS: &str = "for other reasons";
/// Uploads whose columns are looked at; older ones of the same list have rarely others.
const UPLOADS: u32 = 1_000;
/// The columns that everybody has.
const OWN_COLUMNS: [&str; 2] = ["name", "phone"];

/// People of a list, or of all lists, as they stand now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AudienceView {
    /// People, each counted once.
    pub people: u64,
    /// The columns that variables can be bound to: `name` and `phone`, which everybody has, then the uploads' attribute
    /// columns, newest upload first.
    pub columns: Vec<String>,
    /// The first people, to show and to fill a preview with.
    pub samples: Vec<Number>,
}

/// Those who would be left out, and why.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftOut {
    /// By reason, most first.
    pub by_reason: Vec<(String, u64)>,
    /// How many of them for what their own rows hold.
    pub bad_rows: u64,
    /// The first ones.
    pub first: Vec<(Number, String)>,
    /// Where those stand: upload and row.
    pub first_at: Vec<AudiencePlace>,
    /// The countries of those who are not left out, when they were to be counted.
    pub others: Tally,
    /// The first of those who are not left out.
    pub samples: Vec<Number>,
    /// Which of those who are not left out got the same template lately, when that was to be counted.
    pub lately: Lately,
}

/// By which rules people are left out besides their own values.
#[derive(Debug, Clone, Default)]
pub(super) struct LeaveOut<'a> {
    /// The template's category; empty: nobody is left out for it.
    pub category: &'a str,
    /// The opt-outs that count.
    pub held_back: Kinds,
    /// Count the countries of the others: then everybody is walked.
    pub count_others: bool,
    /// Count which of the others got the same template lately: then everybody is walked, too.
    pub lately: Option<Lately>,
}

impl Service {
    /// Who is in a list (`None`: in any). `unknown_list` (404) names the lists that exist; an audience of nobody is
    /// not an error here.
    pub async fn audience(&self, list: Option<&str>) -> Result<AudienceView> {
        let uploads = self.audience_uploads(list).await?;
        Ok(AudienceView {
            people: self.inner.store.audience_size(&uploads).await?,
            columns: self.columns(list, &uploads).await?,
            samples: self.samples(&uploads).await?,
        })
    }

    /// The uploads that an audience stands for. `unknown_list` (404).
    pub(super) async fn audience_uploads(&self, list: Option<&str>) -> Result<Vec<UploadId>> {
        match self.inner.store.audience_uploads(list).await {
            Err(StoreError::NotFound(_)) => {}
            other => return Ok(other?),
        }
        let lists: Vec<String> = self.lists().await?.into_iter().map(|list| list.name).collect();
        let exist = if lists.is_empty() {
            "there are no lists yet: import a file first".to_owned()
        } else {
            format!("there are {}", some_of(&lists))
        };
        let message = format!("there is no list \"{}\"; {exist}", list.unwrap_or_default());
        Err(ServiceError::new(Kind::NotFound, "unknown_list", message).with_details(json!({ "lists": lists })))
    }

    /// The columns of these uploads, after those that everybody has.
    pub(super) async fn columns(&self, list: Option<&str>, uploads: &[UploadId]) -> Result<Vec<String>> {
        let mut columns: Vec<String> = OWN_COLUMNS.map(str::to_owned).to_vec();
        for upload in self.inner.store.uploads(list, UPLOADS).await? {
            if uploads.contains(&upload.id) {
                for column in upload.report.columns {
                    if !columns.contains(&column) {
                        columns.push(column);
                    }
                }
            }
        }
        Ok(columns)
    }

    /// The first people of these uploads.
    pub(super) async fn samples(&self, uploads: &[UploadId]) -> Result<Vec<Number>> {
        let page = self.inner.store.audience_page(uploads, None, SAMPLES).await?;
        Ok(page.into_iter().map(|(_, number)| number).collect())
    }

    /// How many people of these uploads were reached in the last 24 hours.
    pub(super) async fn reached_of(&self, uploads: &[UploadId]) -> Result<u64> {
        let (mut after, mut reached) = (None, 0);
        loop {
            let page = self.inner.store.audience_page(uploads, after, PAGE).await?;
            let Some((place, _)) = page.last() else { return Ok(reached) };
            after = Some(*place);
            let phones: Vec<Phone> = page.iter().map(|(_, number)| number.phone).collect();
            reached += self.inner.store.reached_among(&phones, self.now().plus(-DAY)).await?.len() as u64;
        }
    }

    /// Walks the audience for those whose values cannot be sent, whom WhatsApp delivers nothing of this category, and who are
    /// opted out in a way that is held back; walks nothing when none of that can be and nobody is to be counted.
    pub(super) async fn left_out(
        &self,
        uploads: &[UploadId],
        people: u64,
        resolved: &Resolved,
        rules: LeaveOut<'_>,
        mut progress: impl FnMut(u64, u64) + Send,
    ) -> Result<LeftOut> {
        let LeaveOut { category, held_back, count_others, lately } = rules;
        let from_a_cell = |source: &Source| match source {
            Source::Column(column) | Source::ColumnOr { column, .. } => column != OWN_COLUMNS[1],
            Source::Text { .. } | Source::File { .. } => false,
        };
        let counts_lately = lately.is_some();
        let mut left_out = LeftOut { lately: lately.unwrap_or_default(), ..LeftOut::default() };
        let any_opted_out = !self.inner.store.opt_outs("", None, 1).await?.is_empty();
        let by_cell = resolved.sources().any(|(_, source)| from_a_cell(source));
        if !any_opted_out && category != MARKETING && !by_cell && !count_others && !counts_lately {
            return Ok(left_out);
        }
        let mut after = None;
        let mut walked = 0;
        loop {
            let page = self.inner.store.audience_page(uploads, after, PAGE).await?;
            let Some((place, _)) = page.last() else { break };
            after = Some(*place);
            walked += page.len() as u64;
            let phones: Vec<Phone> = page.iter().map(|(_, number)| number.phone).collect();
            let kinds = if any_opted_out { self.inner.store.opted_out(&phones).await? } else { Vec::new() };
            let mut kinds = kinds.into_iter();
            let mut others = Vec::new();
            for (at, number) in page {
                let opted_out = kinds.next().and_then(|kinds| kinds.reason(held_back));
                if let Some(why) = undeliverable(category, number.phone) {
                    left_out.add(at, number, why.to_owned());
                } else if let Err(blank) = resolved.values(&number) {
                    left_out.bad_rows += 1;
                    left_out.add(at, number, blank.to_string());
                } else if let Some(reason) = opted_out {
                    left_out.add(at, number, reason.to_owned());
                } else {
                    others.push(number.phone);
                    if left_out.samples.len() < SAMPLES as usize {
                        left_out.samples.push(number);
                    }
                }
            }
            if count_others {
                for phone in &others {
                    left_out.others.add(*phone);
                }
            }
            self.count_lately(&mut left_out.lately, &others).await?;
            progress(walked, people);
        }
        left_out.by_reason.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Ok(left_out)
    }
}

impl LeftOut {
    /// Why nothing is sent when nobody may be left out; `None`: nobody is.
    pub fn refusal(&self) -> Option<ServiceError> {
        let people: u64 = self.by_reason.iter().map(|(_, count)| count).sum();
        let ((number, reason), at) = self.first.first().zip(self.first_at.first())?;
        let message = format!(
            "the values of {} cannot be sent, so nothing was sent; the first is row {} ({}): {reason}; put the file right, \
             give a fallback, or let them be left out",
            said::people(people),
            at.row,
            number.phone.masked()
        );
        let first = self.first.iter().zip(&self.first_at).map(|((number, reason), at)| {
            json!({ "phone": number.phone.masked(), "upload": at.upload, "row": at.row, "reason": reason })
        });
        let reasons = self.by_reason.iter().map(|(reason, count)| json!({ "reason": reason, "count": count }));
        Some(ServiceError::new(Kind::Wrong, "bad_rows", message).with_details(json!({
            "people": people, "reasons": reasons.collect::<Vec<_>>(), "first": first.collect::<Vec<_>>(),
        })))
    }

    fn add(&mut self, at: AudiencePlace, number: Number, reason: String) {
        // Variables times faults: far fewer than the bound, but what comes from outside is bounded.
        let reason = if self.by_reason.len() < REASONS { reason } else { OTHER_REASONS.to_owned() };
        match self.by_reason.iter().position(|(known, _)| *known == reason) {
            Some(position) => self.by_reason[position].1 += 1,
            None => self.by_reason.push((reason.clone(), 1)),
        }
        if self.first.len() < LEFT_OUT_FIRST {
            self.first.push((number, reason));
            self.first_at.push(at);
        }
    }
}
