//! WGSL kernels. The file of an op in `gpu/` declares its kernels of `shaders/` by [`shaders!`], under the op's name.

use super::{abs_top_k, activate, attention, elementwise, indexing, intervene, loss, matmul, norm};

/// A shader that no device compiles.
#[cfg(test)]
pub const BROKEN: Shader = Shader { name: "broken", parts: &[PRELUDE, "fn main( {"] };

/// Precedes every kernel: the layout of panels.
pub const PRELUDE: &str = include_str!("../../../shaders/panel.wgsl");

/// A kernel with the files that precede it.
#[derive(Clone, Copy)]
pub struct Shader {
    pub name: &'static str,
    pub parts: &'static [&'static str],
}

impl Shader {
    pub fn source(&self) -> String {
        self.parts.join("\n")
    }
}

/// Declares kernels of `shaders/`: a constant each, and all of them as `SHADERS`. `"op" after "file"` puts another file before the op's.
macro_rules! shaders {
    ($($constant:ident = $name:literal $(after $before:literal)?,)*) => {
        $(const $constant: $crate::backend::gpu::shaders::Shader = $crate::backend::gpu::shaders::Shader {
            name: $name,
            parts: &[
                $crate::backend::gpu::shaders::PRELUDE,
                $(include_str!(concat!("../../../shaders/", $before, ".wgsl")),)?
                include_str!(concat!("../../../shaders/", $name, ".wgsl")),
            ],
        };)*
        pub(super) const SHADERS: &[$crate::backend::gpu::shaders::Shader] = &[$($constant,)*];
    };
}
pub(super) use shaders;

/// The kernels of all ops.
pub fn all() -> impl Iterator<Item = &'static Shader> {
    [
        abs_top_k::SHADERS,
        activate::SHADERS,
        attention::SHADERS,
        elementwise::SHADERS,
        indexing::SHADERS,
        intervene::SHADERS,
        loss::SHADERS,
        matmul::SHADERS,
        norm::SHADERS,
    ]
    .into_iter()
    .flatten()
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
        for shader in all() {
            let result = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&parse(shader));
            result.unwrap_or_else(|e| panic!("{}", e.emit_to_string_with_path(&shader.source(), shader.name)));
        }
    }

    #[test]
    fn every_shader_stays_inside_the_guaranteed_limits() {
        let limits = wgpu::Limits::default();
        for shader in all() {
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

    /// A file that no op declares would never be checked.
    #[test]
    fn every_file_is_declared_once() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
        let files: BTreeSet<String> =
            std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().file_name().into_string().unwrap()).collect();
        let mut declared: Vec<String> = all().map(|shader| format!("{}.wgsl", shader.name)).collect();
        declared.extend(
            ["panel.wgsl", "gelu.wgsl", "norm_statistics.wgsl", "matmul_finish.wgsl", "scatter.wgsl"].map(String::from),
        );
        declared.sort();
        assert_eq!(files.into_iter().collect::<Vec<_>>(), declared);
        assert!(BROKEN.source().contains(&format!("const PANEL = {PANEL}u;")));
    }
}
