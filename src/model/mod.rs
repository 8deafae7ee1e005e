//! The model: its configuration, weights, hooks, and the one forward and backward pass, generic over the backend.

mod config;
mod hook;
mod weights;

pub use config::{Activation, Config, LAYER_NORM_EPS, RMS_NORM_EPS, ResidualActivation, TopKSite};
pub use hook::{Hook, Node, Site};
pub use weights::{Block, Linear, Norm, WeightMatrix, Weights};
