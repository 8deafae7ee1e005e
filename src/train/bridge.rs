//! Bridge training: trains a weight-sparse model and a bridge to a frozen dense model (Gao et al.
//! 2025, 2.3, A.3).

use super::batches::Windows;
use super::config::BridgeConfig;
use super::least_squares::Sums;
use super::nmse::{nmse, token_weights};
use super::parameters::Parameter;
use crate::backend::cpu::{Cpu, CpuMatrix, divergence};
use crate::backend::{AbsTopK, Batch, Elementwise, Losses, Matmul, Memory};
use crate::bridge::{Bridge, BridgeSite, DeviceBridge, DeviceSite};
use crate::model::{
    Config, Gradients, Hook, Hooks, Linear, LogitsAt, Model, Role, backward, backward_from, copy, forward_from,
    forward_with_trace, linear_gradient,
};
use crate::random::Rng;
use crate::tensor::{Activations, Matrix, WeightMatrix};
use crate::{Result, bail};
use rayon::prelude::*;
use serde::Serialize;

/// Ridge term of the least squares fit, as a fraction of the mean square of the stream. It keeps
/// directions that hardly occur from dominating.
const RIDGE: f64 = 1e-4;

/// The parameters of a bridge in training. `list` has four for each site: encoder weight
/// `[d_sparse, d_dense]`, encoder bias, decoder weight `[d_dense, d_sparse]`, decoder bias.
pub struct BridgeParameters {
    pub list: Vec<Parameter>,
    /// Channels that AbsTopK keeps after each encoder.
    pub kept: usize,
}

impl BridgeParameters {
    /// Gaussian weights with a standard deviation of 0.02, and biases of zero.
    ///
    /// # Errors
    /// The two models cannot have a bridge, see [`Bridge::check`].
    pub fn new(config: &BridgeConfig, sparse: &Config, dense: &Config, seed: u64) -> Result<BridgeParameters> {
        let kept = ((config.kept * sparse.d_model as f64) as usize).max(1);
        let mut random = Rng::with_stream(seed, u64::MAX);
        let mut normal = |rows: usize, cols: usize| {
            Matrix::new(rows, cols, (0..rows * cols).map(|_| random.normal() as f32 * 0.02).collect())
        };
        let (s, d) = (sparse.d_model, dense.d_model);
        let mut list = Vec::new();
        for boundary in 0..=2 * sparse.n_layer {
            for (name, rows, cols) in [("encoder", s, d), ("decoder", d, s)] {
                let name = format!("bridge.{boundary}.{name}");
                list.push(Parameter::new(format!("{name}.weight"), Role::Bridge, normal(rows, cols)));
                list.push(Parameter::new(format!("{name}.bias"), Role::Bridge, Matrix::zeros(1, rows)));
            }
        }
        let parameters = BridgeParameters { list, kept };
        parameters.bridge(&vec![1.0; 2 * sparse.n_layer + 1]).check(sparse, dense)?;
        Ok(parameters)
    }

    /// Sets encoders (without their AbsTopK) and decoders to least squares fits over `windows`.
    /// This is the start of a bridge between two trained models.
    pub fn fit(&mut self, sparse: &Model<Cpu>, dense: &Model<Cpu>, windows: &Windows) {
        let (s, d) = (sparse.config.d_model, dense.config.d_model);
        let sites = self.list.len() / 4;
        let zeros = || (0..sites).map(|_| [Sums::new(d, s), Sums::new(s, d)]).collect::<Vec<_>>();
        let sums = windows
            .inputs
            .par_chunks(WINDOWS_PER_GROUP)
            .map_init(Cpu::new, |cpu, inputs| {
                let batch = Batch::new(inputs);
                let real = token_weights(batch.spans(), batch.tokens().len());
                let [sparse, dense] = [sparse, dense].map(|model| {
                    let (logits, trace) =
                        forward_with_trace(cpu, model, &batch, LogitsAt::Last, &mut ()).expect(INFALLIBLE);
                    cpu.recycle(logits);
                    trace
                });
                let mut sums = zeros();
                for (boundary, [encoder, decoder]) in sums.iter_mut().enumerate() {
                    encoder.add(dense.resid(boundary), sparse.resid(boundary), &real);
                    decoder.add(sparse.resid(boundary), dense.resid(boundary), &real);
                }
                [sparse, dense].into_iter().for_each(|trace| trace.recycle(cpu));
                sums
            })
            .reduce(zeros, |a, b| a.into_iter().zip(b).map(|([a, b], [c, d])| [a.merge(c), b.merge(d)]).collect());
        for (pair, sums) in self.list.chunks_exact_mut(2).zip(sums.iter().flatten()) {
            let (weight, bias) = sums.solve(RIDGE);
            pair[0].value = weight;
            pair[1].value.data = bias;
        }
    }

