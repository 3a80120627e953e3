//! Countries by their names, as people type them: a name or the beginning of one, two letters, or what stands after the
//! `+`.
//!
//! For the fields in which an operator names a country. Files, scripts and the configuration keep to the two letters.

use super::Country;
use rlibphonenumber::{PHONE_NUMBER_UTIL, Region};

/// Letters of a name's beginning from which on it is looked for; two are a code.
const LEAST: usize = 3;

/// Code and name, parted by `;`. A country that is known by several names stands here with each, the usual one first.
const NAMES: &str = "AF Afghanistan;AX Åland Islands;AL Albania;DZ Algeria;AS American Samoa;AD Andorra;AO Angola;\
    AI Anguilla;AG Antigua and Barbuda;AR Argentina;AM Armenia;AW Aruba;AC Ascension Island;AU Australia;AT Austria;\
    AT Österreich;AZ Azerbaijan;BS Bahamas;BH Bahrain;BD Bangladesh;BB Barbados;BY Belarus;BE Belgium;BZ Belize;\
    BJ Benin;BM Bermuda;BT Bhutan;BO Bolivia;BA Bosnia and Herzegovina;BW Botswana;BR Brazil;BR Brasil;\
    IO British Indian Ocean Territory;VG British Virgin Islands;BN Brunei;BG Bulgaria;BF Burkina Faso;BI Burundi;\
    KH Cambodia;CM Cameroon;CA Canada;CV Cape Verde;BQ Caribbean Netherlands;KY Cayman Islands;\
    CF Central African Republic;TD Chad;CL Chile;CN China;CX Christmas Island;CC Cocos Islands;CO Colombia;KM Comoros;\
    CG Congo;CD Congo, Democratic Republic;CK Cook Islands;CR Costa Rica;CI Côte d'Ivoire;CI Cote d'Ivoire;\
    CI Ivory Coast;HR Croatia;CU Cuba;CW Curaçao;CW Curacao;CY Cyprus;CZ Czechia;CZ Czech Republic;DK Denmark;\
    DJ Djibouti;DM Dominica;DO Dominican Republic;EC Ecuador;EG Egypt;SV El Salvador;GQ Equatorial Guinea;ER Eritrea;\
    EE Estonia;SZ Eswatini;SZ Swaziland;ET Ethiopia;FK Falkland Islands;FO Faroe Islands;FJ Fiji;FI Finland;FR France;\
    GF French Guiana;PF French Polynesia;GA Gabon;GM Gambia;GE Georgia;DE Germany;DE Deutschland;GH Ghana;GI Gibraltar;\
    GR Greece;GL Greenland;GD Grenada;GP Guadeloupe;GU Guam;GT Guatemala;GG Guernsey;GN Guinea;GW Guinea-Bissau;\
    GY Guyana;HT Haiti;HN Honduras;HK Hong Kong;HU Hungary;IS Iceland;IN India;IN Bharat;ID Indonesia;IR Iran;IQ Iraq;\
    IE Ireland;IM Isle of Man;IL Israel;IT Italy;IT Italia;JM Jamaica;JP Japan;JE Jersey;JO Jordan;KZ Kazakhstan;\
    KE Kenya;KI Kiribati;XK Kosovo;KW Kuwait;KG Kyrgyzstan;LA Laos;LV Latvia;LB Lebanon;LS Lesotho;LR Liberia;LY Libya;\
    LI Liechtenstein;LT Lithuania;LU Luxembourg;MO Macao;MG Madagascar;MW Malawi;MY Malaysia;MV Maldives;ML Mali;\
    MT Malta;MH Marshall Islands;MQ Martinique;MR Mauritania;MU Mauritius;YT Mayotte;MX Mexico;MX México;FM Micronesia;\
    MD Moldova;MC Monaco;MN Mongolia;ME Montenegro;MS Montserrat;MA Morocco;MZ Mozambique;MM Myanmar;MM Burma;\
    NA Namibia;NR Nauru;NP Nepal;NL Netherlands;NL Holland;NC New Caledonia;NZ New Zealand;NI Nicaragua;NE Niger;\
    NG Nigeria;NU Niue;NF Norfolk Island;KP North Korea;MK North Macedonia;MP Northern Mariana Islands;NO Norway;\
    OM Oman;PK Pakistan;PW Palau;PS Palestine;PA Panama;PG Papua New Guinea;PY Paraguay;PE Peru;PH Philippines;\
    PL Poland;PT Portugal;PR Puerto Rico;QA Qatar;RE Réunion;RE Reunion;RO Romania;RU Russia;RW Rwanda;\
    BL Saint Barthélemy;SH Saint Helena;KN Saint Kitts and Nevis;LC Saint Lucia;MF Saint Martin;\
    PM Saint Pierre and Miquelon;VC Saint Vincent and the Grenadines;WS Samoa;SM San Marino;ST São Tomé and Príncipe;\
    SA Saudi Arabia;SA KSA;SN Senegal;RS Serbia;SC Seychelles;SL Sierra Leone;SG Singapore;SX Sint Maarten;SK Slovakia;\
    SI Slovenia;SB Solomon Islands;SO Somalia;ZA South Africa;KR South Korea;KR Korea;SS South Sudan;ES Spain;\
    ES España;LK Sri Lanka;SD Sudan;SR Suriname;SJ Svalbard and Jan Mayen;SE Sweden;CH Switzerland;SY Syria;TW Taiwan;\
    TJ Tajikistan;TZ Tanzania;TH Thailand;TL Timor-Leste;TG Togo;TK Tokelau;TO Tonga;TT Trinidad and Tobago;\
    TA Tristan da Cunha;TN Tunisia;TR Turkey;TR Türkiye;TM Turkmenistan;TC Turks and Caicos Islands;TV Tuvalu;\
    VI US Virgin Islands;UG Uganda;UA Ukraine;AE United Arab Emirates;AE UAE;AE Emirates;GB United Kingdom;\
    GB Great Britain;GB Britain;GB England;GB Scotland;GB Wales;GB UK;US United States;US USA;US America;UY Uruguay;\
    UZ Uzbekistan;VU Vanuatu;VA Vatican City;VE Venezuela;VN Vietnam;VN Viet Nam;WF Wallis and Futuna;\
    EH Western Sahara;YE Yemen;ZM Zambia;ZW Zimbabwe";

