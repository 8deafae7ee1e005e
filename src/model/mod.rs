//! The model: its configuration, weights, hooks, and the one forward and backward pass, generic over the backend.

mod attention;
mod backward;
mod config;
mod forward;
mod generate;
mod hook;
mod params;
mod weights;

pub use attention::attention_weights;
pub use backward::{backward, backward_from, linear_gradient};
pub use config::{Config, ResidualActivation, TopKSite};
pub use forward::{Hooks, Inputs, LogitInputs, LogitsAt, Trace, copy, forward, forward_from, forward_with_trace, norm};
pub use generate::{Generator, Sampler};
pub(crate) use hook::as_text;
pub use hook::{Hook, Node, Site};
pub use params::{Block, Linear, Nonzeros, Norm, ParamInfo, Params, Presence, Role, Tensor};
pub use weights::{DeviceBlock, DeviceLinear, DeviceNorm, Gradients, Model, Weights, zero_gradients};