    /// Sets the parameters to the values of `bridge`, which must fit the same models.
    ///
    /// # Errors
    /// `bridge` has another number of sites, or its encoders keep another number of channels.
    pub fn set_values(&mut self, bridge: &Bridge) -> Result<()> {
        let linears: Vec<&Linear> = bridge.sites.iter().flat_map(|site| [&site.encoder, &site.decoder]).collect();
        if linears.len() * 2 != self.list.len() || bridge.kept != self.kept {
            bail!(
                "the start bridge has {} sites and keeps {} channels; the bridge of this run has {} and keeps {}",
                bridge.sites.len(),
                bridge.kept,
                self.list.len() / 4,
                self.kept
            );
        }
        for (pair, linear) in self.list.chunks_exact_mut(2).zip(linears) {
            pair[0].value = linear.weight.to_dense();
            pair[1].value.data = linear.bias.clone().unwrap_or_default();
        }
        Ok(())
    }

    /// Encoder and decoder of each site, each made from its weight and its bias.
    fn sites<L>(&self, linear: impl Fn(WeightMatrix, &[f32]) -> L) -> impl Iterator<Item = [L; 2]> {
        self.list.chunks_exact(4).map(move |site| {
            [0, 2].map(|at| linear(WeightMatrix::Dense(site[at].value.clone()), &site[at + 1].value.data))
        })
    }

    /// The bridge, uploaded to the CPU backend.
    pub fn device(&self) -> DeviceBridge<Cpu> {
        let sites = self.sites(|weight, bias| Linear { weight: CpuMatrix::new(weight), bias: Some(bias.into()) });
        let sites = sites.map(|[encoder, decoder]| DeviceSite { encoder, decoder }).collect();
        let (d_sparse, d_dense) = (self.list[0].value.rows, self.list[0].value.cols);
        DeviceBridge { sites, kept: self.kept, d_sparse, d_dense }
    }

    /// The bridge on the host, as a bridge file stores it. `rms_ratios` has one number for each
    /// site.
    pub fn bridge(&self, rms_ratios: &[f32]) -> Bridge {
        let sites = self.sites(|weight, bias| Linear { weight, bias: Some(bias.to_vec()) }).zip(rms_ratios);
        let sites = sites.map(|([encoder, decoder], &rms_ratio)| BridgeSite { encoder, decoder, rms_ratio }).collect();
        Bridge { sites, kept: self.kept, channels: Default::default() }
    }
}

/// The gradients of a bridge that one worker has accumulated.
pub struct BridgeGradients {
    /// Encoder and decoder of each site.
    sites: Vec<[Linear<Matrix, Matrix>; 2]>,
}

impl BridgeGradients {
    pub fn zeros(bridge: &DeviceBridge<Cpu>) -> BridgeGradients {
        let linear = |rows, cols| Linear { weight: Matrix::zeros(rows, cols), bias: Some(Matrix::zeros(1, rows)) };
        let (s, d) = (bridge.d_sparse, bridge.d_dense);
        BridgeGradients { sites: bridge.sites.iter().map(|_| [linear(s, d), linear(d, s)]).collect() }
    }

    /// In the order of [`BridgeParameters::list`].
    pub fn in_order(&mut self) -> Vec<&mut Matrix> {
        self.sites
            .iter_mut()
            .flatten()
            .flat_map(|linear| [Some(&mut linear.weight), linear.bias.as_mut()])
            .flatten()
            .collect()
    }
}

/// The terms of the loss, without their coefficients. The KL terms estimate the sums over all
/// sites. `cross_entropy` and the KL terms are 0 if their coefficient is 0.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Terms {
    /// Nats per token.
    pub cross_entropy: f64,
    /// Sum over all sites.
    pub nmse_encoder: f64,
    /// Sum over all sites.
    pub nmse_decoder: f64,
    /// Nats per token.
    pub kl_sparse: f64,
    /// Nats per token.
    pub kl_dense: f64,
}

