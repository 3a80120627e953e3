//! Numbers that provoke an error code, made so that phone number checks find them valid.
//!
//! A number provokes when its last seven digits are a marker and a code of six digits, filled with zeros in
//! front. The marker says how the code comes:
//!
//! | marker | example | the code 131026 comes |
//! |---|---|---|
//! | 9 | +91 987 **9 131026** | as Meta usually sends it: an answer, or a receipt after acceptance |
//! | 8 | +91 987 **8 131026** | always as a `failed` receipt after acceptance |
//! | 7 | +91 987 **7 131026** | as with 9, but only the first time; then all goes well |
//!
//! Codes are those that a row of the error policy names by itself, such as `000190` or `131049`; and
//! six that are not codes: `999001` cut before the message is taken, `999002` cut after, `999003` 503 without a
//! code, `999004` an answer that is not JSON, `999005` no answer, `999006` no answer though taken.
//!
//! They do so for every template, as they were asked to. What becomes of everybody else is chance ([`Mix`]), and there
//! the codes of marketing messages come with marketing templates only.

use super::faults::FaultKind;
use super::settings::Mix;
use crate::domain::error_policy::ErrorPolicy;
use crate::domain::marketing::{ENOUGH_MARKETING, MARKETING};
use crate::domain::opt_out::STOPPED_MARKETING;
use crate::domain::phone::Phone;
use std::collections::HashSet;

/// Codes that Meta tells by a receipt, after it took the message.
const BY_RECEIPT: [i64; 8] = [130_403, 130_472, 131_026, 131_049, 131_050, 131_052, 131_060, 131_070];

/// How a provoked code comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As Meta usually sends it.
    Usual,
    /// As a receipt.
    Receipt,
    /// As usual, but the first time only.
    Once,
}

impl Way {
    fn marker(self) -> u64 {
        match self {
            Self::Usual => 9,
            Self::Receipt => 8,
            Self::Once => 7,
        }
    }
}

/// A country that provoking numbers can be made in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Country {
    /// +91 987 …
    India,
    /// +1 212 …
    UnitedStates,
}

/// The number that provokes this code; codes have six digits at most, longer ones are cut.
///
/// # Panics
///
/// Never: the digits are a phone number's.
pub fn provoking(country: Country, way: Way, code: i64) -> Phone {
    let front = match country {
        Country::India => 91_987,
        Country::UnitedStates => 1_212,
    };
    let digits = (front * 10 + way.marker()) * 1_000_000 + code.unsigned_abs() % 1_000_000;
    Phone::from_digits(digits).expect("eleven or twelve digits are a phone number")
}

/// What becomes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Refused with this code.
    Refused(i64),
    /// Something breaks.
    Broken(FaultKind),
    /// Taken; a receipt says that it failed with this code.
    Failed(i64),
    /// Taken, and a receipt says that it left.
    Sent,
    /// … and that it arrived.
    Delivered,
    /// … and that it was read.
    Read,
}

/// Knows which numbers provoke.
pub(super) struct Numbers {
    codes: HashSet<i64>,
    seed: u64,
}

impl Numbers {
    pub(super) fn new(policy: &ErrorPolicy, seed: u64) -> Self {
        let codes = policy.single_codes().filter(|code| (0..=999_999).contains(code)).collect();
        Self { codes, seed }
    }

    /// The codes that can be provoked.
    pub(super) fn codes(&self) -> Vec<i64> {
        let mut codes: Vec<i64> = self.codes.iter().copied().collect();
        codes.sort_unstable();
        codes
    }

    /// What a number provokes, and how.
    pub(super) fn provoked(&self, phone: Phone) -> Option<(Way, Fate)> {
        let ending = phone.digits() % 10_000_000;
        let way = match ending / 1_000_000 {
            9 => Way::Usual,
            8 => Way::Receipt,
            7 => Way::Once,
            _ => return None,
        };
        let code = i64::try_from(ending % 1_000_000).ok()?;
        let fate = match code {
            999_001 => Fate::Broken(FaultKind::CutBefore),
            999_002 => Fate::Broken(FaultKind::CutAfter),
            999_003 => Fate::Broken(FaultKind::UnavailableWithoutCode),
            999_004 => Fate::Broken(FaultKind::Malformed),
            999_005 => Fate::Broken(FaultKind::Hang),
            999_006 => Fate::Broken(FaultKind::HangAfter),
            _ if !self.codes.contains(&code) => return None,
            _ if way == Way::Receipt => Fate::Failed(code),
            _ => by_code(code),
        };
        Some((way, fate))
    }

