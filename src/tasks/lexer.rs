//! A reader of unfinished Python: which brackets and which string are still open at the end of a text.

use std::ops::Range;

/// What is open at the end of a text. Places are byte offsets.
#[derive(Debug, Default)]
pub struct Lexed {
    /// Unclosed opening brackets, outermost first.
    pub brackets: Vec<(usize, char)>,
    /// The open string.
    pub string: Option<OpenString>,
    /// For every closed bracket: where it opened, and where it closed.
    pub closed: Vec<(usize, usize)>,
    /// The text ends in a comment.
    pub comment: bool,
    /// The text, byte for byte, with `"` for each byte of a string, a space for each byte of a comment and of a line end
    /// that does not end the line, and `x` for each byte outside ASCII.
    pub code: String,
    /// For each byte of the text, the number of brackets that are open before it.
    depth: Vec<usize>,
}

/// A string without its closing quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenString {
    /// Where its opening quote is.
    pub at: usize,
    pub quote: char,
    /// It has triple quotes.
    pub triple: bool,
    /// The text ends with the backslash of an unfinished escape.
    pub escape: bool,
    /// It is an f-string.
    pub format: bool,
    /// It is an f-string, and the text ends in one of its fields: `f'total {total`.
    pub field: bool,
}

/// A statement that does not end before the end of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenStatement<'a> {
    /// Where it starts.
    pub at: usize,
    /// The keyword that it starts with (without `async`); empty for an assignment or an expression.
    pub keyword: &'a str,
    /// The code after the keyword.
    pub rest: &'a str,
}

/// Reads strings (escapes, triple quotes, f-strings), comments and brackets. A string with single quotes ends at the line's end.
pub fn lex(text: &str) -> Lexed {
    let bytes = text.as_bytes();
    let mut code = vec![b'"'; bytes.len()];
    let mut out = Lexed { depth: vec![0; bytes.len()], ..Lexed::default() };
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let c = bytes[at];
        at += 1;
        if let Some(string) = &mut out.string {
            let quote = string.quote as u8;
            if c == b'\\' {
                string.escape = at == bytes.len();
                at = bytes.len().min(at + 1);
            } else if string.triple && bytes[start..].starts_with(&[quote; 3]) {
                out.string = None;
                at += 2;
            } else if !string.triple && (c == quote || c == b'\n') {
                out.string = None;
                code[start] = if c == b'\n' { c } else { b'"' };
            }
        } else if c == b'#' || out.comment && c != b'\n' {
            out.comment = true;
            code[start] = b' ';
        } else if c == b'\'' || c == b'"' {
            let triple = bytes[start..].starts_with(&[c; 3]);
            at += if triple { 2 } else { 0 };
            out.string =
                Some(OpenString { at: start, quote: c as char, triple, escape: false, format: false, field: false });
        } else if c == b'\\' && bytes.get(at) == Some(&b'\n') {
            code[start..=at].fill(b' ');
            at += 1;
        } else {
            out.comment = false;
            code[start] = if c.is_ascii() { c } else { b'x' };
            out.depth[start] = out.brackets.len();
            match c {
                b'(' | b'[' | b'{' => out.brackets.push((start, c as char)),
                b')' | b']' | b'}' => out.closed.extend(out.brackets.pop().map(|(from, _)| (from, start))),
                _ => {}
            }
            continue;
        }
        out.depth[start..at].fill(out.brackets.len());
    }
    if let Some(string) = &mut out.string {
        let content = string.at + if string.triple { 3 } else { 1 };
        string.format = is_format(&text[..string.at]);
        string.field = string.format && in_field(&text[content.min(text.len())..]);
    }
    out.code = String::from_utf8(code).unwrap_or_default();
    out
}

/// Whether the letters before an opening quote make it an f-string.
fn is_format(before: &str) -> bool {
    let prefix: Vec<u8> = before.bytes().rev().take_while(|&c| is_word(c)).map(|c| c.to_ascii_lowercase()).collect();
    matches!(&prefix[..], b"f" | b"fr" | b"rf")
}

