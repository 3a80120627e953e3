//! Makes number files as they come from offices: one person in many spellings, Excel's damage, quotes,
//! blank and ragged lines, mixed line ends. The same seed makes the same file. With it comes what must
//! become of every row, so that tests can compare row by row. All people and numbers are made up.

use std::collections::HashSet;
use std::fmt::Write;

/// A messy file and the truth about it.
pub struct Messy {
    /// The file, in UTF-8 with a byte order mark.
    pub text: String,
    /// Every row that counts, in the file's order.
    pub rows: Vec<Expected>,
}

/// What must become of one row when numbers without `+` are read as Indian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The line on which it begins.
    pub row: u64,
    /// The person, or the word of the reason.
    pub outcome: Result<Person, &'static str>,
    /// The person's number stood in an earlier row already.
    pub is_duplicate: bool,
}

/// A person as the file means it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// In E.164.
    pub phone: String,
    /// The column "Customer Name".
    pub name: String,
    /// The column "City".
    pub city: String,
}

impl Messy {
    /// Received, imported, duplicate and rejected rows.
    pub fn counts(&self) -> (usize, usize, usize, usize) {
        let rejected = self.rows.iter().filter(|row| row.outcome.is_err()).count();
        let duplicates = self.rows.iter().filter(|row| row.is_duplicate).count();
        (self.rows.len(), self.rows.len() - rejected - duplicates, duplicates, rejected)
    }
}

const NAMES: [&str; 14] = [
    "Asha Rao",
    "आशा शर्मा",
    "Rao, Meera",
    "Kiran \"KK\" Das",
    "Noor\nSecond line",
    "Zoë Müller",
    "  Ravi  ",
    "\u{a0}Ila Sen\u{a0}",
    "Farah",
    "",
    "O'Neil; Tara",
    "रवि कुमार",
    "Jo|Ann",
    "ಕಾವ್ಯ",
];
const CITIES: [&str; 6] = ["Pune", "Mumbai, West", "दिल्ली", "", "Chennai; South", "Goa"];

/// Makes a file with this many rows that count.
pub fn messy(seed: u64, rows: usize) -> Messy {
    let mut maker = Maker {
        random: fastrand::Rng::with_seed(seed),
        delimiter: if seed.is_multiple_of(2) { ';' } else { ',' },
        text: String::from("\u{feff}"),
        line: 1,
        used: Vec::new(),
        seen: HashSet::new(),
        rows: Vec::new(),
    };
    maker.line(&["Customer Name", "Mobile No.", "City", "Note"]);
    while maker.rows.len() < rows {
        maker.row();
    }
    maker.text.push_str("\r\n\n  \r\n");
    Messy { text: maker.text, rows: maker.rows }
}

struct Maker {
    random: fastrand::Rng,
    delimiter: char,
    text: String,
    line: u64,
    used: Vec<u64>,
    seen: HashSet<u64>,
    rows: Vec<Expected>,
}

