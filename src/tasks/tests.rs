//! The tasks' rules on texts as people type them. The changed texts were checked with Python: with closing brackets, a closing
//! quote and a body, each of them compiles.

use super::{Reason, find};

/// A text, its counterfactual (or the reason why it has none) and the index of the right candidate.
type Case<'a> = (&'a str, Result<&'a str, Reason>, Option<usize>);

fn check(name: &str, cases: &[Case]) {
    let task = find(name).unwrap();
    for (text, b, answer) in cases {
        assert_eq!(task.counterfactual(text), b.clone().map(String::from), "{text:?}");
        assert_eq!(task.answer(text), *answer, "{text:?}");
    }
}

#[test]
fn quotes() {
    use Reason::*;
    check(
        "single_double_quote",
        &[
            ("print('hi", Ok("print(\"hi"), Some(0)),
            ("print(\"hi", Ok("print('hi"), Some(1)),
            ("Er sagte \"guten Tag", Ok("Er sagte 'guten Tag"), Some(1)),
            ("print('abc' + \"def", Ok("print('abc' + 'def"), Some(1)),
            ("f(\"a\" 'b", Ok("f(\"a\" \"b"), Some(0)),
            ("a = 'x'\nprint(\"a\"); print('b", Ok("a = 'x'\nprint(\"a\"); print(\"b"), Some(0)),
            ("# don't\nsay('hi", Ok("# don't\nsay(\"hi"), Some(0)),
            ("print(\"it's a", Err(HoldsQuote { quote: '\'' }), Some(1)),
            ("print('say \"hi\" and", Err(HoldsQuote { quote: '"' }), Some(0)),
            ("print('it\\'s a", Ok("print(\"it\\'s a"), Some(0)),
            ("print(\"say \\\"hi", Ok("print('say \\\"hi"), Some(1)),
            ("print('say \\\"hi", Ok("print(\"say \\\"hi"), Some(0)),
            ("print('C:\\\\", Ok("print(\"C:\\\\"), Some(0)),
            ("print('C:\\", Ok("print(\"C:\\"), None),
            ("print(r'\\d", Ok("print(r\"\\d"), Some(0)),
            ("print(f'total {total", Ok("print(f\"total {total"), None),
            ("print(f'total {total} and", Ok("print(f\"total {total} and"), Some(0)),
            ("print(f'{{a", Ok("print(f\"{{a"), Some(0)),
            ("print(f'{d[\"a\"]} b", Err(HoldsQuote { quote: '"' }), Some(0)),
            ("print('total {total", Ok("print(\"total {total"), Some(0)),
            ("\"\"\"It's", Err(TripleQuotes), None),
            ("x = '''say \"hi\"", Err(TripleQuotes), None),
            ("\"\"\"Doc's\"\"\"\nprint('a", Ok("\"\"\"Doc's\"\"\"\nprint(\"a"), Some(0)),
            ("x = \"\"'a", Err(OtherNotRight), Some(0)),
            ("print('a\nb", Err(NoString), None),
            ("print('a\\\nb", Ok("print(\"a\\\nb"), Some(0)),
            ("print(\"done\")", Err(NoString), None),
            ("My name is Tom", Err(NoString), None),
            ("# it's", Err(NoString), None),
            ("x = ''", Err(NoString), None),
            ("", Err(NoString), None),
            ("print('🦀 é", Ok("print(\"🦀 é"), Some(0)),
        ],
    );
}

