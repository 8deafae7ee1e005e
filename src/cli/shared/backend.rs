//! The backend that `--backend` names.

use crate::Result;
#[cfg(feature = "webgpu")]
use crate::backend::gpu::Gpu;

/// The value of `--backend`.
#[derive(Clone, Copy, Debug, PartialEq, clap::ValueEnum)]
pub enum BackendName {
    Cpu,
    Webgpu,
}

/// Opens the GPU and notes its name.
///
/// # Errors
/// No adapter, or a device that fails.
#[cfg(feature = "webgpu")]
pub fn webgpu() -> Result<Gpu> {
    let gpu = crate::backend::now_or_never(Gpu::new())?;
    super::output::note(&format!("the model runs on {}", gpu.description()));
    Ok(gpu)
}

/// # Errors
/// Always: this build has no WebGPU backend.
#[cfg(not(feature = "webgpu"))]
pub fn webgpu() -> Result<crate::backend::cpu::Cpu> {
    crate::bail!("this build has no WebGPU backend; build the command with `--features webgpu`")
}
