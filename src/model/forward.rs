//! The whole model, top to bottom (Gao et al. 2025, A.1 and the published inference code).

use super::device::{DeviceBlock, DeviceLinear, DeviceNorm, Model};
use super::{Activation, Config, Hook, ResidualActivation, Site, TopKSite};
use crate::Result;
use crate::backend::{Backend, Batch, NormKind};

/// What looks at or changes the values inside a run, at the named hooks.
pub trait Hooks<B: Backend> {
    /// Whether values at `hook` will be changed in a way that the backward pass must know (a copy from before is kept then).
    fn gates(&self, _hook: Hook) -> bool {
        false
    }

    /// Called when the values at `hook` are computed; what it leaves in `x` is what everything downstream sees.
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()>;

    /// Called for each hook that gates: turns the gradient by the changed values into that by the values `before`.
    fn backward(&mut self, _backend: &mut B, _hook: Hook, _before: &B::Tensor, _grad: &mut B::Tensor) {}
}

/// Nothing looks, nothing changes.
impl<B: Backend> Hooks<B> for () {
    fn forward(&mut self, _backend: &mut B, _hook: Hook, _x: &mut B::Tensor) -> Result<()> {
        Ok(())
    }
}

/// At which tokens the logits are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogitsAt {
    Every,
    /// Only the last token of each sequence, in the order of the sequences.
    Last,
}

/// A run's values at one place, kept for the backward pass.
pub(super) struct Saved<B: Backend> {
    /// After AbsTopK and the hook: what came downstream.
    pub after: B::Tensor,
    /// After AbsTopK, before a hook that gates.
    pub before: Option<B::Tensor>,
}

impl<B: Backend> Saved<B> {
    /// Zero where AbsTopK dropped.
    pub fn kept(&self) -> &B::Tensor {
        self.before.as_ref().unwrap_or(&self.after)
    }
}

pub(super) struct SavedBlock<B: Backend> {
    pub resid_in: B::Tensor,
    pub attn_act_in: Saved<B>,
    pub q: Saved<B>,
    pub k: Saved<B>,
    pub v: Saved<B>,
    pub y: B::Tensor,
    pub attn_delta: Saved<B>,
    pub resid_mid: B::Tensor,
    pub mlp_act_in: Saved<B>,
    /// Input of the activation function; only GELU's backward needs it.
    pub pre_act: Option<B::Tensor>,
    pub post_act: Saved<B>,
    pub mlp_delta: Saved<B>,
    /// The positional vectors before their norms, where they are concatenated.
    pub positions: Option<B::Tensor>,
    /// The residual stream after this block.
    pub resid_out: B::Tensor,
}

/// What a forward pass leaves for a backward pass.
pub struct Trace<B: Backend> {
    pub(super) blocks: Vec<SavedBlock<B>>,
    pub(super) final_resid: B::Tensor,
    /// The final norm's output at the tokens of the logits.
    pub(super) normed: B::Tensor,
    pub(super) logits_at: LogitsAt,
}

/// Runs the model over `batch` and returns the logits: one column a token, or a sequence with [`LogitsAt::Last`].
///
/// # Errors
/// What the hooks return; nothing else fails here.
pub fn forward<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    batch: &Batch,
    logits_at: LogitsAt,
    hooks: &mut impl Hooks<B>,
) -> Result<B::Tensor> {
    let (logits, trace) = forward_with_trace(backend, model, batch, logits_at, hooks)?;
    trace.recycle(backend);
    Ok(logits)
}

/// As [`forward`], keeping what [`super::backward`] needs.
pub fn forward_with_trace<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    batch: &Batch,
    logits_at: LogitsAt,
    hooks: &mut impl Hooks<B>,
) -> Result<(B::Tensor, Trace<B>)> {
    let config = &model.config;
    let tokens = batch.tokens().len();
    let mut resid = backend.tensor(config.d_model, tokens);
    backend.gather(&model.wte, batch.tokens(), &mut resid);
    let positions = match (&model.wpe, config.d_pos_emb) {
        (Some(wpe), Some(width)) => {
            let mut positions = backend.tensor(width, tokens);
            backend.gather(wpe, batch.positions(), &mut positions);
            Some(positions)
        }
        (Some(wpe), None) => {
            backend.gather_add(wpe, batch.positions(), &mut resid);
            None
        }
        (None, _) => None,
    };

    let mut blocks = Vec::with_capacity(config.n_layer);
    for (layer, block) in model.blocks.iter().enumerate() {
        let saved = block_forward(backend, config, block, layer, batch, resid, positions.as_ref(), hooks)?;
        resid = copy(backend, &saved.resid_out, config.d_model);
        blocks.push(saved);
    }
    hooks.forward(backend, Hook::FinalResid, &mut resid)?;

    let last = match logits_at {
        LogitsAt::Every => None,
        LogitsAt::Last => Some(batch.last_tokens()),
    };
    let rows = last.as_ref().map_or(tokens, Vec::len);
    let mut normed = backend.tensor(config.d_model, rows);
    if let Some(last) = &last {
        let mut chosen = backend.tensor(config.d_model, rows);
        backend.select(&resid, last, &mut chosen);
        norm(backend, config, &model.ln_f, &chosen, &mut normed);
        backend.recycle(chosen);
    } else {
        norm(backend, config, &model.ln_f, &resid, &mut normed);
    }
    let mut logits = backend.tensor(config.vocab_size, rows);
    backend.matmul(model.unembedding(), model.final_logits_bias.as_ref(), &normed, &mut logits);
    if let Some(table) = &model.bigram_table {
        match &last {
            None => backend.gather_add(table, batch.tokens(), &mut logits),
            Some(last) => {
                let current: Vec<u32> = last.iter().map(|&token| batch.tokens()[token as usize]).collect();
                backend.gather_add(table, &current, &mut logits);
            }
        }
    }
    if let Some(positions) = positions {
        backend.recycle(positions);
    }
    Ok((logits, Trace { blocks, final_resid: resid, normed, logits_at }))
}

