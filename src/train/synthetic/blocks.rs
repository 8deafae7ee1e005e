//! What has a body: functions, classes, loops, conditions, `with`.

use super::{Kind, Writer};
use crate::tasks::templates::*;

impl Writer {
    /// A function, a class, or some lines of a script.
    pub fn top_level(&mut self) {
        self.scope.clear();
        match self.rng.weighted(&[18, 6, 18, 3, 55]) {
            0 => self.function(false),
            1 => self.class(),
            2 => {
                let lines = self.rng.range(2, 8);
                self.lines(lines);
            }
            3 => self.imports(),
            _ => self.drill(),
        }
    }

    fn imports(&mut self) {
        for _ in 0..self.rng.range(1, 4) {
            let module =
                self.rng.pick(&["os", "sys", "re", "json", "math", "random", "time", "datetime", "collections", "csv"]);
            let line = match self.rng.weighted(&[60, 40]) {
                0 => format!("import {module}"),
                _ => format!("from {module} import {}", name(&mut self.rng)),
            };
            self.line(&line);
        }
    }

    /// `count` statements or blocks at this depth, with a comment or an empty line between at times.
    pub fn lines(&mut self, count: usize) {
        for index in 0..count {
            if index > 0 && self.rng.chance(7) {
                self.blank();
            }
            if self.rng.chance(6) {
                let line = comment(&mut self.rng);
                self.line(&line);
            }
            if self.depth < 4 && self.rng.chance(33) { self.block() } else { self.statement() }
        }
    }

    fn body(&mut self, most: usize) {
        self.depth += 1;
        let count = self.rng.range(1, most);
        self.lines(count);
        self.depth -= 1;
    }

    fn block(&mut self) {
        match self.rng.weighted(&[24, 13, 24, 20, 7, 3, 9]) {
            0 => self.for_loop(),
            1 => self.while_loop(),
            2 => self.if_else(),
            3 => self.accumulate(),
            4 => self.with_open(),
            5 => self.try_except(),
            _ if self.depth == 0 => self.function(false),
            _ => self.if_else(),
        }
    }

    fn parameters(&mut self) -> (Vec<String>, String) {
        let count = self.rng.weighted(&[8, 35, 32, 18, 7]);
        let all = names(&mut self.rng, count);
        // Defaults start somewhere and then go on to the end, mostly all of one kind.
        let from = if self.rng.chance(38) { self.rng.range(0, count) } else { count };
        let none = self.rng.chance(55);
        let parts: Vec<String> = all
            .iter()
            .enumerate()
            .map(|(index, parameter)| {
                if index < from {
                    parameter.clone()
                } else if none {
                    format!("{parameter}=None")
                } else {
                    let value = match self.rng.weighted(&[40, 20, 20, 20]) {
                        0 => number(&mut self.rng),
                        1 => literal(&mut self.rng, 1),
                        2 => self.rng.pick(&["True", "False"]).to_string(),
                        _ => "None".into(),
                    };
                    format!("{parameter}={value}")
                }
            })
            .collect();
        (all, parts.join(", "))
    }

    pub fn function(&mut self, method: bool) {
        let title = function_name(&mut self.rng);
        let (all, list) = self.parameters();
        let list = match (method, list.is_empty()) {
            (true, true) => "self".into(),
            (true, false) => format!("self, {list}"),
            _ => list,
        };
        self.line(&format!("def {title}({list}):"));
        let outer = std::mem::take(&mut self.scope);
        for parameter in all {
            let kind = match self.rng.weighted(&[40, 25, 20, 15]) {
                0 => Kind::Number,
                1 => Kind::Text,
                2 => Kind::List,
                _ => Kind::Dict,
            };
            self.scope.push((parameter, kind));
        }
        self.depth += 1;
        if self.rng.chance(18) {
            let mark = if self.rng.chance(85) { "\"\"\"" } else { "'''" };
            let text = sentence(&mut self.rng, 12);
            self.line(&format!("{mark}{text}{mark}"));
        }
        let count = self.rng.range(1, 6);
        self.lines(count);
        if self.rng.chance(55) {
            self.return_line();
        }
        self.depth -= 1;
        self.scope = outer;
    }

    fn class(&mut self) {
        let title = class_name(&mut self.rng);
        let base = if self.rng.chance(30) { format!("({})", class_name(&mut self.rng)) } else { String::new() };
        self.line(&format!("class {title}{base}:"));
        self.depth += 1;
        let (all, list) = self.parameters();
        if !list.is_empty() {
            self.line(&format!("def __init__(self, {list}):"));
            self.depth += 1;
            for parameter in &all {
                self.line(&format!("self.{parameter} = {parameter}"));
            }
            for _ in 0..self.rng.weighted(&[50, 30, 20]) {
                let field = name(&mut self.rng);
                let value = match self.rng.weighted(&[1, 1, 1, 1, 1, 1]) {
                    0 => "[]".into(),
                    1 => "{}".into(),
                    2 => number(&mut self.rng),
                    3 => literal(&mut self.rng, 2),
                    4 => "None".into(),
                    _ => self.rng.pick(&["set()", "True", "False", "\"\"", "''"]).to_string(),
                };
                self.line(&format!("self.{field} = {value}"));
            }
            self.depth -= 1;
        } else {
            self.line("pass");
        }
        for _ in 0..self.rng.weighted(&[25, 45, 30]) {
            self.blank();
            self.function(true);
        }
        self.depth -= 1;
    }

