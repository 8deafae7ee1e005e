//! Pruning, calibration and flipping on models whose circuits are known, and a comparison
//! of the search's runs with the engine's.

use crate::prune_support::*;
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::circuit::evaluate::{flip, flip_rates, modes};
use sparse_circuits::circuit::explain::describe;
use sparse_circuits::circuit::prune::{LearnOptions, PruneData, PruneOptions, Size, nested, prune};
use sparse_circuits::circuit::{
    Calibration, Chunk, Circuit, CpuPool, EdgeList, Edits, Evaluator, EvaluatorPool, Label, LearningMasks, Mode,
    NodeContrast, NodeSet, NodeSpace, Prompts, Request, TaskModel, block_on, run, untrained_baseline,
};
use sparse_circuits::model::{LogitsAt, Node, forward};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

fn nodes(names: &[&str]) -> BTreeSet<Node> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn threads(toy: &Toy, count: usize) -> CpuPool {
    CpuPool::new(TaskModel::new(&toy.weights, &toy.means, toy.candidates).unwrap(), count)
}

fn options() -> PruneOptions {
    let learn = LearnOptions { steps: 80, pairs: 32, ..LearnOptions::default() };
    PruneOptions { learn, sparsity_penalties: vec![0.01], seed: 3, ..PruneOptions::default() }
}

#[test]
fn pruning_finds_the_hand_built_circuit_and_flips_it() {
    let toy = hand_built();
    let mut pool = threads(&toy, 2);
    let edges = EdgeList::new(&toy.weights, &pool.task().space);
    let data = PruneData::new(&pairs(300, 1), &pairs(300, 2), 64);
    let mut reports = 0;
    let outcome = block_on(prune(&mut pool, &edges, &data, &options(), async |_| {
        reports += 1;
        true
    }))
    .unwrap()
    .expect("nobody cancelled");
    assert!(reports > 80);
    let best = outcome.best.expect("the target is within reach");
    let space = pool.task().space.clone();
    assert_eq!(space.nodes(&best.nodes), nodes(HAND_BUILT_CIRCUIT));
    assert_eq!(best.size, Size { edges: 3, nodes: 5 });
    assert!(best.train_loss <= 0.15 && best.validation_loss <= 0.15, "{best:?}");
    assert!(best.calibration.scale > 0.0 && best.calibration.scale <= 3.0);

    let test = Prompts::new(&pairs(200, 4), 64);
    let measured = block_on(modes(&mut pool, &test, &best.nodes, &best.calibration)).unwrap();
    assert!(measured.circuit.accuracy > 0.95 && measured.circuit.loss < 0.2, "{measured:?}");
    assert!(measured.removed.accuracy < 0.65, "nothing else in the model does the task: {measured:?}");

    let chosen = block_on(flip::choose(&mut pool, &pairs(300, 1), &best.nodes, &best.calibration)).unwrap();
    assert_eq!(chosen.nodes.len(), 1, "one node carries the answer: {chosen:?}");
    assert!(chosen.share >= 0.95);
    let rates = block_on(flip_rates(&mut pool, &test, &best.nodes, &chosen.nodes, &best.calibration)).unwrap();
    assert!(rates.circuit >= 0.9 && rates.full >= 0.8, "{rates:?}");
    let empty = NodeSet::empty(space.len());
    let none = block_on(flip_rates(&mut pool, &test, &best.nodes, &empty, &best.calibration)).unwrap();
    assert_eq!((none.circuit, none.full), (0.0, 0.0), "a flip of no node changes nothing");
}