#[allow(clippy::too_many_arguments)]
fn block_forward<B: Backend>(
    backend: &mut B,
    config: &Config,
    block: &DeviceBlock<B>,
    layer: usize,
    batch: &Batch,
    mut resid: B::Tensor,
    positions: Option<&B::Tensor>,
    hooks: &mut impl Hooks<B>,
) -> Result<SavedBlock<B>> {
    let tokens = batch.tokens().len();
    let at = |site| Hook::at(layer, site);
    hooks.forward(backend, at(Site::ResidIn), &mut resid)?;
    let resid_in = resid;

    // attention: norm -> AbsTopK -> q, k, v -> AbsTopK each -> attention -> c_proj -> AbsTopK -> add
    let x = block_input(backend, config, &block.ln_1, block.ln_p1.as_ref(), &resid_in, positions);
    let attn_act_in = finish(backend, config, TopKSite::AttnIn, at(Site::AttnActIn), x, config.d_block_in(), hooks)?;
    let mut project = |backend: &mut B, linear: &DeviceLinear<B>, top_k, site| {
        let mut y = backend.tensor(config.d_attn(), tokens);
        backend.matmul(&linear.weight, linear.bias.as_ref(), &attn_act_in.after, &mut y);
        finish(backend, config, top_k, at(site), y, config.d_attn(), hooks)
    };
    let k = project(backend, &block.k, TopKSite::AttnK, Site::AttnK)?;
    let q = project(backend, &block.q, TopKSite::AttnQ, Site::AttnQ)?;
    let v = project(backend, &block.v, TopKSite::AttnV, Site::AttnV)?;
    let mut y = backend.tensor(config.d_attn(), tokens);
    backend.attention(batch.spans(), config.d_head, block.sinks.as_ref(), &q.after, &k.after, &v.after, &mut y);
    hooks.forward(backend, at(Site::AttnY), &mut y)?;
    let mut delta = backend.tensor(config.d_model, tokens);
    backend.matmul(&block.attn_c_proj.weight, block.attn_c_proj.bias.as_ref(), &y, &mut delta);
    let attn_delta =
        finish(backend, config, TopKSite::AttnOut, at(Site::AttnResidDelta), delta, config.d_model, hooks)?;
    let mut resid_mid = residual(backend, config, TopKSite::ResidPostAttn, &resid_in, &attn_delta.after, tokens);
    hooks.forward(backend, at(Site::ResidMid), &mut resid_mid)?;

    // MLP: norm -> AbsTopK -> c_fc -> activation -> AbsTopK -> c_proj -> AbsTopK -> add
    let x = block_input(backend, config, &block.ln_2, block.ln_p2.as_ref(), &resid_mid, positions);
    let mlp_act_in = finish(backend, config, TopKSite::MlpIn, at(Site::MlpActIn), x, config.d_block_in(), hooks)?;
    let mut pre_act = backend.tensor(config.d_mlp, tokens);
    backend.matmul(&block.c_fc.weight, block.c_fc.bias.as_ref(), &mlp_act_in.after, &mut pre_act);
    let mut post = backend.tensor(config.d_mlp, tokens);
    backend.activate(config.activation_type, &pre_act, &mut post);
    let pre_act = match config.activation_type {
        Activation::Gelu => Some(pre_act),
        Activation::Relu => {
            backend.recycle(pre_act);
            None
        }
    };
    let post_act = finish(backend, config, TopKSite::MlpNeuron, at(Site::MlpPostAct), post, config.d_mlp, hooks)?;
    let mut delta = backend.tensor(config.d_model, tokens);
    backend.matmul(&block.mlp_c_proj.weight, block.mlp_c_proj.bias.as_ref(), &post_act.after, &mut delta);
    let mlp_delta = finish(backend, config, TopKSite::MlpOut, at(Site::MlpResidDelta), delta, config.d_model, hooks)?;
    let resid_out = residual(backend, config, TopKSite::ResidPostMlp, &resid_mid, &mlp_delta.after, tokens);

    let positions = positions.map(|p| copy(backend, p, config.d_pos_emb.unwrap_or(0)));
    Ok(SavedBlock {
        resid_in,
        attn_act_in,
        q,
        k,
        v,
        y,
        attn_delta,
        resid_mid,
        mlp_act_in,
        pre_act,
        post_act,
        mlp_delta,
        positions,
        resid_out,
    })
}

