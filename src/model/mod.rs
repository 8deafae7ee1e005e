//! The model: its configuration, weights, hooks, and the one forward and backward pass, generic over the backend.

mod backward;
mod config;
mod device;
mod forward;
mod generate;
mod hook;
mod weights;

pub use backward::{BlockGradient, LinearGradient, NormGradient, ParameterGradients, backward, backward_from};
pub use config::{Config, ResidualActivation, TopKSite};
pub use device::{DeviceBlock, DeviceLinear, DeviceNorm, Model};
pub use forward::{Hooks, LogitsAt, Trace, forward, forward_from, forward_with_trace};
pub use generate::{Generator, Sampler};
pub use hook::{Hook, Node, Site};
pub use weights::{Block, Linear, Norm, Weights};
