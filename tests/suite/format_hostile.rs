//! Hostile pickles and zip files: each is rejected with a sentence that names the problem, without
//! running out of memory.

use crate::format_support::archive::{End, Entry, Pickle, entry, torch, zip, zip_ending};
use crate::format_support::{oracle, read};
use proptest::prelude::*;
use sparse_circuits::format::{
    checkpoint,
    pickle::{self, Value},
    torch_zip,
};

/// A change of good entries into ones to refuse.
type Change<'a> = &'a dyn Fn(&mut Vec<Entry>);

fn refusal(pickle: &[u8]) -> String {
    let file = torch(pickle, &[0; 64]);
    torch_zip::read(&file).map(|value| format!("{value:?}")).expect_err("the pickle is refused").to_string()
}

#[test]
fn the_reader_accepts_unchanged_files_of_this_test() {
    let file = torch(&Pickle::new().tensor(16, 2, &[2, 3], &[1, 4]).stop(), &[0; 64]);
    let Value::Tensor(tensor) = torch_zip::read(&file).unwrap() else { panic!() };
    assert_eq!((tensor.shape.as_slice(), tensor.to_f64().len()), (&[2, 3][..], 6));
}

#[test]
fn calls_are_rejected_and_named() {
    // The call of a typical `__reduce__` exploit: os.system("...").
    let exploit = Pickle::new().global("os", "system").text("true").op(b"\x85R").stop();
    assert!(refusal(&exploit).contains("os.system"));
    for (module, name) in [
        ("posix", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch", "load"),
        ("torch._utils", "_rebuild_tensor_v2\u{0}"),
        ("torch.storage", "_load_from_bytes"),
        ("collections", "OrderedDict.fromkeys"),
        ("numpy.core.multiarray", "_reconstruct"),
    ] {
        let error = refusal(&Pickle::new().global(module, name).op(b")R").stop());
        assert!(error.contains(&format!("{module}.")) && error.contains("refuses"), "{error}");
        // The same through STACK_GLOBAL.
        let error = refusal(&Pickle::new().text(module).text(name).op(b"\x93)R").stop());
        assert!(error.contains("refuses"), "{error}");
    }
    // A global alone is not a value. Calls of values that are not functions, or with wrong
    // arguments, are errors.
    for pickle in [
        Pickle::new().global("torch", "FloatStorage").stop(),
        Pickle::new().global("torch", "FloatStorage").op(b")R").stop(),
        Pickle::new().op(b"])R").stop(),
        Pickle::new().global("collections", "OrderedDict").op(b"]\x85R").stop(),
        Pickle::new().global("torch._utils", "_rebuild_tensor_v2").op(b")R").stop(),
        Pickle::new().global("torch._utils", "_rebuild_parameter").op(b"N\x85R").stop(),
    ] {
        refusal(&pickle);
    }
}

#[test]
fn opcodes_outside_the_set_are_rejected_and_named() {
    for (opcode, name) in [
        (&b"i"[..], "INST"),
        (b"o", "OBJ"),
        (b"\x81", "NEWOBJ"),
        (b"\x92", "NEWOBJ_EX"),
        (b"\x82\x01", "EXT1"),
        (b"P1\n", "PERSID"),
        (b"\x97", "NEXT_BUFFER"),
        (b"2", "DUP"),
        (b"\xfe", "0xfe"),
    ] {
        let error = refusal(&Pickle::new().op(b"N").op(opcode).stop());
        assert!(error.contains(name) && error.contains("byte 3"), "{error}");
    }
}

#[test]
fn attributes_are_rejected_except_the_metadata_of_a_state_dict() {
    let dict = || Pickle::new().global("collections", "OrderedDict").op(b")R");
    let file = torch(&dict().op(b"}").text("_metadata").op(b"}sb").stop(), &[]);
    assert_eq!(torch_zip::read(&file).unwrap(), Value::Dict(vec![]));
    for pickle in [
        dict().op(b"}").text("__class__").op(b"}sb").stop(),
        dict().op(b"}").text("_metadata").op(b"}s").text("x").op(b"}sb").stop(),
        dict().op(b"Nb").stop(),
        Pickle::new().op(b"]}").text("_metadata").op(b"}sb").stop(),
        Pickle::new().op(b"}").text("_metadata").op(b"}sb").stop(),
    ] {
        refusal(&pickle);
    }
}

#[test]
fn opcodes_that_find_the_wrong_values_on_the_stack_are_errors() {
    for ops in [
        &b"."[..],
        b"R",
        b"b",
        b"s",
        b"u",
        b"e",
        b"a",
        b"t",
        b"\x85",
        b"\x87",
        b"Q",
        b"\x93",
        b"q\x00",
        b"h\x05",
        b"j\xff\xff\xff\xff",
        b"(.",
        b"NN.",
        b"(a",
        b"](a",
        b"(NNu",
        b"}(Nu",
        b"](NNu",
        b"}(e",
        b"N(e",
        b"(q\x00",
        b"(R",
        b"(\x85",
        b"K\x01Q",
        b"((t",
        b"]t",
    ] {
        let error = refusal(&Pickle::new().op(ops).stop());
        assert!(error.contains("damaged"), "{ops:?}: {error}");
    }
}

#[test]
fn lengths_beyond_the_file() {
    for ops in [
        &b"X\xff\xff\xff\xff"[..],
        b"X\x05\x00\x00\x00ab",
        b"\x8c\xffab",
        b"\x8a\xff\x01",
        b"\x8a\x09\x01\x01\x01\x01\x01\x01\x01\x01\x01",
        b"M\x01",
        b"G\x00",
        b"\x95\x01",
        b"cos",
        b"X\x02\x00\x00\x00\xff\xfe",
    ] {
        let file = torch(&Pickle::new().op(ops).0, &[]);
        torch_zip::read(&file).unwrap_err();
    }
    assert!(refusal(b"\x80\x07N.").contains("protocol"));
    torch_zip::read(&torch(b"", &[])).unwrap_err();
}

#[test]
fn deep_nesting_and_cycles() {
    let nested = |depth: usize| Pickle::new().op(&vec![b']'; depth]).op(&vec![b'a'; depth - 1]).stop();
    torch_zip::read(&torch(&nested(60), &[])).unwrap();
    assert!(refusal(&nested(100)).contains("deep"));
    assert!(refusal(&nested(1_000_000)).contains("deep"));
    let tuples = Pickle::new().op(b")").op(&vec![b'\x85'; 1_000_000]).stop();
    assert!(refusal(&tuples).contains("deep"));
    // A list that holds itself; a dict that is its own value.
    assert!(refusal(&Pickle::new().op(b"]q\x00h\x00a").stop()).contains("deep"));
    assert!(refusal(&Pickle::new().op(b"}q\x00").text("a").op(b"h\x00s").stop()).contains("deep"));
}

#[test]
fn memo_bombs() {
    // Each list holds the one before ten times: 10^40 values in a few hundred bytes.
    let mut bomb = Pickle::new().op(b"]q\x00");
    for level in 0..40u8 {
        bomb = bomb.op(b"](").op(&[b'h', level].repeat(10)).op(b"eq").op(&[level + 1]);
    }
    let stack_left: Vec<u8> = bomb.clone().op(b"\x85").stop();
    assert!(refusal(&stack_left).contains("more than one value"));
    let mut bomb = Pickle::new().op(b"(]q\x00");
    for level in 0..40u8 {
        bomb = bomb.op(b"](").op(&[b'h', level].repeat(10)).op(b"eq").op(&[level + 1]);
    }
    assert!(refusal(&bomb.op(b"t").stop()).contains("unfolds"));
    // Millions of values in the memo, or on the stack.
    let memo = Pickle::new().op(b"N").op(&vec![b'\x94'; 9_000_000]).stop();
    let stack = Pickle::new().op(b"(").op(&vec![b'N'; 9_000_000]).op(b"t").stop();
    assert!(refusal(&stack).contains("more values"));
    // MEMOIZE stores at the end of the memo, so each call adds an entry.
    assert!(refusal(&memo).contains("more values"));
    // An index is only a key, so a large one needs no memory.
    let file = torch(&Pickle::new().op(b"Nr\xff\xff\xff\xff").stop(), &[]);
    assert_eq!(torch_zip::read(&file).unwrap(), Value::None);
}

#[test]
fn tensors_outside_their_storage() {
    let (min, max) = (i64::MIN, i64::MAX);
    for (offset, shape, stride) in [
        (15, &[2][..], &[1][..]),
        (0, &[17], &[1]),
        (0, &[4, 4], &[5, 1]),
        (0, &[2], &[16]),
        (0, &[2], &[max]),
        (max, &[1], &[1]),
        (max, &[2, 2], &[max, max]),
        (-1, &[1], &[1]),
        (0, &[-1], &[1]),
        (0, &[1], &[-1]),
        (min, &[1], &[1]),
        (0, &[1000], &[0]),
        (0, &[max, max], &[0, 0]),
        (0, &[1 << 32, 1 << 32, 4], &[0, 0, 1]),
        (0, &[2, 2], &[1]),
        (0, &[1; 9], &[1; 9]),
    ] {
        let error = refusal(&Pickle::new().tensor(16, offset, shape, stride).stop());
        assert!(error.contains("storage") || error.contains("sizes"), "{error}");
    }
    // A storage that is missing, has another length than declared, or a negative length.
    for len in [15, 17, -1, max, 1 << 62] {
        assert!(refusal(&Pickle::new().tensor(len, 0, &[1], &[1]).stop()).contains("storage"));
    }
    assert!(refusal(&Pickle::new().storage("FloatStorage", "nowhere", 16).stop()).contains("nowhere"));
    assert!(refusal(&Pickle::new().storage("FloatStorage", "../data.pkl", 16).stop()).contains("does not hold"));
    assert!(refusal(&Pickle::new().storage("FloatStorage", "0", 16).stop()).contains("bare storage"));
    // Empty tensors need no storage, wherever they start.
    let file = torch(&Pickle::new().tensor(16, 16, &[0, 5], &[5, 1]).stop(), &[0; 64]);
    let Value::Tensor(tensor) = torch_zip::read(&file).unwrap() else { panic!() };
    assert!(tensor.is_empty() && tensor.to_bytes().is_empty() && tensor.to_f64().is_empty());
}

#[test]
fn views_are_gathered_in_order() {
    let storage: Vec<u8> = (0..16).flat_map(|i| (i as f32).to_le_bytes()).collect();
    let numbers = |offset, shape: &[i64], stride: &[i64]| {
        let file = torch(&Pickle::new().tensor(16, offset, shape, stride).stop(), &storage);
        let Value::Tensor(tensor) = torch_zip::read(&file).unwrap() else { panic!() };
        let bytes: Vec<f64> =
            tensor.to_bytes().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()) as f64).collect();
        assert_eq!(bytes, tensor.to_f64());
        bytes
    };
    assert_eq!(numbers(0, &[2, 3], &[3, 1]), [0., 1., 2., 3., 4., 5.]);
    assert_eq!(numbers(1, &[3, 2], &[1, 3]), [1., 4., 2., 5., 3., 6.]);
    assert_eq!(numbers(3, &[2, 2, 2], &[8, 1, 3]), [3., 6., 4., 7., 11., 14., 12., 15.]);
    assert_eq!(numbers(5, &[], &[]), [5.]);
    assert_eq!(numbers(0, &[1, 16], &[99, 1]).len(), 16, "the stride of one row does not matter");
}