#[test]
fn lists() {
    use Reason::*;
    check(
        "bracket_counting",
        &[
            ("x = [1, 2", Ok("x = [[1, 2"), Some(0)),
            ("x = [[1, 2", Ok("x = [1, 2"), Some(1)),
            ("x = [[[1", Ok("x = [1"), Some(1)),
            ("x = [[[1, 2], [3]], [[4", Ok("x = [[1, 2], [3]], [4"), Some(1)),
            ("x = [[1, 2], [3", Ok("x = [1, 2], [3"), Some(1)),
            ("x = [1, 2], [3", Ok("x = [[1, 2], [3"), Some(0)),
            ("x = [1, 2], [3], [4", Ok("x = [[1, 2], [3], [4"), Some(0)),
            ("x = a[0], [1", Ok("x = a[0], [[1"), Some(0)),
            ("x = [1],\n[2", Ok("x = [1],\n[[2"), Some(0)),
            ("f([1],\n  [2", Ok("f([[1],\n  [2"), Some(0)),
            ("f([[1],\n  [2", Ok("f([1],\n  [2"), Some(1)),
            // A line end inside the outer bracket needs it.
            ("m = [\n    [1, 2", Ok("m = [\n    1, 2"), Some(1)),
            ("m = [\n    [1, 2],\n    [3", Ok("m = [\n    [1, 2],\n    3"), Some(1)),
            ("m = [  # rows\n    [1, 2],  # one]\n    [3", Ok("m = [  # rows\n    [1, 2],  # one]\n    3"), Some(1)),
            ("x = [[1,\n  2", Ok("x = [1,\n  2"), Some(1)),
            ("m = [\n    1, 2", Ok("m = [[\n    1, 2"), Some(0)),
            ("return [[1], [2", Ok("return [1], [2"), Some(1)),
            ("rows += [[1], [2", Ok("rows += [1], [2"), Some(1)),
            ("for row in [[1], [2", Ok("for row in [1], [2"), Some(1)),
            // A comma ends these, so the inner bracket goes.
            ("if x in [[1], [2", Ok("if x in [[1], 2"), Some(1)),
            ("if x == [[1], [2", Ok("if x == [[1], 2"), Some(1)),
            ("f(x=[[1], [2", Ok("f(x=[[1], 2"), Some(1)),
            ("x = 1 if a == [[1], [2", Ok("x = 1 if a == [[1], 2"), Some(1)),
            ("d = {\"a\": [[1], [2", Ok("d = {\"a\": [[1], 2"), Some(1)),
            ("f = lambda: [[1], [2", Ok("f = lambda: [[1], 2"), Some(1)),
            ("if x in [[1, 2", Ok("if x in [1, 2"), Some(1)),
            ("f(x=[[1", Ok("f(x=[1"), Some(1)),
            ("f(len([[1], [2", Ok("f(len([1], [2"), Some(1)),
            ("f(a, [[1], [2", Ok("f(a, [1], [2"), Some(1)),
            // Subscripts, slices and comprehensions.
            ("x[1", Ok("x[[1"), Some(0)),
            ("x[[1, 2", Ok("x[1, 2"), Some(1)),
            ("x[1:", Err(NotPython), None),
            ("x[1:2", Err(NotPython), Some(0)),
            ("x = [y[0", Err(NotPython), Some(1)),
            ("def f(a: list[list[int", Err(NotPython), Some(1)),
            ("x = [[y for y in z", Ok("x = [y for y in z"), Some(1)),
            ("x = [[y for y", Ok("x = [y for y"), None),
            ("x[", Ok("x[["), None),
            ("x = [y[", Err(NotPython), None),
            ("while [[[a, b], [\n    c,\n ", Ok("while [[a, b], \n    c,\n "), Some(1)),
            ("x = [y for y in z", Ok("x = [[y for y in z"), Some(0)),
            ("x = [y for y in [1, 2", Err(NotPython), Some(1)),
            ("x = [y for y in [[1], [2", Err(NotPython), Some(1)),
            ("x = [1, *[2", Ok("x = 1, *[2"), Some(1)),
            ("x = [", Ok("x = [["), Some(0)),
            ("x = [[", Ok("x = ["), Some(1)),
            ("x = [1,", Ok("x = [[1,"), Some(0)),
            ("x = [1, 2 +", Ok("x = [[1, 2 +"), None),
            ("x = [1 if", Ok("x = [[1 if"), None),
            ("x = [1 if y", Ok("x = [[1 if y"), None),
            ("x = [1 if y else 2", Ok("x = [[1 if y else 2"), Some(0)),
            ("x = [y for y in z if y", Ok("x = [[y for y in z if y"), Some(0)),
            ("x = [None", Ok("x = [[None"), Some(0)),
            ("x = [f(", Err(NoList), None),
            ("x = [f(1", Err(NoList), None),
            ("x = [(1, 2)", Ok("x = [[(1, 2)"), Some(0)),
            ("x = [{1: [2", Ok("x = [{1: [[2"), Some(0)),
            ("x = [1]", Err(NoList), None),
            ("x = ['[', 1", Ok("x = [['[', 1"), Some(0)),
            ("x = ['a", Err(InString), None),
            ("x = [1  # one", Err(InComment), None),
            ("x = [1  # [one\n", Ok("x = [[1  # [one\n"), Some(0)),
            ("", Err(NoList), None),
        ],
    );
}

#[test]
fn braces() {
    use Reason::*;
    check(
        "bracket_brace",
        &[
            ("d = {\"a", Ok("d = [\"a"), Some(0)),
            ("d = [\"a", Ok("d = {\"a"), Some(1)),
            ("d = {\"a\": 1, \"b", Ok("d = [\"a\", 1, \"b"), Some(0)),
            ("d = [\"a\", 1, \"b", Ok("d = {\"a\": 1, \"b"), Some(1)),
            ("d = [\"a\", \"b", Ok("d = {\"a\": 1, \"b"), Some(1)),
            ("d = [\"a\", \"b\", \"c\", \"d", Ok("d = {\"a\": \"b\", \"c\": 1, \"d"), Some(1)),
            ("d = {\n  \"a\": 1,  # one: 1\n  \"b", Ok("d = [\n  \"a\", 1,  # one: 1\n  \"b"), Some(0)),
            ("d = {\"a\": \"b", Err(OtherNotRight), Some(1)),
            ("d = {\"a\", \"b", Err(OtherNotRight), Some(1)),
            ("d = {**a, \"b", Err(NotPython), Some(0)),
            ("d = [*a, \"b", Err(NotPython), Some(1)),
            ("del d, [x", Err(NotPython), None),
            ("d = {\"a\": [1, 2], \"b", Ok("d = [\"a\", [1, 2], \"b"), Some(0)),
            ("d = {\"a\": [\"b", Ok("d = {\"a\": {\"b"), Some(1)),
            ("d = [{\"a", Ok("d = [[\"a"), Some(0)),
            ("d = {\"a\": x[1:2], \"b", Ok("d = [\"a\", x[1:2], \"b"), Some(0)),
            ("d = {\"a:b, c\": 1, \"d", Ok("d = [\"a:b, c\", 1, \"d"), Some(0)),
            ("d = {f\"a", Ok("d = [f\"a"), Some(0)),
            ("d = {f\"{a", Ok("d = [f\"{a"), None),
            ("d = {\"a\\", Ok("d = [\"a\\"), None),
            ("d = {'a", Ok("d = ['a"), None),
            ("d = {\"\"\"a", Ok("d = [\"\"\"a"), None),
            ("d = {\"a\"", Ok("d = [\"a\""), None),
            ("d = {", Ok("d = ["), None),
            ("d = [\"a\" if x else \"b", Ok("d = {\"a\" if x else \"b"), None),
            ("d = {f(\"a", Err(NoBracket), None),
            ("f(\"a", Err(NoBracket), None),
            ("x[\"a", Err(NotPython), None),
            ("x[0:\"a", Err(NotPython), None),
            ("d = {x: y for x in \"a", Err(NotPython), None),
            ("d = [lambda x: \"a", Err(NotPython), None),
            ("d = [\"a\"]  # {\"b", Err(InComment), None),
            ("\"a", Err(NoBracket), None),
            ("", Err(NoBracket), None),
        ],
    );
}

