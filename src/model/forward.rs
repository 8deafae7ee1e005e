//! The whole model, top to bottom (Gao et al. 2025, A.1 and the published inference code).

use super::weights::{DeviceBlock, DeviceLinear, DeviceNorm, Model};
use super::{Config, Hook, ResidualActivation, Site, TopKSite};
use crate::Result;
use crate::backend::{Activation, Backend, Batch, NormKind, Span};

/// Reads or changes the values of a run at named hooks.
pub trait Hooks<B: Backend> {
    /// Whether `forward` changes values at `hook` in a way that the backward pass needs. Then the
    /// pass keeps a copy from before.
    fn ablates(&self, _hook: Hook) -> bool {
        false
    }

    /// Called with the sums `y` from which the values at `hook` are made, before their activation function and AbsTopK. The values
    /// are made from what it leaves in `y`.
    ///
    /// # Errors
    /// What the implementation returns; the pass ends with it.
    fn sums(&mut self, _backend: &mut B, _hook: Hook, _inputs: Inputs<'_, B>, _y: &mut B::Tensor) -> Result<()> {
        Ok(())
    }

    /// Called with the logits, before the bigram table is added.
    fn logits(&mut self, _backend: &mut B, _inputs: LogitInputs<'_, B>, _logits: &mut B::Tensor) {}

    /// Called when the values at `hook` are computed; everything downstream uses the values that it
    /// leaves in `x`.
    fn forward(&mut self, backend: &mut B, hook: Hook, x: &mut B::Tensor) -> Result<()>;

    /// Called for each hook that ablates: converts the gradient with respect to the changed values
    /// into that with respect to the values `before`.
    fn backward(&mut self, _backend: &mut B, _hook: Hook, _before: &B::Tensor, _grad: &mut B::Tensor) {}

    /// Called at each boundary (see [`forward_from`]) with the gradient by the residual stream there: a loss on the stream itself
    /// adds its own.
    fn resid_backward(&mut self, _backend: &mut B, _boundary: usize, _grad: &mut B::Tensor) {}
}

/// What the sums at a hook are computed from.
#[derive(Clone, Copy)]
pub enum Inputs<'a, B: Backend> {
    /// `weight x + bias`.
    Linear { linear: &'a DeviceLinear<B>, x: &'a B::Tensor },
    /// `weight y + bias`, where `y` is the attention of q, k and v after the hook `attn.y`.
    Attention {
        linear: &'a DeviceLinear<B>,
        spans: &'a [Span],
        sinks: Option<&'a B::Vector>,
        q: &'a B::Tensor,
        k: &'a B::Tensor,
        v: &'a B::Tensor,
    },
    /// The norm of the residual stream, without a concatenated position.
    Norm { norm: &'a DeviceNorm<B>, resid: &'a B::Tensor },
}

/// What the logits are computed from.
pub struct LogitInputs<'a, B: Backend> {
    pub model: &'a Model<B>,
    /// The residual stream at the tokens of the logits.
    pub resid: &'a B::Tensor,
    /// Its final norm.
    pub normed: &'a B::Tensor,
    /// The tokens of the logits; `None`: all.
    pub tokens: Option<&'a [u32]>,
}

/// Nothing looks, nothing changes.
impl<B: Backend> Hooks<B> for () {
    fn forward(&mut self, _backend: &mut B, _hook: Hook, _x: &mut B::Tensor) -> Result<()> {
        Ok(())
    }
}

/// The tokens at which logits are computed.
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
    /// After AbsTopK, before a hook that ablates.
    pub before: Option<B::Tensor>,
}

impl<B: Backend> Saved<B> {
    /// Zero where AbsTopK dropped.
    pub fn kept(&self) -> &B::Tensor {
        self.before.as_ref().unwrap_or(&self.after)
    }
}

/// The values that the backward pass of one attention or MLP needs. [`Trace`] has the residual
/// stream at its boundary.
pub(super) enum SavedSublayer<B: Backend> {
    Attention {
        act_in: Saved<B>,
        q: Saved<B>,
        k: Saved<B>,
        v: Saved<B>,
        y: B::Tensor,
        delta: Saved<B>,
    },
    Mlp {
        act_in: Saved<B>,
        /// Input of the activation function; only GELU's backward needs it.
        pre_act: Option<B::Tensor>,
        post_act: Saved<B>,
        delta: Saved<B>,
    },
}

