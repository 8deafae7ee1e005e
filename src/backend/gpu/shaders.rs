//! The WGSL kernels of `shaders/`, one op a file, named as its op in [`super::Backend`].

/// A file that no device compiles.
#[cfg(test)]
pub const BROKEN: Shader = Shader { name: "broken", parts: &["fn main( {"] };

/// A kernel's file, with what stands before it. `shaders/panel.wgsl` stands before all.
pub struct Shader {
    pub name: &'static str,
    parts: &'static [&'static str],
}

impl Shader {
    pub fn source(&self) -> String {
        self.parts.join("\n")
    }
}

macro_rules! shaders {
    ($($constant:ident = $name:literal $(after $before:literal)?,)*) => {
        $(pub const $constant: Shader = Shader {
            name: $name,
            parts: &[shaders!(@file "panel"), $(shaders!(@file $before),)? shaders!(@file $name)],
        };)*
        pub const ALL: &[Shader] = &[$($constant,)*];
    };
    (@file $name:literal) => {
        include_str!(concat!("../../../shaders/", $name, ".wgsl"))
    };
}

shaders! {
    ABS_TOP_K = "abs_top_k",
    ACTIVATE = "activate" after "gelu",
    ACTIVATE_BACKWARD = "activate_backward" after "gelu",
    ADD = "add",
    ATTENTION = "attention",
    ATTENTION_BACKWARD = "attention_backward",
    BIAS_GRADIENT = "bias_gradient",
    CANDIDATE_LOSS = "candidate_loss",
    CONCAT = "concat",
    COPY = "copy",
    CROSS_ENTROPY = "cross_entropy",
    CHANNEL_AFFINE = "channel_affine",
    MEAN_ABLATE = "mean_ablate",
    MEAN_ABLATE_BACKWARD = "mean_ablate_backward",
    GATHER = "gather",
    GATHER_GRADIENT = "gather_gradient",
    ABS_TOP_K_BACKWARD = "abs_top_k_backward",
    LIMIT = "limit",
    MATMUL_DENSE = "matmul_dense",
    MATMUL_SPARSE = "matmul_sparse",
    NORM = "norm" after "norm_statistics",
    NORM_BACKWARD_ACC = "norm_backward_acc" after "norm_statistics",
    PATCH = "patch",
    SELECT = "select",
    SELECT_BACKWARD_ACC = "select_backward_acc",
    SPLIT = "split",
    WEIGHT_GRADIENT = "weight_gradient",
    ZERO = "zero",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::PANEL;
    use std::collections::BTreeSet;
    use wgpu::naga::front::wgsl::parse_str;
    use wgpu::naga::proc::Layouter;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
    use wgpu::naga::{AddressSpace, Module};

    fn parse(shader: &Shader) -> Module {
        parse_str(&shader.source())
            .unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&shader.source(), shader.name)))
    }

    /// With no capability that WebGPU does not guarantee.
    #[test]
    fn every_shader_is_valid() {
        for shader in ALL {
            let result = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&parse(shader));
            result.unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&shader.source(), shader.name)));
        }
    }

    #[test]
    fn every_shader_stays_inside_the_guaranteed_limits() {
        let limits = wgpu::Limits::default();
        for shader in ALL {
            let module = parse(shader);
            let info = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module).unwrap();
            let mut layouter = Layouter::default();
            layouter.update(module.to_ctx()).unwrap();
            assert!(!module.entry_points.is_empty(), "{}", shader.name);
            for (index, entry) in module.entry_points.iter().enumerate() {
                let at = format!("{}: {}", shader.name, entry.name);
                assert!(entry.workgroup_size.iter().product::<u32>() <= limits.max_compute_invocations_per_workgroup);
                let used = |space: fn(&AddressSpace) -> bool| {
                    let info = info.get_entry_point(index);
                    module
                        .global_variables
                        .iter()
                        .filter(move |(handle, v)| space(&v.space) && !info[*handle].is_empty())
                };
                let buffers = used(|space| matches!(space, AddressSpace::Storage { .. })).count();
                assert!(buffers <= limits.max_storage_buffers_per_shader_stage as usize, "{at}: {buffers} buffers");
                let bytes: u32 =
                    used(|space| *space == AddressSpace::WorkGroup).map(|(_, v)| layouter[v.ty].size).sum();
                assert!(bytes <= limits.max_compute_workgroup_storage_size, "{at}: {bytes} bytes of workgroup memory");
            }
        }
    }

    /// A file that no pipeline uses, or one that stands in another's stead, would go unseen.
    #[test]
    fn every_file_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
        let files: BTreeSet<String> =
            std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        let mut listed: BTreeSet<String> = ALL.iter().map(|shader| format!("{}.wgsl", shader.name)).collect();
        listed.extend(["panel.wgsl", "gelu.wgsl", "norm_statistics.wgsl"].map(String::from));
        assert_eq!(files, listed);
        assert!(ALL[0].source().contains(&format!("const PANEL = {PANEL}u;")));
    }
}
