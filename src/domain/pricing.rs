//! What Meta says a message costs: category, type, and whether it is billed. Pure.
//!
//! It stands in the receipts: on `sent`, and once more on `delivered` or `read`. Meta bills what was delivered, so what
//! only a `sent` told counts as soon as a receipt proves delivery, and never of what failed. A [`Mark`] is what is known of one
//! message; it comes to the same in whatever order, and however often, the receipts come. Read by [`super::receipt`], kept
//! by the stores, put in words for all faces.

use super::state::RecipientState;
use serde::{Serialize, Serializer};
use std::cmp::Reverse;
use std::fmt;

/// What kind of message was priced. Words that are not known are [`Category::Other`], so there are only so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// `marketing`
    Marketing,
    /// `marketing_lite`: by the call for marketing messages.
    MarketingLite,
    /// `utility`
    Utility,
    /// `authentication`
    Authentication,
    /// `authentication-international`: at a rate of its own.
    AuthenticationInternational,
    /// `service`: not a template.
    Service,
    /// `referral_conversion`: after a click on an advertisement.
    ReferralConversion,
    /// None of these, or none said.
    Other,
}

impl Category {
    /// All of them. Stores number them by their place: new ones come at the end.
    pub const ALL: [Self; 8] = [
        Self::Marketing,
        Self::MarketingLite,
        Self::Utility,
        Self::Authentication,
        Self::AuthenticationInternational,
        Self::Service,
        Self::ReferralConversion,
        Self::Other,
    ];

    /// Meta's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Marketing => "marketing",
            Self::MarketingLite => "marketing_lite",
            Self::Utility => "utility",
            Self::Authentication => "authentication",
            Self::AuthenticationInternational => "authentication-international",
            Self::Service => "service",
            Self::ReferralConversion => "referral_conversion",
            Self::Other => "other",
        }
    }

    /// What Meta's word means, however it is written.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|one| same(one.word(), word)).unwrap_or(Self::Other)
    }

    /// The category of the rates that it is billed by.
    pub fn rate(self) -> &'static str {
        if self == Self::MarketingLite { Self::Marketing.word() } else { self.word() }
    }

    fn label(self) -> &'static str {
        match self {
            Self::MarketingLite => "marketing lite",
            Self::AuthenticationInternational => "international authentication",
            Self::ReferralConversion => "from an ad",
            Self::Other => "of another kind",
            other => other.word(),
        }
    }
}

/// Why a message was priced so. Words that are not known are [`Kind::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `regular`: by the rates.
    Regular,
    /// `free_customer_service`: the person had written in the last 24 hours.
    FreeCustomerService,
    /// `free_entry_point`: the person came by an advertisement or a button of a page.
    FreeEntryPoint,
    /// None of these, or none said.
    Other,
}

impl Kind {
    /// All of them. Stores number them by their place: new ones come at the end.
    pub const ALL: [Self; 4] = [Self::Regular, Self::FreeCustomerService, Self::FreeEntryPoint, Self::Other];

    /// Meta's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Regular => "regular",
            Self::FreeCustomerService => "free_customer_service",
            Self::FreeEntryPoint => "free_entry_point",
            Self::Other => "other",
        }
    }

    /// What Meta's word means, however it is written.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|one| same(one.word(), word)).unwrap_or(Self::Other)
    }
}

/// The same word: small and large letters, `-` and `_` are one.
fn same(known: &str, word: &str) -> bool {
    let plain = |letter: u8| if letter == b'-' { b'_' } else { letter.to_ascii_lowercase() };
    known.bytes().map(plain).eq(word.trim().bytes().map(plain))
}

/// What Meta said of one message's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pricing {
    /// What it was billed as.
    pub category: Category,
    /// Why.
    pub kind: Kind,
    /// Whether it is billed at all.
    pub billable: bool,
}

/// One character for each [`Pricing`], by its place.
const PRICINGS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Pricing {
    /// From Meta's words; `None`: all of them are missing. Where it is not said whether a message is billed, the type
    /// tells: those that begin with `free` are not.
    pub fn of(category: &str, kind: &str, billable: Option<bool>) -> Option<Self> {
        if category.is_empty() && kind.is_empty() && billable.is_none() {
            return None;
        }
        let free = || kind.trim().get(..4).is_some_and(|start| start.eq_ignore_ascii_case("free"));
        let billable = billable.unwrap_or_else(|| !free());
        Some(Self { category: Category::of(category), kind: Kind::of(kind), billable })
    }

    fn character(self) -> u8 {
        let place = (self.category as usize * Kind::ALL.len() + self.kind as usize) * 2 + usize::from(self.billable);
        PRICINGS[place]
    }

    fn of_character(character: u8) -> Option<Self> {
        let place = PRICINGS.iter().position(|known| *known == character)?;
        let (kinds, billable) = (place / 2, place % 2 == 1);
        Some(Self {
            category: Category::ALL[kinds / Kind::ALL.len()],
            kind: Kind::ALL[kinds % Kind::ALL.len()],
            billable,
        })
    }

    /// What [`Display`](fmt::Display) wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.splitn(3, '/');
        let (category, kind) = (Category::of(words.next()?), Kind::of(words.next()?));
        let billable = match words.next()? {
            "billed" => true,
            "free" => false,
            _ => return None,
        };
        Some(Self { category, kind, billable })
    }
}