#[test]
fn zip_tricks() {
    let pickle = Pickle::new().op(b"N").stop();
    let good = || vec![entry("archive/data.pkl", &pickle), entry("archive/data/0", &[7; 100])];
    torch_zip::read(&zip(&good())).unwrap();
    let refused = |change: Change| {
        let mut entries = good();
        change(&mut entries);
        torch_zip::read(&zip(&entries)).map(|value| format!("{value:?}")).expect_err("refused").to_string()
    };
    assert!(refused(&|e| e[1].method = 8).contains("archive/data/0"), "compressed");
    assert!(refused(&|e| e[1].flags = 1).contains("archive/data/0"), "encrypted");
    assert!(refused(&|e| e[1].stored = 99).contains("archive/data/0"), "of two sizes");
    // A word that the error must contain, so that each case fails for its own reason.
    let cases: [(&str, Change); 11] = [
        ("duplicate", &|e| e[1].name = "archive/data.pkl".into()),
        ("duplicate", &|e| e.push(entry("archive/data/0", b"x"))),
        ("filename mismatch", &|e| e[0].name = "archive/data.txt".into()),
        ("data.pkl", &|e| e.push(entry("other/data.pkl", b"N."))),
        ("data.pkl", &|e| drop(e.remove(0))),
        ("byteorder", &|e| e.push(entry("archive/byteorder", b"big"))),
        // Beyond the end, over the directory, over another entry.
        ("end of", &|e| e[1].at = Some(1 << 30)),
        ("overlapping", &|e| (e[1].size, e[1].stored) = (1 << 31, 1 << 31)),
        ("overlapping", &|e| (e[1].size, e[1].stored) = (u32::MAX, u32::MAX)),
        ("overlapping", &|e| (e[1].size, e[1].stored) = (101, 101)),
        ("overlapping", &|e| (e[0].size, e[0].stored) = (60, 60)),
    ];
    for (why, change) in cases {
        let error = refused(change);
        assert!(error.contains(why), "{error}, not {why}");
    }
    // An entry inside another one, as in zip quines and zip bombs.
    let inner = zip(&[entry("archive/data/1", &[1; 10])]);
    let error = refused(&|e| {
        e.push(entry("archive/x", &inner));
        e.push(entry("archive/data/1", &[1; 10]));
        let at = 2 * 30 + "archive/data.pkl".len() + "archive/data/0".len() + pickle.len() + 100;
        e[3].at = Some((at + 30 + "archive/x".len()) as u32);
    });
    assert!(error.contains("overlapping"), "{error}");
    // The end record. The size of the directory is not read: its entries are counted.
    let ends: [&dyn Fn(&mut End); 5] = [
        &|end| end.entries = 60_000,
        &|end| end.entries = 1,
        &|end| end.start = 1 << 30,
        &|end| end.start = u32::MAX,
        &|end| end.start -= 10,
    ];
    for change in ends {
        torch_zip::read(&zip_ending(&good(), change)).unwrap_err();
    }
    assert!(torch_zip::read(b"PK\x03\x04").is_err() && torch_zip::read(b"").is_err());
    assert!(torch_zip::read(b"\x80\x02}q\x00.").unwrap_err().to_string().contains("older"));
}

