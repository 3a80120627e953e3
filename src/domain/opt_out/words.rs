//! The words by which people stop and start messages, in many languages, and how a message is held against them.
//!
//! A message counts only as a whole: "stop" does, "the bus does not stop here" does not. Capitals, accents, punctuation,
//! emoji and blanks around do not matter. The words stand in `assets/stop_words.csv`.

use super::LONGEST_TEXT;
use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("../../../assets/stop_words.csv");

static WORDS: LazyLock<HashMap<String, Meaning>> = LazyLock::new(|| rows().map(|row| (plain(row.1), row.2)).collect());

/// What a word means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Nothing more, please.
    Stop,
    /// Go on again.
    Start,
}

/// What a whole message means; `None`: neither.
pub fn meaning(message: &str) -> Option<Meaning> {
    // No stop word is anywhere near as long, and what comes from outside may be.
    if message.len() > 4 * LONGEST_TEXT {
        return None;
    }
    WORDS.get(&plain(message)).copied()
}

/// The table's rows: language, word, meaning. One that cannot be read is left out; a test sees to it that there is none.
fn rows() -> impl Iterator<Item = (&'static str, &'static str, Meaning)> {
    TABLE.lines().skip(1).filter_map(|line| {
        let (language, rest) = line.split_once(',')?;
        let (word, kind) = rest.rsplit_once(',')?;
        let meaning = match kind {
            "stop" => Meaning::Stop,
            "start" => Meaning::Start,
            _ => return None,
        };
        Some((language, word, meaning))
    })
}

/// A text without what does not matter: small letters without accents, one blank between words, nothing around.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        if is_mark(letter) || matches!(letter, '\'' | '’' | 'ʼ' | '`' | '´') {
            continue;
        }
        if letter.is_alphanumeric() || is_of_a_script_with_signs(letter) {
            match without_accent(letter) {
                Some(bare) => plain.push_str(bare),
                None => plain.push(letter),
            }
        } else if !plain.is_empty() && !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// Marks over and under letters that change nothing about which word it is.
fn is_mark(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' // combining accents
        | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}' // Hebrew points
        | '\u{610}'..='\u{61a}' | '\u{640}' | '\u{64b}'..='\u{65f}' | '\u{670}' // Arabic vowels and the stretched line
        | '\u{93c}' // Devanagari's dot below
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' // invisible ones
        | '\u{fe00}'..='\u{fe0f}') // which picture an emoji has
}

/// Scripts in which signs that are no letters are parts of words.
fn is_of_a_script_with_signs(letter: char) -> bool {
    // Danda and double danda end sentences.
    matches!(letter, '\u{900}'..='\u{963}' | '\u{966}'..='\u{df3}' | '\u{e00}'..='\u{eff}' | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17d3}')
}

/// A letter of Latin, Greek, Cyrillic or Arabic script without its accent.
fn without_accent(letter: char) -> Option<&'static str> {
    Some(match letter {
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' | 'ạ' | 'ả' | 'ấ' | 'ầ' | 'ẩ' | 'ẫ' | 'ậ' | 'ắ' | 'ằ' | 'ẳ' | 'ẵ' | 'ặ' => {
            "a"
        }
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' | 'ẹ' | 'ẻ' | 'ẽ' | 'ế' | 'ề' | 'ể' | 'ễ' | 'ệ' => {
            "e"
        }
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' | 'ỉ' | 'ị' => "i",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö'
        | 'ø'
        | 'ō'
        | 'ŏ'
        | 'ő'
        | 'ơ'
        | 'ọ'
        | 'ỏ'
        | 'ố'
        | 'ồ'
        | 'ổ'
        | 'ỗ'
        | 'ộ'
        | 'ớ'
        | 'ờ'
        | 'ở'
        | 'ỡ'
        | 'ợ' => "o",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ț' => "t",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' | 'ư' | 'ụ' | 'ủ' | 'ứ' | 'ừ' | 'ử' | 'ữ' | 'ự' => {
            "u"
        }
        'ý' | 'ÿ' | 'ỳ' | 'ỵ' | 'ỷ' | 'ỹ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'ά' => "α",
        'έ' => "ε",
        'ή' => "η",
        'ί' | 'ϊ' | 'ΐ' => "ι",
        'ό' => "ο",
        'ύ' | 'ϋ' | 'ΰ' => "υ",
        'ώ' => "ω",
        'ς' => "σ",
        'ё' => "е",
        'أ' | 'إ' | 'آ' | 'ٱ' => "ا",
        'ى' | 'ی' => "ي",
        'ک' => "ك",
        'ة' => "ه",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_row_can_be_read_and_no_word_means_both() {
        assert_eq!(rows().count(), TABLE.lines().count() - 1);
        for (language, word, meaning) in rows() {
            assert_eq!(super::meaning(word), Some(meaning), "{language}: {word}");
            assert!(!plain(word).is_empty() && word.len() < LONGEST_TEXT, "{word}");
        }
        let languages: BTreeSet<_> = rows().map(|row| row.0).collect();
        for language in ["en", "es", "pt", "hi", "ar", "he", "tr", "id", "zh"] {
            let kinds: BTreeSet<_> = rows().filter(|row| row.0 == language).map(|row| row.2 == Meaning::Stop).collect();
            assert_eq!(kinds.len(), 2, "{language} has words for both");
        }
        assert!(languages.len() >= 30, "{}", languages.len());
    }

    #[test]
    fn what_does_not_matter_does_not_matter() {
        for text in [
            "STOP",
            "stop",
            " Stop. ",
            "stop!!!",
            "\"stop\"",
            "«Stop»",
            "STOP 🛑",
            "🙏 stop 🙏",
            "s\u{301}top",
            "Stop\n",
            "*stop*",
            "st\u{200b}op",
            "\u{202a}STOP\u{202c}",
            "opt-out",
            "OPT_OUT",
            "ARRET",
            "arrêt",
            "Arrêter!",
            "DUR",
            "बंद करें।",
            "إِيقَاف",
            "הַסֵר",
            "СТОП",
            "ΔΙΑΚΟΠΗ",
            "停止。",
            "Hủy đăng ký",
            "HUY DANG KY",
            "don’t message me",
        ] {
            assert_eq!(meaning(text), Some(Meaning::Stop), "{text}");
        }
        for text in ["START", "Alta", "subscribe!", "ABONE OL"] {
            assert_eq!(meaning(text), Some(Meaning::Start), "{text}");
        }
    }

    #[test]
    fn inside_a_sentence_it_is_no_word() {
        let long = "stop ".repeat(400);
        for text in [
            "the bus does not stop here",
            "stop by tomorrow",
            "non-stop",
            "Darme de baja, por favor",
            "stopp the cheque",
            "s t o p",
            "cancel",
            "cancel my order",
            "yes",
            "no",
            "",
            " ",
            "🛑",
            "...",
            long.as_str(),
        ] {
            assert_eq!(meaning(text), None, "{text:.40}");
        }
    }
}
