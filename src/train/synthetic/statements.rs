//! Lines without a body.

use super::{Kind, Writer};
use crate::tasks::templates::*;

impl Writer {
    pub fn statement(&mut self) {
        match self.rng.weighted(&[24, 16, 12, 8, 8, 4, 4, 4, 3, 14, 3]) {
            0 => self.string_call(),
            1 => self.list(),
            2 => self.dict_or_strings(),
            3 => self.use_scope(),
            4 => self.truth_or_text(),
            5 => self.ternary(),
            6 => self.swap(),
            7 => self.lambda(),
            8 => self.comprehension(),
            9 => {
                let line = plain_statement(&mut self.rng);
                self.line(&line);
            }
            _ => self.fstring(),
        }
    }

    fn string_call(&mut self) {
        let mark = quote(&mut self.rng);
        let line = closed_call(&mut self.rng, mark, 15);
        self.line(&line);
    }

    fn list(&mut self) {
        let target = name(&mut self.rng);
        let nested = self.rng.chance(50);
        let line = match self.rng.weighted(&[72, 8, 8, 6, 6]) {
            0 => {
                let list = closed_list(&mut self.rng, nested, 7);
                format!("{target} = {list}")
            }
            1 => {
                let list = closed_list(&mut self.rng, nested, 5);
                format!("return {list}")
            }
            2 => {
                // Two flat lists in a row look like a nested list, except for the opening brackets.
                let (left, right) = (closed_list(&mut self.rng, false, 3), closed_list(&mut self.rng, false, 3));
                format!("{target}, {} = {left}, {right}", name(&mut self.rng))
            }
            3 => {
                let list = closed_list(&mut self.rng, nested, 5);
                format!("{target} += {list}")
            }
            _ => {
                let list = closed_list(&mut self.rng, nested, 5);
                format!("{}({list})", function_name(&mut self.rng))
            }
        };
        self.line(&line);
    }

    fn dict_or_strings(&mut self) {
        let target = name(&mut self.rng);
        let mark = quote(&mut self.rng);
        match self.rng.weighted(&[34, 34, 10, 8, 8, 6]) {
            0 => {
                let value = dict(&mut self.rng, 4);
                self.line(&format!("{target} = {value}"));
            }
            1 => {
                let value = string_list(&mut self.rng, 6);
                self.line(&format!("{target} = {value}"));
            }
            2 => {
                let (first, list, inner) = (key(&mut self.rng), string_list(&mut self.rng, 3), dict(&mut self.rng, 2));
                let value = if self.rng.chance(50) { list } else { inner };
                self.line(&format!("{target} = {{{mark}{first}{mark}: {value}}}"));
            }
            3 => {
                let count = self.rng.range(1, 3);
                let items: Vec<String> = (0..count).map(|_| dict(&mut self.rng, 2)).collect();
                self.line(&format!("{target} = [{}]", items.join(", ")));
            }
            4 => {
                // Over several lines, as long dicts and lists are written.
                let is_dict = self.rng.chance(50);
                self.line(&format!("{target} = {}", if is_dict { '{' } else { '[' }));
                self.depth += 1;
                for _ in 0..self.rng.range(2, 5) {
                    let word = key(&mut self.rng);
                    let value = if is_dict { format!(": {}", atom(&mut self.rng)) } else { String::new() };
                    self.line(&format!("{mark}{word}{mark}{value},"));
                }
                self.depth -= 1;
                self.line(if is_dict { "}" } else { "]" });
            }
            _ => {
                let call = function_name(&mut self.rng);
                let value = if self.rng.chance(50) { dict(&mut self.rng, 3) } else { string_list(&mut self.rng, 4) };
                self.line(&format!("{call}({value})"));
            }
        }
    }

    /// A line that uses a variable in scope the way its kind asks for.
    fn use_scope(&mut self) {
        if self.scope.is_empty() {
            let line = plain_statement(&mut self.rng);
            return self.line(&line);
        }
        let (variable, kind) = self.scope[self.rng.below(self.scope.len())].clone();
        let item = name(&mut self.rng);
        let line = self.growth(&variable, kind, &item);
        self.line(&line);
    }

    fn truth_or_text(&mut self) {
        let target = name(&mut self.rng);
        match self.rng.weighted(&[40, 30, 15, 15]) {
            0 => {
                let value = self.rng.pick(&["True", "False", "None"]);
                self.line(&format!("{target} = {value}"));
                self.scope.push((target, Kind::Truth));
            }
            1 => {
                let value = literal(&mut self.rng, 10);
                self.line(&format!("{target} = {value}"));
            }
            2 => {
                let (left, right) = (name(&mut self.rng), atom(&mut self.rng));
                self.line(&format!("{target} = {left} == {right}"));
            }
            _ => {
                let value = atom(&mut self.rng);
                let field = name(&mut self.rng);
                self.line(&format!("self.{field} = {value}"));
            }
        }
    }

    fn ternary(&mut self) {
        let (yes, no) = (atom(&mut self.rng), atom(&mut self.rng));
        let test = match self.rng.weighted(&[50, 50]) {
            0 => name(&mut self.rng),
            _ => self.condition(),
        };
        let target = name(&mut self.rng);
        self.line(&format!("{target} = {yes} if {test} else {no}"));
    }

    fn swap(&mut self) {
        let pair = names(&mut self.rng, 2);
        self.line(&format!("{0}, {1} = {1}, {0}", pair[0], pair[1]));
    }

    fn lambda(&mut self) {
        let (argument, other) = (name(&mut self.rng), atom_number(&mut self.rng));
        let operator = self.rng.pick(&["+", "*", "-", "%", "=="]);
        let line = match self.rng.weighted(&[40, 30, 30]) {
            0 => format!("{} = lambda {argument}: {argument} {operator} {other}", name(&mut self.rng)),
            1 => format!(
                "{}.sort(key=lambda {argument}: {argument}[{}])",
                plural_name(&mut self.rng),
                self.rng.range(0, 2)
            ),
            _ => {
                let target = name(&mut self.rng);
                format!(
                    "{target} = map(lambda {argument}: {argument} {operator} {other}, {})",
                    plural_name(&mut self.rng)
                )
            }
        };
        self.line(&line);
    }

    fn comprehension(&mut self) {
        let (item, many, target) = (name(&mut self.rng), plural_name(&mut self.rng), name(&mut self.rng));
        let line = match self.rng.weighted(&[60, 25, 15]) {
            0 => format!("{target} = [{item} for {item} in {many}]"),
            1 => format!("{target} = [{item} for {item} in {many} if {}]", self.condition()),
            _ => format!("{target} = [[{item}, {}] for {item} in {many}]", atom_number(&mut self.rng)),
        };
        self.line(&line);
    }

    /// The same words with and without the `f`: braces only in the first.
    fn fstring(&mut self) {
        let mark = quote(&mut self.rng);
        let (words, value) = (phrase(&mut self.rng, 4), name(&mut self.rng));
        let line = match self.rng.weighted(&[60, 25, 15]) {
            0 => format!("print(f{mark}{words}: {{{value}}}{mark})"),
            1 => format!("{} = f{mark}{words} {{{value}}}{mark}", name(&mut self.rng)),
            _ => format!("print({mark}{words} {mark} + {value})"),
        };
        self.line(&line);
    }
}
