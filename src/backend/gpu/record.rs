//! Ops are recorded, not run: a pipeline, its buffers and a number of workgroups each. The first reading submits all of them at
//! once, in one compute pass, so that a forward pass is one submission however many ops it has.

use super::device::Device;
use super::shaders::Shader;
use super::signal::Signal;
use crate::{Error, Result};
use std::collections::HashMap;
use wgpu::BufferUsages;

/// What was asked of the device so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Kernels run.
    pub dispatches: usize,
    /// Command buffers handed to the device.
    pub submissions: usize,
    /// Waits for what was read back, however many tensors at once.
    pub readings: usize,
    pub bytes_read: usize,
}

/// A kernel with its constants. The entry point and the values of the constants are part of what is compiled.
pub struct Kernel<'a> {
    pub shader: Shader,
    pub entry: &'static str,
    pub constants: &'a [(&'static str, f64)],
}

/// What a binding of a kernel names: a whole buffer, or numbers laid out for one op.
#[derive(Clone, Copy)]
pub enum Bound<'a> {
    Buffer(&'a wgpu::Buffer),
    Staged(Staged),
}

/// Numbers of the host for one op (tokens, targets, spans), in a buffer that is written when the recording is submitted.
#[derive(Clone, Copy)]
pub struct Staged {
    chunk: usize,
    offset: usize,
    len: usize,
}

struct Dispatch {
    pipeline: wgpu::ComputePipeline,
    bindings: wgpu::BindGroup,
    workgroups: [u32; 3],
}

/// With the layout of its bindings, which a browser makes anew each time that it is asked for.
#[derive(Clone)]
struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

struct Chunk {
    buffer: wgpu::Buffer,
    words: Vec<u32>,
}

pub struct Recorder {
    pub device: Device,
    pipelines: HashMap<(&'static str, &'static str, Vec<u64>), Pipeline>,
    modules: HashMap<&'static str, wgpu::ShaderModule>,
    recorded: Vec<Dispatch>,
    chunks: Vec<Chunk>,
    pub counts: Counts,
}

/// Words of a chunk of staged numbers, unless one op has more.
const CHUNK: usize = 1 << 16;
/// WebGPU's guaranteed alignment of a binding's offset, in words.
const ALIGNMENT: usize = 64;
/// Recorded ops beyond which they are submitted although nothing was read.
const LONG: usize = 1 << 13;

/// Of a dispatch, in each direction.
pub fn max_workgroups() -> usize {
    wgpu::Limits::default().max_compute_workgroups_per_dimension as usize
}

impl Recorder {
    pub fn new(device: Device) -> Recorder {
        Recorder {
            device,
            pipelines: HashMap::new(),
            modules: HashMap::new(),
            recorded: Vec::new(),
            chunks: Vec::new(),
            counts: Counts::default(),
        }
    }

