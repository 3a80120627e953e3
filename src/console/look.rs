//! How things look: palettes, and glyph sets for terminals with and without UTF-8.
//!
//! State is always told by glyph and word; colour only repeats it. Views name a [`Role`], never a colour.

use ratatui::style::{Color, Modifier, Style};

/// The palettes an operator can choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Palette {
    /// The terminal's own 16 colours.
    #[default]
    Default,
    /// No colour at all: bold, dim, underlined, reversed.
    Mono,
    /// Blue and orange in place of green and red.
    ColourBlind,
    /// Black on white marks, nothing dim.
    HighContrast,
}

impl Palette {
    /// The word in the configuration.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "default" => Some(Self::Default),
            "mono" => Some(Self::Mono),
            "colour-blind" => Some(Self::ColourBlind),
            "high-contrast" => Some(Self::HighContrast),
            _ => None,
        }
    }
}

/// What a piece of text is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Ordinary text.
    Plain,
    /// Less important.
    Dim,
    /// More important.
    Strong,
    /// Frames.
    Frame,
    /// The frame and title of what has the keys.
    Focus,
    /// A key in the footer or in help.
    Key,
    /// Going well.
    Good,
    /// Worth a look.
    Warn,
    /// Wrong.
    Bad,
    /// The row that keys act on.
    Selected,
    /// The word REAL.
    Real,
    /// The word REHEARSAL.
    Rehearsal,
    /// A text field.
    Field,
}

/// The glyphs that are used; one set for UTF-8, one for plain ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glyphs {
    /// Where text was cut off.
    pub ellipsis: &'static str,
    /// In place of a hidden digit or a secret's letter.
    pub mask: &'static str,
    /// Going on, or well.
    pub on: &'static str,
    /// Waiting.
    pub waiting: &'static str,
    /// Paused.
    pub paused: &'static str,
    /// Done.
    pub done: &'static str,
    /// Failed, refused, cancelled.
    pub failed: &'static str,
    /// Not sure.
    pub unsure: &'static str,
    /// In front of the selected row.
    pub pointer: &'static str,
    /// A full and an empty cell of a bar.
    pub bar: (&'static str, &'static str),
    /// Eight heights of a chart's top cell.
    pub heights: [&'static str; 8],
    /// The line of a limit in a chart.
    pub limit: &'static str,
    /// Between words of a title.
    pub dash: &'static str,
    /// Left, right, up and down.
    pub arrows: [&'static str; 4],
    /// Frames are drawn with lines (else with `+-|`).
    pub lines: bool,
}

impl Glyphs {
    /// For terminals that show UTF-8.
    pub const UTF8: Self = Self {
        ellipsis: "…",
        mask: "•",
        on: "●",
        waiting: "○",
        paused: "‖",
        done: "✓",
        failed: "✗",
        unsure: "?",
        pointer: "▸",
        bar: ("█", "░"),
        heights: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        limit: "┄",
        dash: "─",
        arrows: ["←", "→", "↑", "↓"],
        lines: true,
    };

    /// For all others.
    pub const ASCII: Self = Self {
        ellipsis: "...",
        mask: "*",
        on: "*",
        waiting: "o",
        paused: "=",
        done: "+",
        failed: "x",
        unsure: "?",
        pointer: ">",
        bar: ("#", "."),
        heights: ["_", "_", "_", ":", ":", "#", "#", "#"],
        limit: "-",
        dash: "-",
        arrows: ["left", "right", "up", "down"],
        lines: false,
    };
}

/// A palette and a glyph set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The palette.
    pub palette: Palette,
    /// The glyphs.
    pub glyphs: Glyphs,
}

impl Default for Look {
    fn default() -> Self {
        Self { palette: Palette::Default, glyphs: Glyphs::UTF8 }
    }
}

impl Look {
    /// What the environment asks for: `NO_COLOR` wins over the configured palette, and a locale that is not
    /// UTF-8 gives ASCII. The variables come from `variable`, so that tests need no environment.
    pub fn from_environment(configured: Palette, variable: impl Fn(&str) -> Option<String>) -> Self {
        let said = |name: &str| variable(name).filter(|value| !value.is_empty());
        let palette = if said("NO_COLOR").is_some() { Palette::Mono } else { configured };
        let locale = said("LC_ALL").or_else(|| said("LC_CTYPE")).or_else(|| said("LANG")).unwrap_or_default();
        let utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
        Self { palette, glyphs: if utf8 { Glyphs::UTF8 } else { Glyphs::ASCII } }
    }