/// Each mode against its own runs, with numbers that the three modes do not share.
#[test]
fn each_mode_is_measured_on_its_own_run() {
    let toy = random_model(true);
    let mut pool = threads(&toy, 1);
    let space = pool.task().space.clone();
    let circuit = NodeSet::from_fn(space.len(), |node| node % 3 == 0);
    let prompts = Prompts::new(&pairs(40, 6), 64);
    let calibration = Calibration { scale: 1.5, shift: 0.25, std: 2.0 };
    let measured = block_on(modes(&mut pool, &prompts, &circuit, &calibration)).unwrap();
    let outside = NodeSet::from_fn(space.len(), |node| node % 3 != 0);
    let full = NodeSet::full(space.len());
    let mut losses = Vec::new();
    for (got, active, [slope, shift]) in [
        (measured.full, &full, [1.0, 0.0]),
        (measured.circuit, &circuit, [0.75, 0.25]),
        (measured.removed, &outside, [1.0, 0.0]),
    ] {
        let d = block_on(pool.logit_diffs(&prompts, active)).unwrap();
        // the logit of the right candidate: that of the first one for prompts A, minus it for prompts B
        let right: Vec<f64> =
            (0..).zip(&d).map(|(i, &d)| (slope * f64::from(d) + shift) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let mean = |value: &dyn Fn(f64) -> f64| right.iter().map(|&z| value(z)).sum::<f64>() / right.len() as f64;
        let loss = mean(&|z| (1.0 + (-z).exp()).ln());
        assert!((got.loss - loss).abs() < 1e-6, "{measured:?}, not {loss}");
        assert!((got.accuracy - mean(&|z| if z > 0.0 { 1.0 } else { 0.0 })).abs() < 1e-9, "{measured:?}");
        losses.push(loss);
    }
    assert!((losses[0] - losses[2]).abs() > 0.01 && (losses[1] - losses[2]).abs() > 0.01, "{losses:?}");
}

#[test]
fn warm_start_circuits_are_united_and_ablated() {
    let toy = hand_built();
    let mut pool = threads(&toy, 2);
    let edges = EdgeList::new(&toy.weights, &pool.task().space);
    let data = PruneData::new(&pairs(300, 1), &pairs(300, 2), 64);
    let space = pool.task().space.clone();
    // neither does the task: each lacks one node and has one useless node
    let warm_start = [("0.attn.k.0", "0.mlp.post_act.1"), ("0.attn.v.0", "0.attn.q.1")].map(|(missing, extra)| {
        let [missing, extra] = [missing, extra].map(|name| space.index(name.parse().unwrap()).unwrap());
        space.set(&nodes(HAND_BUILT_CIRCUIT)).unwrap().without(missing).with(extra)
    });
    let options = PruneOptions { restarts: 0, warm_start: warm_start.into(), ..options() };
    let outcome = block_on(prune(&mut pool, &edges, &data, &options, async |_| true)).unwrap().unwrap();
    assert!(outcome.searches.is_empty());
    assert_eq!(outcome.of_union, Some(Size { edges: 3, nodes: 5 }));
    let best = outcome.best.expect("both together do the task");
    assert_eq!(space.nodes(&best.nodes), nodes(HAND_BUILT_CIRCUIT));
}

/// The orders of additions and removals, by a search that tries every node on the same pairs.
#[test]
fn nested_circuits_go_through_the_circuit_by_the_best_step_each() {
    let toy = hand_built();
    let mut pool = threads(&toy, 2);
    let edges = EdgeList::new(&toy.weights, &pool.task().space);
    let (train, validation) = (pairs(96, 1), pairs(96, 2));
    let data = PruneData::new(&train, &validation, 64);
    let space = pool.task().space.clone();
    let circuit = space.set(&nodes(HAND_BUILT_CIRCUIT)).unwrap();
    let series = block_on(nested(&mut pool, &edges, &data, &circuit, 3, async |_| true)).unwrap().unwrap();
    assert_eq!(series.len(), circuit.len() + 3);
    let screen = Prompts::new(&[train.clone(), validation.clone()].concat(), 64);
    let (train, validation) = (Prompts::new(&train, 64), Prompts::new(&validation, 64));
    let mut set = NodeSet::empty(space.len());
    for (at, one) in series.iter().enumerate() {
        assert!(!set.contains(one.node), "{series:?}");
        let before = set.clone();
        set.insert(one.node);
        let (calibration, _) = block_on(pool.calibrate(&train, &set)).unwrap();
        assert_eq!(one.calibration, calibration, "{at}");
        let d = block_on(pool.logit_diffs(&validation, &set)).unwrap();
        let loss = (0..)
            .zip(&d)
            .map(|(i, &d)| {
                let Calibration { scale, shift, std } = calibration;
                let score = f64::from(scale) * f64::from(d) / f64::from(std) + f64::from(shift);
                (1.0 + (if i % 2 == 0 { -score } else { score }).exp()).ln()
            })
            .sum::<f64>()
            / d.len() as f64;
        assert!((one.loss - loss).abs() < 1e-6, "{at}: {} and {loss}", one.loss);
        assert_eq!(one.edges, edges.count(&set));
        if set.len() == circuit.len() {
            assert_eq!(set, circuit);
        }
        // Within the circuit no other removal is better.
        if set.len() <= circuit.len() && at > 0 {
            let mut of = |nodes: &NodeSet| block_on(pool.calibrate(&screen, nodes)).unwrap().1;
            let kept = of(&before);
            for other in set.iter() {
                assert!(of(&set.without(other)) >= kept, "{at}: {other}");
            }
        }
    }
    assert!(series[circuit.len() - 1].loss < 0.2 && series[0].loss > 0.6, "{series:?}");
    let cancelled = block_on(nested(&mut pool, &edges, &data, &circuit, 3, async |progress| progress.step < 3));
    assert!(cancelled.unwrap().is_none());
}

#[test]
fn easy_screening_pairs_do_not_break_a_search() {
    let toy = hand_built();
    let mut pool = threads(&toy, 2);
    let edges = EdgeList::new(&toy.weights, &pool.task().space);
    // the opener is the first token of these pairs, so they do not need the key
    let with_easy_ones = |seed| {
        let easy = vec![[vec![1, 6], vec![2, 6]]; 96];
        [easy, pairs(300, seed)].concat()
    };
    let data = PruneData::new(&with_easy_ones(1), &with_easy_ones(2), 64);
    let outcome = block_on(prune(&mut pool, &edges, &data, &options(), async |_| true)).unwrap().unwrap();
    let best = outcome.best.expect("the target is within reach of the whole model");
    assert!(best.train_loss <= 0.15 && best.validation_loss <= 0.15, "{best:?}");
    let key = pool.task().space.index("0.attn.k.0".parse().unwrap()).unwrap();
    assert!(best.nodes.contains(key), "{best:?}");
}

/// The screening pairs do not need the key, so screening removes it before the useless nodes. The
/// full sets need it, which restores all of them. The last stage must then remove the useless
/// nodes.
#[test]
fn the_last_stage_removes_useless_nodes_that_screening_kept() {
    let toy = hand_built();
    let mut pool = threads(&toy, 2);
    let edges = EdgeList::new(&toy.weights, &pool.task().space);
    let with_easy_ones = |seed| [vec![[vec![1, 6], vec![2, 6]]; 96], pairs(300, seed)].concat();
    let data = PruneData::new(&with_easy_ones(1), &with_easy_ones(2), 64);
    let space = pool.task().space.clone();
    let useless = ["0.attn.q.1", "0.attn.q.3", "0.attn.resid_delta.1", "0.mlp.post_act.5", "0.mlp.resid_delta.7"];
    let start = space.set(&nodes(&[HAND_BUILT_CIRCUIT, &useless].concat())).unwrap();
    let options = PruneOptions { restarts: 0, warm_start: vec![start.clone(), start], ..options() };
    let outcome = block_on(prune(&mut pool, &edges, &data, &options, async |_| true)).unwrap().unwrap();
    let best = outcome.best.expect("the start does the task");
    assert_eq!(space.nodes(&best.nodes), nodes(HAND_BUILT_CIRCUIT));
}

/// Pairs that take the one path, and prompts without a partner that take the other.
#[test]
fn prompts_of_another_family_bring_their_own_nodes() {
    let toy = two_paths();
    let mut pool = threads(&toy, 2);
    let edges = EdgeList::new(&toy.weights, &pool.task().space);
    let families = |seed| {
        let (one, other): (Vec<_>, Vec<_>) =
            two_path_pairs(300, seed).into_iter().partition(|[a, _]| a.contains(&1) || a.contains(&2));
        let singles: Vec<(Vec<u32>, bool)> = other.into_iter().flat_map(|[a, b]| [(a, true), (b, false)]).collect();
        (one, singles)
    };
    let ((train, train_singles), (validation, validation_singles)) = (families(1), families(2));
    let mut circuit = |data: &PruneData| {
        let outcome = block_on(prune(&mut pool, &edges, data, &options(), async |_| true)).unwrap().unwrap();
        let best = outcome.best.expect("the target is within reach");
        pool.task().space.nodes(&best.nodes)
    };
    let alone = circuit(&PruneData::new(&train, &validation, 64));
    let none: [&[(Vec<u32>, bool)]; 2] = [&[], &[]];
    assert_eq!(circuit(&PruneData::with_singles([&train, &validation], none, 64)), alone);
    let singles: [&[(Vec<u32>, bool)]; 2] = [&train_singles, &validation_singles];
    let both = circuit(&PruneData::with_singles([&train, &validation], singles, 64));
    let second_path = nodes(&["0.attn.act_in.3", "0.attn.v.2", "0.attn.resid_delta.7"]);
    assert!(alone.is_disjoint(&second_path), "{alone:?}");
    assert!(both.is_superset(&second_path) && both.is_superset(&alone), "{both:?}");
}

#[test]
fn flip_nodes_are_added_until_nearly_all_answers_are_reversed() {
    let toy = two_paths();
    let mut pool = threads(&toy, 2);
    let train = two_path_pairs(96, 1);
    let prompts = Prompts::new(&train, 64);
    let space = pool.task().space.clone();
    let circuit = space.set(&nodes(TWO_PATHS_CIRCUIT)).unwrap();
    let (calibration, loss) = block_on(pool.calibrate(&prompts, &circuit)).unwrap();
    assert!(loss < 0.1, "{loss}");
    let chosen = block_on(flip::choose(&mut pool, &train, &circuit, &calibration)).unwrap();
    assert!(chosen.share >= flip::WANTED_SHARE, "{chosen:?}");
    assert_eq!(chosen.nodes.len(), 2, "{:?}", space.nodes(&chosen.nodes));
    for node in chosen.nodes.iter() {
        let alone = NodeSet::empty(space.len()).with(node);
        let rates = block_on(flip_rates(&mut pool, &prompts, &circuit, &alone, &calibration)).unwrap();
        assert!(rates.circuit > 0.2 && rates.circuit < 0.8, "{}: {rates:?}", space.node(node));
    }
}

/// Reading the opener's kind is high at opener 1 and low at opener 2. Only the prompts with opener 1 want the first
/// candidate, so the order of a pair's prompts must not matter.
#[test]
fn a_description_names_the_prompt_with_the_higher_value() {
    let toy = hand_built();
    let mut pool = threads(&toy, 2);
    let space = pool.task().space.clone();
    let circuit = space.set(&nodes(HAND_BUILT_CIRCUIT)).unwrap();
    let some = pairs(64, 8);
    let swapped: Vec<[Vec<u32>; 2]> = some.iter().map(|[a, b]| [b.clone(), a.clone()]).collect();
    for pairs in [some, swapped] {
        let labels = block_on(describe(&mut pool, &pairs, &circuit, ["x", "y"], |id| format!("t{id}"))).unwrap();
        for name in ["0.attn.act_in.0", "0.attn.v.0", "0.attn.resid_delta.5"] {
            let Label::Measured(behaviour) = &labels[&name.parse().unwrap()] else { panic!("{name}: {labels:?}") };
            let higher = NodeContrast::Tokens { higher: "t1".into(), lower: "t2".into() };
            assert_eq!(behaviour.contrast, Some(higher), "{name}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_circuit_on_any_number_of_threads() {
    let toy = hand_built();
    let data = PruneData::new(&pairs(64, 1), &pairs(64, 2), 64);
    let mut options = options();
    options.learn.steps = 30;
    let found: Vec<_> = [1, 2, 3]
        .into_iter()
        .map(|count| {
            let mut pool = threads(&toy, count);
            let edges = EdgeList::new(&toy.weights, &pool.task().space);
            block_on(prune(&mut pool, &edges, &data, &options, async |_| true)).unwrap().unwrap()
        })
        .collect();
    assert_eq!(found[0], found[1]);
    assert_eq!(found[0], found[2]);
}

#[test]
fn a_cancelled_search_stops_and_an_impossible_one_reports_it() {
    let toy = hand_built();
    let mut pool = threads(&toy, 1);
    let edges = EdgeList::new(&toy.weights, &pool.task().space);
    let data = PruneData::new(&pairs(32, 1), &pairs(32, 2), 64);
    let mut reports = 0;
    let cancelled = block_on(prune(&mut pool, &edges, &data, &options(), async |_| {
        reports += 1;
        reports < 5
    }));
    assert_eq!((cancelled.unwrap(), reports), (None, 5));

    let untrained = Toy { weights: untrained_baseline(&toy.weights, 7), ..hand_built() };
    assert_eq!(untrained.weights.wte.nonzeros(), toy.weights.wte.nonzeros());
    let means = means(&untrained.weights);
    let untrained = Toy { means, ..untrained };
    let mut pool = threads(&untrained, 1);
    let mut options = options();
    options.learn.steps = 10;
    options.target_loss = 0.05; // below what the cap on the scale allows a weak signal
    let outcome = block_on(prune(&mut pool, &edges, &data, &options, async |_| true)).unwrap().unwrap();
    assert!(outcome.best.is_none() && outcome.searches[0].size.is_none());
    assert!(outcome.searches[0].loss > 0.05);
}

/// Masks of fractions, so that the loss is smooth: compares the gradient of each mask entry with
/// central differences.
#[test]
fn mask_gradients_agree_with_finite_differences() {
    let toy = random_model(false);
    let task = TaskModel::new(&toy.weights, &toy.means, toy.candidates).unwrap();
    let space = task.space.clone();
    let mut evaluator = Evaluator::new(Cpu::new(), Arc::new(task));
    let prompts = Prompts::new(&pairs(3, 5), 64);
    let chunk = &prompts.chunks[0];
    let mask: Vec<f32> = (0..space.len()).map(|i| 0.3 + 0.6 * ((i * 37 % 101) as f32 / 101.0)).collect();
    let sigmoid = |d: f32| 1.0 / (1.0 + (-d).exp());
    let loss_gradient = |d: f32, first: bool| sigmoid(d) - if first { 1.0 } else { 0.0 };
    let alive = NodeSet::full(space.len());
    let got = block_on(evaluator.gradient_of_mask(chunk, &mask, &alive, loss_gradient)).unwrap();
    let mut cpu = Cpu::new();
    let model = toy.weights.upload(&mut cpu);
    let means = space.means(&toy.means).unwrap();
    let mut loss = |mask: &[f32]| -> f64 {
        let mut masks = LearningMasks::new(&mut cpu, &space, mask, &means);
        let logits = forward(&mut cpu, &model, &chunk.batch, LogitsAt::Last, &mut masks).unwrap();
        let [first, second] = toy.candidates.map(|id| id as usize);
        let d: Vec<f32> = (0..chunk.rows.len()).map(|i| logits.get(i, first) - logits.get(i, second)).collect();
        d.iter().zip(&chunk.first).map(|(&d, &first)| (-(if first { d } else { -d }) as f64).exp().ln_1p()).sum()
    };
    let largest = got.mask.iter().fold(0.0f32, |m, g| m.max(g.abs()));
    assert!(largest > 0.05, "a model in which masks matter");
    let mut checked = 0;
    for i in (0..space.len()).step_by(3) {
        let mut changed = mask.clone();
        changed[i] = mask[i] + 2e-2;
        let up = loss(&changed);
        changed[i] = mask[i] - 2e-2;
        let want = ((up - loss(&changed)) / 4e-2) as f32;
        assert!((got.mask[i] - want).abs() < 0.02 * largest, "{}: got {}, want {want}", space.node(i), got.mask[i]);
        checked += usize::from(want.abs() > 0.02 * largest);
    }
    assert!(checked > 10, "{checked} entries that matter");
}

/// Every second pair has the candidates in the other order: the same numbers with the other sign.
#[test]
fn prompts_may_have_candidates_of_their_own() {
    let toy = random_model(false);
    let some = pairs(12, 5);
    let [first, second] = toy.candidates;
    let reversed = |pair: usize| pair % 2 == 1;
    let own: HashMap<Vec<u32>, [u32; 2]> = some
        .iter()
        .enumerate()
        .flat_map(|(pair, prompts)| {
            let candidates = if reversed(pair) { [second, first] } else { [first, second] };
            prompts.iter().map(move |prompt| (prompt.clone(), candidates))
        })
        .collect();
    let model = || TaskModel::with_own_candidates(&toy.weights, &toy.means, own.clone()).unwrap();
    let mut same = threads(&toy, 2);
    let mut own_pool = CpuPool::new(model(), 2);
    let space = same.task().space.clone();
    let active = NodeSet::full(space.len()).without(3).without(8);
    let flip = NodeSet::empty(space.len()).with(1).with(7);
    let prompts = Prompts::new(&some, 64);
    let agree = |wanted: Vec<f32>, got: Vec<f32>| {
        assert!(wanted.iter().any(|d| d.abs() > 0.01), "{wanted:?}");
        for (row, (wanted, got)) in wanted.into_iter().zip(got).enumerate() {
            let wanted = if reversed(row / 2) { -wanted } else { wanted };
            assert!((wanted - got).abs() < 1e-5, "{row}: {got}, want {wanted}");
        }
    };
    let wanted = block_on(same.logit_diffs(&prompts, &active)).unwrap();
    agree(wanted, block_on(own_pool.logit_diffs(&prompts, &active)).unwrap());
    let wanted = block_on(same.flipped(&prompts, &active, &flip)).unwrap();
    agree(wanted, block_on(own_pool.flipped(&prompts, &active, &flip)).unwrap());

    // The gradient of the sum of all differences, each with its sign.
    let mut evaluator = Evaluator::new(Cpu::new(), Arc::new(model()));
    let mut other = Evaluator::new(Cpu::new(), same.task().clone());
    for chunk in &prompts.chunks {
        let signs = Chunk { first: chunk.rows.iter().map(|row| reversed(row / 2)).collect(), ..chunk.clone() };
        let sign = |_, reversed: bool| if reversed { -1.0 } else { 1.0 };
        let wanted = block_on(other.gradient(&signs, &active, &active, sign)).unwrap().mask;
        let got = block_on(evaluator.gradient(&signs, &active, &active, |_, _| 1.0)).unwrap().mask;
        assert!(wanted.iter().any(|g| g.abs() > 0.01));
        assert!(wanted.iter().zip(&got).all(|(wanted, got)| (wanted - got).abs() < 1e-5), "{got:?}, want {wanted:?}");
    }
    let unknown = Prompts::new(&pairs(3, 99), 64);
    assert!(block_on(own_pool.logit_diffs(&unknown, &active)).is_err(), "candidates of other prompts are not known");
    let beyond = own.into_keys().map(|prompt| (prompt, [0, 1000])).collect();
    assert!(TaskModel::with_own_candidates(&toy.weights, &toy.means, beyond).is_err(), "the model has no such token");
}

/// Compares the runs of a search (two logits, folded weights, batches) with single runs of the page
/// and the command line, in every mode and with a flip. The model has AbsTopK at every hook and
/// sinks.
#[test]
fn the_searchs_runs_agree_with_the_engines() {
    let toy = random_model(true);
    let space = NodeSpace::new(&toy.weights.config);
    let mut pool = threads(&toy, 2);
    let some = pairs(20, 6);
    let prompts = Prompts::new(&some, 64);
    let mut cpu = Cpu::new();
    let model = toy.weights.upload(&mut cpu);
    for keep in [3, 7, 40] {
        let kept: Vec<usize> = (0..space.len()).filter(|i| i * 7919 % 100 < keep * 2).collect();
        let circuit = Circuit {
            task: "toy".into(),
            candidate_ids: toy.candidates,
            nodes: kept.iter().map(|&i| space.node(i)).collect(),
            flip_nodes: kept.iter().step_by(2).map(|&i| space.node(i)).collect(),
            calibration: Default::default(),
            labels: BTreeMap::new(),
            scores: None,
            nested: Vec::new(),
        };
        let inside = space.set(&circuit.nodes).unwrap();
        let outside = inside.complement();
        let flip = space.set(&circuit.flip_nodes).unwrap();
        for (mode, active) in
            [(Mode::Full, NodeSet::full(space.len())), (Mode::Circuit, inside), (Mode::Removed, outside)]
        {
            let plain = block_on(pool.logit_diffs(&prompts, &active)).unwrap();
            let flipped = block_on(pool.flipped(&prompts, &active, &flip)).unwrap();
            for (i, pair) in some.iter().enumerate() {
                for (side, got) in [(0, [plain[2 * i], flipped[2 * i]]), (1, [plain[2 * i + 1], flipped[2 * i + 1]])] {
                    for (flip, got) in [false, true].into_iter().zip(got) {
                        let edits = Edits { mode, flip, ..Edits::default() };
                        let plain = Request::new(&pair[side], &edits, &toy.means);
                        let request = Request { source: Some(&pair[1 - side]), circuit: Some(&circuit), ..plain };
                        let outcome = run(&mut cpu, &model, &request).unwrap();
                        let logits = block_on(outcome.read(&mut cpu)).unwrap().logits;
                        let [first, second] = toy.candidates.map(|id| logits.get(0, id as usize));
                        let want = first - second;
                        assert!(
                            (got - want).abs() < 1e-4 * (1.0 + want.abs()),
                            "{mode:?}, flip {flip}, {keep} %, pair {i}.{side}: got {got}, want {want}"
                        );
                    }
                }
            }
        }
    }
}
