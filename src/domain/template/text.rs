//! Cuts a template's text at its `{{variables}}`. Nothing here knows what fills them.

/// A piece of a template's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// As it stands.
    Fixed(&'a str),
    /// What stands between the braces, without blanks: `1`, `first_name`.
    Variable(&'a str),
}

/// The pieces of a text, in order. Braces around what cannot be a variable's name are plain text.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut fixed_from = 0;
    let mut at = 0;
    while let Some(open) = text[at..].find("{{").map(|offset| at + offset) {
        let inside = open + 2;
        let Some(close) = text[inside..].find("}}").map(|offset| inside + offset) else { break };
        let name = text[inside..close].trim();
        if is_name(name) {
            if fixed_from < open {
                parts.push(Part::Fixed(&text[fixed_from..open]));
            }
            parts.push(Part::Variable(name));
            at = close + 2;
            fixed_from = at;
        } else {
            at = open + 1;
        }
    }
    if fixed_from < text.len() {
        parts.push(Part::Fixed(&text[fixed_from..]));
    }
    parts
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_variables_only() {
        assert_eq!(
            parts("Hi {{ first_name }}, {{1}}!"),
            [
                Part::Fixed("Hi "),
                Part::Variable("first_name"),
                Part::Fixed(", "),
                Part::Variable("1"),
                Part::Fixed("!"),
            ]
        );
        assert_eq!(parts("{{1}}"), [Part::Variable("1")]);
        assert_eq!(parts("{{{1}}"), [Part::Fixed("{"), Part::Variable("1")]);
        for text in ["", "{{}}", "{{ a b }}", "{{1", "}}{{", "नमस्ते {{"] {
            assert!(parts(text).iter().all(|part| matches!(part, Part::Fixed(_))), "{text}");
        }
    }
}
