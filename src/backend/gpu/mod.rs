//! The WebGPU backend, on `wgpu`: the browser's own WebGPU, natively Vulkan, Metal or DX12.
//!
//! A file here has the ops of one trait of [`super`]. An op lays out its arguments, chooses its workgroups, and dispatches the kernel
//! of its name in `shaders/`. Its tests compare it with the CPU. Ops are recorded (`record.rs`) and run when something is read: a
//! forward pass is one submission. Nothing here needs more than the limits that WebGPU guarantees.
//!
//! Sizes that a model fixes (channels, k, head size) are override constants, so each size has its own pipeline. What changes with
//! the prompt (tokens, targets, spans) is the number of workgroups and small staged buffers, so typing compiles nothing.

mod abs_top_k;
mod activate;
mod attention;
mod device;
mod elementwise;
mod indexing;
mod intervene;
mod loss;
mod matmul;
mod memory;
mod norm;
mod record;
mod shaders;
#[cfg(test)]
mod testing;

use super::pool::Pool;
use crate::Result;
use record::{Bound, Kernel, Recorder};
#[cfg(not(target_arch = "wasm32"))]
use std::io::Write;

pub use device::NO_ADAPTER;
pub use memory::{GpuGradient, GpuMatrix, GpuTensor, GpuVector};
pub use record::Counts;
pub use shaders::Shader;

/// Threads that share the channels of a lane, as in `shaders/panel.wgsl`.
const SLICES: usize = 16;

/// A WebGPU device. Ops panic on wrong shapes, as on the CPU. When the device reports an error (a loss, no memory), the next
/// [`super::Memory::read`] and every later one return it as [`crate::Error::Backend`].
pub struct Gpu {
    recorder: Recorder,
    pool: Pool<wgpu::Buffer>,
    /// Bound in place of an absent bias, gain or sinks.
    nothing: wgpu::Buffer,
}

#[cfg(not(target_arch = "wasm32"))]
const ADVICE: &str = "Debian's package mesa-vulkan-drivers has a driver that computes on the CPU";

impl Gpu {
    /// Opens the adapter that the system prefers. Natively the future is ready at once.
    ///
    /// # Errors
    /// [`crate::Error::Backend`] without an adapter ([`NO_ADAPTER`]), or when it refuses the device.
    pub async fn new() -> Result<Gpu> {
        let recorder = Recorder::new(device::Device::new().await?);
        let nothing = recorder.zeros(4);
        let pool = Pool::new(recorder.device.max_numbers());
        Ok(Gpu { recorder, pool, nothing })
    }

    /// The device of a test. Without an adapter: `None`, after a line on standard error.
    ///
    /// # Panics
    /// On any other error, and without an adapter when the environment has `WEBGPU_REQUIRED`. `cargo xtask test` sets it where it can
    /// install one.
    #[cfg(not(target_arch = "wasm32"))]
    #[doc(hidden)]
    pub fn for_tests() -> Option<Gpu> {
        match super::now_or_never(Gpu::new()) {
            Ok(gpu) => Some(gpu),
            Err(error) if error.to_string().contains(NO_ADAPTER) && std::env::var_os("WEBGPU_REQUIRED").is_none() => {
                // not println!: the test runner hides the output of tests that pass
                let _ = writeln!(std::io::stderr(), "SKIPPED: {error}; {ADVICE}");
                None
            }
            Err(error) => panic!("{error}; {ADVICE}"),
        }
    }

    /// The name of the adapter and its interface, for example `llvmpipe (LLVM 15.0.6, 256 bits) (vulkan)`.
    pub fn description(&self) -> &str {
        &self.recorder.device.description
    }

    /// Whether the adapter computes on the CPU. Its times do not predict those of a GPU.
    pub fn is_software(&self) -> bool {
        self.recorder.device.software
    }

    /// Waits for the first error of the device, for example its loss while nothing runs.
    pub fn trouble(&self) -> impl Future<Output = String> + use<> {
        self.recorder.device.trouble()
    }

    /// Destroys the device. Every later reading is an error, as after a loss.
    pub fn destroy(&self) {
        self.recorder.device.fail("the device was destroyed".into());
        self.recorder.device.device.destroy();
    }

    /// Makes this a device that binds at most `bytes` bytes per buffer, so that a test can use small batches as large ones.
    #[doc(hidden)]
    pub fn limit_buffers(&mut self, bytes: u64) {
        self.recorder.device.max_bytes = bytes;
        self.pool = Pool::new(self.recorder.device.max_numbers());
    }

    /// Compiles every kernel on the device, also those that no test dispatches. Returns how many there are.
    ///
    /// # Errors
    /// The first error of the compiler.
    #[doc(hidden)]
    pub async fn compile_every_shader(&self) -> Result<usize> {
        shaders::all().for_each(|shader| drop(self.recorder.module(shader)));
        self.recorder.device.errors().await;
        self.recorder.device.check()?;
        Ok(shaders::all().count())
    }

    /// Bytes of device memory that are kept for later tensors: at most 4 times what the longest pass so far had in use at one time.
    pub fn pool_bytes(&self) -> usize {
        4 * self.pool.kept_numbers()
    }

    /// Runs a kernel from outside this crate with `y` as binding 0. Benchmarks measure the device with it.
    #[doc(hidden)]
    pub fn run_shader(
        &mut self,
        shader: Shader,
        constants: &[(&'static str, f64)],
        y: &mut GpuTensor,
        workgroups: usize,
    ) {
        self.recorder.run(Kernel { shader, entry: "main", constants }, &[(0, y.bound())], [workgroups, 1, 1]);
    }

    /// The work of this device so far. Dispatches count when they are submitted.
    pub fn counts(&self) -> Counts {
        self.recorder.counts
    }

    /// Runs a kernel with one thread per number of a tensor of `shape` = (channels, panels).
    fn each_number(
        &mut self,
        shader: Shader,
        constants: &[(&'static str, f64)],
        bound: &[(u32, Bound<'_>)],
        shape: (usize, usize),
    ) {
        let (channels, panels) = shape;
        let mut all = vec![("CHANNELS", channels as f64)];
        all.extend(constants);
        let kernel = Kernel { shader, entry: "main", constants: &all };
        self.recorder.run(kernel, bound, [channels.div_ceil(SLICES), panels, 1]);
    }

    fn or_nothing(&self, vector: Option<&GpuVector>) -> wgpu::Buffer {
        vector.map_or(&self.nothing, |vector| &vector.buffer).clone()
    }
}
