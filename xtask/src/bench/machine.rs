//! What a table of measurements must name: when, and on what machine.

use crate::exec::{ask, command};
use std::fmt;

pub struct Machine {
    pub date: String,
    pub processor: String,
    pub threads: usize,
    pub system: &'static str,
    /// The load average of the last minute, if the system reports it.
    pub load: Option<f64>,
    pub node: String,
}

pub fn describe() -> Machine {
    let node = |code: &str| ask(command("node").args(["-p", code])).unwrap_or_default();
    Machine {
        date: node("new Date().toISOString().slice(0, 10)"),
        processor: node("os.cpus()[0]?.model ?? 'unknown'"),
        threads: std::thread::available_parallelism().map_or(1, |n| n.get()),
        system: std::env::consts::OS,
        load: node("os.loadavg()[0]").parse().ok(),
        node: node("process.version"),
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { date, processor, threads, system, load, node } = self;
        write!(f, "{date}, {threads} threads of {processor} ({system}), node {node}")?;
        load.map_or(Ok(()), |load| write!(f, ", load {load:.1} before the start"))
    }
}
