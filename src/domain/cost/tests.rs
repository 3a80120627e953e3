use super::*;
use jiff::civil::date;

const HEADER: &str = "valid_from,market,countries,category,currency,amount\n";

fn people(phones: &[&str]) -> Tally {
    let mut tally = Tally::default();
    for phone in phones {
        tally.add(phone.parse().unwrap());
    }
    tally
}

#[test]
fn an_estimate_is_exact_and_says_who_has_no_rate() {
    let rates = Rates::built_in();
    let day = date(2026, 11, 22);
    let asked =
        people(&["+919876500001", "+919876500002", "+919876500003", "+4915112345678", "+35699123456", "+80012345678"]);
    let estimate = rates.estimate(&asked, "MARKETING", "USD", day);
    // Malta is in no region: it is among the others.
    let markets: Vec<_> =
        estimate.by_market.iter().map(|one| (one.market.as_str(), one.people, one.total.to_string())).collect();
    assert_eq!(
        markets,
        [("Germany", 1, "0.1365".into()), ("Other", 1, "0.0604".into()), ("India", 3, "0.0354".into())]
    );
    assert_eq!((estimate.total, estimate.without_rate), (Money(232_300), 1));
    assert_eq!(estimate.rates_from, Some(date(2026, 10, 1)));
    let rupees = rates.estimate(&asked, "UTILITY", "INR", day);
    assert_eq!((rupees.total.to_string().as_str(), rupees.without_rate), ("0.345", 3));
    for (category, currency, day) in
        [("SERVICE", "USD", day), ("MARKETING", "EUR", day), ("MARKETING", "USD", date(2026, 9, 30))]
    {
        let none = rates.estimate(&asked, category, currency, day);
        assert_eq!(
            (none.total, none.without_rate, none.rates_from),
            (Money(0), 6, None),
            "{category} {currency} {day}"
        );
    }
}

#[test]
fn the_newest_rate_that_has_come_counts_and_a_named_country_goes_first() {
    let text = format!(
        "{HEADER}2026-01-01,Others,*,marketing,USD,1\n2026-01-01,India,IN,marketing,USD,2\n\
         2026-04-01,India,IN,marketing,USD,3\n2027-01-01,India,IN,marketing,USD,4\n"
    );
    let rates = Rates::from_csv(&text).unwrap();
    let asked = people(&["+919876500001"]);
    let on = |day| rates.estimate(&asked, "MARKETING", "USD", day).total.to_string();
    let days = [date(2026, 2, 1), date(2026, 4, 1), date(2026, 12, 31), date(2027, 1, 1)];
    assert_eq!(days.map(on), ["2.00", "3.00", "3.00", "4.00"]);
}

#[test]
fn numbers_under_1_are_told_apart_by_their_area() {
    let estimate = Rates::built_in().estimate(
        // New York, Toronto, Puerto Rico, the Bahamas.
        &people(&["+12125550100", "+14165550100", "+17875550100", "+12423590100"]),
        "UTILITY",
        "USD",
        date(2026, 11, 22),
    );
    let mut markets: Vec<_> = estimate.by_market.iter().map(|one| (one.market.as_str(), one.people)).collect();
    markets.sort_unstable();
    assert_eq!(markets, [("North America", 2), ("Other", 1), ("Rest of Latin America", 1)]);
}

#[test]
fn amounts_are_read_and_shown_without_rounding() {
    for (text, money, shown) in [
        ("0.0118", 11_800, "0.0118"),
        ("12", 12_000_000, "12.00"),
        ("12.3", 12_300_000, "12.30"),
        ("0.000001", 1, "0.000001"),
    ] {
        assert_eq!(Money::read(text), Some(Money(money)), "{text}");
        assert_eq!(Money(money).to_string(), shown);
    }
    for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "0.0000001", "99999999999999999999", "1.2.3", "NaN"] {
        assert_eq!(Money::read(text), None, "{text}");
    }
    // A million people at the dearest rate.
    assert_eq!(Money(159_700).times(1_000_000).to_string(), "159700.00");
}

#[test]
fn what_is_doubtful_in_a_file_is_an_error_with_its_place() {
    for (rows, words) in [
        ("", "rates: there is no row in it"),
        ("2026-13-01,A,IN,marketing,USD,1\n", "rates, line 2, valid_from: \"2026-13-01\" is not a day"),
        ("2026-01-01,,IN,marketing,USD,1\n", "line 2, market:"),
        ("2026-01-01,A,,marketing,USD,1\n", "line 2, countries: they are missing"),
        ("2026-01-01,A,IN india,marketing,USD,1\n", "line 2, countries: \"india\""),
        ("2026-01-01,A,IN,promotion,USD,1\n", "line 2, category: \"promotion\""),
        ("2026-01-01,A,IN,marketing,usd,1\n", "line 2, currency: \"usd\""),
        ("2026-01-01,A,IN,marketing,USD,\"1,5\"\n", "line 2, amount: \"1,5\""),
        ("2026-01-01,A,IN,marketing,USD,1\n2026-01-01,B,US IN,utility/marketing,USD,1\n", "line 3, countries: IN has"),
        ("2026-01-01,A,*,marketing,USD,1\n2026-01-01,B,*,marketing,USD,1\n", "line 3, countries: * has"),
        ("2026-01-01,A,IN,marketing,USD\n", "line 2: not a readable row"),
    ] {
        let error = Rates::from_csv(&format!("{HEADER}{rows}")).unwrap_err().to_string();
        assert!(error.contains(words), "{words} is not in: {error}");
    }
    let error = Rates::from_csv("market,amount\nIndia,1\n").unwrap_err().to_string();
    assert_eq!(error, "rates, line 1: the columns must be valid_from,market,countries,category,currency,amount");
}