/// Whether an f-string's content ends inside a field. Doubled braces outside a field are text.
fn in_field(content: &str) -> bool {
    let mut depth = 0usize;
    let mut bytes = content.bytes().peekable();
    while let Some(c) = bytes.next() {
        match c {
            b'{' | b'}' if depth == 0 && bytes.peek() == Some(&c) => _ = bytes.next(),
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0
}

fn is_word(c: u8) -> bool {
    c.is_ascii_alphanumeric() || c == b'_'
}

impl Lexed {
    /// Whether the text ends in code, neither in a string nor in a comment.
    pub fn in_code(&self) -> bool {
        self.string.is_none() && !self.comment
    }

    /// The statement at the end of the text without its indentation, as code, and where it starts.
    pub fn last_statement(&self) -> (usize, &str) {
        let line = self.line_ends().last().map_or(0, |at| at + 1);
        let statement = self.code[line..].trim_start();
        (self.code.len() - statement.len(), statement)
    }

    /// The statement that the text's next token continues. `None` where a string, a comment or a bracket is open, and after a space
    /// or a line end.
    pub fn open_statement(&self) -> Option<OpenStatement<'_>> {
        let goes_on = self.code.ends_with(|c: char| !c.is_ascii_whitespace());
        if !self.in_code() || !self.brackets.is_empty() || !goes_on {
            return None;
        }
        let (mut at, _) = self.last_statement();
        for (place, c) in self.code.bytes().enumerate().skip(at).filter(|(place, _)| self.depth[*place] == 0) {
            // The body of `if x: y`. Lambdas, annotations and `:=` have a colon too.
            let starts_body = || {
                let head = outside_brackets(self.code[at..place].trim_start());
                let more = &self.code[place + 1..];
                HEADS.contains(&first_word(&head))
                    && !has_word(&head, "lambda")
                    && !more.is_empty()
                    && !more.starts_with('=')
            };
            if c == b';' || c == b':' && starts_body() {
                at = place + 1;
            }
        }
        let code = self.code[at..].trim_start();
        let synchronous = code.strip_prefix("async ").unwrap_or(code);
        let keyword = Some(first_word(synchronous)).filter(|word| STATEMENTS.contains(word)).unwrap_or("");
        Some(OpenStatement {
            at: self.code.len() - code.len(),
            keyword,
            rest: synchronous[keyword.len()..].trim_start(),
        })
    }

    /// Whether only white space comes before this position in its line.
    pub fn starts_line(&self, at: usize) -> bool {
        self.code[..at].trim_end_matches([' ', '\t']).chars().next_back().is_none_or(|c| c == '\n')
    }

    /// The lines with code: where each starts, its indentation, and its code without it.
    pub fn lines(&self) -> Vec<(usize, usize, &str)> {
        let ends: Vec<usize> = self.line_ends().chain([self.code.len()]).collect();
        let starts = [0].into_iter().chain(ends.iter().map(|end| end + 1));
        let lines = starts.zip(&ends).map(|(start, end)| {
            let line = &self.code[start..*end];
            let indent = line.len() - line.trim_start().len();
            (start + indent, indent, line.trim())
        });
        lines.filter(|(.., code)| !code.is_empty()).collect()
    }

    /// The heads of the blocks around the last line with code, innermost first: the start of each, and its code.
    pub fn blocks(&self) -> Vec<(usize, &str)> {
        let mut heads: Vec<(usize, usize, &str)> = Vec::new();
        let lines = self.lines();
        for (index, line) in lines.iter().enumerate() {
            heads.retain(|(_, outer, _)| *outer < line.1);
            if line.2.ends_with(':') && index + 1 < lines.len() {
                heads.push(*line);
            }
        }
        heads.into_iter().rev().map(|(at, _, code)| (at, code)).collect()
    }

    /// The code directly in the innermost open bracket, with `x` for each bracket in it. `None` in a string or a comment.
    pub fn in_bracket(&self) -> Option<String> {
        let &(at, _) = self.brackets.last().filter(|_| self.in_code())?;
        Some(self.directly_in(at).into_iter().map(|(_, c)| if "([{".contains(c) { 'x' } else { c }).collect())
    }

    /// The line ends outside of brackets, where statements end.
    pub fn line_ends(&self) -> impl Iterator<Item = usize> {
        self.code.bytes().enumerate().filter(|&(at, c)| c == b'\n' && self.depth[at] == 0).map(|(at, _)| at)
    }

    /// The code directly in the bracket that opens at `at`, each byte with its place. Of an inner bracket it has the opening sign only.
    pub fn directly_in(&self, at: usize) -> Vec<(usize, char)> {
        let end = self.closed.iter().find(|(from, _)| *from == at).map_or(self.code.len(), |(_, to)| *to);
        let inside = self.depth[at] + 1;
        (at + 1..end)
            .filter(|&place| self.depth[place] == inside)
            .map(|place| (place, self.code.as_bytes()[place] as char))
            .collect()
    }

    /// Where the items directly in the bracket that opens at `open` are: what its commas separate, without the space around them. The
    /// last one ends at the end of the text where the bracket is open.
    pub fn items_in(&self, open: usize) -> Vec<Range<usize>> {
        let end = self.closed.iter().find(|(from, _)| *from == open).map_or(self.code.len(), |(_, to)| *to);
        let commas = self.directly_in(open).into_iter().filter(|(_, c)| *c == ',').map(|(at, _)| at);
        let mut from = open + 1;
        let mut item = |to: usize| {
            let code = self.code[from..to].trim_start();
            from = to + 1;
            to - code.len()..to - code.len() + code.trim_end().len()
        };
        commas.chain([end]).map(&mut item).collect()
    }

    /// The position of the name of the function that holds the last statement.
    pub fn function_name(&self) -> Option<Range<usize>> {
        let (last, _) = self.last_statement();
        let start_of =
            |line: usize| line + self.code[line..].len() - self.code[line..].trim_start_matches([' ', '\t']).len();
        let lines: Vec<usize> = [0].into_iter().chain(self.line_ends().map(|end| end + 1)).collect();
        let mut indent = lines.iter().rev().find(|&&line| line <= last).map_or(0, |&line| last - line);
        for line in lines.into_iter().rev().filter(|&line| line < last) {
            let at = start_of(line);
            let code = &self.code[at..];
            if code.starts_with('\n') || at - line >= indent {
                continue;
            }
            indent = at - line;
            let head = code.strip_prefix("async ").unwrap_or(code);
            if let Some(name) = head.strip_prefix("def ") {
                let at = self.code.len() - name.len();
                return Some(at..at + first_word(name).len());
            }
        }
        None
    }

    /// Whether the bracket at `at` is a subscript, as in `names[0`, and not a list.
    pub fn is_subscript(&self, at: usize) -> bool {
        let before = self.code[..at].trim_end_matches(' ');
        match last_word(before) {
            "" => before.ends_with([')', ']', '}', '"']),
            word => !KEYWORDS.contains(&word),
        }
    }
}

/// The word that a piece of code ends with; empty where it ends with anything else.
pub fn last_word(code: &str) -> &str {
    let start = code.bytes().rposition(|c| !is_word(c)).map_or(0, |at| at + 1);
    &code[start..]
}

/// The first word of a piece of code; empty if it starts with anything else.
pub fn first_word(code: &str) -> &str {
    &code[..code.bytes().position(|c| !is_word(c)).unwrap_or(code.len())]
}

/// The code, with everything in brackets replaced by a space.
pub fn outside_brackets(code: &str) -> String {
    let mut depth = 0usize;
    let mut outside = |c: char| {
        depth = if matches!(c, ')' | ']' | '}') { depth.saturating_sub(1) } else { depth };
        let shown = if depth == 0 { c } else { ' ' };
        depth += usize::from(matches!(c, '(' | '[' | '{'));
        shown
    };
    code.chars().map(&mut outside).collect()
}

/// The position of an assignment's last `=`, in code without brackets.
pub fn assignment_sign(code: &str) -> Option<usize> {
    let bytes = code.as_bytes();
    let is_sign = |at: usize| {
        let before = at.checked_sub(1).map_or(b' ', |before| bytes[before]);
        bytes[at] == b'=' && bytes.get(at + 1) != Some(&b'=') && !b"=!<>+-*/%&|^@:".contains(&before)
    };
    (0..bytes.len()).rev().find(|&at| is_sign(at))
}

/// What a statement assigns: the code after its last `=`.
pub fn assigned_value(code: &str) -> Option<&str> {
    assignment_sign(&outside_brackets(code)).map(|at| code[at + 1..].trim_start())
}

/// Whether code ends in an operator or in a keyword that is not a value. The expression is then incomplete.
pub fn is_unfinished(code: &str) -> bool {
    let word = last_word(code);
    let keyword = KEYWORDS.contains(&word) && !["True", "False", "None"].contains(&word);
    keyword || code.ends_with(|c: char| "+-*/%=<>&|^~:.@!".contains(c))
}

/// Whether a whole expression may end where this code ends: not after an operator, in a ternary without `else`, or before the
/// colon of a lambda.
pub fn may_end(expression: &str) -> bool {
    let code = outside_brackets(expression);
    let (ternary, lambda) = (tail_of(&code, "if"), tail_of(&code, "lambda"));
    let open = ternary.is_some_and(|tail| !has_word(tail, "else")) || lambda.is_some_and(|tail| !tail.contains(':'));
    !code.is_empty() && !code.ends_with([',', ';', ' ', '\n']) && !is_unfinished(&code) && !open
}

/// Whether the code outside of brackets has an `if` after a value, with a condition and without `else`.
pub fn has_open_if(code: &str) -> bool {
    let code = outside_brackets(code);
    let Some(condition) = tail_of(&code, "if") else { return false };
    let before = &code[..code.len() - condition.len() - 2];
    let value = before.rsplit([',', '=', ':']).next().unwrap_or_default();
    !value.trim().is_empty() && !has_word(value, "for") && !has_word(condition, "else") && may_end(condition)
}

/// Whether a statement ends in a value, so that ` if` can follow: an assignment, `return` or an expression.
pub fn takes_ternary(statement: &OpenStatement) -> bool {
    let code = statement.rest;
    let value = code.rsplit('=').next().unwrap_or_default();
    let plain = !outside_brackets(code).contains([':', '@']);
    let words = ["if", "for", "lambda", "yield"].iter().any(|word| has_word(code, word));
    ["", "return"].contains(&statement.keyword) && may_end(value) && plain && !words
}

/// The code after the last occurrence of this word.
pub fn tail_of<'a>(code: &'a str, word: &str) -> Option<&'a str> {
    let ends = code.char_indices().map(|(at, c)| at + c.len_utf8()).rev();
    ends.into_iter()
        .find(|&end| last_word(&code[..end]) == word && !code[end..].starts_with(|c| is_word(c as u8)))
        .map(|end| &code[end..])
}