/// What a forward pass leaves for a backward pass.
pub struct Trace<B: Backend> {
    /// The boundary at which the pass began; 0 for a whole one.
    pub(super) from: usize,
    /// The residual stream at each boundary from `from` on, after its hooks.
    pub(super) resid: Vec<B::Tensor>,
    pub(super) sublayers: Vec<SavedSublayer<B>>,
    /// The positional vectors before their norms, where they are concatenated.
    pub(super) positions: Option<B::Tensor>,
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
    let mut resid = backend.tensor(model.config.d_model, batch.tokens().len());
    backend.gather(&model.wte, batch.tokens(), &mut resid);
    if let (Some(wpe), None) = (&model.wpe, model.config.d_pos_emb) {
        backend.gather_add(wpe, batch.positions(), &mut resid);
    }
    forward_from(backend, model, batch, 0, resid, logits_at, hooks)
}

/// Runs a pass from a boundary to its end. `resid` is the residual stream before sublayer
/// `boundary`: 2l is the attention of layer l, 2l + 1 its MLP, and `2 n_layer` is after the last
/// layer.
///
/// # Errors
/// What the hooks return; nothing else fails here.
pub fn forward_from<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    batch: &Batch,
    boundary: usize,
    resid: B::Tensor,
    logits_at: LogitsAt,
    hooks: &mut impl Hooks<B>,
) -> Result<(B::Tensor, Trace<B>)> {
    let config = &model.config;
    let tokens = batch.tokens().len();
    let positions = match (&model.wpe, config.d_pos_emb) {
        (Some(wpe), Some(width)) => {
            let mut positions = backend.tensor(width, tokens);
            backend.gather(wpe, batch.positions(), &mut positions);
            Some(positions)
        }
        _ => None,
    };

    let mut pass = Pass { backend, config, batch, positions: positions.as_ref(), hooks };
    let mut trace_resid = vec![resid];
    let mut sublayers = Vec::new();
    for at in boundary..2 * config.n_layer {
        let (layer, block) = (at / 2, &model.blocks[at / 2]);
        let resid = trace_resid.last_mut().expect("the stream that the pass began with");
        pass.hooks.forward(pass.backend, Hook::resid(at, config.n_layer), resid)?;
        let (saved, next) = match at % 2 {
            0 => pass.attention(block, layer, resid)?,
            _ => pass.mlp(block, layer, resid)?,
        };
        sublayers.push(saved);
        trace_resid.push(next);
    }
    let resid = trace_resid.last_mut().expect("the stream that the pass began with");
    pass.hooks.forward(pass.backend, Hook::resid(2 * config.n_layer, config.n_layer), resid)?;
    let resid = &*resid;

    let last = match logits_at {
        LogitsAt::Every => None,
        LogitsAt::Last => Some(batch.last_tokens()),
    };
    let rows = last.as_ref().map_or(tokens, Vec::len);
    let chosen = last.as_ref().map(|last| {
        let mut chosen = backend.tensor(config.d_model, rows);
        backend.select(resid, last, &mut chosen);
        chosen
    });
    let at_logits = chosen.as_ref().unwrap_or(resid);
    let mut normed = backend.tensor(config.d_model, rows);
    norm(backend, config, &model.ln_f, at_logits, &mut normed);
    let mut logits = backend.tensor(config.vocab_size, rows);
    backend.matmul(model.unembedding(), model.final_logits_bias.as_ref(), &normed, &mut logits);
    let inputs = LogitInputs { model, resid: at_logits, normed: &normed, tokens: last.as_deref() };
    hooks.logits(backend, inputs, &mut logits);
    chosen.into_iter().for_each(|chosen| backend.recycle(chosen));
    if let Some(table) = &model.bigram_table {
        match &last {
            None => backend.gather_add(table, batch.tokens(), &mut logits),
            Some(last) => {
                let current: Vec<u32> = last.iter().map(|&token| batch.tokens()[token as usize]).collect();
                backend.gather_add(table, &current, &mut logits);
            }
        }
    }
    Ok((logits, Trace { from: boundary, resid: trace_resid, sublayers, positions, normed, logits_at }))
}