#[test]
fn conditions() {
    use Reason::*;
    check(
        "if_equals",
        &[
            ("x = 3\nif x", Ok("x = 3\nx"), Some(0)),
            ("x = 3\nx", Ok("x = 3\nif x"), Some(1)),
            ("if True:\n    x", Ok("if True:\n    if x"), Some(1)),
            ("if x > 3:\n    y", Ok("if x > 3:\n    if y"), Some(1)),
            ("if a:\n    pass\nelif x", Ok("if a:\n    pass\nx"), Some(0)),
            ("while x", Ok("x"), Some(0)),
            ("if self.items[0].name", Ok("self.items[0].name"), Some(0)),
            ("self.items[i]", Ok("if self.items[i]"), Some(1)),
            ("if len(x)", Err(OtherNotRight), Some(0)),
            ("len(x)", Ok("if len(x)"), None),
            ("if not x", Err(NotName), None),
            ("if x and y", Err(NotName), None),
            ("if x.", Err(NotName), None),
            ("if x ", Err(NotName), None),
            ("if ", Err(NotName), None),
            ("if", Err(NotName), None),
            ("else", Err(NotName), None),
            ("True", Err(NotName), None),
            ("x = 3", Err(NotName), None),
            ("x = y + \\\nz", Err(NotName), None),
            ("f(a,\nx", Err(NotName), None),
            ("f(a,\n  b)\nx", Ok("f(a,\n  b)\nif x"), Some(1)),
            ("f(x)y", Err(NotName), None),
            ("'''\nx", Err(NotName), None),
            ("'''\nif '''\nx", Ok("'''\nif '''\nif x"), Some(1)),
            ("# if x", Err(NotName), None),
            ("x = 1  # if\ny", Ok("x = 1  # if\nif y"), Some(1)),
            ("if 'a", Err(NotName), None),
            ("", Err(NotName), None),
        ],
    );
}

#[test]
fn variables() {
    use Reason::*;
    let no_value = |name: &str| Err(NoValue { variable: name.into() });
    for task in ["set_or_string", "set_or_string_fixedvarname"] {
        check(
            task,
            &[
                ("s = set()\nfor c in x:\n    s", Ok("s = \"\"\nfor c in x:\n    s"), Some(0)),
                ("s = ''\ns", Ok("s = set()\ns"), Some(1)),
                ("s = \"\"  # set()\ns", Ok("s = set()  # set()\ns"), Some(1)),
                ("s: str = \"\"\ns", Ok("s: str = set()\ns"), Some(1)),
                ("s = set()\nt = \"\"\ns", Ok("s = \"\"\nt = \"\"\ns"), Some(0)),
                ("s = set()\ns = \"\"\ns", Ok("s = set()\ns = set()\ns"), Some(1)),
                ("s = set()\ns = 3\ns", no_value("s"), None),
                ("s = \"\"\ns += 'a'\ns", Ok("s = set()\ns += 'a'\ns"), Some(1)),
                ("s = \"a\"\ns", no_value("s"), None),
                ("s = t = set()\ns", no_value("s"), None),
                ("s = set()\ns, t = 1, 2\ns", no_value("s"), None),
                ("s = set()\nseen[s] = f(s, key=1)\ns", Ok("s = \"\"\nseen[s] = f(s, key=1)\ns"), Some(0)),
                ("s = set()\nif s == t:\n    t = 1\ns", Ok("s = \"\"\nif s == t:\n    t = 1\ns"), Some(0)),
                ("s = set()\nfor s in x:\n    s", no_value("s"), None),
                ("s = set()\nfor c in s:\n    s", Ok("s = \"\"\nfor c in s:\n    s"), Some(0)),
                ("s = set()\nwith open(p) as s:\n    s", no_value("s"), None),
                ("s = set()\ndel s\ns", no_value("s"), None),
                // A branch that may not have run.
                ("s = set()\nif x:\n    s = \"\"\ns", no_value("s"), None),
                ("s = set()\nif x:\n    s = \"\"\n    s", Ok("s = set()\nif x:\n    s = set()\n    s"), Some(1)),
                ("s = set()\nif x: s = \"\"\ns", no_value("s"), None),
                (
                    "s = \"\"\nfor c in x:\n    if c:\n        s = \"\"\n    else:\n        s",
                    Ok("s = set()\nfor c in x:\n    if c:\n        s = set()\n    else:\n        s"),
                    Some(1),
                ),
                // A function's variables are its own; attributes are not.
                ("s = set()\ndef f():\n    s = \"\"\n\ns", Ok("s = \"\"\ndef f():\n    s = \"\"\n\ns"), Some(0)),
                ("s = set()\ndef f(s):\n    s", no_value("s"), None),
                (
                    "class A:\n    def f(self):\n        self.s = set()\n    def g(self):\n        self.s",
                    Ok("class A:\n    def f(self):\n        self.s = \"\"\n    def g(self):\n        self.s"),
                    Some(0),
                ),
                ("'''\ns = set()\n'''\ns", no_value("s"), None),
                ("f(\ns = set()\n)\ns", no_value("s"), None),
                ("s = set()\nx = s", Err(NotVariable), None),
                ("s = set()\nprint(s", Err(NotVariable), None),
                ("s = set()\ns.add", no_value("s.add"), None),
                ("s = set()\n# s", Err(NotVariable), None),
                ("s = set()\n's", Err(NotVariable), None),
                ("", Err(NotVariable), None),
            ],
        );
    }
}

