//! The tasks' pairs: splits, counterfactuals, hand-written prompts, and the accuracy of models
//! without attention.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use sparse_circuits::tasks::{Pair, Reason, Split, TASKS, Task};
use sparse_circuits::tokenizer::Tokenizer;
use sparse_circuits::train::{bpe, synthetic};

/// A small tokenizer of the shipped kind: the same merges of punctuation, the rest learned from synthetic text.
fn tokenizer() -> &'static Tokenizer {
    static TOKENIZER: OnceLock<Tokenizer> = OnceLock::new();
    TOKENIZER.get_or_init(|| {
        let texts: Vec<String> = (0..800).map(|index| synthetic::document(1, index)).collect();
        bpe::train(texts.iter().map(String::as_str), 1024).expect("800 documents are enough for 1024 tokens")
    })
}

/// Prompts with the index of the right candidate.
type Labelled = Vec<(Vec<u32>, usize)>;

/// The tokens of a pair's prompts. The lines before the one that differs are the same in both, so they are encoded once.
fn tokens_of(pair: &Pair) -> [Vec<u32>; 2] {
    let same = pair.a.bytes().zip(pair.b.bytes()).take_while(|(a, b)| a == b).count();
    // No token spans the end of a line before a line with code.
    let start = pair.a.as_bytes()[..same].iter().rposition(|c| *c == b'\n').map_or(0, |end| end + 1);
    let lines = tokenizer().encode(&pair.a[..start]);
    [&pair.a, &pair.b].map(|prompt| [&lines[..], &tokenizer().encode(&prompt[start..])].concat())
}

/// The prompts of a task's 4,000 training pairs and of its 1,000 test pairs. They are encoded once for all tests.
fn prompts(task: &Task) -> &'static [Labelled; 2] {
    static PROMPTS: OnceLock<Vec<[Labelled; 2]>> = OnceLock::new();
    let labelled = |pairs: Vec<Pair>| -> Labelled {
        let both = |pair: &Pair| {
            let [a, b] = tokens_of(pair);
            [(a, 0), (b, 1)]
        };
        pairs.iter().flat_map(both).collect()
    };
    let of_task =
        |task: &Task| [(Split::Train, 4000), (Split::Test, 1000)].map(|(split, n)| labelled(task.pairs(split, n)));
    let place = TASKS.iter().position(|one| one.name == task.name).expect("one of the tasks");
    &PROMPTS.get_or_init(|| TASKS.iter().map(of_task).collect())[place]
}

/// Tasks whose pairs differ in more than five bytes.
const LONGER_PLACES: [(&str, usize); 2] = [
    // `f = lambda` or `def`
    ("lambda_func", 10),
    // `return` or `while`
    ("while_return_true", 6),
];

/// Tasks whose pairs differ in length by more than one token.
const SHIFTS: [(&str, usize); 3] = [
    // a line end and an indentation, or nothing
    ("if_ternary", 2),
    // the variable and `=` before `lambda`, or nothing
    ("lambda_func", 2),
    // a comma and a variable, or nothing
    ("enumerate_range", 2),
];

fn exception(table: &[(&str, usize)], task: &Task) -> Option<usize> {
    table.iter().find(|(name, _)| *name == task.name).map(|(_, most)| *most)
}

#[test]
fn splits_are_large_disjoint_and_repeatable() {
    for task in TASKS {
        let splits = Split::ALL.map(|split| task.pairs(split, 1200));
        let all: HashSet<&Pair> = splits.iter().flatten().collect();
        assert_eq!(all.len(), 3600, "{}", task.name);
        assert_eq!(task.pairs(Split::Test, 50)[..], splits[2][..50], "{}: more pairs only add to the end", task.name);
        let train: HashSet<&str> = splits[0].iter().flat_map(|pair| [pair.a.as_str(), pair.b.as_str()]).collect();
        for pair in splits[1].iter().chain(&splits[2]) {
            assert!(!train.contains(pair.a.as_str()) && !train.contains(pair.b.as_str()), "{}: {pair:?}", task.name);
        }
    }
}