impl Terms {
    pub fn zip(self, other: Terms, f: impl Fn(f64, f64) -> f64) -> Terms {
        Terms {
            cross_entropy: f(self.cross_entropy, other.cross_entropy),
            nmse_encoder: f(self.nmse_encoder, other.nmse_encoder),
            nmse_decoder: f(self.nmse_decoder, other.nmse_decoder),
            kl_sparse: f(self.kl_sparse, other.kl_sparse),
            kl_dense: f(self.kl_dense, other.kl_dense),
        }
    }

    /// The loss: the sum of the terms times their coefficients.
    pub fn total(&self, config: &BridgeConfig) -> f64 {
        config.cross_entropy * self.cross_entropy
            + config.nmse_encoder * self.nmse_encoder
            + config.nmse_decoder * self.nmse_decoder
            + config.kl_sparse * self.kl_sparse
            + config.kl_dense * self.kl_dense
    }
}

/// Draws the sites at which the hybrid passes of a step switch models, ascending, and the factor
/// `sites / drawn`. Multiplied by it, their sum estimates the sum over all sites.
pub fn sites_of_step(config: &BridgeConfig, sites: usize, seed: u64, step: u64) -> (Vec<usize>, f64) {
    let drawn = if config.sites_per_step == 0 { sites } else { config.sites_per_step.min(sites) };
    let mut random = Rng::with_stream(seed ^ 0x6272_6964_6765, step);
    let mut order: Vec<usize> = (0..sites).collect();
    // the first steps of a Fisher-Yates shuffle
    for i in 0..drawn {
        let j = i + random.below_large(sites - i);
        order.swap(i, j);
    }
    order.truncate(drawn);
    order.sort_unstable();
    (order, sites as f64 / drawn as f64)
}

/// Adds one prepared gradient per boundary to the gradient of the residual stream there.
struct AtBoundaries<'a>(&'a [Activations]);

impl Hooks<Cpu> for AtBoundaries<'_> {
    fn forward(&mut self, _: &mut Cpu, _: Hook, _: &mut Activations) -> Result<()> {
        Ok(())
    }

    fn resid_backward(&mut self, cpu: &mut Cpu, boundary: usize, grad: &mut Activations) {
        cpu.add(&self.0[boundary], grad);
    }
}

/// The two models, the bridge and the settings of a training step, on the CPU.
#[derive(Clone, Copy)]
pub struct Bridged<'a> {
    pub sparse: &'a Model<Cpu>,
    pub dense: &'a Model<Cpu>,
    pub bridge: &'a DeviceBridge<Cpu>,
    pub config: &'a BridgeConfig,
}

const INFALLIBLE: &str = "a pass whose hooks cannot fail cannot fail";

