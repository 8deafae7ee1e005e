//! One row per comparison, as a Markdown table and as JSON.

use super::contest::{Contestant, Sample, median};
use super::machine::Machine;

/// What is compared.
#[derive(Clone, Copy, PartialEq)]
pub enum Measure {
    /// Milliseconds of processor time; the ratio says how many times faster we are.
    Time,
    /// Tokens per second of wall-clock time; the ratio says how many times faster we are.
    Tokens,
    /// Floating-point operations; the ratio is our share of the peer's rate, which is a roofline.
    Rate,
    /// Milliseconds of a part; the ratio is its share of the whole.
    Share,
}

#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// The measurements of one contestant, one number per round.
pub struct Figures {
    pub name: String,
    pub values: Vec<f64>,
}

pub struct Row {
    pub what: String,
    pub measure: Measure,
    pub ours: Figures,
    /// The peer, or why there is none.
    pub peer: Result<Figures, String>,
    pub goal: Option<Goal>,
    pub note: String,
}

impl Measure {
    fn of(self, work: f64, sample: &Sample) -> f64 {
        match self {
            Measure::Time | Measure::Share => sample.cpu,
            Measure::Tokens => work / sample.wall * 1e3,
            Measure::Rate => work / sample.cpu / 1e6,
        }
    }

    pub fn figures(self, contestant: &Contestant) -> Figures {
        let values = contestant.samples.iter().map(|sample| self.of(contestant.work, sample)).collect();
        Figures { name: contestant.name.clone(), values }
    }

    fn unit(self) -> &'static str {
        match self {
            Measure::Time | Measure::Share => "ms",
            Measure::Tokens => "tokens/s",
            Measure::Rate => "GFLOP/s",
        }
    }
}

impl Figures {
    pub fn median(&self) -> f64 {
        median(self.values.clone())
    }
}

impl Row {
    /// The median of the rounds' ratios.
    pub fn ratio(&self) -> Option<f64> {
        let peer = self.peer.as_ref().ok()?;
        let pairs = self.ours.values.iter().zip(&peer.values);
        Some(median(match self.measure {
            Measure::Time => pairs.map(|(ours, peer)| peer / ours).collect(),
            Measure::Tokens | Measure::Rate | Measure::Share => pairs.map(|(ours, peer)| ours / peer).collect(),
        }))
    }

    /// One line for the progress output.
    pub fn line(&self) -> String {
        let peer =
            self.peer.as_ref().map_or_else(String::clone, |peer| format!("{} {}", digits(peer.median()), peer.name));
        let ours = digits(self.ours.median());
        let ratio = self.ratio().map_or(String::new(), |ratio| self.shown(ratio));
        format!("{}: {ours} {}, {peer} ({}) {ratio}", self.what, self.ours.name, self.measure.unit())
    }

    fn shown(&self, ratio: f64) -> String {
        match self.measure {
            Measure::Time | Measure::Tokens => format!("{} x", digits(ratio)),
            Measure::Rate | Measure::Share => format!("{:.0} %", 100.0 * ratio),
        }
    }

    fn goal(&self) -> (String, &'static str) {
        let Some(goal) = self.goal else { return (String::new(), "") };
        let (word, wanted) = match goal {
            Goal::AtLeast(wanted) => ("at least", wanted),
            Goal::AtMost(wanted) => ("at most", wanted),
        };
        let met = self.ratio().map(|ratio| match goal {
            Goal::AtLeast(wanted) => ratio >= wanted,
            Goal::AtMost(wanted) => ratio <= wanted,
        });
        (format!("{word} {}", self.shown(wanted)), met.map_or("not measured", |yes| if yes { "yes" } else { "no" }))
    }
}

/// Three significant digits.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 99.95 => format!("{value:.0}"),
        size if size >= 9.995 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A Markdown table with aligned columns.
