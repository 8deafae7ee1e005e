//! How the commands find a tokenizer.

use super::{Folder, MODEL, PROMPT, STEER, TASK, args, bridge, published_tokenizer};
use std::fs;

/// Every command that reads text finds the tokenizer in the same way: in the model's folder or by
/// --tokenizer, in both forms.
#[test]
fn every_command_finds_either_form_of_the_tokenizer() {
    let folder = Folder::new();
    bridge(&folder);
    fs::write(folder.path("text.txt"), "x = 1\n").unwrap();
    let task = ["--task", TASK];
    let few = ["--pairs", "2", "--steps", "1", "--restarts", "1", "--untrained", "--out", "out"];
    let commands: [Vec<&str>; 7] = [
        args(&[&["evaluate"], &MODEL, &["--circuit", "circuit.json", "--pairs", "2"]]),
        args(&[&["generate"], &MODEL, &["--prompt", PROMPT, "--max-new-tokens", "1"]]),
        args(&[&["means"], &MODEL, &["--corpus", "text.txt", "--out", "out"]]),
        args(&[&["predict"], &MODEL, &["--prompt", PROMPT], &task]),
        args(&[&["prune"], &MODEL, &few, &task]),
        args(&[&["run"], &MODEL, &["--prompt", PROMPT, "--out", "out"]]),
        args(&[STEER, &["--prompt", PROMPT], &task]),
    ];
    let publish = args(&[&["publish"], &MODEL, &["--circuits", ".", "--pairs", "2", "--out", "site"]]);
    let wanted: Vec<String> = commands.iter().map(|command| folder.ok(command)).collect();

    fs::create_dir(folder.path("elsewhere")).unwrap();
    fs::rename(folder.path("tokenizer.json"), folder.path("elsewhere/tokenizer.json")).unwrap();
    for command in commands.iter().chain([&publish]) {
        folder.rejected(command, "--tokenizer");
    }
    for named in ["elsewhere/tokenizer.json", "elsewhere"] {
        for (command, wanted) in commands.iter().zip(&wanted) {
            assert_eq!(&folder.ok(&args(&[command, &["--tokenizer", named]])), wanted, "{command:?}");
        }
        folder.rejected(&args(&[&publish, &["--tokenizer", named]]), "bracket_counting");
    }
    let [encoder, merges] = published_tokenizer();
    fs::write(folder.path("encoder.json"), encoder).unwrap();
    for command in commands.iter().chain([&publish]) {
        folder.rejected(command, "vocab.bpe");
    }
    fs::write(folder.path("vocab.bpe"), merges).unwrap();
    for (command, wanted) in commands.iter().zip(&wanted) {
        assert_eq!(&folder.ok(command), wanted, "{command:?}");
    }
    folder.rejected(&publish, "bracket_counting");
}