#[test]
fn a_pair_differs_in_one_place_and_is_its_own_counterfactual() {
    for task in TASKS {
        for pair in task.pairs(Split::Test, 1000) {
            let (a, b) = (pair.a.as_bytes(), pair.b.as_bytes());
            let tail = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
            let most = a.len().min(b.len()) - tail;
            let head = a.iter().zip(b).take(most).take_while(|(x, y)| x == y).count();
            let middle = a.len().max(b.len()) - head - tail;
            let most = exception(&LONGER_PLACES, task).unwrap_or(5);
            assert!((1..=most).contains(&middle), "{}: {pair:?}", task.name);
            assert_eq!(a.last(), b.last(), "{}: {pair:?}", task.name);
            assert_eq!(task.counterfactual(&pair.a).as_deref(), Ok(pair.b.as_str()), "{}", task.name);
            assert_eq!(task.counterfactual(&pair.b).as_deref(), Ok(pair.a.as_str()), "{}", task.name);
        }
    }
}

#[test]
fn prompts_fit_the_context_and_stay_aligned() {
    for task in TASKS {
        task.candidate_tokens(tokenizer()).expect("each candidate is one token");
        let mut long = 0;
        for pair in task.pairs(Split::Test, 1000) {
            let [a, b] = tokens_of(&pair);
            assert!(
                a.len().min(b.len()) >= 6 && a.len().max(b.len()) <= 100,
                "{}: {} tokens, {pair:?}",
                task.name,
                a.len()
            );
            let most = exception(&SHIFTS, task).unwrap_or(1);
            assert!(a.len().abs_diff(b.len()) <= most, "{}: {pair:?}", task.name);
            long += usize::from(a.len() > 64);
            // The candidate is exactly one token, whatever text is before and after it.
            let candidates = task.candidates_after(&pair.a);
            assert_eq!(task.candidates_after(&pair.b), candidates, "{}: {pair:?}", task.name);
            for (prompt, ids, candidate) in [(&pair.a, &a, &candidates[0]), (&pair.b, &b, &candidates[1])] {
                let whole = tokenizer().encode(&format!("{prompt}{candidate}{}", text_after(candidate)));
                assert_eq!(&whole[..ids.len()], &ids[..], "{}: {prompt:?}", task.name);
                assert_eq!(Some(whole[ids.len()]), tokenizer().single_token(candidate), "{}: {prompt:?}", task.name);
            }
        }
        println!("{}: {long} of 1000 prompts are longer than 64 tokens", task.name);
        assert!(long <= 100, "{}: {long} of 1000 prompts are longer than 64 tokens", task.name);
    }
}

/// What the text has after a candidate: a line end, and a word after white space.
fn text_after(candidate: &str) -> &'static str {
    match candidate {
        "\n" => "x",
        _ if candidate.starts_with("  ") => " x",
        _ => "\n",
    }
}

/// The tokenizer of these tests has other words as tokens than the shipped one.
#[test]
fn candidates_are_tokens_of_the_shipped_tokenizer() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/models/tokenizer.json");
    let shipped = Tokenizer::from_json(&std::fs::read(file).expect("it is shipped")).expect("a tokenizer");
    for task in TASKS {
        let pairs = task.pairs(Split::Test, 200).into_iter().map(|pair| pair.a);
        for prompt in pairs.chain(task.handwritten().into_iter().map(|one| one.prompt)) {
            let tokens = task.candidate_tokens_after(&shipped, &prompt);
            assert!(tokens.is_ok(), "{}: {prompt:?}: {tokens:?}", task.name);
        }
    }
}

#[test]
fn the_last_token_alone_does_not_solve_a_task() {
    for task in TASKS {
        let mut counts: HashMap<u32, [i64; 2]> = HashMap::new();
        let [train, test] = prompts(task);
        for (ids, wanted) in train {
            counts.entry(ids[ids.len() - 1]).or_default()[*wanted] += 1;
        }
        let right = test.iter().filter(|(ids, wanted)| {
            let [a, b] = counts.get(&ids[ids.len() - 1]).copied().unwrap_or_default();
            usize::from(b > a) == *wanted
        });
        let accuracy = right.count() as f64 / test.len() as f64;
        println!("{}: best guess from the last token {accuracy:.3}", task.name);
        assert!(accuracy <= 0.6, "{}: {accuracy}", task.name);
    }
}

