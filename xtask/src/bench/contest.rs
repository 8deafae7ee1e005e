//! Contestants: processes that wait for a line, do one run and answer with its time. Each has one model and one
//! job. They take turns, so that a busy machine slows all of them equally.

use crate::exec::Result;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// One run: milliseconds of processor and of wall-clock time, and of its parts.
pub struct Sample {
    pub cpu: f64,
    pub wall: f64,
    pub parts: Vec<(String, f64)>,
}

pub struct Contestant {
    pub name: String,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Floating-point operations or tokens of a run, or 0.
    pub work: f64,
    pub samples: Vec<Sample>,
}

impl Contestant {
    /// Starts it and waits until it is warm.
    pub fn start(name: &str, mut command: Command) -> Result<Contestant> {
        let failed = |error: std::io::Error| format!("{name} cannot be started: {error}");
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let input = process.stdin.take().expect("stdin is piped");
        let output = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut contestant =
            Contestant { name: name.to_string(), process, input, output, work: 0.0, samples: Vec::new() };
        let line = contestant.line()?;
        let ready = line.strip_prefix("ready ").and_then(|work| work.parse().ok());
        contestant.work = ready.ok_or(format!("{name} answered `{line}` instead of `ready`"))?;
        Ok(contestant)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) | Err(_) => Err(format!("{} has stopped; see above", self.name)),
            Ok(_) => Ok(line.trim_end().to_string()),
        }
    }

    fn ask(&mut self, word: &str) -> Result<String> {
        if writeln!(self.input, "{word}").and_then(|()| self.input.flush()).is_err() {
            return Err(format!("{} has stopped; see above", self.name));
        }
        self.line()
    }

    fn run(&mut self) -> Result {
        let line = self.ask("run")?;
        let mut words = line.split(' ');
        let mut number = || words.next().and_then(|word| word.parse::<f64>().ok());
        let (Some(cpu), Some(wall)) = (number(), number()) else {
            return Err(format!("{} answered `{line}`, not two numbers", self.name));
        };
        let parts = words
            .filter_map(|word| word.split_once('='))
            .filter_map(|(name, ms)| Some((name.to_string(), ms.parse().ok()?)))
            .collect();
        self.samples.push(Sample { cpu, wall, parts });
        Ok(())
    }

    /// The output of the last run. The contestant writes it to `path`.
    pub fn output(&mut self, path: &Path) -> Result<Vec<f32>> {
        self.ask(&format!("write {}", path.display()))?;
        let bytes = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the contestants in turn: at least five rounds, more while there is time.
pub fn take_turns(contestants: &mut [Contestant], quick: bool) -> Result {
    let (least, most, time) = if quick { (2, 2, 0) } else { (5, 15, 8) };
    let start = Instant::now();
    for round in 0..most {
        if round >= least && start.elapsed() > Duration::from_secs(time) {
            break;
        }
        for contestant in contestants.iter_mut() {
            contestant.run()?;
        }
    }
    Ok(())
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => values[n / 2],
        n => (values[n / 2 - 1] + values[n / 2]) / 2.0,
    }
}
