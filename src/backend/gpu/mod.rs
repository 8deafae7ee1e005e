//! The WebGPU backend, on `wgpu`: in a browser its own WebGPU, natively Vulkan, Metal or DX12.
//!
//! Every op is a kernel of `shaders/`, named as the op, and a few lines here that lay out its arguments and choose its workgroups;
//! the files are named as those of the CPU twins in `cpu/`, against which their tests hold them. Ops are recorded (`record.rs`) and
//! run when something is read: a forward pass is one submission. Nothing here needs more than the limits that WebGPU guarantees.
//!
//! Sizes that a model fixes (channels, k, head size) are override constants, so each size has its own pipeline; what changes with
//! the prompt (tokens, targets, spans) is the number of workgroups and small staged buffers, so that typing compiles nothing.

mod abs_top_k;
mod activation;
mod attention;
mod device;
mod limit;
mod loss;
mod matmul;
mod memory;
mod moves;
mod norm;
mod record;
mod shaders;
mod signal;
#[cfg(test)]
mod testing;
mod weight_gradient;

use super::{Backend, ChannelAffine, NormKind, Span};
use crate::Result;
use crate::backend::Activation;
use crate::tensor::{Activations, Matrix, PANEL, WeightMatrix};
use matmul::Start;
use record::Recorder;
use std::collections::HashMap;
#[cfg(not(target_arch = "wasm32"))]
use std::io::Write;

pub use device::NO_ADAPTER;
pub use memory::{GpuGradient, GpuMatrix, GpuTensor, GpuVector};
pub use record::Counts;

/// Threads that share the channels of a lane, as in `shaders/panel.wgsl`.
const SLICES: usize = 16;

/// A WebGPU device. Ops panic on wrong shapes, as the CPU's do; what the device itself reports (an error, a loss, no memory) comes
/// out of the next [`Backend::read`] as an [`crate::Error::Backend`], and of every one after it.
pub struct Gpu {
    recorder: Recorder,
    /// Buffers to use again, by how many numbers they hold.
    pool: HashMap<usize, Vec<wgpu::Buffer>>,
    /// Stands where an op has no bias, gain or sinks.
    nothing: wgpu::Buffer,
}

#[cfg(not(target_arch = "wasm32"))]
const ADVICE: &str = "Debian's package mesa-vulkan-drivers has a driver that computes on the CPU";

impl Gpu {
    /// The adapter that the system prefers. Natively the future is ready at once.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] without an adapter ([`NO_ADAPTER`]), or when it refuses the device.
    pub async fn new() -> Result<Gpu> {
        let recorder = Recorder::new(device::Device::new().await?);
        let nothing = recorder.zeros(4);
        Ok(Gpu { recorder, pool: HashMap::new(), nothing })
    }

    /// The device of a test. `None`, after a sentence that no test runner swallows, where the machine has no adapter.
    ///
    /// # Panics
    /// On any other trouble, and without an adapter when the environment has `WEBGPU_REQUIRED`, as `cargo xtask test` sets it
    /// where it can install one.
    #[cfg(not(target_arch = "wasm32"))]
    #[doc(hidden)]
    pub fn for_tests() -> Option<Gpu> {
        match super::now_or_never(Gpu::new()) {
            Ok(gpu) => Some(gpu),
            Err(error) if error.to_string().contains(NO_ADAPTER) && std::env::var_os("WEBGPU_REQUIRED").is_none() => {
                // not println!, which the test runner keeps of a test that passes
                let _ = writeln!(std::io::stderr(), "SKIPPED: {error}; {ADVICE}");
                None
            }
            Err(error) => panic!("{error}; {ADVICE}"),
        }
    }

    /// The adapter's name and the system's interface to it, as `llvmpipe (LLVM 15.0.6, 256 bits) (vulkan)`.
    pub fn description(&self) -> &str {
        &self.recorder.device.description
    }

    /// Whether the adapter computes on the CPU: its times say nothing about a GPU.
    pub fn is_software(&self) -> bool {
        self.recorder.device.software
    }

    /// The first thing that goes wrong on the device, when it does. Whoever keeps a device learns so of a loss while nothing runs.
    pub fn trouble(&self) -> impl Future<Output = String> + use<> {
        self.recorder.device.trouble()
    }

    /// Gives the device back. From then on every reading is an error, as it is when the device is lost.
    pub fn destroy(&self) {
        self.recorder.device.fail("the device was given back".into());
        self.recorder.device.device.destroy();
    }

    /// Behaves as a device that binds no buffer of more than `bytes`: a test's way to make batches large.
    #[doc(hidden)]
    pub fn limit_buffers(&mut self, bytes: u64) {
        self.recorder.device.max_bytes = bytes;
    }