    /// The style for a role.
    pub fn style(self, role: Role) -> Style {
        match self.palette {
            Palette::Mono => mono(role),
            Palette::Default => coloured(role, [Color::Green, Color::Yellow, Color::Red, Color::Cyan]),
            Palette::ColourBlind => coloured(role, [Color::Blue, Color::Yellow, Color::LightYellow, Color::Cyan]),
            Palette::HighContrast => high_contrast(role),
        }
    }
}

fn mono(role: Role) -> Style {
    let style = Style::new();
    match role {
        Role::Plain | Role::Frame | Role::Good => style,
        Role::Dim => style.add_modifier(Modifier::DIM),
        Role::Strong | Role::Focus | Role::Key | Role::Warn => style.add_modifier(Modifier::BOLD),
        Role::Bad => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::Real => style.add_modifier(Modifier::REVERSED | Modifier::BOLD),
        Role::Rehearsal | Role::Field => style.add_modifier(Modifier::UNDERLINED),
    }
}

fn coloured(role: Role, [good, warn, bad, accent]: [Color; 4]) -> Style {
    let style = Style::new();
    match role {
        Role::Plain => style,
        Role::Dim => style.add_modifier(Modifier::DIM),
        Role::Frame => style.fg(Color::DarkGray),
        Role::Strong => style.add_modifier(Modifier::BOLD),
        Role::Focus | Role::Key => style.fg(accent).add_modifier(Modifier::BOLD),
        Role::Good => style.fg(good),
        Role::Warn => style.fg(warn).add_modifier(Modifier::BOLD),
        Role::Bad => style.fg(bad).add_modifier(Modifier::BOLD),
        Role::Selected => style.add_modifier(Modifier::REVERSED),
        Role::Real => style.fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
        Role::Rehearsal => style.fg(Color::Black).bg(Color::Cyan).add_modifier(Modifier::BOLD),
        Role::Field => style.add_modifier(Modifier::UNDERLINED),
    }
}

fn high_contrast(role: Role) -> Style {
    let style = Style::new().fg(Color::White);
    match role {
        Role::Plain | Role::Dim | Role::Frame => style,
        Role::Strong | Role::Focus | Role::Good => style.add_modifier(Modifier::BOLD),
        Role::Key => style.fg(Color::LightCyan).add_modifier(Modifier::BOLD),
        Role::Warn => style.fg(Color::LightYellow).add_modifier(Modifier::BOLD),
        Role::Bad => style.fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
        Role::Selected | Role::Rehearsal => Style::new().fg(Color::Black).bg(Color::White).add_modifier(Modifier::BOLD),
        Role::Real => Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD),
        Role::Field => style.add_modifier(Modifier::UNDERLINED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses() {
        let look = |pairs: &[(&str, &str)]| {
            let pairs: Vec<(String, String)> = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
            Look::from_environment(Palette::Default, move |name| {
                pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
            })
        };
        assert_eq!(look(&[("LANG", "en_IN.UTF-8")]), Look { palette: Palette::Default, glyphs: Glyphs::UTF8 });
        assert_eq!(look(&[("LANG", "en_IN.UTF-8"), ("LC_ALL", "C")]).glyphs, Glyphs::ASCII);
        assert_eq!(look(&[]).glyphs, Glyphs::ASCII);
        assert_eq!(look(&[("NO_COLOR", "1")]).palette, Palette::Mono);
        assert_eq!(look(&[("NO_COLOR", "")]).palette, Palette::Default);
    }

    #[test]
    fn without_colour_the_selection_and_the_words_still_stand_out() {
        let look = Look { palette: Palette::Mono, glyphs: Glyphs::ASCII };
        for role in [Role::Selected, Role::Real, Role::Rehearsal, Role::Bad, Role::Warn] {
            let style = look.style(role);
            assert!(style.fg.is_none() && style.bg.is_none());
            assert_ne!(style, look.style(Role::Plain), "{role:?}");
        }
    }
}