/// As reports and stores have it: `marketing/regular/billed`, `utility/free_customer_service/free`.
impl fmt::Display for Pricing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let billed = if self.billable { "billed" } else { "free" };
        write!(f, "{}/{}/{billed}", self.category.word(), self.kind.word())
    }
}

/// How many messages were priced alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    /// How.
    pub pricing: Pricing,
    /// How many.
    pub messages: u64,
}

impl Serialize for Priced {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut shown = serializer.serialize_struct("Priced", 4)?;
        shown.serialize_field("category", self.pricing.category.word())?;
        shown.serialize_field("type", self.pricing.kind.word())?;
        shown.serialize_field("billable", &self.pricing.billable)?;
        shown.serialize_field("messages", &self.messages)?;
        shown.end()
    }
}

/// Counts as they are shown: most first, without those of nobody.
pub fn listed(counts: impl IntoIterator<Item = (Pricing, u64)>) -> Vec<Priced> {
    let some = counts.into_iter().filter(|(_, messages)| *messages > 0);
    let mut prices: Vec<Priced> = some.map(|(pricing, messages)| Priced { pricing, messages }).collect();
    prices.sort_unstable_by_key(|one| (Reverse(one.messages), one.pricing));
    prices
}

/// How many of them are billed, and how many there are.
pub fn billed(prices: &[Priced]) -> (u64, u64) {
    let sum = |of: fn(&&Priced) -> bool| prices.iter().filter(of).map(|one| one.messages).sum();
    (sum(|one| one.pricing.billable), sum(|_| true))
}

/// In words: `812 of 832 delivered messages: 812 marketing; not billed: 20 utility (had written)`; `None`: nothing is known.
/// `messages` is what they are called, if it is to be said; `figure` writes a count.
pub fn words(prices: &[Priced], messages: &str, figure: impl Fn(u64) -> String) -> Option<String> {
    let (billed, all) = billed(prices);
    let of = |one: &Priced| {
        let Priced { pricing: Pricing { category, kind, billable }, messages } = *one;
        let why = match (billable, kind) {
            (true, Kind::Regular | Kind::Other) => "",
            (true, _) => " billed all the same",
            (false, Kind::FreeCustomerService) => " (had written)",
            (false, Kind::FreeEntryPoint) => " (from an ad)",
            (false, _) => "",
        };
        format!("{} {}{why}", figure(messages), category.label())
    };
    let kinds = |billable: bool, before: &str| {
        let kinds: Vec<String> = prices.iter().filter(|one| one.pricing.billable == billable).map(of).collect();
        if kinds.is_empty() { String::new() } else { format!("{before}{}", kinds.join(", ")) }
    };
    let (paid, free) = (kinds(true, ": "), kinds(false, "; not billed: "));
    (all > 0).then(|| format!("{} of {}{messages}{paid}{free}", figure(billed), figure(all)))
}

/// Which receipt named the price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    Sent,
    Delivered,
    Read,
}

/// What the receipts of one message said of its price. See the module's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// It was delivered, whatever else was said.
    delivered: bool,
    price: Option<(By, Pricing)>,
}

/// One character for each receipt that may have named the price, or none: first of messages not delivered as far as is
/// known (the second half of these is never needed), then of those delivered.
const PROOFS: &[u8; 8] = b".studefg";
/// No price.
const NONE: u8 = b'.';

impl Mark {
    /// A receipt that a message got as far as `sent`, `delivered` or `read`, and what it said of the price. One that says that
    /// it failed is [`Mark::default`]: it says nothing.
    pub fn reached(state: RecipientState, pricing: Option<Pricing>) -> Self {
        let (delivered, by) = match state {
            RecipientState::Sent => (false, By::Sent),
            RecipientState::Delivered => (true, By::Delivered),
            RecipientState::Read => (true, By::Read),
            _ => return Self::default(),
        };
        Self { delivered, price: pricing.map(|pricing| (by, pricing)) }
    }

    /// This, and what came after it. The price is the last word of the highest of `sent`, `delivered`, `read` that named one.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let by = |mark: Self| mark.price.map(|(by, _)| by);
        let price = if by(later) >= by(self) { later.price } else { self.price };
        Self { delivered: self.delivered || later.delivered, price }
    }

    /// What the message counts as; `None`: not delivered as far as is known, or not priced.
    pub fn counts(self) -> Option<Pricing> {
        self.price.filter(|_| self.delivered).map(|(_, pricing)| pricing)
    }

    /// Two ASCII characters, as stores keep it; `..` when nothing is known.
    pub fn code(self) -> String {
        let by = self.price.map_or(0, |(by, _)| 1 + by as usize);
        let proof = PROOFS[usize::from(self.delivered) * 4 + by];
        let pricing = self.price.map_or(NONE, |(_, pricing)| pricing.character());
        [proof, pricing].into_iter().map(char::from).collect()
    }

    /// What [`Mark::code`] wrote; of anything else nothing is known.
    pub fn of_code(code: &str) -> Self {
        let read = || {
            let [proof, pricing] = code.as_bytes() else { return None };
            let place = PROOFS.iter().position(|known| known == proof)?;
            let price = match [None, Some(By::Sent), Some(By::Delivered), Some(By::Read)][place % 4] {
                Some(by) => Some((by, Pricing::of_character(*pricing)?)),
                None => None,
            };
            Some(Self { delivered: place >= 4, price })
        };
        read().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
