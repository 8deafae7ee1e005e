//! The gradient of a loss with respect to the parameters and the masks. It is derived by hand from
//! `forward.rs`, in reverse order.

use super::forward::{Hooks, LogitsAt, Saved, SavedSublayer, Trace, norm_kind};
use super::weights::{DeviceBlock, DeviceLinear, DeviceNorm, Gradients, Model};
use super::{Block, Config, Hook, Linear, Norm, ResidualActivation, Site, TopKSite};
use crate::backend::{Activation, Backend, Batch};

/// Adds the gradients of a loss to `parameters` (where given), calling `hooks.backward` at every hook that ablates.
/// `dlogits` is the gradient with respect to the logits of the forward pass that returned `trace`:
/// `[vocab, tokens]`, zero at padding.
///
/// Residual hooks and `attn.y` are not nodes: edits there are not differentiated.
pub fn backward<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    batch: &Batch,
    trace: Trace<B>,
    dlogits: &B::Tensor,
    hooks: &mut impl Hooks<B>,
    mut parameters: Option<&mut Gradients<B>>,
) {
    debug_assert!(trace.from == 0, "a pass that started at a boundary needs backward_from");
    let dresid = backward_from(backend, model, batch, trace, dlogits, hooks, parameters.as_deref_mut());
    if let Some(p) = parameters {
        backend.gather_gradient(batch.tokens(), &dresid, &mut p.wte);
        if let (Some(wpe), None) = (&mut p.wpe, model.config.d_pos_emb) {
            backend.gather_gradient(batch.positions(), &dresid, wpe);
        }
    }
    backend.recycle(dresid);
}

/// As [`backward`], down to the boundary where the pass started. Returns the gradient with respect
/// to the residual stream there.
pub fn backward_from<B: Backend>(
    backend: &mut B,
    model: &Model<B>,
    batch: &Batch,
    trace: Trace<B>,
    dlogits: &B::Tensor,
    hooks: &mut impl Hooks<B>,
    mut parameters: Option<&mut Gradients<B>>,
) -> B::Tensor {
    let c = &model.config;
    let tokens = batch.tokens().len();
    let rows = backend.tokens(dlogits);
    let boundaries = 2 * c.n_layer;
    let last = match trace.logits_at {
        LogitsAt::Every => None,
        LogitsAt::Last => Some(batch.last_tokens()),
    };

    if let Some(p) = parameters.as_deref_mut() {
        backend.weight_gradient(dlogits, &trace.normed, p.unembedding_mut());
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
    backend.matmul_backward(model.unembedding(), dlogits, &mut dnormed);
    let mut dresid = backend.tensor(c.d_model, tokens);
    backend.zero(&mut dresid);
    let ln_f = parameters.as_deref_mut().map(|p| &mut p.ln_f);
    let final_resid = trace.resid(boundaries);
    match &last {
        None => norm_backward(backend, c, &model.ln_f, final_resid, &dnormed, &mut dresid, ln_f),
        Some(last) => {
            let mut chosen = backend.tensor(c.d_model, rows);
            backend.select(final_resid, last, &mut chosen);
            let mut dchosen = backend.tensor(c.d_model, rows);
            backend.zero(&mut dchosen);
            norm_backward(backend, c, &model.ln_f, &chosen, &dnormed, &mut dchosen, ln_f);
            backend.select_backward_acc(&dchosen, last, &mut dresid);
            backend.recycle(chosen);
            backend.recycle(dchosen);
        }
    }
    backend.recycle(dnormed);
    hooks.resid_backward(backend, boundaries, &mut dresid);

    let mut dpositions = c.d_pos_emb.map(|width| {
        let mut d = backend.tensor(width, tokens);
        backend.zero(&mut d);
        d
    });
    for at in (trace.from..boundaries).rev() {
        let gradients = parameters.as_deref_mut().map(|p| &mut p.blocks[at / 2]);
        let mut pass = Pass {
            backend: &mut *backend,
            config: c,
            batch,
            layer: at / 2,
            resid: trace.resid(at),
            next: trace.resid(at + 1),
            positions: trace.positions.as_ref(),
            dpositions: dpositions.as_mut(),
            hooks: &mut *hooks,
        };
        pass.sublayer(&model.blocks[at / 2], &trace.sublayers[at - trace.from], &mut dresid, gradients);
        hooks.resid_backward(backend, at, &mut dresid);
    }

    if let (Some(p), Some(d)) = (parameters, &dpositions)
        && let Some(wpe) = &mut p.wpe
    {
        backend.gather_gradient(batch.positions(), d, wpe);
    }
    if let Some(d) = dpositions {
        backend.recycle(d);
    }
    trace.recycle(backend);
    dresid
}

/// What the backward steps of one sublayer share.
struct Pass<'a, B: Backend, H> {
    backend: &'a mut B,
    config: &'a Config,
    batch: &'a Batch,
    layer: usize,
    /// The residual stream before and after the sublayer.
    resid: &'a B::Tensor,
    next: &'a B::Tensor,
    positions: Option<&'a B::Tensor>,
    dpositions: Option<&'a mut B::Tensor>,
    hooks: &'a mut H,
}

