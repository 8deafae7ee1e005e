//! Counts tests in what test runners print, and prints the closing table.

use crate::exec::seconds;
use std::time::Duration;

/// Tests that ran.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Count {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Adds up the closing lines of cargo's, wasm-bindgen's, Vitest's and Playwright's runners.
pub fn count(text: &str) -> Count {
    let mut sum = Count::default();
    let mut playwright_closing = false;
    for line in text.lines().map(plain) {
        let line = line.trim();
        if let Some(rest) = line.strip_prefix("test result:") {
            sum += numbers(rest);
        } else if let Some(rest) = line.strip_prefix("Tests ").filter(|rest| rest.ends_with(')')) {
            sum += numbers(rest);
        } else if playwright_line(line) {
            playwright_closing = true;
            sum += numbers(line);
        } else if playwright_closing && line.is_empty() {
            playwright_closing = false;
        }
    }
    sum
}

/// `3 failed`, `2 skipped`, `12 passed (3.4s)`: the last lines of Playwright, one per result.
fn playwright_line(line: &str) -> bool {
    let mut words = line.split(' ');
    let number = words.next().is_some_and(|word| word.parse::<usize>().is_ok());
    let kind =
        words.next().is_some_and(|word| matches!(word, "passed" | "failed" | "skipped" | "flaky" | "interrupted"));
    number && kind && words.next().is_none_or(|word| word.starts_with('(')) && words.count() <= 1
}

/// The numbers before the words passed, failed, skipped and their synonyms.
fn numbers(line: &str) -> Count {
    let words: Vec<&str> = line.split([' ', ';', '|', ',']).filter(|word| !word.is_empty()).collect();
    let before = |wanted: &[&str]| -> usize {
        words.windows(2).filter(|pair| wanted.contains(&pair[1])).filter_map(|pair| pair[0].parse::<usize>().ok()).sum()
    };
    Count {
        passed: before(&["passed"]),
        // A test that passes only at the second try has failed.
        failed: before(&["failed", "flaky", "interrupted"]),
        skipped: before(&["ignored", "skipped", "todo"]),
    }
}

/// A line without colour codes.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(letter) = rest.next() {
        if letter == '\u{1b}' {
            rest.by_ref().find(|letter| letter.is_ascii_alphabetic());
        } else {
            out.push(letter);
        }
    }
    out
}

/// One step of `cargo xtask test`.
pub struct Step {
    pub name: &'static str,
    pub time: Duration,
    pub tests: Option<Count>,
    pub error: Option<String>,
}

/// Prints the table and, last, `N passed, N failed, N skipped`: the tests that ran. Errors if anything failed.
pub fn close(steps: &[Step]) -> Result<(), String> {
    println!("\n{:<8} {:>12} {:>7} {:>7} {:>8}", "step", "time", "passed", "failed", "skipped");
    let mut sum = Count::default();
    for step in steps {
        let time = seconds(step.time);
        match step.tests {
            Some(tests) => {
                sum += tests;
                let Count { passed, failed, skipped } = tests;
                print!("{:<8} {time:>12} {passed:>7} {failed:>7} {skipped:>8}", step.name);
            }
            None => print!("{:<8} {time:>12} {:>7} {:>7} {:>8}", step.name, "", "", ""),
        }
        println!("{}", step.error.as_ref().map_or(String::new(), |error| format!("  {error}")));
    }
    println!();
    let failed: Vec<&str> = steps.iter().filter(|step| step.error.is_some()).map(|step| step.name).collect();
    println!("{} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped);
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(passed: usize, failed: usize, skipped: usize) -> Count {
        Count { passed, failed, skipped }
    }

    #[test]
    fn counts_cargo() {
        let text = "test a ... ok\n\ntest result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.1s\n\
                    test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.1s\n";
        assert_eq!(count(text), sum(14, 1, 1));
    }

    #[test]
    fn counts_vitest() {
        let text = " \u{1b}[2m Test Files \u{1b}[22m \u{1b}[32m2 passed\u{1b}[39m (2)\n\
                    \u{1b}[2m      Tests \u{1b}[22m \u{1b}[31m1 failed\u{1b}[39m | \u{1b}[32m7 passed\u{1b}[39m | 2 skipped (10)\n";
        assert_eq!(count(text), sum(7, 1, 2));
    }

    #[test]
    fn counts_playwright() {
        let text = "Running 8 tests using 1 worker\n  1 failed\n    a.spec.ts:3:1 › 5 passed things\n  1 flaky\n  1 skipped\n  5 passed (1.2m)\n";
        assert_eq!(count(text), sum(5, 2, 1));
    }

    #[test]
    fn counts_nothing_in_other_lines() {
        assert_eq!(count("5 passed by the window, waving\nall 3 failed attempts\n10 tests\n"), sum(0, 0, 0));
    }
}