/// The norm of the residual stream, with the normed positional vector below it where the model concatenates positions.
fn block_input<B: Backend>(
    backend: &mut B,
    config: &Config,
    ln: &DeviceNorm<B>,
    ln_p: Option<&DeviceNorm<B>>,
    resid: &B::Tensor,
    positions: Option<&B::Tensor>,
) -> B::Tensor {
    let tokens = backend.tokens(resid);
    let mut x = backend.tensor(config.d_model, tokens);
    norm(backend, config, ln, resid, &mut x);
    let (Some(positions), Some(ln_p), Some(width)) = (positions, ln_p, config.d_pos_emb) else { return x };
    let mut p = backend.tensor(width, tokens);
    norm(backend, config, ln_p, positions, &mut p);
    let mut both = backend.tensor(config.d_block_in(), tokens);
    backend.concat(&x, &p, &mut both);
    backend.recycle(x);
    backend.recycle(p);
    both
}

/// AbsTopK where the config has it, then the hook.
fn finish<B: Backend>(
    backend: &mut B,
    config: &Config,
    site: TopKSite,
    hook: Hook,
    mut x: B::Tensor,
    width: usize,
    hooks: &mut impl Hooks<B>,
) -> Result<Saved<B>> {
    if let Some(k) = config.top_k(site, width) {
        backend.abs_top_k(k, &mut x);
    }
    let before = hooks.gates(hook).then(|| copy(backend, &x, width));
    hooks.forward(backend, hook, &mut x)?;
    Ok(Saved { after: x, before })
}

/// `resid + delta`, then the residual's own ReLU and AbsTopK where the config has them.
fn residual<B: Backend>(
    backend: &mut B,
    config: &Config,
    site: TopKSite,
    resid: &B::Tensor,
    delta: &B::Tensor,
    tokens: usize,
) -> B::Tensor {
    let mut sum = backend.tensor(config.d_model, tokens);
    backend.copy(resid, &mut sum);
    backend.add(delta, &mut sum);
    if config.residual_activation_type == ResidualActivation::Relu {
        let mut active = backend.tensor(config.d_model, tokens);
        backend.activate(Activation::Relu, &sum, &mut active);
        backend.recycle(std::mem::replace(&mut sum, active));
    }
    if let Some(k) = config.top_k(site, config.d_model) {
        backend.abs_top_k(k, &mut sum);
    }
    sum
}

pub(super) fn norm_kind(config: &Config) -> NormKind {
    if config.rms_norm { NormKind::Rms } else { NormKind::Layer }
}

fn norm<B: Backend>(backend: &mut B, config: &Config, ln: &DeviceNorm<B>, x: &B::Tensor, y: &mut B::Tensor) {
    backend.norm(norm_kind(config), x, ln.gain.as_ref(), ln.bias.as_ref(), y);
}

fn copy<B: Backend>(backend: &mut B, x: &B::Tensor, channels: usize) -> B::Tensor {
    let tokens = backend.tokens(x);
    let mut y = backend.tensor(channels, tokens);
    backend.copy(x, &mut y);
    y
}

impl<B: Backend> Saved<B> {
    fn recycle(self, backend: &mut B) {
        backend.recycle(self.after);
        if let Some(before) = self.before {
            backend.recycle(before);
        }
    }
}

impl<B: Backend> Trace<B> {
    /// Gives every tensor back to the backend's pool.
    pub fn recycle(self, backend: &mut B) {
        for block in self.blocks {
            for saved in [
                block.attn_act_in,
                block.q,
                block.k,
                block.v,
                block.attn_delta,
                block.mlp_act_in,
                block.post_act,
                block.mlp_delta,
            ] {
                saved.recycle(backend);
            }
            for tensor in [block.resid_in, block.y, block.resid_mid, block.resid_out] {
                backend.recycle(tensor);
            }
            for tensor in [block.pre_act, block.positions].into_iter().flatten() {
                backend.recycle(tensor);
            }
        }
        backend.recycle(self.final_resid);
        backend.recycle(self.normed);
    }
}
