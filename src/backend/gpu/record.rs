//! Records ops: a pipeline, its buffers and a number of workgroups each. A reading submits all recorded ops in one compute pass, so a
//! forward pass is one submission.

use super::device::Device;
use super::shaders::Shader;
use crate::{Error, Result};
use futures_channel::oneshot;
use std::collections::HashMap;
use wgpu::BufferUsages;

/// How much work the device was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Kernels run.
    pub dispatches: usize,
    /// Command buffers handed to the device.
    pub submissions: usize,
    /// Waits for a reading, of one or several tensors.
    pub readings: usize,
    pub bytes_read: usize,
}

/// A kernel with its constants. The entry point and the values of the constants are part of what is compiled.
pub struct Kernel<'a> {
    pub shader: Shader,
    pub entry: &'static str,
    pub constants: &'a [(&'static str, f64)],
}

/// What a binding of a kernel names: a buffer, the first words of one, or numbers staged for one op.
#[derive(Clone, Copy)]
pub enum Bound<'a> {
    Buffer(&'a wgpu::Buffer),
    Prefix(&'a wgpu::Buffer, usize),
    Staged(Staged),
}

/// Numbers of the host for one op (tokens, targets, spans), in a buffer that is written on submission.
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

/// With the layout of its bindings: a browser would make a new one on each request.
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
/// This many recorded ops are submitted without a reading.
const LONG: usize = 1 << 13;

/// The limit of a dispatch in each dimension.
pub fn max_workgroups() -> usize {
    wgpu::Limits::default().max_compute_workgroups_per_dimension as usize
}

/// `words` words of a buffer from `offset` on.
fn part(buffer: &wgpu::Buffer, offset: usize, words: usize) -> wgpu::BindingResource<'_> {
    let size = std::num::NonZeroU64::new((words * 4) as u64);
    wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset: (offset * 4) as u64, size })
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

    /// Reports an error when a kernel cannot bind a buffer of `bytes` bytes.
    pub fn check_size(&self, bytes: usize) {
        let most = self.device.max_bytes;
        if bytes as u64 > most {
            self.device.fail(format!(
                "a buffer of {bytes} bytes is larger than the {most} bytes that the WebGPU device can bind"
            ));
        }
    }

    /// Stages numbers, at least one, for the op that is recorded next.
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
                    Bound::Prefix(buffer, words) => part(buffer, 0, words),
                    Bound::Staged(staged) => part(&self.chunks[staged.chunk].buffer, staged.offset, staged.len),
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

    /// Submits everything recorded, followed by what `then` adds.
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

    /// Reads the first numbers of each buffer (the given count), after everything recorded so far.
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
        let (done, mapped) = oneshot::channel();
        landing.map_async(wgpu::MapMode::Read, .., move |result| {
            // no receiver: the reading was dropped
            let _ = done.send(result);
        });
        let errors = self.device.errors();
        // A browser calls back from its event loop. Natively this thread must poll.
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(error) = self.device.device.poll(wgpu::PollType::wait_indefinitely()) {
            self.device.fail(error.to_string());
        }
        let result = mapped.await;
        errors.await;
        self.device.check()?;
        match result {
            Ok(mapped) => mapped.map_err(|e| Error::Backend(e.to_string()))?,
            Err(oneshot::Canceled) => return Err(Error::Backend("the device dropped a reading".into())),
        }
        let view = landing.get_mapped_range(..).map_err(|e| Error::Backend(e.to_string()))?;
        let mut values = view.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let all = buffers.iter().map(|&(_, numbers)| values.by_ref().take(numbers).collect()).collect();
        drop(view);
        // a browser would keep its memory until the next garbage collection
        landing.destroy();
        Ok(all)
    }
}