/// What every sublayer of one pass shares.
struct Pass<'a, B: Backend, H> {
    backend: &'a mut B,
    config: &'a Config,
    batch: &'a Batch,
    positions: Option<&'a B::Tensor>,
    hooks: &'a mut H,
}

impl<B: Backend, H: Hooks<B>> Pass<'_, B, H> {
    /// Norm -> AbsTopK -> q, k, v -> AbsTopK each -> attention -> c_proj -> AbsTopK -> add.
    fn attention(
        &mut self,
        block: &DeviceBlock<B>,
        layer: usize,
        resid: &B::Tensor,
    ) -> Result<(SavedSublayer<B>, B::Tensor)> {
        let (config, tokens) = (self.config, self.batch.tokens().len());
        let act_in = self.read(layer, Site::AttnActIn, [&block.ln_1, &block.ln_p1], resid)?;
        let mut project = |linear: &DeviceLinear<B>, site| {
            let mut y = self.backend.tensor(config.d_attn(), tokens);
            self.linear(layer, site, linear, &act_in.after, &mut y)?;
            self.finish(layer, site, y)
        };
        let q = project(&block.q, Site::AttnQ)?;
        let k = project(&block.k, Site::AttnK)?;
        let v = project(&block.v, Site::AttnV)?;
        let mut y = self.backend.tensor(config.d_attn(), tokens);
        let spans = self.batch.spans();
        let sinks = block.sinks.as_ref();
        self.backend.attention(spans, config.d_head, sinks, &q.after, &k.after, &v.after, &mut y);
        self.hooks.forward(self.backend, Hook::at(layer, Site::AttnY), &mut y)?;
        let linear = &block.attn_c_proj;
        let mut delta = self.backend.tensor(config.d_model, tokens);
        self.backend.matmul(&linear.weight, linear.bias.as_ref(), &y, &mut delta);
        let inputs = Inputs::Attention { linear, spans, sinks, q: &q.after, k: &k.after, v: &v.after };
        self.hooks.sums(self.backend, Hook::at(layer, Site::AttnResidDelta), inputs, &mut delta)?;
        let delta = self.finish(layer, Site::AttnResidDelta, delta)?;
        let next = residual(self.backend, config, TopKSite::ResidPostAttn, resid, &delta.after, tokens);
        Ok((SavedSublayer::Attention { act_in, q, k, v, y, delta }, next))
    }

    /// Norm -> AbsTopK -> c_fc -> activation -> AbsTopK -> c_proj -> AbsTopK -> add.
    fn mlp(
        &mut self,
        block: &DeviceBlock<B>,
        layer: usize,
        resid: &B::Tensor,
    ) -> Result<(SavedSublayer<B>, B::Tensor)> {
        let (config, tokens) = (self.config, self.batch.tokens().len());
        let act_in = self.read(layer, Site::MlpActIn, [&block.ln_2, &block.ln_p2], resid)?;
        let mut pre_act = self.backend.tensor(config.d_mlp, tokens);
        self.linear(layer, Site::MlpPostAct, &block.c_fc, &act_in.after, &mut pre_act)?;
        let mut post = self.backend.tensor(config.d_mlp, tokens);
        self.backend.activate(config.activation_type, &pre_act, &mut post);
        let pre_act = match config.activation_type {
            Activation::Gelu => Some(pre_act),
            Activation::Relu => {
                self.backend.recycle(pre_act);
                None
            }
        };
        let post_act = self.finish(layer, Site::MlpPostAct, post)?;
        let mut delta = self.backend.tensor(config.d_model, tokens);
        self.linear(layer, Site::MlpResidDelta, &block.mlp_c_proj, &post_act.after, &mut delta)?;
        let delta = self.finish(layer, Site::MlpResidDelta, delta)?;
        let next = residual(self.backend, config, TopKSite::ResidPostMlp, resid, &delta.after, tokens);
        Ok((SavedSublayer::Mlp { act_in, pre_act, post_act, delta }, next))
    }

    /// The norm of the residual stream, with the normed positional vector below it where the model concatenates positions.
    fn read(
        &mut self,
        layer: usize,
        site: Site,
        [ln, ln_p]: [&DeviceNorm<B>; 2],
        resid: &B::Tensor,
    ) -> Result<Saved<B>> {
        let (config, tokens) = (self.config, self.batch.tokens().len());
        let mut x = self.backend.tensor(config.d_model, tokens);
        norm(self.backend, config, ln, resid, &mut x);
        self.hooks.sums(self.backend, Hook::at(layer, site), Inputs::Norm { norm: ln, resid }, &mut x)?;
        if let (Some(positions), Some(width)) = (self.positions, config.d_pos_emb) {
            let mut p = self.backend.tensor(width, tokens);
            norm(self.backend, config, ln_p, positions, &mut p);
            let mut both = self.backend.tensor(config.d_block_in(), tokens);
            self.backend.concat(&x, &p, &mut both);
            self.backend.recycle(std::mem::replace(&mut x, both));
            self.backend.recycle(p);
        }
        self.finish(layer, site, x)
    }

    /// The sums at a site: `y = weight x + bias`.
    fn linear(
        &mut self,
        layer: usize,
        site: Site,
        linear: &DeviceLinear<B>,
        x: &B::Tensor,
        y: &mut B::Tensor,
    ) -> Result<()> {
        self.backend.matmul(&linear.weight, linear.bias.as_ref(), x, y);
        self.hooks.sums(self.backend, Hook::at(layer, site), Inputs::Linear { linear, x }, y)
    }

    /// AbsTopK where the config has it, then the hook.
    fn finish(&mut self, layer: usize, site: Site, mut x: B::Tensor) -> Result<Saved<B>> {
        let (hook, width) = (Hook::at(layer, site), site.width(self.config));
        if let Some(k) = self.config.top_k_at(site) {
            self.backend.abs_top_k(k, &mut x);
        }
        let before = self.hooks.ablates(hook).then(|| copy(self.backend, &x, width));
        self.hooks.forward(self.backend, hook, &mut x)?;
        Ok(Saved { after: x, before })
    }
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