/// Logistic regression on `features`, fitted by plain gradient steps; the accuracy on test.
fn logistic(task: &Task, features: fn(&[u32]) -> Vec<(usize, f32)>) -> f64 {
    let mut weights = vec![0f32; 1025];
    let [train, test] = prompts(task);
    let train: Vec<_> = train.iter().map(|(ids, wanted)| (features(ids), *wanted)).collect();
    let score =
        |weights: &[f32], x: &[(usize, f32)]| x.iter().map(|&(i, v)| weights[i] * v).sum::<f32>() + weights[1024];
    for epoch in 0..30 {
        let rate = 0.3 / (1.0 + epoch as f32);
        for (x, wanted) in &train {
            let slope = *wanted as f32 - 1.0 / (1.0 + (-score(&weights, x)).exp());
            for &(i, v) in x {
                weights[i] += rate * slope * v;
            }
            weights[1024] += rate * slope;
        }
    }
    let right =
        test.iter().filter(|(ids, wanted)| usize::from(score(&weights, &features(ids)) > 0.0) == *wanted).count();
    right as f64 / test.len() as f64
}

fn presence(ids: &[u32]) -> Vec<(usize, f32)> {
    let unique: HashSet<u32> = ids.iter().copied().collect();
    let mut unique: Vec<u32> = unique.into_iter().collect();
    unique.sort_unstable();
    unique.into_iter().map(|id| (id as usize, 1.0)).collect()
}

/// The average of one-hot tokens over the context, scaled so that the steps suit it.
fn average(ids: &[u32]) -> Vec<(usize, f32)> {
    ids.iter().map(|&id| (id as usize, 10.0 / ids.len() as f32)).collect()
}

/// The set of tokens must not reveal the answer. Their counts may: counting opening and closing
/// brackets is a valid solution, which the published bracket circuit uses. That accuracy is printed
/// but not limited.
#[test]
fn the_set_of_tokens_alone_does_not_solve_a_task() {
    let scores: Vec<_> =
        TASKS.iter().map(|task| (task.name, logistic(task, presence), logistic(task, average))).collect();
    for (name, present, mean) in &scores {
        println!("{name}: from the presence of tokens {present:.3}, from their average {mean:.3}");
    }
    for (name, present, _) in scores {
        assert!(present <= 0.77, "{name}: {present}");
    }
}

#[test]
fn handwritten_prompts_are_many_balanced_and_ordinary() {
    for task in TASKS {
        let all = task.handwritten();
        assert!(all.len() >= 30, "{}: {}", task.name, all.len());
        let second = all.iter().filter(|one| one.wanted == 1).count();
        assert_eq!(second * 2, all.len(), "{}: balanced", task.name);
        let unique: HashSet<&str> = all.iter().map(|one| one.prompt.as_str()).collect();
        assert_eq!(unique.len(), all.len(), "{}", task.name);
        for one in &all {
            // It ends in code, or in one line end where an indentation comes next.
            let code = one.prompt.strip_suffix('\n').unwrap_or(&one.prompt);
            let ends = one.prompt.ends_with('\n') == task.candidates[0].starts_with("  ");
            assert!(code.trim_end() == code && !code.is_empty() && ends, "{}: {one:?}", task.name);
            let ids = tokenizer().encode(&one.prompt);
            assert!(ids.len() <= 100, "{}: {one:?}", task.name);
            let candidate = &task.candidates_after(&one.prompt)[one.wanted];
            let whole = tokenizer().encode(&format!("{}{candidate}", one.prompt));
            assert_eq!(whole.last().copied(), tokenizer().single_token(candidate), "{}: {one:?}", task.name);
            // The counterfactual rule works on each prompt.
            let other = task.counterfactual(&one.prompt).unwrap_or_else(|why| panic!("{}: {one:?}: {why}", task.name));
            assert_ne!(other, one.prompt);
        }
    }
}

#[test]
fn a_rule_answers_any_text_or_gives_a_reason() {
    for task in TASKS {
        for text in [
            "",
            " ",
            "🦀",
            "\n\n",
            "x = 1 + ",
            "print(\"done\")",
            "שלום",
            "((((",
            "]]]]",
            "'",
            "\\",
            "f'{",
            "\"\"\"",
            "x[é",
        ] {
            if let Err(why) = task.counterfactual(text) {
                assert!(why.to_string().len() > 15, "{}: {why}", task.name);
            }
            task.answer(text);
        }
    }
}

