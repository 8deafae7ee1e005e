//! A reader of unfinished Python lines: which brackets and which string are still open at the end of a text.

/// What is open at the end of a text; places are byte offsets.
#[derive(Debug, Default)]
pub struct Open {
    /// Unclosed opening brackets, outermost first.
    pub brackets: Vec<(usize, char)>,
    /// The opening quote of an unclosed string and its length in bytes (3 for a triple quote).
    pub string: Option<(usize, char, usize)>,
    /// Of every closed bracket: where it opened, and where it closed.
    pub closed: Vec<(usize, usize)>,
}

/// Reads strings (escapes, triple quotes), comments and brackets. A plain string ends at its line's end.
pub fn lex(text: &str) -> Open {
    let bytes = text.as_bytes();
    let mut open = Open::default();
    let mut at = 0;
    while at < bytes.len() {
        let c = bytes[at];
        if let Some((_, mark, length)) = open.string {
            let mark = mark as u8;
            if c == b'\\' {
                at += 1;
            } else if length == 3 && bytes[at..].starts_with(&[mark; 3]) {
                open.string = None;
                at += 2;
            } else if length == 1 && (c == mark || c == b'\n') {
                open.string = None;
            }
        } else {
            match c {
                b'\'' | b'"' => {
                    let length = if bytes[at..].starts_with(&[c; 3]) { 3 } else { 1 };
                    open.string = Some((at, c as char, length));
                    at += length - 1;
                }
                b'#' => {
                    while at + 1 < bytes.len() && bytes[at + 1] != b'\n' {
                        at += 1;
                    }
                }
                b'(' | b'[' | b'{' => open.brackets.push((at, c as char)),
                b')' | b']' | b'}' => {
                    if let Some((from, _)) = open.brackets.pop() {
                        open.closed.push((from, at));
                    }
                }
                _ => {}
            }
        }
        at += 1;
    }
    open
}

/// The text with `length` bytes at `at` replaced.
pub fn replace_range(text: &str, at: usize, length: usize, with: &str) -> String {
    format!("{}{with}{}", &text[..at], &text[at + length..])
}
