//! `sparse-circuits import`, run as a program.

use crate::format_support::{folders, oracle, read};
use sparse_circuits::cli::shared::load::{load_checkpoint, load_model};
use std::path::Path;
use std::process::{Command, Output};

fn import(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparse-circuits")).arg("import").args(arguments).output().unwrap()
}

#[test]
fn every_checkpoint_is_imported_and_loads_as_the_folder_does() {
    let out = tempfile::tempdir().unwrap();
    for folder in folders() {
        let file = out.path().join("model.safetensors");
        let done = import(&[&folder, Path::new("--out"), &file]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let imported = load_model(&file).unwrap();
        assert_eq!(imported, load_checkpoint(&folder).unwrap());
        assert_eq!(imported, load_model(&folder).unwrap());
        let lossless = read(&file).len();

        let done = import(&[&folder, Path::new("--compact"), Path::new("--out"), &file]);
        assert!(done.status.success());
        load_model(&file).unwrap();
        assert!(read(&file).len() < lossless, "the file was replaced by a smaller one");
    }
    assert_eq!(std::fs::read_dir(out.path()).unwrap().count(), 1, "no temporary files stay");
}

#[test]
fn a_folder_may_have_either_form_of_the_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let from = oracle("p02_rms_sink_bigram_full");
    let whole = load_checkpoint(&from).unwrap().weights;
    std::fs::copy(from.join("model.safetensors"), folder.path().join("model.safetensors")).unwrap();
    std::fs::copy(from.join("beeg_config.json"), folder.path().join("config.json")).unwrap();
    assert_eq!(load_model(folder.path()).unwrap().weights, whole);
}

#[test]
fn bad_input_is_one_line_status_2_and_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let (checkpoint, out) = (folder.path().join("checkpoint"), folder.path().join("out.safetensors"));
    let refused = |named: &str| {
        let done = import(&[&checkpoint, Path::new("--out"), &out]);
        let text = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{text}");
        assert!(text.contains(named) && text.lines().count() == 1, "{text}");
        assert!(!out.exists());
    };
    refused("checkpoint");
    std::fs::create_dir(&checkpoint).unwrap();
    refused("beeg_config.json");
    let from = oracle("p01_ln_tied_noflash");
    std::fs::copy(from.join("beeg_config.json"), checkpoint.join("beeg_config.json")).unwrap();
    refused("final_model.pt");
    let bytes = read(&from.join("final_model.pt"));
    std::fs::write(checkpoint.join("final_model.pt"), &bytes[..bytes.len() / 2]).unwrap();
    refused("checkpoint");
    std::fs::write(checkpoint.join("beeg_config.json"), [0xff, 0xfe]).unwrap();
    refused("beeg_config.json");

    // An old file stays if an import fails.
    std::fs::write(&out, b"before").unwrap();
    import(&[&checkpoint, Path::new("--out"), &out]);
    assert_eq!(read(&out), b"before");
}
