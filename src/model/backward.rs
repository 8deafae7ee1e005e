//! The gradient of a loss by the parameters and the gates, derived by hand from `forward.rs`, in its reverse order.

use super::device::{DeviceBlock, DeviceLinear, DeviceNorm, Model};
use super::forward::{Hooks, LogitsAt, Saved, SavedBlock, Trace, norm_kind};
use super::{Activation, Config, Hook, ResidualActivation, Site, TopKSite};
use crate::backend::{Backend, Batch};

/// Gradients of a linear map; the bias is one row.
pub struct LinearGradient<G> {
    pub weight: G,
    pub bias: Option<G>,
}

/// Gradients of a norm, one row each.
pub struct NormGradient<G> {
    pub gain: Option<G>,
    pub bias: Option<G>,
}

pub struct BlockGradient<G> {
    pub ln_1: NormGradient<G>,
    pub ln_p1: Option<NormGradient<G>>,
    pub q: LinearGradient<G>,
    pub k: LinearGradient<G>,
    pub v: LinearGradient<G>,
    pub sinks: Option<G>,
    pub attn_c_proj: LinearGradient<G>,
    pub ln_2: NormGradient<G>,
    pub ln_p2: Option<NormGradient<G>>,
    pub c_fc: LinearGradient<G>,
    pub mlp_c_proj: LinearGradient<G>,
}

/// One accumulator for each parameter of a model, in the shape of [`Model`].
pub struct ParameterGradients<G> {
    pub wte: G,
    pub wpe: Option<G>,
    pub blocks: Vec<BlockGradient<G>>,
    pub ln_f: NormGradient<G>,
    pub lm_head: Option<G>,
    pub final_logits_bias: Option<G>,
    pub bigram_table: Option<G>,
}

impl<G> ParameterGradients<G> {
    /// Zeros in the shape of `model`.
    pub fn zeros<B: Backend<Gradient = G>>(backend: &mut B, model: &Model<B>) -> Self {
        let c = &model.config;
        let linear = |backend: &mut B, l: &DeviceLinear<B>, rows: usize, cols: usize| LinearGradient {
            weight: backend.gradient(rows, cols),
            bias: l.bias.as_ref().map(|_| backend.gradient(1, rows)),
        };
        let norm = |backend: &mut B, n: &DeviceNorm<B>, width: usize| NormGradient {
            gain: n.gain.as_ref().map(|_| backend.gradient(1, width)),
            bias: n.bias.as_ref().map(|_| backend.gradient(1, width)),
        };
        let positions = c.d_pos_emb.unwrap_or(c.d_model);
        let mut blocks = Vec::new();
        for b in &model.blocks {
            blocks.push(BlockGradient {
                ln_1: norm(backend, &b.ln_1, c.d_model),
                ln_p1: b.ln_p1.as_ref().map(|n| norm(backend, n, positions)),
                q: linear(backend, &b.q, c.d_attn(), c.d_block_in()),
                k: linear(backend, &b.k, c.d_attn(), c.d_block_in()),
                v: linear(backend, &b.v, c.d_attn(), c.d_block_in()),
                sinks: b.sinks.as_ref().map(|_| backend.gradient(1, c.n_head)),
                attn_c_proj: linear(backend, &b.attn_c_proj, c.d_model, c.d_attn()),
                ln_2: norm(backend, &b.ln_2, c.d_model),
                ln_p2: b.ln_p2.as_ref().map(|n| norm(backend, n, positions)),
                c_fc: linear(backend, &b.c_fc, c.d_mlp, c.d_block_in()),
                mlp_c_proj: linear(backend, &b.mlp_c_proj, c.d_model, c.d_mlp),
            });
        }
        ParameterGradients {
            wte: backend.gradient(c.vocab_size, c.d_model),
            wpe: model.wpe.as_ref().map(|_| backend.gradient(c.block_size, positions)),
            blocks,
            ln_f: norm(backend, &model.ln_f, c.d_model),
            lm_head: model.lm_head.as_ref().map(|_| backend.gradient(c.vocab_size, c.d_model)),
            final_logits_bias: model.final_logits_bias.as_ref().map(|_| backend.gradient(1, c.vocab_size)),
            bigram_table: model.bigram_table.as_ref().map(|_| backend.gradient(c.vocab_size, c.vocab_size)),
        }
    }
}