#[test]
fn opened_files() {
    use Reason::*;
    check(
        "with_as",
        &[
            ("with open(path)", Ok("f = open(path)"), Some(0)),
            ("data = open(path)", Ok("with open(path)"), Some(1)),
            ("self.file = open(self.path, 'rb')", Ok("with open(self.path, 'rb')"), Some(1)),
            ("def load(p):\n    return open(p)", Ok("def load(p):\n    with open(p)"), Some(1)),
            ("if x:\n    with zipfile.ZipFile(\"a.zip\")", Ok("if x:\n    f = zipfile.ZipFile(\"a.zip\")"), Some(0)),
            ("with Path(\"a\", b(c)).open()", Ok("f = Path(\"a\", b(c)).open()"), Some(0)),
            ("with open(a) as f:\n    g = open(b)", Ok("with open(a) as f:\n    with open(b)"), Some(1)),
            ("with open(a) as f, open(b)", Err(NotPython), Some(0)),
            ("with open(a), open(b)", Err(NotPython), Some(0)),
            ("async with aiofiles.open(p)", Err(NotPython), Some(0)),
            ("f, g = open(a), open(b)", Err(NotPython), Some(1)),
            ("f = a.open(b) or open(c)", Err(NotPython), Some(1)),
            ("f: TextIO = open(a)", Err(NotPython), Some(1)),
            ("f += open(a)", Err(NotPython), Some(1)),
            ("open(path)", Err(NotPython), Some(1)),
            ("f = a if open(path)", Err(NotPython), None),
            ("with lock", Err(OtherLine), None),
            ("with pytest.raises(ValueError)", Err(OtherLine), None),
            ("x = json.load(open(p))", Err(OtherLine), None),
            ("for line in open(p)", Err(OtherLine), None),
            ("with open(path", Err(OtherLine), None),
            ("with open(path) ", Err(OtherLine), None),
            ("with open(path) as", Err(OtherLine), None),
            ("with open(path)\n", Err(OtherLine), None),
            ("# with open(path)", Err(OtherLine), None),
            ("é = open('é')", Ok("with open('é')"), Some(1)),
            ("x = 'with open(path)", Err(OtherLine), None),
            ("\"\"\"\nwith open(path)", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn loops() {
    use Reason::*;
    check(
        "for_while",
        &[
            ("for x", Ok("while x"), Some(0)),
            ("while x", Ok("for x"), Some(1)),
            ("def f():\n    for item", Ok("def f():\n    while item"), Some(0)),
            ("async for x", Ok("while x"), Some(0)),
            ("for a, b", Err(NotPython), Some(0)),
            ("for self.x", Ok("while self.x"), Some(0)),
            ("while not x", Ok("for x"), Some(1)),
            ("for größe", Ok("while größe"), Some(0)),
            ("while größe > 3", Ok("for größe"), Some(1)),
            ("while i < len(xs)", Ok("for i"), Some(1)),
            ("while len(xs) > 1", Err(NotPython), Some(1)),
            ("while x == 'a'", Ok("for x"), Some(1)),
            ("while f(a, b)", Err(NotPython), Some(1)),
            ("while a, b", Ok("for b"), None),
            ("while x <", Ok("for x"), None),
            ("while not", Err(NotPython), None),
            ("while x.", Err(NotPython), None),
            ("while ", Err(OtherLine), None),
            ("while x ", Err(OtherLine), None),
            ("while x:", Err(NotPython), None),
            ("while x:\n", Err(OtherLine), None),
            ("for", Err(NotPython), None),
            ("for x in", Err(NotPython), None),
            ("for x in y", Err(NotPython), None),
            ("for True", Err(NotPython), None),
            ("form", Err(OtherLine), None),
            ("while (x", Err(OtherLine), None),
            ("x = [y for y", Err(NotPython), Some(0)),
            ("x = {a: b for a, b", Err(NotPython), Some(0)),
            ("x = [y for y in z", Err(NotPython), None),
            ("x = [y for y in z for w", Err(NotPython), Some(0)),
            ("x = (before y", Err(OtherLine), None),
            ("x = 1; while y", Err(NotPython), Some(1)),
            ("# for x", Err(OtherLine), None),
            ("'for x", Err(OtherLine), None),
            ("for x in y:  # while\n    while z", Ok("for x in y:  # while\n    for z"), Some(1)),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn uses_of_if() {
    use Reason::*;
    check(
        "if_ternary",
        &[
            ("x = 1\nif y", Ok("x = 1 if y"), Some(0)),
            ("x = 1 if y", Ok("x = 1\nif y"), Some(1)),
            ("    x = 1 if not y", Ok("    x = 1\n    if not y"), Some(1)),
            ("def f():\n    return 1 if y", Ok("def f():\n    return 1\nif y"), Some(1)),
            ("def f():\n    return 1\nif y", Ok("def f():\n    return 1 if y"), Some(0)),
            ("print(x)\n\nif y", Ok("print(x) if y"), Some(0)),
            ("if y", Ok("x = 1 if y"), Some(0)),
            ("for x in z:\n    if y", Ok("for x in z:\n    x = 1 if y"), Some(0)),
            ("x = 1  # one\nif y", Ok("x = 1  # one\nx = 1 if y"), Some(0)),
            ("x = 1 if a else 2\nif y", Ok("x = 1 if a else 2\nx = 1 if y"), Some(0)),
            ("import x\nif y", Ok("import x\nx = 1 if y"), Some(0)),
            ("if x:\n    pass\nelif y", Ok("if x:\n    pass\nx = 1 if y"), Some(0)),
            ("f(x if y", Ok("if y"), Some(1)),
            ("f(a, x if y == 1", Ok("if y == 1"), Some(1)),
            ("x = [\n    1 if y", Ok("if y"), Some(1)),
            ("f(x if g(y)", Ok("if g(y)"), Some(1)),
            ("f(g(x) if y", Ok("if y"), Some(1)),
            ("x = [y for y in z if w", Err(OtherLine), None),
            ("x = [y if w", Ok("if w"), Some(1)),
            ("f(x if y else z", Err(OtherLine), None),
            ("f(x if", Err(OtherLine), None),
            ("f(x if y ", Err(OtherLine), None),
            ("if a if b", Ok("if b"), Some(1)),
            ("f = lambda x: a if b", Ok("if b"), Some(1)),
            ("if x: y = 1 if z", Err(NotPython), Some(1)),
            ("if x: f(1 if z", Ok("if z"), Some(1)),
            ("x = 1; if y", Err(NotPython), Some(0)),
            ("x = 1 if y else 2", Err(OtherLine), None),
            ("x = 1 if", Err(OtherLine), None),
            ("x = 1 if y and", Err(OtherLine), None),
            ("case x if y", Err(OtherLine), None),
            ("if", Ok("x = 1 if"), None),
            ("if x >", Ok("x = 1 if x >"), None),
            ("while x", Err(OtherLine), None),
            ("if 'a", Err(OtherLine), None),
            ("# if x", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn lambdas() {
    use Reason::*;
    check(
        "lambda_func",
        &[
            ("class A:\n    def run", Ok("class A:\n    r = lambda run"), Some(1)),
            ("class A:\n    r = lambda run", Ok("class A:\n    def run"), Some(0)),
            ("class A:\n    xs = sorted(ys, key=lambda y", Ok("class A:\n    def y"), Some(0)),
            ("class A:\n    async def run", Ok("class A:\n    r = lambda run"), Some(1)),
            ("class A:\n    def __len__", Ok("class A:\n    l = lambda __len__"), Some(1)),
            (
                "class A:\n    def f(self):\n        return map(lambda x",
                Ok("class A:\n    def f(self):\n        pass\n\n    def x"),
                Some(0),
            ),
            ("class A:\n    f = lambda größe", Ok("class A:\n    def größe"), Some(0)),
            ("class A:\n    f = lambda a, b", Ok("class A:\n    def b"), Some(0)),
            ("class A:\n    f = lambda a=(1, 2)", Err(NotPython), Some(0)),
            ("class A:\n    f = lambda", Err(NotPython), Some(0)),
            ("class A:\n    f = lambda x:", Err(OtherLine), None),
            ("class A:\n    f = lambda x: x", Err(OtherLine), None),
            ("class A:\n    f = lambda x, ", Err(OtherLine), None),
            ("class A:\n    @property\n    def f", Err(NotPython), Some(1)),
            ("class A:\n    @staticmethod\n    def f", Err(NotPython), None),
            ("class A:\n    def f(self):\n        def g", Ok("class A:\n    def f(self):\n        g = lambda g"), None),
            ("class A:\n    pass\ndef f", Ok("class A:\n    pass\nf = lambda f"), None),
            ("def f", Ok("f = lambda f"), None),
            ("f = lambda x", Err(OtherNotRight), Some(0)),
            ("class A: def f", Err(NotPython), None),
            ("class A:\n    # lambda x", Err(OtherLine), None),
            ("class A:\n    'lambda x", Err(OtherLine), None),
            ("class A:\n    define", Err(OtherLine), None),
            ("def ", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn line_ends() {
    use Reason::*;
    check(
        "var_if",
        &[
            ("r = ready", Ok("if ready"), Some(0)),
            ("if ready", Ok("r = ready"), Some(1)),
            ("x = True", Ok("if True"), Some(0)),
            ("if x == True", Ok("x = x == True"), Some(1)),
            ("if True", Ok("t = True"), Some(1)),
            ("if not x", Ok("n = not x"), Some(1)),
            ("if a:\n    b()\nelif c", Ok("if a:\n    b()\nc = c"), Some(1)),
            ("while x > 3", Ok("x = x > 3"), Some(1)),
            ("if (x)", Ok("x = (x)"), Some(1)),
            ("self.x: bool = y", Ok("if y"), Some(0)),
            ("a = b = True", Ok("if True"), Some(0)),
            ("x[i == 1] = f(a=1)", Ok("if f(a=1)"), Some(0)),
            ("x = 1, 2", Err(NotPython), Some(0)),
            ("x = f(1, 2)", Ok("if f(1, 2)"), Some(0)),
            ("x = yield y", Err(NotPython), Some(0)),
            ("if x := y", Err(NotPython), Some(1)),
            ("if x: y = True", Err(NotPython), Some(0)),
            ("x = 1; y = True", Err(NotPython), Some(0)),
            ("x = not", Ok("if not"), None),
            ("x = y if z", Ok("if y if z"), None),
            ("x = lambda y", Ok("if lambda y"), None),
            ("if x ==", Ok("x = x =="), None),
            ("x = f(", Err(OtherLine), None),
            ("x == y", Err(OtherLine), None),
            ("x += 1", Err(OtherLine), None),
            ("x = True ", Err(OtherLine), None),
            ("x = True\n", Err(OtherLine), None),
            ("x = 'a", Err(OtherLine), None),
            ("x = 1  # one", Err(OtherLine), None),
            ("return True", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn modes_of_files() {
    use Reason::*;
    check(
        "with_open",
        &[
            ("f = open(\"input.txt\", \"", Ok("f = open(\"output.txt\", \""), Some(0)),
            ("with open(out_path, '", Ok("with open(in_path, '"), Some(1)),
            ("with open(args.output, mode='", Ok("with open(args.input, mode='"), Some(1)),
            ("with gzip.open(input_dir + 'in.gz', '", Ok("with gzip.open(output_dir + 'out.gz', '"), Some(0)),
            ("with new_path.open('", Ok("with old_path.open('"), Some(1)),
            ("with open(os.path.join(a, 'old.txt'), '", Ok("with open(os.path.join(a, 'new.txt'), '"), Some(0)),
            ("with open(input or output, '", Ok("with open(output or input, '"), None),
            ("writer = open(path, '", Ok("reader = open(path, '"), Some(1)),
            ("writer = open(input, '", Ok("writer = open(output, '"), Some(0)),
            ("def save(p):\n    with open(p, '", Ok("def load(p):\n    with open(p, '"), Some(1)),
            (
                "def read_all(p):\n    pass\n\nclass A:\n    async def write_all(self, p):\n        f = open(p, '",
                Ok("def read_all(p):\n    pass\n\nclass A:\n    async def read_all(self, p):\n        f = open(p, '"),
                Some(1),
            ),
            ("def save(p):\n    pass\n\nwith open(p, '", Err(NoClue), None),
            ("for line in open(path, '", Err(NoClue), None),
            ("with open('é_output', '", Ok("with open('é_input', '"), Some(1)),
            ("open(path, '", Err(NoClue), None),
            ("open('", Err(OtherLine), None),
            ("open(input, 'r', '", Err(OtherLine), None),
            ("open(input, '''", Err(OtherLine), None),
            ("open(input, 'r", Err(OtherLine), None),
            ("load(input, '", Err(OtherLine), None),
            ("open(input, ['", Err(OtherLine), None),
            ("open(input, ", Err(OtherLine), None),
            ("# open(input, '", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn f_strings() {
    use Reason::*;
    check(
        "fstring_brace",
        &[
            ("print(f\"Hello", Ok("print(\"Hello"), Some(0)),
            ("print(\"Hello", Ok("print(f\"Hello"), Some(1)),
            ("x = [r\"a:", Ok("x = [rf\"a:"), Some(1)),
            ("x = [rF\"a:", Ok("x = [r\"a:"), Some(0)),
            ("log(x, f\"{a} and", Ok("log(x, \"{a} and"), Some(0)),
            ("log(x, \"{a} and", Err(NotPython), Some(1)),
            ("log(f\"{a", Ok("log(\"{a"), None),
            ("log(f\"{a}", Ok("log(\"{a}"), None),
            ("log(f\"a ", Ok("log(\"a "), None),
            ("log(f\"", Ok("log(\""), None),
            ("log(f\"a\\", Ok("log(\"a\\"), None),
            ("log(text=\"a", Ok("log(text=f\"a"), Some(1)),
            ("x = f\"a", Err(OtherNotRight), Some(0)),
            ("d = {f\"a", Err(OtherNotRight), Some(0)),
            ("d[f\"a", Err(OtherNotRight), Some(0)),
            ("x = \"a", Ok("x = f\"a"), None),
            ("print('a' if b else \"a", Ok("print('a' if b else f\"a"), None),
            ("print('a", Ok("print(f'a"), None),
            ("print(b\"a", Err(NotPython), None),
            ("return\"a", Err(NotPython), None),
            ("print(f\"\"\"a", Err(TripleQuotes), None),
            ("print(f\"a\"", Err(NoString), None),
            ("# f\"a", Err(NoString), None),
            ("", Err(NoString), None),
        ],
    );
}

#[test]
fn defaults() {
    use Reason::*;
    check(
        "final_kwarg",
        &[
            ("def f(a, b=0, c", Ok("def f(a, b: int, c"), Some(0)),
            ("def f(é, b='é', c", Ok("def f(é, b, c"), Some(0)),
            ("def f(a, b: int, c", Ok("def f(a, b=0, c"), Some(1)),
            ("def f(a=\"\", b=None, c", Ok("def f(a: str, b, c"), Some(0)),
            ("def f(a, b, c", Ok("def f(a, b=None, c"), Some(1)),
            ("def f(a: list[int], b", Ok("def f(a: list[int] = None, b"), Some(1)),
            ("def f(a: list[int] = [1, 2], b", Ok("def f(a: list[int], b"), Some(0)),
            ("def f(a=g(x, y=1), b=(0, 1), c", Ok("def f(a, b, c"), Some(0)),
            ("def f(a, g=lambda: 0, c", Ok("def f(a, g, c"), Some(0)),
            ("class A:\n    async def f(self, a=1, b", Ok("class A:\n    async def f(self, a, b"), Some(0)),
            (
                "def f(a=1, b=2):\n    pass\n\ndef g(a,\n      b",
                Ok("def f(a=1, b=2):\n    pass\n\ndef g(a=None,\n      b"),
                Some(1),
            ),
            ("def f(a,  # one = 1\n      b", Ok("def f(a=None,  # one = 1\n      b"), Some(1)),
            ("def f(a, /, b", Err(OtherLine), Some(1)),
            ("def f(a, *, b", Err(OtherLine), None),
            ("def f(a=1, *, b", Ok("def f(a, *, b"), None),
            ("def f(a", Err(OtherLine), Some(1)),
            ("def f(self, a", Err(OtherLine), Some(1)),
            ("def f(a, b: int", Err(OtherLine), None),
            ("def f(a, b=", Err(OtherLine), None),
            ("def f(a, *b", Err(OtherLine), None),
            ("def f(a, ", Err(OtherLine), None),
            ("def f(", Err(OtherLine), None),
            ("def f", Err(OtherLine), None),
            ("def f(a, b)", Err(OtherLine), None),
            ("def f(a=(0, b", Err(OtherLine), None),
            ("f(a=0, b", Err(OtherLine), None),
            ("class A(a=0, b", Err(OtherLine), None),
            ("def f(a, b='c", Err(InString), None),
            ("def f(a, b # c", Err(InComment), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn loop_variables() {
    use Reason::*;
    check(
        "enumerate_range",
        &[
            ("for i, x in", Ok("for i in"), Some(0)),
            ("for i in", Ok("for i, x in"), Some(1)),
            ("for x in", Ok("for x, y in"), Some(1)),
            ("for x, y in", Ok("for x in"), Some(0)),
            ("for i, row in", Ok("for i_row in"), Some(0)),
            ("for größe in", Ok("for größe, x in"), Some(1)),
            ("for i_row in", Ok("for i, row in"), Some(1)),
            ("for _, row in", Ok("for __row in"), Some(0)),
            ("for _ in", Ok("for _, x in"), Some(1)),
            ("for i_2 in", Ok("for i_2, x in"), Some(1)),
            ("for i, (a, b) in", Ok("for i in"), Some(0)),
            ("for i, self.x in", Ok("for i in"), Some(0)),
            ("for a, b, c in", Ok("for a in"), None),
            ("x = [y for i, y in", Ok("x = [y for i_y in"), Some(0)),
            ("async for i in", Ok("async for i, x in"), Some(1)),
            ("if x in", Err(OtherLine), None),
            ("for i in range(3):\n    if x in", Err(OtherLine), None),
            ("for i in ", Err(OtherLine), None),
            ("for i", Err(OtherLine), None),
            ("for in", Err(OtherLine), None),
            ("for main", Err(OtherLine), None),
            ("# for i in", Err(OtherLine), None),
            ("'for i in", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn loops_and_returns() {
    use Reason::*;
    check(
        "while_return_true",
        &[
            ("def f():\n    while True", Ok("def f():\n    return True"), Some(0)),
            ("def f():\n    return True", Ok("def f():\n    while True"), Some(1)),
            ("async def f():\n    while x", Ok("async def f():\n    return x"), Some(0)),
            ("def f():\n    if x:\n        while y", Ok("def f():\n    if x:\n        return y"), Some(0)),
            (
                "class A:\n    def f(self):\n        return not x",
                Ok("class A:\n    def f(self):\n        while not x"),
                Some(1),
            ),
            ("while True", Err(NotPython), Some(0)),
            ("def f():\n    pass\nwhile True", Err(NotPython), Some(0)),
            ("def f():\n    while x := y", Err(NotPython), Some(0)),
            ("def f():\n    return", Err(NotPython), Some(1)),
            ("def f():\n    return 1, 2", Err(NotPython), Some(1)),
            ("def f():\n    return g(1, 2)", Ok("def f():\n    while g(1, 2)"), Some(1)),
            ("def f():\n    if x: return True", Err(NotPython), Some(1)),
            ("def f():\n    return x +", Ok("def f():\n    while x +"), None),
            ("def f():\n    return not", Ok("def f():\n    while not"), None),
            ("def f():\n    return (x", Err(OtherLine), None),
            ("def f():\n    return 'a", Err(OtherLine), None),
            ("def f():\n    return True ", Err(OtherLine), None),
            ("def f():\n    x = True", Err(OtherLine), None),
            ("def f():\n    # while True", Err(OtherLine), None),
            ("returned", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn indentations() {
    use Reason::*;
    check(
        "indent_for",
        &[
            ("def f():\n    x\nfor y in z:\n", Ok("def f():\n    x\n    for y in z:\n"), Some(0)),
            ("def f():\n    x\n    for y in z:\n", Ok("def f():\n    x\nfor y in z:\n"), Some(1)),
            ("for y in z:\n", Ok("if True:\n    for y in z:\n"), Some(0)),
            ("x = 1\nfor y in z:\n", Ok("x = 1\nif True:\n    for y in z:\n"), Some(0)),
            ("if x:\n    for y in z:\n", Ok("if x:\n    pass\nfor y in z:\n"), Some(1)),
            ("try:\n    x\n    for y in z:\n", Err(NotPython), Some(1)),
            ("if x:\n  y\nfor y in z:\n", Ok("if x:\n  y\nif True:\n    for y in z:\n"), Some(0)),
            (
                "if a:\n    if b:\n        c\nfor y in z:\n",
                Ok("if a:\n    if b:\n        c\n    for y in z:\n"),
                Some(0),
            ),
            ("if x:\n    y\n\nwhile z:  # on\n", Ok("if x:\n    y\n\n    while z:  # on\n"), Some(0)),
            ("if x:\n    y\n    async for a in b:\n", Ok("if x:\n    y\nasync for a in b:\n"), Some(1)),
            ("if x:\n    for y in z:\n        for a in b:\n", Err(OtherLine), None),
            ("for y in z:", Err(OtherLine), None),
            ("for y in z:\n\n", Ok("if True:\n    for y in z:\n\n"), Some(0)),
            ("for y in z:\n  ", Err(OtherLine), None),
            ("for y in z\n", Err(OtherLine), None),
            ("for y in z: x\n", Err(OtherLine), None),
            ("def f():\n", Err(OtherLine), None),
            ("x = {1:\n", Err(OtherLine), None),
            ("'''\nfor y in z:\n", Err(OtherLine), None),
            ("# for y in z:\n", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn uses_of_else() {
    use Reason::*;
    check(
        "else_elif",
        &[
            ("if a:\n    b = c\nelse", Ok("if a:\n    b = c if x else"), Some(0)),
            ("if a:\n    b = c if x else", Ok("if a:\n    b = c\nelse"), Some(1)),
            ("if a:\n    return 1\nelse", Ok("if a:\n    return 1 if x else"), Some(0)),
            ("if a:\n    pass\nelse", Ok("if a:\n    pass\nelif"), Some(0)),
            ("if a:\n    b = 1  # one\nelse", Ok("if a:\n    b = 1  # one\nelif"), Some(0)),
            ("if a:\n    b = c if d else e\nelse", Ok("if a:\n    b = c if d else e\nelif"), Some(0)),
            ("if a:\n    b = 1\nelif", Ok("if a:\n    b = 1\nelse"), Some(1)),
            ("for a in b:\n    pass\nelse", Ok("for a in b:\n    pass\nx = 1 if x else"), Some(0)),
            ("b = c if d else", Ok("if d:\n    b = c\nelse"), Some(1)),
            (
                "while a:\n    return b if not c else",
                Ok("while a:\n    if not c:\n        return b\n    else"),
                Some(1),
            ),
            ("f(a if b else", Ok("if b:\n    pass\nelse"), Some(1)),
            ("f = lambda: a if b else", Ok("if b:\n    pass\nelse"), Some(1)),
            ("while a if b else", Ok("if b:\n    pass\nelse"), Some(1)),
            ("if a:\n    f(b if c else", Ok("if a:\n    if c:\n        pass\n    else"), Some(1)),
            ("x = [a if b else", Ok("if b:\n    pass\nelse"), Some(1)),
            ("if a: b = c if d else", Ok("if d:\n    pass\nelse"), Some(1)),
            ("f(a if b else c if d else", Ok("if d:\n    pass\nelse"), Some(1)),
            ("else", Err(NotPython), Some(0)),
            ("if a:\n    b\nelse ", Err(OtherLine), None),
            ("if a:\n    b\nelse:", Err(OtherLine), None),
            ("b = c else", Err(OtherLine), None),
            ("b = c if else", Err(OtherLine), None),
            ("orelse", Err(OtherLine), None),
            ("# else", Err(OtherLine), None),
            ("'else", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
}

#[test]
fn parameters_of_a_class() {
    use Reason::*;
    let class = |line: &str| {
        format!("class A:\n    def __init__(self, name, value, *rest, key: str = \"\", size=0):\n        {line}")
    };
    let [name, value, size, other] = ["self.name =", "self.value =", "self._size =", "self.other ="].map(class);
    let after_class = format!("{name} name\n\ndef f(self):\n    self.value =");
    check(
        "class_init",
        &[
            (&name, Ok(&value), Some(0)),
            (&value, Ok(&name), Some(1)),
            (&class("self.rest ="), Ok(&class("self.key =")), Some(0)),
            (&class("self.key ="), Ok(&class("self.rest =")), Some(1)),
            // The fifth has no partner but the first, and the first has another one.
            (&size, Err(OtherNotRight), Some(1)),
            (&other, Err(NoClue), None),
            (&class("if value:\n            self.name ="), Ok(&class("if value:\n            self.value =")), Some(0)),
            (&class("self.name = "), Err(OtherLine), None),
            (&class("self.name == "), Err(OtherLine), None),
            (&class("self.name"), Err(OtherLine), None),
            (&class("name ="), Err(OtherLine), None),
            (&class("self.name.value ="), Err(OtherLine), None),
            (&class("# self.name ="), Err(OtherLine), None),
            (&class("'self.name ="), Err(OtherLine), None),
            (&after_class, Err(OtherLine), None),
            ("class A:\n    def __init__(self, x):\n        self.x =", Err(NoClue), None),
            ("self.name =", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
    let task = find("class_init").unwrap();
    assert_eq!(task.candidates_after(&value), [" name", " value"]);
    assert_eq!(task.candidates_after(&class("self.key =")), [" rest", " key"]);
    assert_eq!(task.candidates_after(&other), task.candidates);
}

#[test]
fn swapped_variables() {
    use Reason::*;
    check(
        "var_swap",
        &[
            ("x = 1\ny = 2\nx, y =", Ok("x = 1\ny = 2\ny, x ="), Some(1)),
            ("x = 1\ny = 2\ny, x =", Ok("x = 1\ny = 2\nx, y ="), Some(0)),
            ("def f(left, right):\n    left, right =", Ok("def f(left, right):\n    right, left ="), Some(1)),
            ("x = y = 2\nx, y = y,", Ok("x = y = 2\ny, x = x,"), Some(0)),
            ("x = y = 2\nx, y = x,", Err(OtherLine), None),
            ("x = y = 2\nx, y = y", Err(OtherLine), None),
            ("x = y = 2\nx, y = ", Err(OtherLine), None),
            ("x = y = 2\nx, y ==", Err(OtherLine), None),
            ("x = y = 2\nx, x =", Err(OtherLine), None),
            ("x = y = z = 2\nx, y, z =", Err(OtherLine), None),
            ("a[i], a[j] =", Err(OtherLine), None),
            ("p.x, p.y =", Err(OtherLine), None),
            ("é = y = 2\né, y =", Err(OtherLine), None),
            ("é = x = y = 2\nx, y =", Ok("é = x = y = 2\ny, x ="), Some(1)),
            ("x, y =", Err(OtherLine), None),
            ("x = y = 2\nf(x, y =", Err(OtherLine), None),
            ("x = y = 2\n# x, y =", Err(OtherLine), None),
            ("x = y = 2\n'x, y =", Err(OtherLine), None),
            ("", Err(OtherLine), None),
        ],
    );
    let task = find("var_swap").unwrap();
    assert_eq!(task.candidates_after("lo = hi = 0\nlo, hi ="), [" hi", " lo"]);
    assert_eq!(task.candidates_after("lo, hi ="), task.candidates);
}
