//! Golden cases: each row is a text, the default country, and what comes of it.

use super::*;
use proptest::prelude::*;

fn country(code: &str) -> Option<Country> {
    (!code.is_empty()).then(|| code.parse().unwrap())
}

fn outcome(text: &str, code: &str) -> String {
    match parse_phone(text, country(code).as_ref()) {
        Ok(parsed) => parsed.phone.to_string(),
        Err(problem) => problem.word().to_owned(),
    }
}

#[track_caller]
fn check(code: &str, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(outcome(text, code), *expected, "{text:?} with {code:?}");
    }
}

#[test]
fn indian_mobiles_in_the_spellings_of_real_files() {
    let spellings = [
        "919913687632",
        "9913687632",
        "09913687632",
        "+919913687632",
        "+91 99136 87632",
        "00919913687632",
        "+91-99136-87632",
        "(+91) 99136 87632",
        "+91 (0) 99136 87632",
        "91 9913687632",
        "0091 99136-87632",
        "'9913687632",
        "9913687632;",
        "\u{a0}99136\u{a0}87632\u{a0}",
        "\u{202a}+919913687632\u{202c}",
        "९९१३६८७६३२",
        "+९१ ९९१३६ ८७६३२",
        "９９１３６８７６３２",
        "＋９１９９１３６８７６３２",
        "9913687632.0",
        "919913687632,0",
        "9913687632.00",
        "9.19913687632E+11",
        "9,19913687632e+11",
        "9.913687632E+9",
        "9,913,687,632",
        "9,91,36,87,632",
        "=\"9913687632\"",
        "tel:+919913687632",
        "whatsapp:+919913687632",
        "99136–87632",
        "99136.87632",
        "\t9913687632\r\n",
        "\u{feff}9913687632",
    ];
    for text in spellings {
        assert_eq!(outcome(text, "IN"), "+919913687632", "{text:?}");
    }
}

#[test]
fn locals_that_begin_like_the_country_code_stay_local() {
    check(
        "IN",
        &[
            ("9152687979", "+919152687979"),
            ("9164468633", "+919164468633"),
            ("919152687979", "+919152687979"),
            ("09152687979", "+919152687979"),
        ],
    );
}

#[test]
fn digits_alone_are_never_guessed() {
    check(
        "",
        &[
            ("919913687632", "no_country"),
            ("9913687632", "no_country"),
            ("9913687632.0", "no_country"),
            ("100200", "no_country"),
            ("98765", "too_short"),
            ("98-76 5", "too_short"),
            ("98765 43210 98765 4", "too_long"),
            ("98765abc", "not_a_number"),
            ("+919913687632", "+919913687632"),
            ("00919913687632", "+919913687632"),
        ],
    );
    // Another country's number that lost its + is not taken for one of here, nor for one of there.
    check(
        "IN",
        &[("447911123456", "not_assigned"), ("5511961234567", "not_assigned"), ("12025550123", "not_assigned")],
    );
    check(
        "GB",
        &[("447911123456", "+447911123456"), ("07911 123456", "+447911123456"), ("9913687632", "not_assigned")],
    );
}

#[test]
fn only_an_exit_code_that_begins_with_zero_or_is_written_out_leads_abroad() {
    // 810 leads abroad from Russia, but in a list it is as likely a number with a digit too many.
    check("RU", &[("810919913687632", "not_assigned"), ("8 912 345-67-89", "+79123456789")]);
    check("JP", &[("010 91 99136 87632", "+919913687632")]);
}

#[test]
fn numbers_of_other_countries() {
    check(
        "US",
        &[
            ("(202) 555-0123", "+12025550123"),
            ("1-202-555-0123", "+12025550123"),
            ("011 91 99136 87632", "+919913687632"),
            ("+52 1 55 1234 5678", "+525512345678"),
        ],
    );
    check("BR", &[("(11) 96123-4567", "+5511961234567"), ("5511961234567", "+5511961234567")]);
    check("DE", &[("0171/2345678", "+491712345678"), ("030/12345678", "+493012345678")]);
    check("IT", &[("06 69812345", "+390669812345"), ("+39 06 69812345", "+390669812345")]);
    check("ES", &[("612 34 56 78", "+34612345678")]);
}