/// What somebody meant who typed a country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// Nothing was typed.
    Nothing,
    /// This one.
    One(Country),
    /// One of these, as far as was typed; in the order of their names.
    Several(Vec<Country>),
    /// No country that is known.
    Unknown,
}

impl Meant {
    /// The country, when there is only one that it can be.
    pub fn country(&self) -> Option<Country> {
        if let Self::One(country) = self { Some(*country) } else { None }
    }
}

fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    NAMES.split(';').filter_map(|line| line.split_once(' '))
}

impl Country {
    /// Its name in English; the two letters when it has none here.
    pub fn name(self) -> String {
        let code = self.code();
        names().find(|(one, _)| *one == code).map_or(code, |(_, name)| name.to_owned())
    }

    /// Which country is meant by a name (or its beginning, from three letters on), by two letters, or by a calling code with
    /// or without `+`. A calling code that several countries share stands for the largest of them.
    pub fn meant_by(text: &str) -> Meant {
        let typed = text.trim().to_lowercase();
        if typed.is_empty() {
            return Meant::Nothing;
        }
        let digits = typed.trim_start_matches(['+', '0']);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let region = digits.parse().ok().and_then(|code| PHONE_NUMBER_UTIL.get_region_for_country_code(code));
            let country =
                region.filter(|region| *region != Region::World).and_then(|region| region.to_string().parse().ok());
            return country.map_or(Meant::Unknown, Meant::One);
        }
        let whole = names().find(|(_, name)| name.to_lowercase() == typed).map(|(code, _)| code);
        if let Ok(country) = whole.unwrap_or(&typed).parse() {
            return Meant::One(country);
        }
        if typed.chars().count() < LEAST {
            return Meant::Unknown;
        }
        let mut found: Vec<Self> = Vec::new();
        for (code, name) in names() {
            if name.to_lowercase().starts_with(&typed)
                && let Ok(country) = code.parse()
                && !found.contains(&country)
            {
                found.push(country);
            }
        }
        match found[..] {
            [] => Meant::Unknown,
            [one] => Meant::One(one),
            _ => Meant::Several(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_is_named_as_people_name_it() {
        for (typed, code) in [
            ("India", "IN"),
            ("in", "IN"),
            (" IN ", "IN"),
            ("+91", "IN"),
            ("91", "IN"),
            ("0091", "IN"),
            ("indi", "IN"),
            ("braz", "BR"),
            ("UK", "GB"),
            ("usa", "US"),
            ("+1", "US"),
            ("1", "US"),
            ("+7", "RU"),
            ("guinea", "GN"),
            ("türk", "TR"),
            ("niger", "NE"),
            ("United King", "GB"),
        ] {
            let country = Country::meant_by(typed).country();
            assert_eq!(country.map(Country::code).as_deref(), Some(code), "{typed}");
        }
        for typed in ["zz", "i", "Atlantis", "+999", "+", "12345678901234567890", "98765 43210"] {
            assert_eq!(Country::meant_by(typed), Meant::Unknown, "{typed}");
        }
        assert_eq!(Country::meant_by("  "), Meant::Nothing);
        let Meant::Several(several) = Country::meant_by("ind") else { panic!("India and Indonesia begin so") };
        assert_eq!(several.into_iter().map(Country::name).collect::<Vec<_>>(), ["India", "Indonesia"]);
    }

    #[test]
    fn every_name_is_a_country_s() {
        for (code, name) in names() {
            assert!(code.parse::<Country>().is_ok(), "{code} {name}");
        }
        assert_eq!("BR".parse::<Country>().unwrap().name(), "Brazil");
    }
}