/// Adds the gradients of a loss to `parameters` (where given), calling `hooks.backward` at every hook that gates.
/// `dlogits` = the loss by the logits of the forward pass that left `trace`, zero at padding.
///
/// Residual hooks and `attn.y` are not nodes: edits there are not differentiated.
pub fn backward<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    batch: &Batch,
    trace: Trace<B>,
    dlogits: &B::Tensor,
    hooks: &mut impl Hooks<B>,
    mut parameters: Option<&mut ParameterGradients<B::Gradient>>,
) {
    let c = &model.config;
    let tokens = batch.tokens().len();
    let rows = backend.tokens(dlogits);
    let last = match trace.logits_at {
        LogitsAt::Every => None,
        LogitsAt::Last => Some(batch.last_tokens()),
    };

    if let Some(p) = parameters.as_deref_mut() {
        let unembedding = p.lm_head.as_mut().unwrap_or(&mut p.wte);
        backend.weight_gradient(dlogits, &trace.normed, unembedding);
        if let Some(bias) = &mut p.final_logits_bias {
            backend.bias_gradient(dlogits, bias);
        }
        if let Some(table) = &mut p.bigram_table {
            match &last {
                None => backend.gather_gradient(batch.tokens(), dlogits, table),
                Some(last) => {
                    let current: Vec<u32> = last.iter().map(|&token| batch.tokens()[token as usize]).collect();
                    backend.gather_gradient(&current, dlogits, table);
                }
            }
        }
    }
    let mut dnormed = backend.tensor(c.d_model, rows);
    backend.matmul_back(model.unembedding(), dlogits, &mut dnormed);
    let mut dresid = backend.tensor(c.d_model, tokens);
    backend.zero(&mut dresid);
    let ln_f = parameters.as_deref_mut().map(|p| &mut p.ln_f);
    match &last {
        None => norm_back(backend, c, &model.ln_f, &trace.final_resid, &dnormed, &mut dresid, ln_f),
        Some(last) => {
            let mut chosen = backend.tensor(c.d_model, rows);
            backend.select(&trace.final_resid, last, &mut chosen);
            let mut dchosen = backend.tensor(c.d_model, rows);
            backend.zero(&mut dchosen);
            norm_back(backend, c, &model.ln_f, &chosen, &dnormed, &mut dchosen, ln_f);
            backend.select_back_add(&dchosen, last, &mut dresid);
            backend.recycle(chosen);
            backend.recycle(dchosen);
        }
    }
    backend.recycle(dnormed);

    let mut dpositions = c.d_pos_emb.map(|width| {
        let mut d = backend.tensor(width, tokens);
        backend.zero(&mut d);
        d
    });
    for (layer, (block, saved)) in model.blocks.iter().zip(&trace.blocks).enumerate().rev() {
        let gradients = parameters.as_deref_mut().map(|p| &mut p.blocks[layer]);
        block_backward(backend, c, block, layer, batch, saved, &mut dresid, dpositions.as_mut(), hooks, gradients);
    }

    if let Some(p) = parameters {
        backend.gather_gradient(batch.tokens(), &dresid, &mut p.wte);
        if let Some(wpe) = &mut p.wpe {
            backend.gather_gradient(batch.positions(), dpositions.as_ref().unwrap_or(&dresid), wpe);
        }
    }
    backend.recycle(dresid);
    if let Some(d) = dpositions {
        backend.recycle(d);
    }
    trace.recycle(backend);
}