    fn return_line(&mut self) {
        let known = self.scope.len();
        let line = match self.rng.weighted(&[40, 22, 10, 10, 8, 10]) {
            0 if known > 0 => format!("return {}", self.scope[self.rng.below(known)].0),
            1 => format!("return {}", self.rng.pick(&["True", "False", "None", "True", "False"])),
            2 => format!("return {}", atom_number(&mut self.rng)),
            3 => format!("return {}", literal(&mut self.rng, 5)),
            4 => format!("return {}({})", function_name(&mut self.rng), name(&mut self.rng)),
            5 => format!("return {} == {}", name(&mut self.rng), atom(&mut self.rng)),
            _ => "return None".into(),
        };
        self.line(&line);
    }

    fn for_loop(&mut self) {
        let head = match self.rng.weighted(&[36, 22, 16, 10, 8, 8]) {
            0 => format!("for {} in {}:", name(&mut self.rng), plural_name(&mut self.rng)),
            1 => {
                let counter = if self.rng.chance(60) { "i".into() } else { name(&mut self.rng) };
                let end = match self.rng.weighted(&[40, 35, 25]) {
                    0 => number_plain(self),
                    1 => format!("len({})", plural_name(&mut self.rng)),
                    _ => format!("{}, {}", number_plain(self), name(&mut self.rng)),
                };
                format!("for {counter} in range({end}):")
            }
            2 => {
                let counter = if self.rng.chance(60) { "i".into() } else { name(&mut self.rng) };
                format!("for {counter}, {} in enumerate({}):", name(&mut self.rng), plural_name(&mut self.rng))
            }
            3 => format!("for key, value in {}.items():", plural_name(&mut self.rng)),
            4 => {
                format!("for {} in {}.split({}):", name(&mut self.rng), name(&mut self.rng), literal(&mut self.rng, 1))
            }
            _ => {
                let (left, right) = (name(&mut self.rng), name(&mut self.rng));
                format!("for {left}, {right} in zip({}, {}):", plural_name(&mut self.rng), plural_name(&mut self.rng))
            }
        };
        self.line(&head);
        self.body(3);
    }

    fn while_loop(&mut self) {
        let head = match self.rng.weighted(&[25, 25, 15, 10, 15, 10]) {
            0 => "while True:".into(),
            1 => format!("while {} {} {}:", name(&mut self.rng), self.compare(), atom_number(&mut self.rng)),
            2 => format!("while {}:", name(&mut self.rng)),
            3 => format!("while not {}:", name(&mut self.rng)),
            4 => format!("while {} == {}:", name(&mut self.rng), atom(&mut self.rng)),
            _ => {
                format!("while len({}) {} {}:", plural_name(&mut self.rng), self.compare(), atom_number(&mut self.rng))
            }
        };
        self.line(&head);
        self.body(3);
        if self.rng.chance(30) {
            self.depth += 1;
            let line = self.rng.pick(&["break", "continue", "return True", "return False"]);
            self.line(line);
            self.depth -= 1;
        }
    }

