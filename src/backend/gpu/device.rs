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
