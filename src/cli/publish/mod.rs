//! What `publish` writes: the page's folder of models ([`bundle`]), the model card ([`model_card`]), the dense twin ([`twin`]).

pub mod bundle;
pub mod model_card;
pub mod twin;
