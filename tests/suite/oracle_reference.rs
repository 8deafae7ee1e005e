//! The reference against the vectors: in f32, in f64, and its derivatives. The last test shows that the tests can fail.

use crate::oracle_suite::vectors::{ALL, Case, MaskSequence, Table, VectorEdit, VectorOp, cases, each_case};
use crate::oracle_suite::{
    Findings, MeanAblation, Precision, RunOutput, Subject, TaskOutput, check_forward, check_masks, now_or_never,
};
use crate::reference::gradients::{Number, mask_gradients};
use crate::reference::{Edit, EditOp, Mistake, Model, Rows, Scalar, mean_cross_entropy, params, task_loss, total};
use sparse_circuits::model::{Hook, Weights};

/// The reference in the numbers of `T`. With `gradients`, the masks' gradients are taken in f64 by dual numbers.
struct Reference<'a, T> {
    weights: &'a Weights,
    model: Model<'a, T>,
    gradients: bool,
}

impl<'a, T: Scalar> Reference<'a, T> {
    fn new(weights: &'a Weights) -> Self {
        Reference { weights, model: Model::new(&weights.config, params(weights)), gradients: false }
    }
}

fn table<T: Scalar>(rows: &Rows<T>) -> Table {
    Table::from_rows(&rows.iter().map(|row| row.iter().map(|v| v.value()).collect()).collect::<Vec<_>>())
}

fn edit<T: Scalar>(edit: &VectorEdit) -> Edit<T> {
    let op = match edit.op {
        VectorOp::Zero => EditOp::Zero(edit.channels.clone()),
        VectorOp::Set => {
            EditOp::Set(edit.channels.iter().copied().zip(edit.values.iter().map(|&v| T::new(v))).collect())
        }
        VectorOp::Scale => EditOp::Scale(edit.channels.clone(), T::new(edit.factor)),
    };
    Edit { hook: edit.hook, positions: edit.positions.clone(), op }
}

impl<T: Scalar> Subject for Reference<'_, T> {
    async fn run(&mut self, tokens: &[u32], edits: &[VectorEdit], hooks: &[Hook]) -> RunOutput {
        let edits: Vec<Edit<T>> = edits.iter().map(edit).collect();
        let run = self.model.run(tokens, &edits);
        RunOutput {
            logits: table(&run.logits),
            activations: hooks.iter().map(|hook| (*hook, table(&run.activations[hook]))).collect(),
        }
    }

    async fn next_token_loss(&mut self, tokens: &[u32], targets: &[Option<usize>]) -> f64 {
        mean_cross_entropy(&self.model.run(tokens, &[]).logits, targets).value()
    }

    async fn task(&mut self, sequences: &[MaskSequence], masks: &[MeanAblation]) -> TaskOutput {
        let edits: Vec<Edit<T>> = ablations(masks);
        let (mut losses, mut last_logits) = (Vec::new(), Rows::new());
        for sequence in sequences {
            let mut logits = self.model.run(&sequence.tokens, &edits).logits;
            losses.push(task_loss(&logits, sequence.target, sequence.alternative).value());
            last_logits.push(logits.pop().expect("a token"));
        }
        let gradients = self.gradients.then(|| {
            mask_gradients(self.weights, &ablations(masks), |model, ablations| {
                let losses: Vec<Number> = (sequences.iter())
                    .map(|s| task_loss(&model.run(&s.tokens, ablations).logits, s.target, s.alternative))
                    .collect();
                total(&losses) / Number::new(losses.len() as f64)
            })
        });
        TaskOutput { losses, last_logits: table(&last_logits), gradients }
    }
}

fn ablations<T: Scalar>(ablations: &[MeanAblation]) -> Vec<Edit<T>> {
    ablations.iter().map(|ablation| Edit::mean_ablate(ablation.hook, &ablation.mask, &ablation.mean)).collect()
}

fn check(case: &Case, find: impl FnOnce(&Weights) -> Findings) {
    find(&case.weights()).assert(case.name);
}

mod single_precision {
    use super::*;
    macro_rules! test {
        ($case:ident) => {
            #[test]
            fn $case() {
                check(&cases::$case, |weights| {
                    now_or_never(check_forward(&cases::$case, &mut Reference::<f32>::new(weights), Precision::Single))
                });
            }
        };
    }
    each_case!(test);
}

/// Three cases have f64 results and masks.
mod double_precision_and_masks {
    use super::*;
    macro_rules! test {
        ($case:ident) => {
            mod $case {
                use super::*;
                #[test]
                fn forward_f64() {
                    check(&cases::$case, |weights| {
                        now_or_never(check_forward(
                            &cases::$case,
                            &mut Reference::<f64>::new(weights),
                            Precision::Double,
                        ))
                    });
                }
                #[test]
                fn masks_f32() {
                    check(&cases::$case, |weights| {
                        now_or_never(check_masks(&cases::$case, &mut Reference::<f32>::new(weights), Precision::Single))
                    });
                }
                #[test]
                fn masks_f64_with_gradients() {
                    check(&cases::$case, |weights| {
                        let mut reference = Reference::<f64>::new(weights);
                        reference.gradients = true;
                        now_or_never(check_masks(&cases::$case, &mut reference, Precision::Double))
                    });
                }
            }
        };
    }
    test!(p02_rms_sink_bigram_full);
    test!(p03_catpos_rms);
    test!(p07_dhead_dmlp_odd);
}

/// Each mistake must exceed the f32 tolerance tenfold on some case.
#[test]
fn deliberate_mistakes_are_noticed() {
    let mistakes = [
        Mistake::RmsEps(1e-5),
        Mistake::RmsEps(1e-6),
        Mistake::RmsEps(0.0),
        Mistake::UnbiasedVariance,
        Mistake::TanhGelu,
        Mistake::RoundedK,
        Mistake::SinglePrecisionK,
        Mistake::TopKPerHead,
        Mistake::TopKBeforeActivation,
        Mistake::TopKAfterHook,
        Mistake::ResidualTopKBeforeRelu,
        Mistake::SinkAbsent,
        Mistake::SinkZero,
        Mistake::SinkScaled,
        Mistake::AttentionScaleOfModelWidth,
        Mistake::InterleavedQkv,
        Mistake::RawPositions,
        Mistake::BigramPaddingRow,
        Mistake::NoFinalBias,
    ];
    let cases: Vec<(Case, Weights)> = ALL.iter().map(|case| (*case, case.weights())).collect();
    for mistake in mistakes {
        let noticed = cases.iter().find_map(|(case, weights)| {
            let mut reference = Reference::<f32>::new(weights);
            reference.model.mistake = Some(mistake);
            let findings = now_or_never(check_forward(case, &mut reference, Precision::Single));
            (findings.worst > 10.0 && !findings.failures.is_empty()).then_some((case.name, findings.worst))
        });
        println!("{mistake:?}: {noticed:?}");
        assert!(noticed.is_some(), "{mistake:?} stays unnoticed");
    }
}