#[allow(clippy::too_many_arguments)]
fn block_backward<B: Backend>(
    backend: &mut B,
    c: &Config,
    block: &DeviceBlock<B>,
    layer: usize,
    batch: &Batch,
    saved: &SavedBlock<B>,
    dresid: &mut B::Tensor,
    mut dpositions: Option<&mut B::Tensor>,
    hooks: &mut impl Hooks<B>,
    mut gradients: Option<&mut BlockGradient<B::Gradient>>,
) {
    let tokens = batch.tokens().len();
    let at = |site| Hook::at(layer, site);

    // MLP
    residual_back(backend, c, TopKSite::ResidPostMlp, &saved.resid_out, dresid);
    let mut ddelta = backend.tensor(c.d_model, tokens);
    backend.copy(dresid, &mut ddelta);
    finish_back(backend, c, TopKSite::MlpOut, at(Site::MlpResidDelta), &saved.mlp_delta, c.d_model, &mut ddelta, hooks);
    let mut dpost = backend.tensor(c.d_mlp, tokens);
    linear_back(
        backend,
        &block.mlp_c_proj,
        &saved.post_act.after,
        &ddelta,
        &mut dpost,
        gradients.as_deref_mut().map(|g| &mut g.mlp_c_proj),
    );
    finish_back(backend, c, TopKSite::MlpNeuron, at(Site::MlpPostAct), &saved.post_act, c.d_mlp, &mut dpost, hooks);
    match (&saved.pre_act, c.activation_type) {
        (Some(pre_act), Activation::Gelu) => backend.activate_back(Activation::Gelu, pre_act, &mut dpost),
        // what ReLU let through is positive, as its input was
        _ => backend.activate_back(Activation::Relu, saved.post_act.kept(), &mut dpost),
    }
    let mut dx = backend.tensor(c.d_block_in(), tokens);
    linear_back(
        backend,
        &block.c_fc,
        &saved.mlp_act_in.after,
        &dpost,
        &mut dx,
        gradients.as_deref_mut().map(|g| &mut g.c_fc),
    );
    backend.recycle(dpost);
    finish_back(backend, c, TopKSite::MlpIn, at(Site::MlpActIn), &saved.mlp_act_in, c.d_block_in(), &mut dx, hooks);
    let norms = gradients.as_deref_mut().map(|g| (&mut g.ln_2, g.ln_p2.as_mut()));
    input_back(
        backend,
        c,
        &block.ln_2,
        block.ln_p2.as_ref(),
        &saved.resid_mid,
        saved.positions.as_ref(),
        &dx,
        dresid,
        dpositions.as_deref_mut(),
        norms,
    );

    // attention
    residual_back(backend, c, TopKSite::ResidPostAttn, &saved.resid_mid, dresid);
    backend.copy(dresid, &mut ddelta);
    finish_back(
        backend,
        c,
        TopKSite::AttnOut,
        at(Site::AttnResidDelta),
        &saved.attn_delta,
        c.d_model,
        &mut ddelta,
        hooks,
    );
    let mut dy = backend.tensor(c.d_attn(), tokens);
    linear_back(
        backend,
        &block.attn_c_proj,
        &saved.y,
        &ddelta,
        &mut dy,
        gradients.as_deref_mut().map(|g| &mut g.attn_c_proj),
    );
    backend.recycle(ddelta);
    let [mut dq, mut dk, mut dv] = [(); 3].map(|_| backend.tensor(c.d_attn(), tokens));
    let dsinks = gradients.as_deref_mut().and_then(|g| g.sinks.as_mut());
    backend.attention_back(
        batch.spans(),
        c.d_head,
        block.sinks.as_ref(),
        &saved.q.after,
        &saved.k.after,
        &saved.v.after,
        &dy,
        &mut dq,
        &mut dk,
        &mut dv,
        dsinks,
    );
    backend.recycle(dy);
    backend.zero(&mut dx);
    for (linear, saved_part, top_k, site, mut d) in [
        (&block.q, &saved.q, TopKSite::AttnQ, Site::AttnQ, dq),
        (&block.k, &saved.k, TopKSite::AttnK, Site::AttnK, dk),
        (&block.v, &saved.v, TopKSite::AttnV, Site::AttnV, dv),
    ] {
        finish_back(backend, c, top_k, at(site), saved_part, c.d_attn(), &mut d, hooks);
        backend.matmul_back_add(&linear.weight, &d, &mut dx);
        if let Some(g) = gradients.as_deref_mut() {
            let g = match site {
                Site::AttnQ => &mut g.q,
                Site::AttnK => &mut g.k,
                _ => &mut g.v,
            };
            linear_gradient(backend, &saved.attn_act_in.after, &d, g);
        }
        backend.recycle(d);
    }
    finish_back(backend, c, TopKSite::AttnIn, at(Site::AttnActIn), &saved.attn_act_in, c.d_block_in(), &mut dx, hooks);
    let norms = gradients.map(|g| (&mut g.ln_1, g.ln_p1.as_mut()));
    input_back(
        backend,
        c,
        &block.ln_1,
        block.ln_p1.as_ref(),
        &saved.resid_in,
        saved.positions.as_ref(),
        &dx,
        dresid,
        dpositions,
        norms,
    );
    backend.recycle(dx);
}