    /// A new buffer with these contents.
    pub fn filled(&self, bytes: &[u8], usage: BufferUsages) -> wgpu::Buffer {
        self.check_size(bytes.len());
        let buffer = self.device.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            // a binding must not be empty
            size: bytes.len().max(16) as u64,
            usage,
            mapped_at_creation: true,
        });
        match buffer.get_mapped_range_mut(..) {
            Ok(mut view) => view.slice(..bytes.len()).copy_from_slice(bytes),
            Err(error) => self.device.fail(format!("a buffer of {} bytes cannot be written: {error}", bytes.len())),
        }
        buffer.unmap();
        buffer
    }

    /// A new buffer of `words` 32-bit zeros.
    pub fn zeros(&self, words: usize) -> wgpu::Buffer {
        self.check_size(words * 4);
        self.device.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: (words.max(4) * 4) as u64,
            usage: BufferUsages::STORAGE | BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        })
    }

    /// Notes an error when a buffer of so many bytes is more than a kernel can be given.
    pub fn check_size(&self, bytes: usize) {
        let most = self.device.max_bytes;
        if bytes as u64 > most {
            self.device.fail(format!("a buffer of {bytes} bytes is more than the {most} that the WebGPU device binds"));
        }
    }

    /// Lays out numbers for the op that is recorded next. At least one.
    pub fn stage(&mut self, words: &[u32]) -> Staged {
        let fits = |chunk: &Chunk| {
            chunk.words.len().next_multiple_of(ALIGNMENT) + words.len() <= (chunk.buffer.size() / 4) as usize
        };
        let chunk = match self.chunks.iter().position(fits) {
            Some(chunk) => chunk,
            None => {
                let buffer = self.device.device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("staged"),
                    size: (words.len().max(CHUNK) * 4) as u64,
                    usage: BufferUsages::STORAGE | BufferUsages::COPY_DST,
                    mapped_at_creation: false,
                });
                self.chunks.push(Chunk { buffer, words: Vec::new() });
                self.chunks.len() - 1
            }
        };
        let written = &mut self.chunks[chunk].words;
        let offset = written.len().next_multiple_of(ALIGNMENT);
        written.resize(offset, 0);
        written.extend_from_slice(words);
        Staged { chunk, offset, len: words.len() }
    }

    /// Records one run of a kernel. `bound` = the bindings that its entry point uses, by number.
    pub fn run(&mut self, kernel: Kernel<'_>, bound: &[(u32, Bound<'_>)], workgroups: [usize; 3]) {
        let most = max_workgroups();
        if workgroups.iter().any(|&n| n > most) {
            let name = kernel.shader.name;
            return self
                .device
                .fail(format!("{name} needs {workgroups:?} workgroups, more than {most}: split the batch"));
        }
        if workgroups.contains(&0) {
            return;
        }
        let Pipeline { pipeline, layout } = self.pipeline(&kernel);
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (bound.iter())
            .map(|&(binding, bound)| wgpu::BindGroupEntry {
                binding,
                resource: match bound {
                    Bound::Buffer(buffer) => buffer.as_entire_binding(),
                    Bound::Staged(staged) => wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                        buffer: &self.chunks[staged.chunk].buffer,
                        offset: (staged.offset * 4) as u64,
                        size: std::num::NonZeroU64::new((staged.len * 4) as u64),
                    }),
                },
            })
            .collect();
        let bindings = self.device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.shader.name),
            layout: &layout,
            entries: &entries,
        });
        self.recorded.push(Dispatch { pipeline, bindings, workgroups: workgroups.map(|n| n as u32) });
        if self.recorded.len() >= LONG {
            self.submit(|_| {});
        }
    }

    pub fn module(&self, shader: &Shader) -> wgpu::ShaderModule {
        self.device.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(shader.name),
            source: wgpu::ShaderSource::Wgsl(shader.source().into()),
        })
    }

    fn pipeline(&mut self, kernel: &Kernel<'_>) -> Pipeline {
        let values = kernel.constants.iter().map(|(_, value)| value.to_bits()).collect();
        let key = (kernel.shader.name, kernel.entry, values);
        if let Some(pipeline) = self.pipelines.get(&key) {
            return pipeline.clone();
        }
        let module = match self.modules.get(kernel.shader.name) {
            Some(module) => module.clone(),
            None => self.module(&kernel.shader),
        };
        self.modules.insert(kernel.shader.name, module.clone());
        let pipeline = self.device.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.shader.name),
            layout: None,
            module: &module,
            entry_point: Some(kernel.entry),
            compilation_options: wgpu::PipelineCompilationOptions { constants: kernel.constants, ..Default::default() },
            cache: None,
        });
        let pipeline = Pipeline { layout: pipeline.get_bind_group_layout(0), pipeline };
        self.pipelines.insert(key, pipeline.clone());
        pipeline
    }

    /// Hands everything recorded to the device, followed by what `then` adds.
    fn submit(&mut self, then: impl FnOnce(&mut wgpu::CommandEncoder)) {
        for chunk in &mut self.chunks {
            if !chunk.words.is_empty() {
                self.device.queue.write_buffer(&chunk.buffer, 0, bytemuck::cast_slice(&chunk.words));
                chunk.words.clear();
            }
        }
        let mut encoder = self.device.device.create_command_encoder(&Default::default());
        if !self.recorded.is_empty() {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for dispatch in &self.recorded {
                pass.set_pipeline(&dispatch.pipeline);
                pass.set_bind_group(0, &dispatch.bindings, &[]);
                let [x, y, z] = dispatch.workgroups;
                pass.dispatch_workgroups(x, y, z);
            }
        }
        self.counts.dispatches += self.recorded.len();
        self.counts.submissions += 1;
        self.recorded.clear();
        then(&mut encoder);
        self.device.queue.submit([encoder.finish()]);
    }

    /// The first so many 32-bit floats of each buffer after everything recorded so far.
    ///
    /// # Errors
    /// [`crate::Error::Backend`]: the first thing that went wrong on the device, now or before.
    pub async fn read(&mut self, buffers: &[(&wgpu::Buffer, usize)]) -> Result<Vec<Vec<f32>>> {
        let numbers: usize = buffers.iter().map(|(_, numbers)| numbers).sum();
        let size = (numbers * 4) as u64;
        let landing = self.device.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("reading"),
            size: size.max(4),
            usage: BufferUsages::MAP_READ | BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.submit(|encoder| {
            let mut at = 0;
            for &(buffer, numbers) in buffers {
                let size = (numbers * 4) as u64;
                encoder.copy_buffer_to_buffer(buffer, 0, &landing, at, size);
                at += size;
            }
        });
        self.counts.readings += 1;
        self.counts.bytes_read += numbers * 4;
        self.device.check()?;
        let mapped = Signal::new();
        let done = mapped.clone();
        landing.map_async(wgpu::MapMode::Read, .., move |result| done.give(result.map_err(|e| e.to_string())));
        let errors = self.device.errors();
        // A browser calls back from its event loop; natively somebody has to wait.
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(error) = self.device.device.poll(wgpu::PollType::wait_indefinitely()) {
            self.device.fail(error.to_string());
        }
        let result = mapped.wait().await;
        errors.await;
        self.device.check()?;
        result.map_err(Error::Backend)?;
        let view = landing.get_mapped_range(..).map_err(|e| Error::Backend(e.to_string()))?;
        let mut values = view.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let all = buffers.iter().map(|&(_, numbers)| values.by_ref().take(numbers).collect()).collect();
        drop(view);
        // a browser would keep its memory until it next collects garbage
        landing.destroy();
        Ok(all)
    }
}
