//! `generate`: the text that the model predicts.

use super::{Folder, MODEL, PROMPT, args};
use sparse_circuits::model::{Generator, Sampler};

#[test]
fn generate_continues_with_the_most_likely_tokens() {
    let folder = Folder::new();
    let generate = |more: &[&str]| folder.ok(&args(&[&["generate"], &MODEL, &["--prompt", PROMPT], more]));
    let mut generator = Generator::new(&folder.model.weights);
    let mut sampler = Sampler::new(0.0, 1.0, 0).unwrap();
    let (mut out, mut logits) = (Vec::new(), Vec::new());
    for token in folder.tokenizer.encode(PROMPT) {
        logits = generator.push(token).unwrap();
    }
    while out.len() < 60 {
        let next = sampler.next(&logits);
        if Some(next) == folder.tokenizer.end_of_text() {
            break;
        }
        out.push(next);
        logits = generator.push(next).unwrap();
    }
    assert!(out.len() > 3, "too short to show anything");
    let want = format!("{PROMPT}{}\n", folder.tokenizer.decode(&out));
    assert_eq!(generate(&["--temperature", "0", "--max-new-tokens", "60"]), want);
    assert_eq!(generate(&["--max-new-tokens", "0"]), format!("{PROMPT}\n"));
    let draw =
        |seed: &str| generate(&["--temperature", "1.3", "--top-p", "0.9", "--max-new-tokens", "12", "--seed", seed]);
    assert_eq!(draw("1"), draw("1"));
    assert_ne!(draw("1"), draw("2"));
}