    pub fn compare(&mut self) -> &'static str {
        self.rng.pick(&["<", ">", "<=", ">=", "!=", "=="])
    }

    /// Something after `if` or `elif`; ` ==` is the commonest so that the task's construct is plain.
    pub fn condition(&mut self) -> String {
        let subject = match self.rng.weighted(&[70, 12, 10, 8]) {
            0 => name(&mut self.rng),
            1 => format!("self.{}", name(&mut self.rng)),
            2 => format!("{}.{}", name(&mut self.rng), name(&mut self.rng)),
            _ => format!("{}[{}]", plural_name(&mut self.rng), atom(&mut self.rng)),
        };
        match self.rng.weighted(&[60, 9, 9, 8, 5, 5, 4]) {
            0 => format!("{subject} == {}", atom(&mut self.rng)),
            1 => format!("{subject} {} {}", self.compare(), atom_number(&mut self.rng)),
            2 => subject,
            3 => format!("not {subject}"),
            4 => format!("{subject} in {}", plural_name(&mut self.rng)),
            5 => format!("{subject} is {}", self.rng.pick(&["None", "not None"])),
            _ => format!("{subject} == {} and {} == {}", atom(&mut self.rng), name(&mut self.rng), atom(&mut self.rng)),
        }
    }

    fn if_else(&mut self) {
        let head = format!("if {}:", self.condition());
        self.line(&head);
        self.body(2);
        for _ in 0..self.rng.weighted(&[65, 25, 10]) {
            let head = if self.rng.chance(20) {
                format!("elif not {}:", name(&mut self.rng))
            } else {
                format!("elif {}:", self.condition())
            };
            self.line(&head);
            self.body(2);
        }
        if self.rng.chance(40) {
            self.line("else:");
            self.body(2);
        }
    }

    /// Some variables of different kinds, then a loop whose body grows them: the way from `set()` or `""` to `.add` or ` +=`.
    fn accumulate(&mut self) {
        let count = self.rng.weighted(&[0, 35, 40, 25]);
        let mut fresh = names(&mut self.rng, count);
        if self.rng.chance(60) && !fresh.iter().any(|one| one == "current") {
            let place = self.rng.below(count);
            fresh[place] = "current".into();
        }
        let mut grown: Vec<(String, Kind)> = Vec::new();
        for variable in fresh {
            let kind = match self.rng.weighted(&[42, 42, 7, 4, 5]) {
                0 => Kind::Set,
                1 => Kind::Text,
                2 => Kind::List,
                3 => Kind::Dict,
                _ => Kind::Number,
            };
            let value = match kind {
                Kind::Set => "set()",
                Kind::Text if self.rng.chance(75) => "\"\"",
                Kind::Text => "''",
                Kind::List => "[]",
                Kind::Dict => "{}",
                _ => "0",
            };
            self.line(&format!("{variable} = {value}"));
            grown.push((variable, kind));
            if self.rng.chance(18) {
                self.statement();
            }
        }
        self.scope.extend(grown.iter().cloned());
        let item = name(&mut self.rng);
        let looped = self.rng.chance(80);
        if looped {
            let head = match self.rng.weighted(&[70, 15, 15]) {
                0 => format!("for {item} in {}:", plural_name(&mut self.rng)),
                1 => "while True:".into(),
                _ => format!("for {item} in range({}):", atom_number(&mut self.rng)),
            };
            self.line(&head);
            self.depth += 1;
        }
        if self.rng.chance(30) {
            self.statement();
        }
        let nested = self.rng.chance(30);
        if nested {
            let head = format!("if {}:", self.condition());
            self.line(&head);
            self.depth += 1;
        }
        self.rng.shuffle(&mut grown);
        for (variable, kind) in grown {
            let line = self.growth(&variable, kind, &item);
            self.line(&line);
        }
        self.depth -= nested as usize + looped as usize;
    }

    /// The line that grows a variable of this kind.
    pub fn growth(&mut self, variable: &str, kind: Kind, item: &str) -> String {
        let given = match self.rng.weighted(&[50, 25, 15, 10]) {
            0 => item.to_string(),
            1 => name(&mut self.rng),
            2 => literal(&mut self.rng, 2),
            _ => format!("{}({item})", function_name(&mut self.rng)),
        };
        match kind {
            Kind::Set => format!("{variable}.add({given})"),
            Kind::Text => format!("{variable} += {given}"),
            Kind::List => format!("{variable}.append({given})"),
            Kind::Dict => format!("{variable}[{given}] = {}", atom_number(&mut self.rng)),
            Kind::Truth => format!("{variable} = {}", self.rng.pick(&["True", "False"])),
            Kind::Number => format!("{variable} += {}", atom_number(&mut self.rng)),
        }
    }

    /// Reading and writing files; the mode follows from the names.
    fn with_open(&mut self) {
        let mark = quote(&mut self.rng);
        let write = self.rng.chance(50);
        let file = if write {
            self.rng.pick(&["output", "out", "result", "report", "log", "target", "out_file", "output_path", "dest"])
        } else {
            self.rng.pick(&["input", "source", "data", "config", "in_file", "input_path", "src", "names"])
        };
        let path = if self.rng.chance(60) {
            format!("{mark}{file}.{}{mark}", self.rng.pick(&["txt", "csv", "json", "log"]))
        } else {
            file.into()
        };
        let handle = if self.rng.chance(60) {
            "f"
        } else if write {
            "out"
        } else {
            "infile"
        };
        let mode = if write { 'w' } else { 'r' };
        let indented = self.rng.chance(70);
        if indented {
            self.line(&format!("with open({path}, {mark}{mode}{mark}) as {handle}:"));
            self.depth += 1;
        } else {
            self.line(&format!("{handle} = open({path}, {mark}{mode}{mark})"));
        }
        let line = if write {
            format!("{handle}.write({})", name(&mut self.rng))
        } else {
            format!("{} = {handle}.read()", name(&mut self.rng))
        };
        self.line(&line);
        if indented {
            self.depth -= 1;
        } else {
            self.line(&format!("{handle}.close()"));
        }
    }

    fn try_except(&mut self) {
        self.line("try:");
        self.body(2);
        let line =
            format!("except {} as e:", self.rng.pick(&["ValueError", "KeyError", "Exception", "OSError", "TypeError"]));
        self.line(&line);
        self.body(1);
    }
}

fn number_plain(writer: &mut Writer) -> String {
    writer.rng.range(1, 100).to_string()
}