impl Bridged<'_> {
    /// Computes the terms of one batch, and adds the gradients of `share` times the loss to
    /// `gradients` and `bridge_gradients`. `targets` has one token id for each token of the batch,
    /// padding included. `share` is this batch's fraction of the step's tokens. The hybrid passes
    /// switch models at `sites` and are weighted by `factor`. If the sparse model is frozen,
    /// `gradients` does not change.
    #[allow(clippy::too_many_arguments)]
    pub fn accumulate(
        &self,
        cpu: &mut Cpu,
        batch: &Batch,
        targets: &[u32],
        share: f64,
        (sites, factor): (&[usize], f64),
        gradients: &mut Gradients<Cpu>,
        bridge_gradients: &mut BridgeGradients,
    ) -> Terms {
        let Bridged { sparse, dense, bridge, config } = *self;
        let tokens = batch.tokens().len();
        let real = token_weights(batch.spans(), tokens);
        let count: f32 = real.iter().sum();
        let (teacher, dense_trace) = forward_with_trace(cpu, dense, batch, LogitsAt::Every, &mut ()).expect(INFALLIBLE);
        let (logits, trace) = forward_with_trace(cpu, sparse, batch, LogitsAt::Every, &mut ()).expect(INFALLIBLE);

        let mut terms = Terms::default();
        let mut losses = cpu.tensor(1, tokens);
        let mut dlogits = cpu.tensor(sparse.config.vocab_size, tokens);
        let weight = (share * config.cross_entropy) as f32 / count;
        cpu.cross_entropy(&logits, targets, weight, &mut losses, &mut dlogits);
        if config.cross_entropy > 0.0 {
            terms.cross_entropy = sum(&losses) / (share * config.cross_entropy);
        }
        cpu.recycle(logits);

        let frozen = config.freeze_sparse;
        let mut resid_gradients = Vec::new();
        for boundary in 0..bridge.sites.len() {
            let [to_sparse, to_dense] = &mut bridge_gradients.sites[boundary];
            let (h_dense, h_sparse) = (dense_trace.resid(boundary), trace.resid(boundary));
            let mut dresid_sparse = cpu.tensor(sparse.config.d_model, tokens);
            cpu.zero(&mut dresid_sparse);

            let encoded = bridge.encode(cpu, boundary, h_dense);
            let mut dencoded = cpu.tensor(sparse.config.d_model, tokens);
            cpu.zero(&mut dencoded);
            let weight = (share * config.nmse_encoder) as f32;
            terms.nmse_encoder +=
                nmse(&encoded, h_sparse, &real, weight, Some(&mut dencoded), (!frozen).then_some(&mut dresid_sparse));
            let decoded = bridge.decode(cpu, boundary, h_sparse);
            let mut ddecoded = cpu.tensor(dense.config.d_model, tokens);
            cpu.zero(&mut ddecoded);
            let weight = (share * config.nmse_decoder) as f32;
            terms.nmse_decoder += nmse(&decoded, h_dense, &real, weight, Some(&mut ddecoded), None);

            if sites.contains(&boundary) {
                let mut tail =
                    |cpu: &mut Cpu, model, resid: &Activations, coefficient: f64, parameters, dresid: &mut _| {
                        if coefficient == 0.0 {
                            return 0.0;
                        }
                        let scale = share * factor * coefficient;
                        let weights: Vec<f32> = real.iter().map(|w| w * scale as f32 / count).collect();
                        let start = copy(cpu, resid, resid.channels());
                        let (logits, trace) =
                            forward_from(cpu, model, batch, boundary, start, LogitsAt::Every, &mut ())
                                .expect(INFALLIBLE);
                        let mut grad = cpu.tensor(logits.channels(), tokens);
                        divergence(&teacher, &logits, &weights, &mut losses, &mut grad);
                        let gradient = backward_from(cpu, model, batch, trace, &grad, &mut (), parameters);
                        cpu.add(&gradient, dresid);
                        [logits, grad, gradient].into_iter().for_each(|tensor| cpu.recycle(tensor));
                        sum(&losses) / (share * coefficient)
                    };
                let parameters = (!frozen).then_some(&mut *gradients);
                terms.kl_sparse += tail(cpu, sparse, &encoded, config.kl_sparse, parameters, &mut dencoded);
                terms.kl_dense += tail(cpu, dense, &decoded, config.kl_dense, None, &mut ddecoded);
            }

            cpu.abs_top_k_backward(&encoded, &mut dencoded);
            linear_gradient(cpu, h_dense, &dencoded, to_sparse);
            linear_gradient(cpu, h_sparse, &ddecoded, to_dense);
            if !frozen {
                cpu.matmul_backward_acc(&bridge.sites[boundary].decoder.weight, &ddecoded, &mut dresid_sparse);
            }
            resid_gradients.push(dresid_sparse);
            [encoded, dencoded, decoded, ddecoded].into_iter().for_each(|tensor| cpu.recycle(tensor));
        }
        if frozen {
            trace.recycle(cpu);
        } else {
            backward(cpu, sparse, batch, trace, &dlogits, &mut AtBoundaries(&resid_gradients), Some(gradients));
        }
        dense_trace.recycle(cpu);
        resid_gradients.into_iter().chain([teacher, losses, dlogits]).for_each(|tensor| cpu.recycle(tensor));
        terms
    }
}

/// The sum of the losses of a batch.
pub(super) fn sum(losses: &Activations) -> f64 {
    losses.to_rows().iter().map(|loss| *loss as f64).sum()
}

/// Scores of a bridge at one site, over a set of windows.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct SiteScore {
    pub nmse_encoder: f64,
    pub nmse_decoder: f64,
    /// KL(dense model || hybrid pass) in nats per token, for the pass that starts dense and ends
    /// sparse.
    pub kl_sparse: f64,
    /// The same, for the pass that starts sparse and ends dense.
    pub kl_dense: f64,
    /// Root mean squares of the two residual streams.
    pub rms_sparse: f64,
    pub rms_dense: f64,
}