impl<B: Backend, H: Hooks<B>> Pass<'_, B, H> {
    /// Turns `dresid`, the gradient by the stream behind the sublayer, into that by the stream before it.
    fn sublayer(
        &mut self,
        block: &DeviceBlock<B>,
        saved: &SavedSublayer<B>,
        dresid: &mut B::Tensor,
        gradients: Option<&mut Block<B::Gradient, B::Gradient>>,
    ) {
        match saved {
            SavedSublayer::Attention { act_in, q, k, v, y, delta } => {
                self.attention(block, act_in, [q, k, v], y, delta, dresid, gradients);
            }
            SavedSublayer::Mlp { act_in, pre_act, post_act, delta } => {
                self.mlp(block, act_in, pre_act.as_ref(), post_act, delta, dresid, gradients);
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn mlp(
        &mut self,
        block: &DeviceBlock<B>,
        act_in: &Saved<B>,
        pre_act: Option<&B::Tensor>,
        post_act: &Saved<B>,
        delta: &Saved<B>,
        dresid: &mut B::Tensor,
        mut gradients: Option<&mut Block<B::Gradient, B::Gradient>>,
    ) {
        let (c, tokens) = (self.config, self.batch.tokens().len());
        let ddelta = self.delta_backward(TopKSite::ResidPostMlp, Site::MlpResidDelta, delta, dresid);
        let mut dpost = self.backend.tensor(c.d_mlp, tokens);
        linear_backward(
            self.backend,
            &block.mlp_c_proj,
            &post_act.after,
            &ddelta,
            &mut dpost,
            gradients.as_deref_mut().map(|g| &mut g.mlp_c_proj),
        );
        self.backend.recycle(ddelta);
        self.finish(Site::MlpPostAct, post_act, &mut dpost);
        match (pre_act, c.activation_type) {
            (Some(pre_act), Activation::Gelu) => self.backend.activate_backward(Activation::Gelu, pre_act, &mut dpost),
            // what ReLU let through is positive, as its input was
            _ => self.backend.activate_backward(Activation::Relu, post_act.kept(), &mut dpost),
        }
        let mut dx = self.backend.tensor(c.d_block_in(), tokens);
        linear_backward(
            self.backend,
            &block.c_fc,
            &act_in.after,
            &dpost,
            &mut dx,
            gradients.as_deref_mut().map(|g| &mut g.c_fc),
        );
        self.backend.recycle(dpost);
        self.finish(Site::MlpActIn, act_in, &mut dx);
        let norms = gradients.map(|g| [&mut g.ln_2, &mut g.ln_p2]);
        self.input(&block.ln_2, &block.ln_p2, &dx, dresid, norms);
        self.backend.recycle(dx);
    }

    #[allow(clippy::too_many_arguments)]
    fn attention(
        &mut self,
        block: &DeviceBlock<B>,
        act_in: &Saved<B>,
        [q, k, v]: [&Saved<B>; 3],
        y: &B::Tensor,
        delta: &Saved<B>,
        dresid: &mut B::Tensor,
        mut gradients: Option<&mut Block<B::Gradient, B::Gradient>>,
    ) {
        let (c, tokens) = (self.config, self.batch.tokens().len());
        let ddelta = self.delta_backward(TopKSite::ResidPostAttn, Site::AttnResidDelta, delta, dresid);
        let mut dy = self.backend.tensor(c.d_attn(), tokens);
        linear_backward(
            self.backend,
            &block.attn_c_proj,
            y,
            &ddelta,
            &mut dy,
            gradients.as_deref_mut().map(|g| &mut g.attn_c_proj),
        );
        self.backend.recycle(ddelta);
        let [mut dq, mut dk, mut dv] = [(); 3].map(|_| self.backend.tensor(c.d_attn(), tokens));
        let dsinks = gradients.as_deref_mut().and_then(|g| g.sinks.as_mut());
        self.backend.attention_backward(
            self.batch.spans(),
            c.d_head,
            block.sinks.as_ref(),
            &q.after,
            &k.after,
            &v.after,
            &dy,
            &mut dq,
            &mut dk,
            &mut dv,
            dsinks,
        );
        self.backend.recycle(dy);
        let mut dx = self.backend.tensor(c.d_block_in(), tokens);
        self.backend.zero(&mut dx);
        for (linear, saved, site, mut d) in
            [(&block.q, q, Site::AttnQ, dq), (&block.k, k, Site::AttnK, dk), (&block.v, v, Site::AttnV, dv)]
        {
            self.finish(site, saved, &mut d);
            self.backend.matmul_backward_acc(&linear.weight, &d, &mut dx);
            if let Some(g) = gradients.as_deref_mut() {
                let g = match site {
                    Site::AttnQ => &mut g.q,
                    Site::AttnK => &mut g.k,
                    _ => &mut g.v,
                };
                linear_gradient(self.backend, &act_in.after, &d, g);
            }
            self.backend.recycle(d);
        }
        self.finish(Site::AttnActIn, act_in, &mut dx);
        let norms = gradients.map(|g| [&mut g.ln_1, &mut g.ln_p1]);
        self.input(&block.ln_1, &block.ln_p1, &dx, dresid, norms);
        self.backend.recycle(dx);
    }

    /// From the stream behind the sublayer to what the sublayer added to it.
    fn delta_backward(
        &mut self,
        resid_site: TopKSite,
        site: Site,
        delta: &Saved<B>,
        dresid: &mut B::Tensor,
    ) -> B::Tensor {
        let c = self.config;
        // the residual's own ReLU and AbsTopK both pass gradient where their output is not zero
        if c.residual_activation_type == ResidualActivation::Relu || c.top_k(resid_site, c.d_model).is_some() {
            self.backend.abs_top_k_backward(self.next, dresid);
        }
        let mut ddelta = self.backend.tensor(c.d_model, self.batch.tokens().len());
        self.backend.copy(dresid, &mut ddelta);
        self.finish(site, delta, &mut ddelta);
        ddelta
    }

    /// Back through a hook that ablates and through AbsTopK.
    fn finish(&mut self, site: Site, saved: &Saved<B>, grad: &mut B::Tensor) {
        if let Some(before) = &saved.before {
            self.hooks.backward(self.backend, Hook::at(self.layer, site), before, grad);
        }
        if self.config.top_k_at(site).is_some() {
            self.backend.abs_top_k_backward(saved.kept(), grad);
        }
    }

    /// Back through a sublayer's input: the norm of the residual stream and, where concatenated, of the positions.
    fn input(
        &mut self,
        ln: &DeviceNorm<B>,
        ln_p: &DeviceNorm<B>,
        dx: &B::Tensor,
        dresid: &mut B::Tensor,
        norms: Option<[&mut Norm<B::Gradient>; 2]>,
    ) {
        let c = self.config;
        let (ln_gradient, ln_p_gradient) = match norms {
            Some([ln, ln_p]) => (Some(ln), Some(ln_p)),
            None => (None, None),
        };
        let (Some(positions), Some(dpositions), Some(width)) =
            (self.positions, self.dpositions.as_deref_mut(), c.d_pos_emb)
        else {
            return norm_backward(self.backend, c, ln, self.resid, dx, dresid, ln_gradient);
        };
        let tokens = self.backend.tokens(dx);
        let mut dtop = self.backend.tensor(c.d_model, tokens);
        let mut dbottom = self.backend.tensor(width, tokens);
        self.backend.split(dx, &mut dtop, &mut dbottom);
        norm_backward(self.backend, c, ln, self.resid, &dtop, dresid, ln_gradient);
        norm_backward(self.backend, c, ln_p, positions, &dbottom, dpositions, ln_p_gradient);
        self.backend.recycle(dtop);
        self.backend.recycle(dbottom);
    }
}

fn linear_backward<B: Backend>(
    backend: &mut B,
    linear: &DeviceLinear<B>,
    x: &B::Tensor,
    dy: &B::Tensor,
    dx: &mut B::Tensor,
    gradient: Option<&mut Linear<B::Gradient, B::Gradient>>,
) {
    backend.matmul_backward(&linear.weight, dy, dx);
    if let Some(gradient) = gradient {
        linear_gradient(backend, x, dy, gradient);
    }
}

/// Adds the gradients of a linear map's weight and bias: `x` went in, `dy` is the gradient by what came out.
pub fn linear_gradient<B: Backend>(
    backend: &mut B,
    x: &B::Tensor,
    dy: &B::Tensor,
    gradient: &mut Linear<B::Gradient, B::Gradient>,
) {
    backend.weight_gradient(dy, x, &mut gradient.weight);
    if let Some(bias) = &mut gradient.bias {
        backend.bias_gradient(dy, bias);
    }
}

#[allow(clippy::too_many_arguments)]
fn norm_backward<B: Backend>(
    backend: &mut B,
    config: &Config,
    ln: &DeviceNorm<B>,
    x: &B::Tensor,
    dy: &B::Tensor,
    dx_acc: &mut B::Tensor,
    gradient: Option<&mut Norm<B::Gradient>>,
) {
    let (gain, bias) = match gradient {
        Some(gradient) => (gradient.gain.as_mut(), gradient.bias.as_mut()),
        None => (None, None),
    };
    backend.norm_backward_acc(norm_kind(config), x, ln.gain.as_ref(), dy, dx_acc, gain, bias);
}