#[test]
fn what_cannot_be_repaired_is_refused_with_its_reason() {
    check(
        "IN",
        &[
            ("", "no_phone"),
            (" \u{a0}\u{200b} ", "no_phone"),
            ("'", "no_phone"),
            ("9.19914E+11", "rounded_by_excel"),
            ("9,19914E+11", "rounded_by_excel"),
            ("9.1991368763E+11", "rounded_by_excel"),
            ("9E+11", "rounded_by_excel"),
            ("9913687632 / 9876543210", "several_numbers"),
            ("9913687632/33", "several_numbers"),
            ("9913687632, 9876543210", "several_numbers"),
            ("9913687632;9876543210", "several_numbers"),
            ("9913687632 9876543210", "several_numbers"),
            ("9913687632\n9876543210", "several_numbers"),
            ("9913687632 or 9876543210", "several_numbers"),
            ("+919913687632 +919876543210", "several_numbers"),
            ("9913687632 ext 5", "extension"),
            ("9913687632 x5", "extension"),
            ("9913687632#12", "extension"),
            ("99136 87632 extn. 12", "extension"),
            ("Asha", "not_a_number"),
            ("1-800-FLOWERS", "not_a_number"),
            ("99136*****", "not_a_number"),
            ("#N/A", "not_a_number"),
            ("n/a", "not_a_number"),
            ("-", "not_a_number"),
            ("+", "not_a_number"),
            ("99136", "too_short"),
            ("+91 99136", "too_short"),
            ("99136876321111111", "too_long"),
            ("+9199136876321111", "too_long"),
            ("+919913687632 and some words that go on and on and on, far too long", "not_a_number"),
            ("+999123456789", "unknown_country_code"),
            ("+0 9913687632", "unknown_country_code"),
            ("0000000000", "unknown_country_code"),
            ("5555555555", "not_assigned"),
            ("1", "too_short"),
        ],
    );
}

#[test]
fn the_kind_of_line_is_told() {
    let kind = |text| parse_phone(text, None).unwrap().kind;
    assert_eq!(kind("+919913687632"), PhoneKind::Mobile);
    assert_eq!(kind("+911234567890"), PhoneKind::Landline);
    assert_eq!(kind("+12025550123"), PhoneKind::MobileOrLandline);
    assert!(kind("+18005550123").is_doubtful());
    assert!(!kind("+919913687632").is_doubtful());
}

#[test]
fn a_reason_names_the_country_and_what_to_do() {
    let words = |text| parse_phone(text, country("IN").as_ref()).unwrap_err().to_string();
    assert_eq!(words("99136"), "too short for a number of IN (+91): digits are missing");
    assert!(words("9.19914E+11").contains("format the column as Text"));
    let words = |text| parse_phone(text, None).unwrap_err().to_string();
    assert_eq!(words("12345"), "too short: 5 digits, so some are missing");
    assert_eq!(words("7"), "too short: 1 digit, so some are missing");
    assert_eq!(words("1234567890123456"), "too long: 16 digits, a number has 15 at most");
    for flag in ["--country", "default_country"] {
        assert!(!words("9913687632").contains(flag), "each face says where a country is named with it");
    }
}

#[test]
fn headings_do_not_look_like_phones() {
    for text in ["phone", "Phone 1", "2024", "", "name", "+", "Asha 12345678"] {
        assert!(!looks_like_phone(text), "{text}");
    }
    for text in ["9913687632", "+1 202 555 0123", "9.19914E+11"] {
        assert!(looks_like_phone(text), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}", code in prop::sample::select(vec!["", "IN", "US", "DE", "IT", "BR"])) {
        if let Ok(parsed) = parse_phone(&text, country(code).as_ref()) {
            let written = parsed.phone.to_string();
            prop_assert_eq!(parse_phone(&written, None), Ok(parsed));
        }
    }

    #[test]
    fn what_is_read_reads_back_to_itself(
        text in "[+]?[0-9 .,()/'-]{0,20}([eE][+]?[0-9]{1,3})?",
        code in prop::sample::select(vec!["", "IN", "US", "DE", "IT", "BR", "AR", "MX"]),
    ) {
        if let Ok(parsed) = parse_phone(&text, country(code).as_ref()) {
            let written = parsed.phone.to_string();
            prop_assert_eq!(parse_phone(&written, None), Ok(parsed));
            prop_assert_eq!(parse_phone(&written, country("IN").as_ref()), Ok(parsed));
        }
    }
}

#[test]
fn lists_may_have_the_forms_that_only_whatsapp_uses() {
    let brazil: Country = "BR".parse().unwrap();
    for (text, country) in [("+55 11 8765-4321", None), ("551187654321", Some(&brazil))] {
        assert!(parse_phone(text, country).is_err(), "{text}: nobody is sent to by it");
        let read = parse_phone_of_list(text, country).unwrap();
        assert_eq!(read.phone.to_string(), "+5511987654321");
    }
    for text in ["+55118765432", "+5511", "+9112345", ""] {
        assert_eq!(parse_phone_of_list(text, None), parse_phone(text, None), "{text}");
    }
    let plain = "+919876500001";
    assert_eq!(parse_phone_of_list(plain, None), parse_phone(plain, None));
}
