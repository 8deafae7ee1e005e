//! `src/backend/OPS.md` names every op, and what it names is there.

use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_table_of_ops_is_whole() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/backend"));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);
    let (source, table) = (read("mod.rs"), read("OPS.md"));
    // from the first op on; what stands before is memory
    let (_, ops) = source.split_once("    fn copy(").expect("the first op");
    let names =
        |text: &str| text.split("    fn ").skip(1).map(|f| f.split('(').next().unwrap_or("").to_string()).collect();
    let mut ops: BTreeSet<String> = names(ops);
    ops.insert("copy".into());
    let rows: Vec<Vec<&str>> =
        table.lines().filter(|line| line.starts_with("| `")).map(|line| line.split(" | ").collect()).collect();
    assert_eq!(rows.iter().map(|row| row[0].trim_matches(['|', ' ', '`']).to_string()).collect::<BTreeSet<_>>(), ops);
    for row in &rows {
        for link in row.iter().flat_map(|cell| cell.split("](").skip(1)) {
            let path = link.split(')').next().unwrap_or("");
            assert!(folder.join(path).is_file(), "{}: {path}", row[0]);
        }
    }
    let shaders: BTreeSet<String> = std::fs::read_dir(folder.join("../../shaders"))
        .expect("the shaders")
        .map(|file| file.expect("a file").file_name().into_string().expect("a name"))
        .collect();
    let shared = ["panel.wgsl", "gelu.wgsl", "norm_statistics.wgsl", "limit.wgsl"];
    for shader in shaders.iter().filter(|name| !shared.contains(&name.as_str())) {
        assert!(table.contains(&format!("shaders/{shader}")), "no op names {shader}");
    }
}
