//! `prune`: the backend that a build lacks.

use super::{Folder, TASK};

#[test]
fn prune_on_webgpu_is_rejected_by_a_build_without_it() {
    let folder = Folder::new();
    let files = ["prune", "--model", "model.safetensors", "--task", TASK, "--out", "out.json", "--backend", "webgpu"];
    folder.rejected(&files, "--features webgpu");
}