pub fn table(title: &str, rows: &[Row]) -> String {
    let head = ["", "ours", "peer", "ratio", "goal", "met", ""].map(str::to_string);
    let mut lines = vec![head];
    for row in rows {
        let figure =
            |figures: &Figures| format!("{} {}, {}", digits(figures.median()), row.measure.unit(), figures.name);
        let (goal, met) = row.goal();
        let (peer, missing) = match &row.peer {
            Ok(figures) => (figure(figures), ""),
            Err(sentence) => (String::new(), sentence.as_str()),
        };
        lines.push([
            row.what.clone(),
            figure(&row.ours),
            peer,
            row.ratio().map_or(String::new(), |ratio| row.shown(ratio)),
            goal,
            met.to_string(),
            [row.note.as_str(), missing].join(" ").trim().to_string(),
        ]);
    }
    let used: Vec<usize> = (0..7).filter(|&column| lines.iter().any(|line| !line[column].is_empty())).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).max(3);
    let mut text = format!("{title}\n\n");
    for (i, line) in lines.iter().enumerate() {
        let cells: Vec<String> = used.iter().map(|&column| format!("{:<1$}", line[column], width(column))).collect();
        text += &format!("| {} |\n", cells.join(" | "));
        if i == 0 {
            let dashes: Vec<String> = used.iter().map(|&column| "-".repeat(width(column))).collect();
            text += &format!("| {} |\n", dashes.join(" | "));
        }
    }
    text
}

/// `{machine, benchmark, rows: [{what, unit, ours: {name, median, values}, peer: ... or null, ratio, goal, met, note}]}`.
pub fn json(machine: &Machine, benchmark: &str, rows: &[Row]) -> String {
    let figures = |figures: &Figures| {
        let values: Vec<String> = figures.values.iter().map(|value| number(*value)).collect();
        let median = number(figures.median());
        format!("{{\"name\": {}, \"median\": {median}, \"values\": [{}]}}", quoted(&figures.name), values.join(", "))
    };
    let rows: Vec<String> = rows
        .iter()
        .map(|row| {
            let (goal, met) = row.goal();
            format!(
                "  {{\"what\": {}, \"unit\": {}, \"ours\": {},\n   \"peer\": {}, \"ratio\": {}, \"goal\": {}, \"met\": {}, \
                 \"note\": {}}}",
                quoted(&row.what),
                quoted(row.measure.unit()),
                figures(&row.ours),
                row.peer.as_ref().map_or("null".into(), figures),
                row.ratio().map_or("null".into(), number),
                quoted(&goal),
                quoted(met),
                quoted(row.peer.as_ref().err().unwrap_or(&row.note)),
            )
        })
        .collect();
    format!(
        "{{\"machine\": {}, \"benchmark\": {}, \"rows\": [\n{}\n]}}\n",
        quoted(&machine.to_string()),
        quoted(benchmark),
        rows.join(",\n")
    )
}

fn number(value: f64) -> String {
    if value.is_finite() { format!("{value:.5}") } else { "null".into() }
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|letter| match letter {
            '"' => "\\\"".to_string(),
            '\\' => "\\\\".to_string(),
            letter if letter.is_control() => format!("\\u{:04x}", letter as u32),
            letter => letter.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(measure: Measure, goal: Goal) -> Row {
        let figures = |name: &str, values: [f64; 3]| Figures { name: name.into(), values: values.to_vec() };
        Row {
            what: "a \"size\"".into(),
            measure,
            ours: figures("wasm", [1.0, 2.0, 4.0]),
            peer: Ok(figures("dense", [10.0, 40.0, 40.0])),
            goal: Some(goal),
            note: String::new(),
        }
    }

    #[test]
    fn ratios_are_medians_of_pairs_and_goals_know_their_direction() {
        let faster = row(Measure::Time, Goal::AtLeast(10.5));
        assert_eq!((faster.ratio(), faster.goal().1), (Some(10.0), "no"));
        let share = row(Measure::Share, Goal::AtMost(0.35));
        assert_eq!((share.ratio(), share.goal()), (Some(0.1), ("at most 35 %".to_string(), "yes")));
        let mut alone = row(Measure::Time, Goal::AtLeast(1.0));
        alone.peer = Err("not installed".into());
        assert_eq!((alone.ratio(), alone.goal().1), (None, "not measured"));
        assert!(table("t", &[alone]).contains("not installed"));
    }

    #[test]
    fn json_is_escaped() {
        assert!(table("t", &[row(Measure::Time, Goal::AtLeast(1.0))]).contains("| 10.0 x | at least 1.00 x | yes"));
        assert_eq!(quoted("a \"b\" \\ \n"), r#""a \"b\" \\ \u000a""#);
    }
}
