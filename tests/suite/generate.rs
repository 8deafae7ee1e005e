//! One token at a time is the same model as all tokens at once.

use crate::reference::random::{self, Random};
use sparse_circuits::backend::cpu::Cpu;
use sparse_circuits::backend::{Batch, Memory, now_or_never};
use sparse_circuits::model::{Config, Generator, LogitsAt, Sampler, forward};

#[test]
fn one_token_at_a_time_is_the_full_forward() {
    for (i, (name, config)) in random::configs().into_iter().enumerate() {
        for density in [0.4, 1.0] {
            // A context shorter than the text: the oldest tokens fall out.
            let config = Config { block_size: 21, ..config.clone() };
            let weights = random::weights(&config, density, i as u64);
            let tokens = Random::new(9).tokens(29, config.vocab_size);
            let mut cpu = Cpu::new();
            let model = weights.upload(&mut cpu);
            let mut generator = Generator::new(&weights);
            for end in 1..=tokens.len() {
                let got = generator.push(tokens[end - 1]).unwrap();
                let context = &tokens[end.saturating_sub(config.block_size)..end];
                let logits = forward(&mut cpu, &model, &Batch::new(&[context]), LogitsAt::Last, &mut ()).unwrap();
                let want = now_or_never(cpu.read(&logits)).unwrap();
                for (id, got) in got.into_iter().enumerate() {
                    let want = want.get(0, id);
                    assert!((got - want).abs() <= 1e-4 * want.abs().max(1.0), "{name}, token {end}: {got}, not {want}");
                }
            }
            assert!(generator.push(config.vocab_size as u32).is_err());
        }
    }
}

#[test]
fn tokens_are_drawn_by_their_probabilities() {
    let logits = [1.0f32, 3.0, 2.0, f32::MIN];
    let shares = |temperature: f64, top_p: f64| {
        let mut sampler = Sampler::new(temperature, top_p, 5).unwrap();
        let mut counts = [0.0; 4];
        (0..20_000).for_each(|_| counts[sampler.next(&logits) as usize] += 1.0 / 20_000.0);
        counts
    };
    let softmax = |temperature: f64, kept: &[usize]| {
        let mut p = [0.0; 4];
        kept.iter().for_each(|&id| p[id] = (f64::from(logits[id]) / temperature).exp());
        let sum: f64 = p.iter().sum();
        p.map(|p| p / sum)
    };
    for (temperature, top_p, kept) in
        [(1.0, 1.0, &[0, 1, 2][..]), (2.5, 1.0, &[0, 1, 2]), (1.0, 0.9, &[1, 2]), (1.0, 0.5, &[1])]
    {
        for (got, want) in shares(temperature, top_p).into_iter().zip(softmax(temperature, kept)) {
            assert!((got - want).abs() < 0.015, "temperature {temperature}, top-p {top_p}: {got}, not {want}");
        }
    }
    assert_eq!(Sampler::new(0.0, 1.0, 0).unwrap().next(&[1.0, 2.0, 2.0]), 1, "the lower id of equals");
    for (temperature, top_p) in
        [(-1.0, 1.0), (f64::NAN, 1.0), (f64::INFINITY, 1.0), (1.0, 0.0), (1.0, 1.1), (1.0, f64::NAN)]
    {
        assert!(Sampler::new(temperature, top_p, 0).is_err());
    }
}