impl SiteScore {
    pub fn rms_ratio(&self) -> f32 {
        if self.rms_dense > 0.0 && self.rms_sparse > 0.0 { (self.rms_sparse / self.rms_dense) as f32 } else { 1.0 }
    }
}

/// Windows per group. NMSE divides by the variance over one group.
const WINDOWS_PER_GROUP: usize = 8;

/// The scores of every site: means over groups of windows, and root mean squares over all windows.
pub fn scores(
    sparse: &Model<Cpu>,
    dense: &Model<Cpu>,
    bridge: &DeviceBridge<Cpu>,
    windows: &Windows,
) -> Vec<SiteScore> {
    let groups: Vec<Vec<SiteScore>> = windows
        .inputs
        .par_chunks(WINDOWS_PER_GROUP)
        .map_init(Cpu::new, |cpu, inputs| group_scores(cpu, sparse, dense, bridge, inputs))
        .collect();
    let share = 1.0 / groups.len() as f64;
    (0..bridge.sites.len())
        .map(|site| {
            let mean = |f: fn(&SiteScore) -> f64| groups.iter().map(|group| f(&group[site]) * share).sum();
            SiteScore {
                nmse_encoder: mean(|s| s.nmse_encoder),
                nmse_decoder: mean(|s| s.nmse_decoder),
                kl_sparse: mean(|s| s.kl_sparse),
                kl_dense: mean(|s| s.kl_dense),
                rms_sparse: mean(|s| s.rms_sparse * s.rms_sparse).sqrt(),
                rms_dense: mean(|s| s.rms_dense * s.rms_dense).sqrt(),
            }
        })
        .collect()
}

fn group_scores(
    cpu: &mut Cpu,
    sparse: &Model<Cpu>,
    dense: &Model<Cpu>,
    bridge: &DeviceBridge<Cpu>,
    inputs: &[Vec<u32>],
) -> Vec<SiteScore> {
    let batch = Batch::new(inputs);
    let real = token_weights(batch.spans(), batch.tokens().len());
    let count: f32 = real.iter().sum();
    let weights: Vec<f32> = real.iter().map(|w| w / count).collect();
    let (teacher, dense_trace) = forward_with_trace(cpu, dense, &batch, LogitsAt::Every, &mut ()).expect(INFALLIBLE);
    let (logits, trace) = forward_with_trace(cpu, sparse, &batch, LogitsAt::Every, &mut ()).expect(INFALLIBLE);
    cpu.recycle(logits);
    let mut losses = cpu.tensor(1, real.len());
    let mut kl = |cpu: &mut Cpu, model, boundary, resid| {
        let (logits, trace) =
            forward_from(cpu, model, &batch, boundary, resid, LogitsAt::Every, &mut ()).expect(INFALLIBLE);
        trace.recycle(cpu);
        let mut grad = cpu.tensor(logits.channels(), real.len());
        divergence(&teacher, &logits, &weights, &mut losses, &mut grad);
        [logits, grad].into_iter().for_each(|tensor| cpu.recycle(tensor));
        sum(&losses)
    };
    let rms = |x: &Activations| {
        let squares: f64 = (0..x.tokens())
            .filter(|&token| real[token] > 0.0)
            .flat_map(|token| (0..x.channels()).map(move |channel| (x.get(token, channel) as f64).powi(2)))
            .sum();
        (squares / (count as f64 * x.channels() as f64)).sqrt()
    };
    let all = (0..bridge.sites.len())
        .map(|boundary| {
            let (h_dense, h_sparse) = (dense_trace.resid(boundary), trace.resid(boundary));
            let encoded = bridge.encode(cpu, boundary, h_dense);
            let decoded = bridge.decode(cpu, boundary, h_sparse);
            SiteScore {
                nmse_encoder: nmse(&encoded, h_sparse, &real, 0.0, None, None),
                nmse_decoder: nmse(&decoded, h_dense, &real, 0.0, None, None),
                rms_sparse: rms(h_sparse),
                rms_dense: rms(h_dense),
                kl_sparse: kl(cpu, sparse, boundary, encoded),
                kl_dense: kl(cpu, dense, boundary, decoded),
            }
        })
        .collect();
    dense_trace.recycle(cpu);
    trace.recycle(cpu);
    all
}
