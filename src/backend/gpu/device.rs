//! Opens a device and collects the errors that it reports.

use crate::{Error, Result};
use futures_channel::oneshot;
use futures_util::FutureExt;
use futures_util::future::Shared;
use std::sync::{Arc, Mutex};

/// The device and queue of an adapter, with the first error that it reported.
pub struct Device {
    pub device: wgpu::Device,
    pub queue: wgpu::Queue,
    pub description: String,
    /// The driver computes on the CPU: the results are right, the times are meaningless.
    pub software: bool,
    /// Size of the largest buffer that a kernel can bind.
    pub max_bytes: u64,
    first_error: FirstError,
    #[cfg(target_arch = "wasm32")]
    scopes: std::cell::RefCell<Scopes>,
}

/// The first error of a device. Callbacks report errors; several tasks may wait for the first.
#[derive(Clone)]
struct FirstError {
    sender: Arc<Mutex<Option<oneshot::Sender<String>>>>,
    receiver: Shared<oneshot::Receiver<String>>,
}

impl FirstError {
    fn new() -> Self {
        let (sender, receiver) = oneshot::channel();
        FirstError { sender: Arc::new(Mutex::new(Some(sender))), receiver: receiver.shared() }
    }

    /// Later errors change nothing.
    fn report(&self, error: String) {
        let mut sender = self.sender.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if let Some(sender) = sender.take() {
            // cannot fail: `self` holds a receiver
            let _ = sender.send(error);
        }
    }

    fn now(&self) -> Option<String> {
        self.receiver.clone().now_or_never()?.ok()
    }

    async fn wait(self) -> String {
        match self.receiver.await {
            Ok(error) => error,
            // the device was dropped without an error
            Err(oneshot::Canceled) => std::future::pending().await,
        }
    }
}

/// Open error scopes, the innermost last. wgpu wants them closed from there.
#[cfg(target_arch = "wasm32")]
#[derive(Default)]
struct Scopes(Vec<wgpu::ErrorScopeGuard>);

#[cfg(target_arch = "wasm32")]
impl Drop for Scopes {
    fn drop(&mut self) {
        while self.0.pop().is_some() {}
    }
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
        let max_bytes = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let descriptor =
            wgpu::DeviceDescriptor { label: Some("sparse-circuits"), required_limits: limits, ..Default::default() };
        let (device, queue) = (adapter.request_device(&descriptor).await)
            .map_err(|e| Error::Backend(format!("the WebGPU adapter refused a device: {e}")))?;

        let first_error = FirstError::new();
        let first = first_error.clone();
        // without a handler wgpu panics
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| first.report(error.to_string())));
        let first = first_error.clone();
        device.set_device_lost_callback(move |_, reason| first.report(format!("the device was lost: {reason}")));
        let info = adapter.get_info();
        let device = Device {
            device,
            queue,
            description: format!("{} ({})", info.name, info.backend),
            software: info.device_type == wgpu::DeviceType::Cpu,
            max_bytes,
            first_error,
            #[cfg(target_arch = "wasm32")]
            scopes: Default::default(),
        };
        #[cfg(target_arch = "wasm32")]
        device.watch();
        Ok(device)
    }

    /// The numbers of the largest tensor.
    pub fn max_numbers(&self) -> usize {
        (self.max_bytes / 4) as usize
    }

    /// Reports an error of our own.
    pub fn fail(&self, error: String) {
        self.first_error.report(error);
    }

    /// # Errors
    /// The first error since the device was made: after it nothing on the device can be trusted.
    pub fn check(&self) -> Result<()> {
        self.first_error.now().map_or(Ok(()), |error| Err(Error::Backend(error)))
    }

    /// The first error, when there is one.
    pub fn trouble(&self) -> impl Future<Output = String> + use<> {
        self.first_error.clone().wait()
    }

    /// Ready when every error of the work so far has been reported. A browser computes in another process and reports errors later. Its
    /// error scopes also report that there was none, so each call closes the open scopes and opens new ones.
    #[cfg(target_arch = "wasm32")]
    pub fn errors(&self) -> impl Future<Output = ()> + use<> {
        let popped: Vec<_> = std::iter::from_fn(|| self.scopes.borrow_mut().0.pop()).map(|scope| scope.pop()).collect();
        self.watch();
        let first = self.first_error.clone();
        async move {
            for error in popped {
                if let Some(error) = error.await {
                    first.report(error.to_string());
                }
            }
        }
    }

    /// Opens error scopes for the work from now on. This version of wgpu has none for internal errors.
    #[cfg(target_arch = "wasm32")]
    fn watch(&self) {
        use wgpu::ErrorFilter::{OutOfMemory, Validation};
        let scopes = [Validation, OutOfMemory].map(|kind| self.device.push_error_scope(kind));
        self.scopes.borrow_mut().0.extend(scopes);
    }

    /// Natively an error is reported before the call that caused it returns.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn errors(&self) -> impl Future<Output = ()> + use<> {
        std::future::ready(())
    }
}

/// The start of the error text of a machine without an adapter.
pub const NO_ADAPTER: &str = "there is no WebGPU adapter";

#[cfg(test)]
mod tests {
    use super::super::record::Kernel;
    use super::super::testing::gpu;
    use super::super::{Gpu, shaders};
    use super::{FirstError, FutureExt};
    use crate::Error;
    use crate::backend::{Activate, Activation, Elementwise, Memory, now_or_never};
    use crate::tensor::Activations;

    #[test]
    fn everyone_who_waits_gets_the_first_error() {
        let errors = FirstError::new();
        let mut waits = [Box::pin(errors.clone().wait()), Box::pin(errors.clone().wait())];
        assert!(waits.iter_mut().all(|wait| wait.now_or_never().is_none()));
        assert_eq!(errors.now(), None);
        errors.report("first".into());
        errors.report("second".into());
        assert!(waits.iter_mut().all(|wait| wait.now_or_never().as_deref() == Some("first")));
        assert_eq!(errors.now().as_deref(), Some("first"));
    }

    /// Uploads, a kernel that has no pipeline yet, readings: each reading is the error, nothing panics.
    #[track_caller]
    fn check_dead(gpu: &mut Gpu, reason: &str) {
        for kind in [Activation::Relu, Activation::Gelu] {
            let x = gpu.upload(&Activations::from_rows(&[1.0; 6], 2));
            let mut y = gpu.tensor(2, 3);
            gpu.activate(kind, &x, &mut y);
            let gradient = gpu.gradient(2, 2);
            let readings =
                [now_or_never(gpu.read(&y)).map(|_| ()), now_or_never(gpu.read_gradient(&gradient)).map(|_| ())];
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
        assert!(now_or_never(gpu.read(&x)).is_ok());
        let mut y = gpu.tensor(2, 3);
        // lost from outside, with something recorded
        gpu.copy(&x, &mut y);
        gpu.recorder.device.device.destroy();
        check_dead(&mut gpu, "");

        let Some(mut gpu) = self::gpu() else { return };
        gpu.destroy();
        check_dead(&mut gpu, "destroyed");
    }

    #[test]
    fn a_lost_device_does_not_touch_another_one() {
        let (Some(first), Some(mut second)) = (gpu(), gpu()) else { return };
        first.destroy();
        let x = second.upload(&Activations::from_rows(&[1.0; 6], 2));
        assert!(now_or_never(second.read(&x)).is_ok());
    }

    #[test]
    fn too_little_memory_is_an_error() {
        let Some(mut gpu) = gpu() else { return };
        gpu.recorder.device.max_bytes = u64::MAX;
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
