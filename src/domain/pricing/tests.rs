use super::*;
use RecipientState::{Delivered, Read, Sent};

fn marketing(billable: bool) -> Pricing {
    Pricing { category: Category::Marketing, kind: Kind::Regular, billable }
}

fn all_pricings() -> Vec<Pricing> {
    let kinds = || Category::ALL.into_iter().flat_map(|category| Kind::ALL.map(|kind| (category, kind)));
    let both = |(category, kind)| [false, true].map(|billable| Pricing { category, kind, billable });
    kinds().flat_map(both).collect()
}

fn gather(told: &[Mark]) -> Mark {
    told.iter().fold(Mark::default(), |known, one| known.and(*one))
}

/// Every order of these.
fn orders(told: &[Mark]) -> Vec<Vec<Mark>> {
    if told.len() < 2 {
        return vec![told.to_vec()];
    }
    let mut all = Vec::new();
    for place in 0..told.len() {
        let mut rest = told.to_vec();
        let first = rest.remove(place);
        all.extend(orders(&rest).into_iter().map(|rest| [&[first], &rest[..]].concat()));
    }
    all
}

#[test]
fn what_is_stored_is_what_is_read() {
    let pricings = all_pricings();
    assert_eq!(pricings.len(), PRICINGS.len());
    let mut codes = std::collections::BTreeSet::new();
    for pricing in pricings {
        assert_eq!(Pricing::parse(&pricing.to_string()), Some(pricing));
        for state in [Sent, Delivered, Read] {
            for mark in [Mark::default(), Mark::reached(Delivered, None)] {
                let mark = mark.and(Mark::reached(state, Some(pricing)));
                assert_eq!(Mark::of_code(&mark.code()), mark);
                codes.insert(mark.code());
            }
        }
    }
    // Named by `sent` and not delivered, and delivered and named by each of the three.
    assert_eq!(codes.len(), 64 * 4);
    for mark in [Mark::default(), Mark::reached(Delivered, None)] {
        assert_eq!(Mark::of_code(&mark.code()), mark);
    }
    for odd in ["", "s", "s!", "?A", "sAB", "é"] {
        assert_eq!(Mark::of_code(odd), Mark::default(), "{odd}");
    }
    // What lies in stores must go on meaning the same.
    let pinned = [
        (Mark::default(), ".."),
        (Mark::reached(Sent, Some(marketing(true))), "sB"),
        (Mark::reached(Delivered, None), "d."),
        (Mark::reached(Delivered, Some(marketing(true))), "fB"),
    ];
    for (mark, code) in pinned {
        assert_eq!(mark.code(), code);
    }
    let free = Pricing { category: Category::Utility, kind: Kind::FreeCustomerService, billable: false };
    assert_eq!(Mark::reached(Read, Some(free)).code(), "gS");
}

#[test]
fn any_order_and_any_double_comes_to_the_same() {
    let (sent, delivered, read) = (
        Mark::reached(Sent, Some(marketing(false))),
        Mark::reached(Delivered, Some(marketing(true))),
        Mark::reached(Read, None),
    );
    let sets: [(&[Mark], Option<Pricing>); 6] = [
        (&[sent], None),
        (&[sent, delivered], Some(marketing(true))),
        (&[sent, Mark::reached(Delivered, None)], Some(marketing(false))),
        (&[sent, delivered, read], Some(marketing(true))),
        (&[sent, Mark::reached(Delivered, None), Mark::reached(Read, Some(marketing(true)))], Some(marketing(true))),
        (&[Mark::reached(Delivered, None), read], None),
    ];
    for (told, counts) in sets {
        for order in orders(told) {
            assert_eq!(gather(&order).counts(), counts, "{order:?}");
            let doubled: Vec<Mark> = order.iter().chain(&order).copied().collect();
            assert_eq!(gather(&doubled), gather(&order), "{order:?}");
        }
    }
    // Of two receipts of one kind the later one counts.
    let again = [delivered, Mark::reached(Delivered, Some(marketing(false)))];
    assert_eq!(gather(&again).counts(), Some(marketing(false)));
}

#[test]
fn words_are_metas_and_few() {
    let of = |category, kind, billable| Pricing::of(category, kind, billable).map(|pricing| pricing.to_string());
    for (said, read) in [
        (of("MARKETING", "regular", Some(true)), "marketing/regular/billed"),
        (of("marketing_lite", "regular", None), "marketing_lite/regular/billed"),
        (of("authentication_international", "regular", None), "authentication-international/regular/billed"),
        (of("utility", "free_customer_service", None), "utility/free_customer_service/free"),
        (of("utility", "free_something_new", None), "utility/other/free"),
        (of("group_marketing", "", None), "other/other/billed"),
        (of("", "", Some(false)), "other/other/free"),
    ] {
        assert_eq!(said.as_deref(), Some(read));
    }
    assert_eq!(of("", "", None), None);
    assert_eq!(Pricing::parse("marketing/regular"), None);
}

#[test]
fn bills_are_told_in_plain_words() {
    let free = Pricing { category: Category::Utility, kind: Kind::FreeCustomerService, billable: false };
    let prices = [Priced { pricing: marketing(true), messages: 812 }, Priced { pricing: free, messages: 20 }];
    let words = |prices: &[Priced]| words(prices, " messages", |count| count.to_string());
    assert_eq!(
        words(&prices).as_deref(),
        Some("812 of 832 messages: 812 marketing; not billed: 20 utility (had written)")
    );
    assert_eq!(billed(&prices), (812, 832));
    assert_eq!(words(&[]), None);
}
