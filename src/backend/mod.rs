//! The operations a model needs.