/// Back through a hook that gates and through AbsTopK.
#[allow(clippy::too_many_arguments)]
fn finish_back<B: Backend>(
    backend: &mut B,
    config: &Config,
    site: TopKSite,
    hook: Hook,
    saved: &Saved<B>,
    width: usize,
    grad: &mut B::Tensor,
    hooks: &mut impl Hooks<B>,
) {
    if let Some(before) = &saved.before {
        hooks.backward(backend, hook, before, grad);
    }
    if config.top_k(site, width).is_some() {
        backend.kept_back(saved.kept(), grad);
    }
}

/// Back through the residual stream's own ReLU and AbsTopK: both pass gradient where their output is not zero.
fn residual_back<B: Backend>(backend: &mut B, config: &Config, site: TopKSite, out: &B::Tensor, grad: &mut B::Tensor) {
    if config.residual_activation_type == ResidualActivation::Relu || config.top_k(site, config.d_model).is_some() {
        backend.kept_back(out, grad);
    }
}

fn linear_back<B: Backend>(
    backend: &mut B,
    linear: &DeviceLinear<B>,
    x: &B::Tensor,
    dy: &B::Tensor,
    dx: &mut B::Tensor,
    gradient: Option<&mut LinearGradient<B::Gradient>>,
) {
    backend.matmul_back(&linear.weight, dy, dx);
    if let Some(gradient) = gradient {
        linear_gradient(backend, x, dy, gradient);
    }
}

fn linear_gradient<B: Backend>(
    backend: &mut B,
    x: &B::Tensor,
    dy: &B::Tensor,
    gradient: &mut LinearGradient<B::Gradient>,
) {
    backend.weight_gradient(dy, x, &mut gradient.weight);
    if let Some(bias) = &mut gradient.bias {
        backend.bias_gradient(dy, bias);
    }
}

#[allow(clippy::too_many_arguments)]
fn norm_back<B: Backend>(
    backend: &mut B,
    config: &Config,
    ln: &DeviceNorm<B>,
    x: &B::Tensor,
    dy: &B::Tensor,
    dx_sum: &mut B::Tensor,
    gradient: Option<&mut NormGradient<B::Gradient>>,
) {
    let (gain, bias) = match gradient {
        Some(gradient) => (gradient.gain.as_mut(), gradient.bias.as_mut()),
        None => (None, None),
    };
    backend.norm_back_add(norm_kind(config), x, ln.gain.as_ref(), dy, dx_sum, gain, bias);
}

/// Back through a block's input: the norm of the residual stream and, where concatenated, of the positions.
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
fn input_back<B: Backend>(
    backend: &mut B,
    config: &Config,
    ln: &DeviceNorm<B>,
    ln_p: Option<&DeviceNorm<B>>,
    resid: &B::Tensor,
    positions: Option<&B::Tensor>,
    dx: &B::Tensor,
    dresid: &mut B::Tensor,
    dpositions: Option<&mut B::Tensor>,
    norms: Option<(&mut NormGradient<B::Gradient>, Option<&mut NormGradient<B::Gradient>>)>,
) {
    let (ln_gradient, ln_p_gradient) = match norms {
        Some((ln, ln_p)) => (Some(ln), ln_p),
        None => (None, None),
    };
    let (Some(ln_p), Some(positions), Some(dpositions), Some(width)) = (ln_p, positions, dpositions, config.d_pos_emb)
    else {
        return norm_back(backend, config, ln, resid, dx, dresid, ln_gradient);
    };
    let tokens = backend.tokens(dx);
    let mut dtop = backend.tensor(config.d_model, tokens);
    let mut dbottom = backend.tensor(width, tokens);
    backend.split(dx, &mut dtop, &mut dbottom);
    norm_back(backend, config, ln, resid, &dtop, dresid, ln_gradient);
    norm_back(backend, config, ln_p, positions, &dbottom, dpositions, ln_p_gradient);
    backend.recycle(dtop);
    backend.recycle(dbottom);
}