/// The words of a piece of code, numbers among them.
pub fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !is_word(c as u8)).filter(|part| !part.is_empty())
}

/// Whether a piece of code has this word.
pub fn has_word(code: &str, word: &str) -> bool {
    words(code).any(|part| part == word)
}

/// Words that are not names.
pub const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Keywords that a statement starts with.
const STATEMENTS: &[&str] = &[
    "assert", "break", "class", "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global",
    "if", "import", "nonlocal", "pass", "raise", "return", "try", "while", "with",
];

/// Those of statements that have a body after a colon.
const HEADS: &[&str] =
    &["async", "class", "def", "elif", "else", "except", "finally", "for", "if", "try", "while", "with"];

/// Names joined by dots, none of them a keyword: `count`, `self.items`.
pub fn is_name(code: &str) -> bool {
    code.split('.').all(|part| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(is_word)
            && !KEYWORDS.contains(&part)
    })
}

/// The text with `length` bytes at `at` replaced.
pub fn replace_range(text: &str, at: usize, length: usize, with: &str) -> String {
    format!("{}{with}{}", &text[..at], &text[at + length..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_comments_and_fields_are_told_apart() {
        let facts = |text: &str| {
            let lexed = lex(text);
            (lexed.string.map(|s| (s.at, s.quote, s.triple, s.escape, s.field)), lexed.comment)
        };
        assert_eq!(facts("x = 'a"), (Some((4, '\'', false, false, false)), false));
        assert_eq!(facts("x = 'a\\"), (Some((4, '\'', false, true, false)), false));
        assert_eq!(facts("x = 'a\\\\"), (Some((4, '\'', false, false, false)), false));
        assert_eq!(facts("x = 'it\\'s"), (Some((4, '\'', false, false, false)), false));
        assert_eq!(facts("x = 'a\\\nb"), (Some((4, '\'', false, false, false)), false), "the string goes on");
        assert_eq!(facts("x = 'a\nb"), (None, false), "the string ends with its line");
        assert_eq!(facts("# don't"), (None, true));
        assert_eq!(facts("# don't\n"), (None, false));
        assert_eq!(facts("x = '#'"), (None, false));
        assert_eq!(facts("\"\"\"it's\n"), (Some((0, '"', true, false, false)), false));
        assert_eq!(facts("\"\"\"it's\"\"\""), (None, false));
        assert_eq!(facts("x = ''"), (None, false));
        for (text, field) in [
            ("f'total {total", true),
            ("F'{x:{width", true),
            ("rf'{x:{width}", true),
            ("f'''{x", true),
            ("f'{x:{width}} and", false),
            ("f'total {total} and", false),
            ("f'{{a", false),
            ("f'{{{a", true),
            ("'total {total", false),
            ("of'total {total", false),
        ] {
            assert_eq!(lex(text).string.map(|string| string.field), Some(field), "{text}");
        }
    }

    #[test]
    fn code_keeps_its_places() {
        assert_eq!(lex("f('(', é) # [\nb \\\n c").code, "f(\"\"\", xx)    \nb    c");
        let lexed = lex("if x:\n    f(a,\n      b)\n    self.items");
        assert_eq!(lexed.last_statement(), (28, "self.items"));
        assert_eq!(lex("f(a,\n  b").last_statement(), (0, "f(a,\n  b"));
        assert_eq!(lex("s = '''\nif '''\nx").last_statement(), (15, "x"));
        let inside: String = lex("f([1, (2, 3), '[', x").directly_in(2).into_iter().map(|(_, c)| c).collect();
        assert_eq!(inside, "1, (, \"\"\", x");
    }

    #[test]
    fn the_open_statement_is_found() {
        for (text, at, keyword, rest) in [
            ("x = 1\nfor item", 6, "for", "item"),
            ("    while not x", 4, "while", "not x"),
            ("async for x", 0, "for", "x"),
            ("x = 1; if y", 7, "if", "y"),
            ("if x: y = 2", 6, "", "y = 2"),
            ("if x[1:2] == (lambda: 1): return y", 26, "return", "y"),
            ("if x := y", 0, "if", "x := y"),
            ("x: int = 2", 0, "", "x: int = 2"),
            ("f = lambda x: y", 0, "", "f = lambda x: y"),
            ("else", 0, "else", ""),
            ("else:", 0, "else", ":"),
            ("format", 0, "", "format"),
            ("f(a,\n  b)", 0, "", "f(a,\n  b)"),
        ] {
            assert_eq!(lex(text).open_statement(), Some(OpenStatement { at, keyword, rest }), "{text}");
        }
        for text in ["", "for x ", "x\n", "f(x", "# x", "'x", "x \\\n"] {
            assert_eq!(lex(text).open_statement(), None, "{text}");
        }
    }

    #[test]
    fn whole_and_unfinished_expressions_are_told_apart() {
        for code in ["x", "f(a, b)", "not x", "a if b else c", "lambda: x", "x == True", "[y for y in z if y]", "iffy"]
        {
            assert!(may_end(code), "{code}");
        }
        for code in
            ["", " ", "x ", "not", "x +", "a if b", "a if b else", "lambda x", "x,", "x.", "x ==", "a if b else c if d"]
        {
            assert!(!may_end(code), "{code}");
        }
    }

    #[test]
    fn functions_and_their_items_are_found() {
        for (text, name) in [
            ("def f(a):\n    x", Some("f")),
            ("async def f(a):\n    if a:\n        x", Some("f")),
            ("class A:\n    def f(self):\n        pass\n\n    def g(self):\n\n        x", Some("g")),
            ("def f():\n    def g():\n        pass\n    x", Some("f")),
            ("def f():\n    pass\nx", None),
            ("class A:\n    x", None),
            ("x", None),
            ("", None),
        ] {
            let lexed = lex(text);
            assert_eq!(lexed.function_name().map(|range| &text[range]), name, "{text}");
        }
        let items =
            |text: &str| lex(text).items_in(1).into_iter().map(|range| text[range].to_string()).collect::<Vec<_>>();
        assert_eq!(items("f(a, b=(1, 2),\n  *c) + d"), ["a", "b=(1, 2)", "*c"]);
        assert_eq!(items("f(a,  # b, c\n  d"), ["a", "d"]);
        assert_eq!(items("f("), [""]);
    }

    #[test]
    fn lists_and_subscripts_are_told_apart() {
        for (text, subscript) in [
            ("x[", true),
            ("f()[", true),
            ("x [", true),
            ("'a'[", true),
            ("x[0][", true),
            ("return [", false),
            ("x = [", false),
            ("f([", false),
            ("[", false),
        ] {
            assert_eq!(lex(text).is_subscript(text.len() - 1), subscript, "{text}");
        }
    }

    #[test]
    fn names_are_told_from_other_code() {
        for code in ["x", "self.items", "_a1"] {
            assert!(is_name(code), "{code}");
        }
        for code in ["", "1x", "else", "x.", ".x", "f()", "x y", "True", "self.if", "a..b"] {
            assert!(!is_name(code), "{code}");
        }
    }
}