#[test]
fn a_cut_off_checkpoint_is_an_error_wherever_it_ends() {
    let bytes = read(&oracle("p12_checkpoint_dtypes").join("final_model.pt"));
    for len in (0..bytes.len()).step_by(97).chain(bytes.len() - 200..bytes.len()) {
        assert!(torch_zip::read(&bytes[..len]).is_err(), "{len} of {} bytes", bytes.len());
    }
    torch_zip::read(&bytes).unwrap();
}

#[test]
fn a_file_without_a_state_dict_is_not_a_checkpoint() {
    let config = String::from_utf8(read(&oracle("p12_checkpoint_dtypes").join("beeg_config.json"))).unwrap();
    let import = |pickle: Vec<u8>| checkpoint::import(&config, &torch(&pickle, &[0; 64])).unwrap_err().to_string();
    assert!(import(Pickle::new().op(b"]").stop()).contains("state dict"));
    assert!(import(Pickle::new().op(b"}").text("lm_head.weight").op(b"Ns").stop()).contains("lm_head.weight"));
    assert!(import(Pickle::new().op(b"}K\x01").tensor(16, 0, &[1], &[1]).op(b"s").stop()).contains("name"));
    assert!(import(Pickle::new().op(b"}").stop()).contains("transformer.wte.weight"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_unpickler_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = pickle::read(&bytes, &|_| Some(&[0; 64]));
    }

    /// Known opcodes in any order. They reach deeper code than random bytes.
    #[test]
    fn no_program_makes_the_unpickler_panic(ops in proptest::collection::vec(0usize..20, 0..200)) {
        let ops: Vec<u8> = ops.into_iter().flat_map(|op| [
            &b"("[..], b"]", b"}", b")", b"t", b"\x85", b"\x86", b"a", b"e", b"s", b"u", b"q\x00", b"h\x00", b"K\x02", b"N",
            b"X\x01\x00\x00\x00a", b"R", b"b", b"ccollections\nOrderedDict\n", b"."][op].to_vec()).collect();
        let _ = pickle::read(&ops, &|_| Some(&[0; 64]));
    }

    #[test]
    fn no_damage_makes_the_reader_of_checkpoints_panic(at in any::<prop::sample::Index>(), byte: u8, tail in 0usize..4000) {
        let mut bytes = read(&oracle("p12_checkpoint_dtypes").join("final_model.pt"));
        let config = String::from_utf8(read(&oracle("p12_checkpoint_dtypes").join("beeg_config.json"))).unwrap();
        // Headers and the directory rather than the numbers: near the start and the end.
        let len = bytes.len();
        let at = if tail % 2 == 0 { at.index(3000) } else { len - 1 - tail };
        bytes[at] = byte;
        let _ = checkpoint::import(&config, &bytes);
    }
}
