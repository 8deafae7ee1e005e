//! Finding a device, and what it reports when something goes wrong.

use crate::{Error, Result};
use std::sync::{Arc, Mutex};

/// An adapter's device and queue, with the first error that it reported.
pub struct Device {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub description: String,
    /// A driver that computes on the CPU: right results, times that mean nothing.
    pub software: bool,
    /// The largest buffer that a kernel can be given.
    pub most_bytes: u64,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Device {
    /// The adapter that the system prefers, with WebGPU's guaranteed limits and, where it has them, larger buffers.
    ///
    /// # Errors
    /// [`Error::Backend`] when there is no adapter or it refuses the device.
    pub async fn new() -> Result<Device> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter =
            (instance.request_adapter(&options).await).map_err(|e| Error::Backend(format!("{NO_ADAPTER}: {e}")))?;
        let offered = adapter.limits();
        let limits = wgpu::Limits {
            max_buffer_size: offered.max_buffer_size.max(wgpu::Limits::default().max_buffer_size),
            max_storage_buffer_binding_size: offered
                .max_storage_buffer_binding_size
                .max(wgpu::Limits::default().max_storage_buffer_binding_size),
            ..wgpu::Limits::default()
        };
        let most_bytes = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let descriptor =
            wgpu::DeviceDescriptor { label: Some("sparse-circuits"), required_limits: limits, ..Default::default() };
        let (device, queue) = (adapter.request_device(&descriptor).await)
            .map_err(|e| Error::Backend(format!("the WebGPU adapter gives no device: {e}")))?;

        let trouble = Arc::new(Mutex::new(None));
        let first = trouble.clone();
        // without a handler wgpu panics
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| report(&first, error.to_string())));
        let first = trouble.clone();
        device.set_device_lost_callback(move |_, reason| report(&first, format!("the device was lost: {reason}")));
        let info = adapter.get_info();
        Ok(Device {
            device,
            queue,
            description: format!("{} ({})", info.name, info.backend),
            software: info.device_type == wgpu::DeviceType::Cpu,
            most_bytes,
            trouble,
        })
    }

    /// Notes an error of our own; the first one stays.
    pub fn fail(&self, error: String) {
        report(&self.trouble, error);
    }

    /// # Errors
    /// The first error since the device was made: after it nothing on the device can be trusted.
    pub fn check(&self) -> Result<()> {
        match &*self.trouble.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Some(error) => Err(Error::Backend(error.clone())),
            None => Ok(()),
        }
    }
}

/// How the error of a machine without an adapter begins.
pub const NO_ADAPTER: &str = "there is no WebGPU adapter";

fn report(trouble: &Mutex<Option<String>>, error: String) {
    trouble.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
}

#[cfg(test)]
mod tests {
    use super::super::record::Kernel;
    use super::super::testing::gpu;
    use super::super::{Gpu, shaders};
    use crate::Error;
    use crate::backend::{Backend, ready};
    use crate::model::Activation;
    use crate::tensor::Activations;

    /// Uploads, a kernel that has no pipeline yet, readings: each reading is the error, nothing panics.
    #[track_caller]
    fn check_dead(gpu: &mut Gpu, reason: &str) {
        for kind in [Activation::Relu, Activation::Gelu] {
            let x = gpu.upload(&Activations::from_rows(&[1.0; 6], 2));
            let mut y = gpu.tensor(2, 3);
            gpu.activate(kind, &x, &mut y);
            let gradient = gpu.gradient(2, 2);
            let readings = [ready(gpu.read(&y)).map(|_| ()), ready(gpu.read_gradient(&gradient)).map(|_| ())];
            for reading in readings {
                let error = reading.expect_err("a reading of a dead device");
                assert!(matches!(&error, Error::Backend(text) if text.contains(reason)), "{error}");
            }
            gpu.recycle(y);
        }
    }

    #[test]
    fn a_lost_device_is_an_error() {
        let Some(mut gpu) = gpu() else { return };
        let x = gpu.upload(&Activations::from_rows(&[1.0; 6], 2));
        assert!(ready(gpu.read(&x)).is_ok());
        let mut y = gpu.tensor(2, 3);
        // lost from outside, with something recorded
        gpu.copy(&x, &mut y);
        gpu.recorder.device.device.destroy();
        check_dead(&mut gpu, "");

        let Some(mut gpu) = self::gpu() else { return };
        gpu.destroy();
        check_dead(&mut gpu, "given back");
    }

    #[test]
    fn a_lost_device_does_not_touch_another_one() {
        let (Some(first), Some(mut second)) = (gpu(), gpu()) else { return };
        first.destroy();
        let x = second.upload(&Activations::from_rows(&[1.0; 6], 2));
        assert!(ready(second.read(&x)).is_ok());
    }

    #[test]
    fn memory_that_is_not_there_is_an_error() {
        let Some(mut gpu) = gpu() else { return };
        gpu.recorder.device.most_bytes = u64::MAX;
        let _huge = gpu.tensor(1 << 20, 1 << 20);
        check_dead(&mut gpu, "");
    }

    #[test]
    fn a_shader_that_does_not_compile_is_an_error() {
        let Some(mut gpu) = gpu() else { return };
        let x = gpu.tensor(2, 3);
        let kernel = Kernel { shader: shaders::BROKEN, entry: "main", constants: &[] };
        gpu.recorder.run(kernel, &[(0, x.bound())], [1, 1, 1]);
        check_dead(&mut gpu, "broken");
    }
}