/// Every prefix of some prompts, with odd characters put in, as a user who types would make them.
#[test]
fn a_counterfactual_wants_the_other_candidate() {
    for task in TASKS {
        let mut flipped = 0;
        for one in task.handwritten() {
            for end in (0..=one.prompt.len()).filter(|&end| one.prompt.is_char_boundary(end)) {
                for extra in ["", "\"", "'", "[", "]", "{", " ", "é", "\\", "#"] {
                    let text = format!("{}{extra}", &one.prompt[..end]);
                    let Ok(b) = task.counterfactual(&text) else { continue };
                    assert_ne!(b, text, "{}", task.name);
                    if let Some(answer) = task.answer(&text) {
                        assert_eq!(task.answer(&b), Some(1 - answer), "{}: {text:?} to {b:?}", task.name);
                        flipped += 1;
                    }
                }
            }
        }
        assert!(flipped >= 30, "{}: {flipped}", task.name);
    }
}

#[test]
fn the_rule_knows_the_answers_of_all_prompts() {
    for task in TASKS {
        for pair in task.pairs(Split::Test, 1000) {
            assert_eq!([task.answer(&pair.a), task.answer(&pair.b)], [Some(0), Some(1)], "{}: {pair:?}", task.name);
        }
        for one in task.handwritten() {
            assert_eq!(task.answer(&one.prompt), Some(one.wanted), "{}: {one:?}", task.name);
        }
    }
}

#[test]
fn what_the_model_cannot_read_is_not_flipped() {
    let task = sparse_circuits::tasks::find("single_double_quote").expect("a task");
    let text = format!("print('{}", "word ".repeat(200));
    let cut = task.ruling(tokenizer(), &text, 128);
    assert_eq!((cut.b, cut.reason, cut.answer), (None, Some(Reason::Cut), None));
    let read = task.ruling(tokenizer(), &text, 100_000);
    assert_eq!((read.b, read.reason, read.answer), (Some(text.replace('\'', "\"")), None, Some(0)));
}

#[test]
fn no_token_reveals_an_answer() {
    let tokenizer = tokenizer();
    let openings = |text: &str| text.chars().filter(|c| "([{".contains(*c)).count();
    for id in 0..tokenizer.vocab_size() as u32 {
        let text = tokenizer.token_text(id);
        if text == "<|endoftext|>" {
            assert_eq!(id, 1023);
            continue;
        }
        let punctuation = text.chars().any(|c| c.is_ascii_punctuation());
        assert!(!(punctuation && text.contains(['\n', '\r'])), "{text:?}: candidates would swallow a newline");
        assert!(openings(&text) < 2, "{text:?}: holds a depth");
        let quote = text.contains(['"', '\'']);
        assert!(!quote || !text.contains(['[', '{']), "{text:?}: says what the string stands in");
        assert!(!quote || !text.chars().any(char::is_alphanumeric), "{text:?}");
        for task in TASKS {
            for candidate in task.candidates {
                let Some(rest) = text.strip_prefix(candidate).filter(|rest| !rest.is_empty()) else { continue };
                let allowed = may_begin_with(task, candidate, rest);
                assert!(allowed, "{}: {text:?} begins with the candidate {candidate:?}", task.name);
            }
        }
    }
}

/// Tokens that may begin with a candidate: the task, its candidate, and what the token has after it.
const LONGER_TOKENS: &[(&str, &str, &str)] = &[
    // It separates the rows of a nested list. After a prompt the list is complete and the line ends, so no comma follows.
    ("bracket_counting", "]", ","),
    // An f-string never has an empty field.
    ("fstring_brace", " {", "}"),
    // A parameter is not compared.
    ("final_kwarg", "=", "="),
    ("final_kwarg", "=", "==="),
];