    /// Gives every kernel's file to the device's compiler, also those that no op of a test uses. Returns how many there are.
    ///
    /// # Errors
    /// The first complaint.
    #[doc(hidden)]
    pub async fn compile_every_shader(&self) -> Result<usize> {
        shaders::ALL.iter().for_each(|shader| drop(self.recorder.module(shader)));
        self.recorder.device.errors().await;
        self.recorder.device.check()?;
        Ok(shaders::ALL.len())
    }

    /// What was asked of the device since this was made. Dispatches count when they are submitted.
    pub fn counts(&self) -> Counts {
        self.recorder.counts
    }

    fn or_nothing(&self, vector: Option<&GpuVector>) -> wgpu::Buffer {
        vector.map_or(&self.nothing, |vector| &vector.buffer).clone()
    }
}

impl Backend for Gpu {
    type Tensor = GpuTensor;
    type Matrix = GpuMatrix;
    type Vector = GpuVector;
    type Gradient = GpuGradient;

    fn name(&self) -> &'static str {
        "webgpu"
    }

    fn max_tokens(&self, channels: usize) -> usize {
        let panels = self.recorder.device.max_bytes / (4 * PANEL * channels.max(1)) as u64;
        panels.clamp(1, record::max_workgroups() as u64) as usize * PANEL
    }

    fn tensor(&mut self, channels: usize, tokens: usize) -> GpuTensor {
        self.new_tensor(channels, tokens)
    }

    fn tokens(&self, tensor: &GpuTensor) -> usize {
        tensor.tokens
    }

    fn recycle(&mut self, tensor: GpuTensor) {
        self.recycle_tensor(tensor);
    }

    fn upload(&mut self, values: &Activations) -> GpuTensor {
        self.upload_tensor(values)
    }

    fn matrix(&mut self, weights: &WeightMatrix) -> GpuMatrix {
        self.upload_matrix(weights)
    }

    fn vector(&mut self, values: &[f32]) -> GpuVector {
        self.upload_vector(values)
    }

    fn gradient(&mut self, rows: usize, cols: usize) -> GpuGradient {
        self.new_gradient(rows, cols)
    }

    async fn read(&mut self, tensor: &GpuTensor) -> Result<Activations> {
        Ok(self.read_tensors(&[tensor]).await?.remove(0))
    }

    async fn read_gradient(&mut self, gradient: &GpuGradient) -> Result<Matrix> {
        Ok(self.read_matrices(&[gradient]).await?.remove(0))
    }

    async fn read_all(&mut self, tensors: &[&GpuTensor]) -> Result<Vec<Activations>> {
        self.read_tensors(tensors).await
    }

    async fn read_gradients(&mut self, gradients: &[&GpuGradient]) -> Result<Vec<Matrix>> {
        self.read_matrices(gradients).await
    }

    fn copy(&mut self, x: &GpuTensor, y: &mut GpuTensor) {
        self.copy_tensor(x, y);
    }

    fn zero(&mut self, y: &mut GpuTensor) {
        self.zero_tensor(y);
    }

    fn gather(&mut self, table: &GpuMatrix, rows: &[u32], y: &mut GpuTensor) {
        self.gather_rows(table, rows, false, y);
    }

    fn gather_add(&mut self, table: &GpuMatrix, rows: &[u32], acc: &mut GpuTensor) {
        self.gather_rows(table, rows, true, acc);
    }

    fn select(&mut self, x: &GpuTensor, tokens: &[u32], y: &mut GpuTensor) {
        self.select_tokens(x, tokens, y);
    }

    fn concat(&mut self, a: &GpuTensor, b: &GpuTensor, y: &mut GpuTensor) {
        self.concat_tensors(a, b, y);
    }

    fn norm(
        &mut self,
        kind: NormKind,
        x: &GpuTensor,
        gain: Option<&GpuVector>,
        bias: Option<&GpuVector>,
        y: &mut GpuTensor,
    ) {
        self.norm_tensor(kind, x, gain, bias, y);
    }

    fn matmul(&mut self, w: &GpuMatrix, bias: Option<&GpuVector>, x: &GpuTensor, y: &mut GpuTensor) {
        self.product(w, bias.map_or(Start::Zero, Start::Bias), x, y);
    }

    fn abs_top_k(&mut self, k: usize, x: &mut GpuTensor) {
        self.keep_largest(k, x);
    }

    fn activate(&mut self, kind: Activation, x: &GpuTensor, y: &mut GpuTensor) {
        self.activate_tensor(kind, x, y);
    }

    fn add(&mut self, delta: &GpuTensor, acc: &mut GpuTensor) {
        self.add_tensor(delta, acc);
    }

    fn attention(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&GpuVector>,
        q: &GpuTensor,
        k: &GpuTensor,
        v: &GpuTensor,
        y: &mut GpuTensor,
    ) {
        self.attend(spans, d_head, sinks, q, k, v, y);
    }

    fn channel_affine(&mut self, changes: &[ChannelAffine], x: &mut GpuTensor) {
        self.edit_channels(changes, x);
    }

    fn patch(&mut self, source: &GpuTensor, channels: &[u32], tokens: &[(u32, u32)], x: &mut GpuTensor) {
        self.patch_channels(source, channels, tokens, x);
    }

    fn mean_ablate(&mut self, mask: &GpuVector, mean: &GpuVector, x: &mut GpuTensor) {
        self.gate_channels(mask, mean, x);
    }

    fn cross_entropy(
        &mut self,
        logits: &GpuTensor,
        targets: &[u32],
        weight: f32,
        losses: &mut GpuTensor,
        grad: &mut GpuTensor,
    ) {
        self.next_token_loss(logits, targets, weight, losses, grad);
    }

    fn candidate_loss(
        &mut self,
        logits: &GpuTensor,
        pairs: &[(u32, u32)],
        weight: f32,
        losses: &mut GpuTensor,
        grad: &mut GpuTensor,
    ) {
        self.task_loss(logits, pairs, weight, losses, grad);
    }

    fn matmul_backward(&mut self, w: &GpuMatrix, dy: &GpuTensor, dx: &mut GpuTensor) {
        self.product_backward(w, Start::Zero, dy, dx);
    }

    fn matmul_backward_acc(&mut self, w: &GpuMatrix, dy: &GpuTensor, dx_acc: &mut GpuTensor) {
        self.product_backward(w, Start::Add, dy, dx_acc);
    }

    fn weight_gradient(&mut self, dy: &GpuTensor, x: &GpuTensor, dw_acc: &mut GpuGradient) {
        self.outer_products(dy, x, dw_acc);
    }

    fn bias_gradient(&mut self, dy: &GpuTensor, db_acc: &mut GpuGradient) {
        self.sum_tokens(dy, db_acc);
    }

    fn gather_gradient(&mut self, rows: &[u32], dy: &GpuTensor, dtable_acc: &mut GpuGradient) {
        self.gather_rows_gradient(rows, dy, dtable_acc);
    }

    fn select_backward_acc(&mut self, dy: &GpuTensor, tokens: &[u32], dx_acc: &mut GpuTensor) {
        self.select_gradient(dy, tokens, dx_acc);
    }

    fn split(&mut self, dy: &GpuTensor, da: &mut GpuTensor, db: &mut GpuTensor) {
        self.split_tensor(dy, da, db);
    }

    fn norm_backward_acc(
        &mut self,
        kind: NormKind,
        x: &GpuTensor,
        gain: Option<&GpuVector>,
        dy: &GpuTensor,
        dx_acc: &mut GpuTensor,
        dgain_acc: Option<&mut GpuGradient>,
        dbias_acc: Option<&mut GpuGradient>,
    ) {
        self.norm_gradient(kind, x, gain, dy, dx_acc, dgain_acc, dbias_acc);
    }

    fn abs_top_k_backward(&mut self, kept: &GpuTensor, grad: &mut GpuTensor) {
        self.kept_gradient(kept, grad);
    }

    fn activate_backward(&mut self, kind: Activation, x: &GpuTensor, grad: &mut GpuTensor) {
        self.activation_gradient(kind, x, grad);
    }

    fn attention_backward(
        &mut self,
        spans: &[Span],
        d_head: usize,
        sinks: Option<&GpuVector>,
        q: &GpuTensor,
        k: &GpuTensor,
        v: &GpuTensor,
        dy: &GpuTensor,
        dq: &mut GpuTensor,
        dk: &mut GpuTensor,
        dv: &mut GpuTensor,
        dsinks_acc: Option<&mut GpuGradient>,
    ) {
        self.attention_gradient(spans, d_head, sinks, q, k, v, dy, dq, dk, dv, dsinks_acc);
    }

    fn mean_ablate_backward(
        &mut self,
        mask: &GpuVector,
        mean: &GpuVector,
        before: &GpuTensor,
        grad: &mut GpuTensor,
        dmask_acc: &mut GpuGradient,
    ) {
        self.gate_gradient(mask, mean, before, grad, dmask_acc);
    }
}