/// The model's norm of `x`.
pub fn norm<B: Backend>(backend: &mut B, config: &Config, ln: &DeviceNorm<B>, x: &B::Tensor, y: &mut B::Tensor) {
    backend.norm(norm_kind(config), x, ln.gain.as_ref(), ln.bias.as_ref(), y);
}

/// A new tensor with the values of `x`; `channels` is the number of its channels.
pub fn copy<B: Backend>(backend: &mut B, x: &B::Tensor, channels: usize) -> B::Tensor {
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

impl<B: Backend> SavedSublayer<B> {
    fn recycle(self, backend: &mut B) {
        match self {
            SavedSublayer::Attention { act_in, q, k, v, y, delta } => {
                [act_in, q, k, v, delta].into_iter().for_each(|saved| saved.recycle(backend));
                backend.recycle(y);
            }
            SavedSublayer::Mlp { act_in, pre_act, post_act, delta } => {
                [act_in, post_act, delta].into_iter().for_each(|saved| saved.recycle(backend));
                pre_act.into_iter().for_each(|tensor| backend.recycle(tensor));
            }
        }
    }
}

impl<B: Backend> Trace<B> {
    /// The residual stream at a boundary, see [`forward_from`]; not before the one at which the pass began.
    pub fn resid(&self, boundary: usize) -> &B::Tensor {
        &self.resid[boundary - self.from]
    }

    /// Gives every tensor back to the backend's pool.
    pub fn recycle(self, backend: &mut B) {
        self.sublayers.into_iter().for_each(|sublayer| sublayer.recycle(backend));
        self.resid.into_iter().chain(self.positions).for_each(|tensor| backend.recycle(tensor));
        backend.recycle(self.normed);
    }
}