/// Whether the tokenizer may have a token of `candidate` and `rest`: the other candidate, a longer word, or an entry of
/// [`LONGER_TOKENS`]. Any other one could take the candidate's place after a prompt.
fn may_begin_with(task: &Task, candidate: &str, rest: &str) -> bool {
    let other = task.candidates.iter().any(|other| other.strip_prefix(candidate) == Some(rest));
    // `.address` for `.add`. A unit test of the drills checks that no letter follows a candidate that is a word.
    let word = |text: &str| text.chars().all(|c| c.is_alphanumeric() || c == '_');
    let longer_word = candidate.ends_with(char::is_alphabetic) && word(rest);
    // `\n\n` for `\n`. The same unit test checks that a line follows a line end, not an empty line.
    let empty_lines = candidate == "\n" && rest.chars().all(|c| c == '\n');
    // A longer run of spaces is another indentation, which Python refuses after these prompts.
    let deeper = candidate.starts_with("  ") && rest.trim_matches(' ').is_empty();
    other || longer_word || empty_lines || deeper || LONGER_TOKENS.contains(&(task.name, candidate, rest))
}

#[test]
fn any_text_round_trips() {
    let long = "x".repeat(100_000) + &" ".repeat(100_000);
    for text in
        ["", " ", "\u{0}\u{1}\u{7f}", "🦀 é שלום \u{202e}abc", "a\r\n\tb\n\n  c", "<|endoftext|>", "\u{feff}", &long]
    {
        let ids = tokenizer().encode(text);
        assert_eq!(tokenizer().decode(&ids), text);
    }
    assert_eq!(tokenizer().encode("<|endoftext|>"), [1023]);
}

#[test]
fn tokenizer_json_gives_the_same_tokens() {
    let again =
        Tokenizer::from_json(tokenizer().to_json().expect("it can be written").as_bytes()).expect("it can be read");
    for index in 900..930 {
        let text = synthetic::document(2, index);
        assert_eq!(again.encode(&text), tokenizer().encode(&text));
    }
}

#[test]
fn encoder_json_and_vocab_bpe_give_the_same_tokens() {
    let json: serde_json::Value =
        serde_json::from_str(&tokenizer().to_json().expect("it can be written")).expect("JSON");
    let mut vocab = json["model"]["vocab"].as_object().expect("a vocabulary").clone();
    vocab.insert("<|endoftext|>".into(), 1023.into());
    let merges = json["model"]["merges"].as_array().expect("merges");
    let lines: Vec<String> =
        merges.iter().map(|m| format!("{} {}", m[0].as_str().expect("text"), m[1].as_str().expect("text"))).collect();
    let bpe = format!("#version: 0.2\n{}\n", lines.join("\n"));
    let encoder = serde_json::Value::Object(vocab).to_string();
    let again = Tokenizer::from_encoder_and_merges(encoder.as_bytes(), bpe.as_bytes()).expect("it can be read");
    let text = synthetic::document(2, 77) + "<|endoftext|>é🦀";
    assert_eq!(again.encode(&text), tokenizer().encode(&text));
    assert_eq!(again.vocab_size(), 1024);

    for (encoder, bpe) in [
        ("", ""),
        ("[]", ""),
        (r#"{"a": 7}"#, ""),
        (r#"{"a": 0, "b": 0}"#, ""),
        (r#"{"a": -1}"#, ""),
        (r#"{"a": 0}"#, "a b c"),
        (r#"{"a": 0}"#, "a z"),
        (r#"{"a": 0}"#, ""),
    ] {
        assert!(Tokenizer::from_encoder_and_merges(encoder.as_bytes(), bpe.as_bytes()).is_err(), "{encoder} {bpe}");
    }
    for json in ["", "{}", "null", r#"{"version":"1.0","model":{"type":"BPE","vocab":{},"merges":[]}}"#] {
        assert!(Tokenizer::from_json(json.as_bytes()).is_err(), "{json}");
    }
}

#[test]
fn synthetic_documents_are_repeatable_and_valid_in_shape() {
    for index in 0..200 {
        let text = synthetic::document(3, index);
        assert_eq!(text, synthetic::document(3, index));
        for line in text.lines() {
            let indent = line.len() - line.trim_start().len();
            assert_eq!(indent % 4, 0, "{line:?}");
            assert!(!line.ends_with(' '), "{line:?}");
        }
    }
    assert_ne!(synthetic::document(3, 1), synthetic::document(4, 1));
}