impl Maker {
    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.random.usize(..from.len())]
    }

    /// A ten-digit mobile that no earlier row has.
    fn fresh_local(&mut self) -> u64 {
        let index = self.used.len() as u64;
        // 9919 is prime to the range, so nothing comes twice; the others begin like the country code.
        let local =
            if index % 11 == 10 { 9_152_600_000 + index / 11 } else { 9_900_000_000 + index * 9919 % 99_999_989 };
        self.used.push(local);
        local
    }

    fn row(&mut self) {
        let name = self.pick(&NAMES);
        let city = self.pick(&CITIES);
        let note = self.pick(&["", "VIP", "called \"twice\"", "a, b; c", "line\nbreak"]);
        match self.random.u32(..100) {
            0..75 => {
                let local = self.fresh_local();
                self.person(local, &[name, "", city, note], city);
            }
            75..81 if !self.used.is_empty() => {
                let local = self.used[self.random.usize(..self.used.len())];
                self.person(local, &[name, "", city, note], city);
            }
            81..84 => {
                let local = self.fresh_local();
                self.person(local, &[name, ""], "");
            }
            84 => {
                let cell = self.spelling(9_913_600_000);
                let row = self.line(&[name, &cell, city, note, "surplus"]);
                self.rejected(row, "too_many_cells");
            }
            85..88 => self.damaged(&[name, "9.19914E+11", city, note], "rounded_by_excel"),
            88 => self.damaged(&[name, "9,19914E+11", city], "rounded_by_excel"),
            89 => self.damaged(&[name, "9913600001 / 9913600002", city, note], "several_numbers"),
            90 => self.damaged(&[name, "99136", city, note], "too_short"),
            91 => self.damaged(&[name, "ask him", city, note], "not_a_number"),
            92 => self.damaged(&[name, "9913600003 ext 12", city, note], "extension"),
            93 => self.damaged(&["Blank Phone", "", city, note], "no_phone"),
            94 => self.damaged(&[name, "#N/A", city, note], "formula_error"),
            95 => self.damaged(&["Ren\u{fffd}", "9913600004", city, note], "lost_characters"),
            96 => self.damaged(&[name, "12345678901234567890", city, note], "too_long"),
            _ => self.blank_line(),
        }
    }

    fn damaged(&mut self, cells: &[&str], word: &'static str) {
        let row = self.line(cells);
        self.rejected(row, word);
    }

    fn rejected(&mut self, row: u64, word: &'static str) {
        self.rows.push(Expected { row, outcome: Err(word), is_duplicate: false });
    }

    fn person(&mut self, local: u64, cells: &[&str], city: &str) {
        let cell = self.spelling(local);
        let name = cells[0];
        let mut cells = cells.to_vec();
        cells[1] = &cell;
        let row = self.line(&cells);
        let clean = |text: &str| text.trim().to_owned();
        let person = Person { phone: format!("+91{local}"), name: clean(name), city: clean(city) };
        let is_duplicate = !self.seen.insert(local);
        self.rows.push(Expected { row, outcome: Ok(person), is_duplicate });
    }

    /// One of the ways in which people and programs write an Indian mobile.
    fn spelling(&mut self, local: u64) -> String {
        let digits = local.to_string();
        let (front, back) = digits.split_at(5);
        let in_script = |zero: u32| {
            digits.bytes().filter_map(|byte| char::from_u32(zero + u32::from(byte - b'0'))).collect::<String>()
        };
        match self.random.u32(..20) {
            0 => format!("91{digits}"),
            1 => format!("0{digits}"),
            2 => format!("+91{digits}"),
            3 => format!("+91 {front} {back}"),
            4 => format!("0091{digits}"),
            5 => format!("+91-{front}-{back}"),
            6 => format!("(+91) {front}\u{a0}{back}"),
            7 => format!("'{digits}"),
            8 => format!("{digits};"),
            9 => format!("\u{202a}+91{digits}\u{202c}"),
            10 => in_script(0x0966),
            11 => in_script(0xFF10),
            12 => format!("{digits}.0"),
            13 => format!("91{digits}.0"),
            14 => format!("9.1{digits}E+11"),
            15 => format!(" {digits} "),
            16 => format!("\u{a0}{digits}\u{a0}"),
            17 => format!("tel:+91{digits}"),
            _ => digits,
        }
    }

    fn blank_line(&mut self) {
        let line = match self.random.u32(..4) {
            0 => String::new(),
            1 => "   ".to_owned(),
            2 => self.delimiter.to_string().repeat(3),
            _ => format!("\"\"{0} {0}{0}\u{a0}", self.delimiter),
        };
        self.text.push_str(&line);
        self.end_line();
    }

    /// Writes a line; gives back the number of the line it begins on.
    fn line(&mut self, cells: &[&str]) -> u64 {
        let begins = self.line;
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.text.push(self.delimiter);
            }
            let needs_quotes = cell.contains([self.delimiter, '"', '\n', '\r']);
            if needs_quotes || self.random.u32(..10) == 0 {
                let _ = write!(self.text, "\"{}\"", cell.replace('"', "\"\""));
                self.line += cell.matches('\n').count() as u64;
            } else {
                self.text.push_str(cell);
            }
        }
        self.end_line();
        begins
    }

    fn end_line(&mut self) {
        self.text.push_str(if self.random.bool() { "\r\n" } else { "\n" });
        self.line += 1;
    }
}