    /// What chance decides for a number and a template of a category: always the same for the same seed. Nobody draws a code
    /// of marketing messages with another template.
    pub(super) fn by_chance(&self, mix: &Mix, phone: Phone, category: &str) -> Fate {
        let mut place = share(self.seed, phone.digits());
        for (code, part) in &mix.failed {
            if place < *part {
                return by_code(if category == MARKETING { *code } else { for_all_categories(*code) });
            }
            place -= part;
        }
        if place < mix.read {
            Fate::Read
        } else if place < mix.read + mix.delivered {
            Fate::Delivered
        } else {
            Fate::Sent
        }
    }
}

fn by_code(code: i64) -> Fate {
    if BY_RECEIPT.contains(&code) { Fate::Failed(code) } else { Fate::Refused(code) }
}

/// What is drawn in place of a code that only marketing messages get: not deliverable for one held back, blocked for one
/// who wants no more.
fn for_all_categories(code: i64) -> i64 {
    match code {
        ENOUGH_MARKETING => 131_026,
        STOPPED_MARKETING => 130_403,
        other => other,
    }
}

/// 64 bits that follow from a seed and a number and look like chance (`SplitMix64`).
pub(super) fn mixed(seed: u64, number: u64) -> u64 {
    let mut bits = number.wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The same as a share from 0 up to 1.
pub(super) fn share(seed: u64, number: u64) -> f64 {
    let bits = u32::try_from(mixed(seed, number) >> 32).unwrap_or(0);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers() -> Numbers {
        Numbers::new(&ErrorPolicy::built_in(), 1)
    }

    #[test]
    fn every_way_leads_to_its_fate() {
        let numbers = numbers();
        let provoked = |way, code| numbers.provoked(provoking(Country::India, way, code)).unwrap().1;
        assert_eq!(provoked(Way::Usual, 131_026), Fate::Failed(131_026));
        assert_eq!(provoked(Way::Usual, 131_056), Fate::Refused(131_056));
        assert_eq!(provoked(Way::Receipt, 131_056), Fate::Failed(131_056));
        assert_eq!(provoked(Way::Once, 4), Fate::Refused(4));
        assert_eq!(provoked(Way::Usual, 999_002), Fate::Broken(FaultKind::CutAfter));
        for harmless in ["+15550100111", "+919876543210", "+12129123456", "+919870131026"] {
            assert_eq!(numbers.provoked(harmless.parse().unwrap()), None, "{harmless}");
        }
    }

    #[test]
    fn phone_number_checks_find_them_valid() {
        for code in numbers().codes().into_iter().chain(999_001..=999_006) {
            for country in [Country::India, Country::UnitedStates] {
                for way in [Way::Usual, Way::Receipt, Way::Once] {
                    let phone = provoking(country, way, code).to_string();
                    let parsed: rlibphonenumber::PhoneNumber = phone.parse().unwrap();
                    assert!(parsed.is_valid(), "{phone}");
                }
            }
        }
    }

    #[test]
    fn codes_of_marketing_come_with_marketing_alone() {
        let (numbers, mix) = (numbers(), Mix::lifelike());
        let drawn = |category: &str| -> HashSet<i64> {
            let fate = |digits| numbers.by_chance(&mix, Phone::from_digits(digits).unwrap(), category);
            let code = |fate| if let Fate::Failed(code) = fate { Some(code) } else { None };
            (919_000_000_000..919_000_005_000).map(fate).filter_map(code).collect()
        };
        assert_eq!(drawn(MARKETING), [131_026, 131_049, 131_050].into());
        assert_eq!(drawn("UTILITY"), [131_026, 130_403].into());
    }

    #[test]
    fn chance_keeps_its_shares_and_is_the_same_every_time() {
        let (numbers, mix) = (numbers(), Mix::lifelike());
        let fates = |from: u64| -> Vec<Fate> {
            (from..from + 20_000)
                .map(|digits| numbers.by_chance(&mix, Phone::from_digits(digits).unwrap(), MARKETING))
                .collect()
        };
        let all = fates(919_000_000_000);
        assert_eq!(all, fates(919_000_000_000));
        let part = |fate: Fate| all.iter().filter(|other| **other == fate).count();
        assert!((12_000..12_800).contains(&part(Fate::Read)), "{}", part(Fate::Read));
        assert!((5_600..6_400).contains(&part(Fate::Delivered)), "{}", part(Fate::Delivered));
        assert!((400..600).contains(&part(Fate::Failed(131_026))), "{}", part(Fate::Failed(131_026)));
        assert!((230..370).contains(&part(Fate::Failed(131_049))), "{}", part(Fate::Failed(131_049)));
    }
}
