//! Ops that move, add or mask numbers; the CPU twins are in `cpu/moves.rs`.

use super::memory::Form;
use super::record::{Bound, Kernel};
use super::shaders::{self, Shader};
use super::{Gpu, GpuGradient, GpuMatrix, GpuTensor, GpuVector, SLICES};
use crate::backend::ChannelAffine;
use crate::tensor::PANEL;
use std::collections::BTreeMap;

impl Gpu {
    /// A kernel with one thread a number of `y`.
    pub(super) fn each_number(
        &mut self,
        shader: Shader,
        constants: &[(&'static str, f64)],
        bound: &[(u32, Bound<'_>)],
        shape: (usize, usize),
    ) {
        let (channels, panels) = shape;
        let mut all = vec![("CHANNELS", channels as f64)];
        all.extend(constants);
        let kernel = Kernel { shader, entry: "main", constants: &all };
        self.recorder.run(kernel, bound, [channels.div_ceil(SLICES), panels, 1]);
    }

    pub(super) fn copy_tensor(&mut self, x: &GpuTensor, y: &mut GpuTensor) {
        assert!(x.channels == y.channels && x.tokens == y.tokens);
        self.each_number(shaders::COPY, &[], &[(0, x.bound()), (1, y.bound())], (y.channels, y.panels()));
    }

    pub(super) fn zero_tensor(&mut self, y: &mut GpuTensor) {
        self.each_number(shaders::ZERO, &[], &[(0, y.bound())], (y.channels, y.panels()));
    }

    pub(super) fn add_tensor(&mut self, delta: &GpuTensor, acc: &mut GpuTensor) {
        assert!(delta.channels == acc.channels && delta.tokens == acc.tokens);
        let shape = (acc.channels, acc.panels());
        self.each_number(shaders::ADD, &[], &[(0, delta.bound()), (1, acc.bound())], shape);
    }

    pub(super) fn gather_rows(&mut self, table: &GpuMatrix, rows: &[u32], add: bool, y: &mut GpuTensor) {
        assert!(table.cols == y.channels && rows.len() == y.tokens);
        assert!(rows.iter().all(|&row| (row as usize) < table.rows), "a row beyond the table");
        if !add && matches!(table.form, Form::Sparse(_)) {
            self.zero_tensor(y);
        }
        let rows = Bound::Staged(self.recorder.stage(rows));
        let constants = [("CHANNELS", y.channels as f64), ("ADD", add as u32 as f64)];
        match &table.form {
            Form::Dense(values) => self.recorder.run(
                Kernel { shader: shaders::GATHER, entry: "dense", constants: &constants },
                &[(0, rows), (1, Bound::Buffer(values)), (4, y.bound())],
                [y.channels.div_ceil(SLICES), y.panels(), 1],
            ),
            Form::Sparse(w) => self.recorder.run(
                Kernel { shader: shaders::GATHER, entry: "sparse", constants: &constants },
                &[
                    (0, rows),
                    (2, Bound::Buffer(&w.forward.indptr)),
                    (3, Bound::Buffer(&w.forward.entries)),
                    (4, y.bound()),
                ],
                [1, y.panels(), 1],
            ),
        }
    }

    pub(super) fn select_tokens(&mut self, x: &GpuTensor, tokens: &[u32], y: &mut GpuTensor) {
        assert!(x.channels == y.channels && tokens.len() == y.tokens);
        assert!(tokens.iter().all(|&token| (token as usize) < x.tokens), "a token beyond the tensor");
        let tokens = Bound::Staged(self.recorder.stage(tokens));
        let shape = (y.channels, y.panels());
        self.each_number(shaders::SELECT, &[], &[(0, tokens), (1, x.bound()), (2, y.bound())], shape);
    }

    pub(super) fn concat_tensors(&mut self, a: &GpuTensor, b: &GpuTensor, y: &mut GpuTensor) {
        assert!(a.channels + b.channels == y.channels && a.tokens == y.tokens && b.tokens == y.tokens);
        self.recorder.run(
            Kernel { shader: shaders::CONCAT, entry: "main", constants: &halves(a, b) },
            &[(0, a.bound()), (1, b.bound()), (2, y.bound())],
            [y.channels.div_ceil(SLICES), y.panels(), 1],
        );
    }

    pub(super) fn split_tensor(&mut self, dy: &GpuTensor, da: &mut GpuTensor, db: &mut GpuTensor) {
        assert!(da.channels + db.channels == dy.channels && da.tokens == dy.tokens && db.tokens == dy.tokens);
        self.recorder.run(
            Kernel { shader: shaders::SPLIT, entry: "main", constants: &halves(da, db) },
            &[(0, dy.bound()), (1, da.bound()), (2, db.bound())],
            [dy.channels.div_ceil(SLICES), dy.panels(), 1],
        );
    }

    pub(super) fn kept_gradient(&mut self, kept: &GpuTensor, grad: &mut GpuTensor) {
        assert!(kept.channels == grad.channels && kept.tokens == grad.tokens);
        let shape = (grad.channels, grad.panels());
        self.each_number(shaders::ABS_TOP_K_BACKWARD, &[], &[(0, kept.bound()), (1, grad.bound())], shape);
    }

    pub(super) fn edit_channels(&mut self, edits: &[ChannelAffine], x: &mut GpuTensor) {
        const EVERY: u32 = u32::MAX;
        let mut by_channel: BTreeMap<u32, Vec<[u32; 4]>> = BTreeMap::new();
        for edit in edits {
            assert!((edit.channel as usize) < x.channels, "a channel beyond the tensor");
            let changes = by_channel.entry(edit.channel).or_default();
            let change = |token: u32| [token, edit.scale.to_bits(), edit.shift.to_bits(), 0];
            match &edit.tokens {
                Some(tokens) => changes.extend(tokens.iter().map(|&token| change(token))),
                None => changes.push(change(EVERY)),
            }
        }
        let (mut edited, mut changes) = (Vec::new(), Vec::<[u32; 4]>::new());
        for (channel, of_channel) in by_channel.into_iter().filter(|(_, changes)| !changes.is_empty()) {
            edited.push([channel, changes.len() as u32, (changes.len() + of_channel.len()) as u32, 0]);
            changes.extend(of_channel);
        }
        if edited.is_empty() {
            return;
        }
        let groups = edited.len().div_ceil(SLICES);
        let edited = Bound::Staged(self.recorder.stage(edited.as_flattened()));
        let changes = Bound::Staged(self.recorder.stage(changes.as_flattened()));
        self.recorder.run(
            Kernel { shader: shaders::CHANNEL_AFFINE, entry: "main", constants: &[("CHANNELS", x.channels as f64)] },
            &[(0, edited), (1, changes), (2, x.bound())],
            [groups, x.panels(), 1],
        );
    }

    pub(super) fn patch_channels(
        &mut self,
        source: &GpuTensor,
        channels: &[u32],
        tokens: &[(u32, u32)],
        x: &mut GpuTensor,
    ) {
        assert!(source.channels == x.channels && channels.iter().all(|&c| (c as usize) < x.channels));
        assert!(tokens.iter().all(|&(from, to)| (from as usize) < source.tokens && (to as usize) < x.tokens));
        // of two pairs with one target the later one counts
        let pairs: BTreeMap<u32, u32> = tokens.iter().map(|&(from, to)| (to, from)).collect();
        let pairs: Vec<[u32; 2]> = pairs.into_iter().map(|(to, from)| [from, to]).collect();
        if pairs.is_empty() || channels.is_empty() {
            return;
        }
        let groups = [channels.len().div_ceil(SLICES), pairs.len().div_ceil(PANEL), 1];
        let channels = Bound::Staged(self.recorder.stage(channels));
        let pairs = Bound::Staged(self.recorder.stage(pairs.as_flattened()));
        self.recorder.run(
            Kernel { shader: shaders::PATCH, entry: "main", constants: &[("CHANNELS", x.channels as f64)] },
            &[(0, channels), (1, pairs), (2, source.bound()), (3, x.bound())],
            groups,
        );
    }

    pub(super) fn gate_channels(&mut self, mask: &GpuVector, mean: &GpuVector, x: &mut GpuTensor) {
        assert!(mask.len == x.channels && mean.len == x.channels);
        let bound = [(0, Bound::Buffer(&mask.buffer)), (1, Bound::Buffer(&mean.buffer)), (2, x.bound())];
        self.each_number(shaders::MEAN_ABLATE, &[], &bound, (x.channels, x.panels()));
    }

    pub(super) fn gate_gradient(
        &mut self,
        mask: &GpuVector,
        mean: &GpuVector,
        before: &GpuTensor,
        grad: &mut GpuTensor,
        dmask_acc: &mut GpuGradient,
    ) {
        assert!(mask.len == grad.channels && mean.len == grad.channels && dmask_acc.cols == grad.channels);
        assert!(before.channels == grad.channels && before.tokens == grad.tokens);
        let (mask, mean) = (Bound::Buffer(&mask.buffer), Bound::Buffer(&mean.buffer));
        self.recorder.run(
            Kernel {
                shader: shaders::MEAN_ABLATE_BACKWARD,
                entry: "main",
                constants: &[("CHANNELS", grad.channels as f64)],
            },
            &[(0, mask), (1, mean), (2, before.bound()), (3, grad.bound()), (4, dmask_acc.bound())],
            [grad.channels.div_ceil(SLICES), 1, 1],
        );
    }

    pub(super) fn gather_rows_gradient(&mut self, rows: &[u32], dy: &GpuTensor, dtable_acc: &mut GpuGradient) {
        assert!(dtable_acc.cols == dy.channels && rows.len() == dy.tokens);
        assert!(rows.iter().all(|&row| (row as usize) < dtable_acc.rows), "a row beyond the table");
        self.scatter(shaders::GATHER_GRADIENT, rows, dy, dtable_acc.bound());
    }

    pub(super) fn select_gradient(&mut self, dy: &GpuTensor, tokens: &[u32], dx_acc: &mut GpuTensor) {
        assert!(dx_acc.channels == dy.channels && tokens.len() == dy.tokens);
        assert!(tokens.iter().all(|&token| (token as usize) < dx_acc.tokens), "a token beyond the tensor");
        self.scatter(shaders::SELECT_BACKWARD_ACC, tokens, dy, dx_acc.bound());
    }

    /// Adds the columns of `dy` to what `targets` names, the columns of one target together.
    fn scatter(&mut self, shader: Shader, targets: &[u32], dy: &GpuTensor, sum: Bound<'_>) {
        let mut columns: Vec<u32> = (0..targets.len() as u32).collect();
        columns.sort_by_key(|&column| targets[column as usize]);
        let mut runs: Vec<[u32; 4]> = Vec::new();
        for (i, &column) in columns.iter().enumerate() {
            let target = targets[column as usize];
            match runs.last_mut().filter(|run| run[0] == target) {
                Some(run) => run[2] = i as u32 + 1,
                None => runs.push([target, i as u32, i as u32 + 1, 0]),
            }
        }
        let groups = [dy.channels.div_ceil(256), runs.len(), 1];
        let runs = Bound::Staged(self.recorder.stage(runs.as_flattened()));
        let columns = Bound::Staged(self.recorder.stage(&columns));
        self.recorder.run(
            Kernel { shader, entry: "main", constants: &[("CHANNELS", dy.channels as f64)] },
            &[(0, runs), (1, columns), (2, dy.bound()), (3, sum)],
            groups,
        );
    }
}

fn halves(a: &GpuTensor, b: &GpuTensor) -> [(&'static str, f64); 2] {
    [("CHANNELS_A", a.channels as f64), ("CHANNELS_B", b.channels as f64)]
}

#[cfg(test)]
mod tests {
    use super::super::testing::{both, check, check_gradient, gpu, sparse_matrix};
    use crate::backend::{Backend, ChannelAffine, cpu::testing::Random};
    use crate::tensor::{SparseMatrix, WeightMatrix};

    #[test]
    fn gathers_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(113);
        for (rows, cols) in [(5, 7), (9, 40)] {
            let dense = sparse_matrix(&mut random, rows, cols, 0.5);
            let sparse = WeightMatrix::Sparse(SparseMatrix::from_dense(&dense));
            for table in [WeightMatrix::Dense(dense), sparse] {
                for tokens in (1..=20).chain([48]) {
                    let chosen: Vec<u32> = (0..tokens as u32).map(|t| t * 3 % rows as u32).collect();
                    let start = random.activations(cols, tokens);
                    for pair in both!(&mut gpu, |b| {
                        let table = b.matrix(&table);
                        let (mut plain, mut sum) = (b.upload(&start), b.upload(&start));
                        b.gather(&table, &chosen, &mut plain);
                        b.gather_add(&table, &chosen, &mut sum);
                        [plain, sum]
                    }) {
                        check(pair, 1e-7);
                    }
                    for pair in both!(&mut gpu, gradients, |b| {
                        let dy = b.upload(&start);
                        let mut dtable = b.gradient(rows, cols);
                        b.gather_gradient(&chosen, &dy, &mut dtable);
                        b.gather_gradient(&chosen, &dy, &mut dtable);
                        [dtable]
                    }) {
                        check_gradient(pair, 1e-6);
                    }
                }
            }
        }
    }

    #[test]
    fn selections_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(114);
        let x = random.activations(21, 40);
        for tokens in [vec![39], vec![3, 17, 39], vec![5, 5, 2], (0..33).collect::<Vec<u32>>()] {
            let dy = random.activations(21, tokens.len());
            for pair in both!(&mut gpu, |b| {
                let (x, dy, mut dx) = (b.upload(&x), b.upload(&dy), b.upload(&x));
                let mut y = b.tensor(21, tokens.len());
                b.select(&x, &tokens, &mut y);
                b.select_backward_acc(&dy, &tokens, &mut dx);
                [y, dx]
            }) {
                check(pair, 1e-6);
            }
        }
    }

    #[test]
    fn moves_of_whole_tensors_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(115);
        for tokens in 1..=20 {
            let (a, d) = (random.activations(5, tokens), random.activations(23, tokens));
            let mut kept = random.activations(28, tokens);
            kept.data_mut().iter_mut().step_by(3).for_each(|value| *value = 0.0);
            kept.data_mut()[1] = -1e-42;
            for pair in both!(&mut gpu, |b| {
                let (a, d, kept) = (b.upload(&a), b.upload(&d), b.upload(&kept));
                let [mut both, mut copy] = [(); 2].map(|_| b.tensor(28, tokens));
                let [mut top, mut zero] = [(); 2].map(|_| b.tensor(5, tokens));
                let mut bottom = b.tensor(23, tokens);
                b.concat(&a, &d, &mut both);
                b.split(&both, &mut top, &mut bottom);
                b.copy(&both, &mut copy);
                b.add(&kept, &mut copy);
                b.abs_top_k_backward(&kept, &mut both);
                b.copy(&a, &mut zero);
                b.zero(&mut zero);
                [both, copy, top, zero, bottom]
            }) {
                check(pair, 0.0);
            }
        }
    }

    #[test]
    fn gates_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(116);
        for (channels, tokens) in [(4, 1), (4, 20), (35, 48)] {
            let (x, dy) = (random.activations(channels, tokens), random.activations(channels, tokens));
            let mask: Vec<f32> = (0..channels).map(|c| [0.0, 1.0, 0.3, -0.2][c % 4]).collect();
            let mean: Vec<f32> = (0..channels).map(|_| random.next()).collect();
            for pair in both!(&mut gpu, |b| {
                let (mask, mean) = (b.vector(&mask), b.vector(&mean));
                let (before, mut x, mut grad) = (b.upload(&x), b.upload(&x), b.upload(&dy));
                let mut dmask = b.gradient(1, channels);
                b.mean_ablate(&mask, &mean, &mut x);
                b.mean_ablate_backward(&mask, &mean, &before, &mut grad, &mut dmask);
                [x, grad]
            }) {
                check(pair, 1e-6);
            }
            for pair in both!(&mut gpu, gradients, |b| {
                let (mask, mean) = (b.vector(&mask), b.vector(&mean));
                let (before, mut grad) = (b.upload(&x), b.upload(&dy));
                let mut dmask = b.gradient(1, channels);
                b.mean_ablate_backward(&mask, &mean, &before, &mut grad, &mut dmask);
                b.mean_ablate_backward(&mask, &mean, &before, &mut grad, &mut dmask);
                [dmask]
            }) {
                check_gradient(pair, 1e-5);
            }
        }
    }

    #[test]
    fn edits_and_patches_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(117);
        let (x, source) = (random.activations(30, 40), random.activations(30, 21));
        let edit = |channel, scale, shift, tokens: Option<Vec<u32>>| ChannelAffine { channel, scale, shift, tokens };
        let edits = [
            edit(1, 0.0, 7.0, Some(vec![0, 19, 39])),
            edit(2, -2.0, 0.0, None),
            // one channel several times, in this order
            edit(1, 0.5, -1.0, None),
            edit(29, 0.0, 0.0, Some(vec![])),
            edit(2, 3.0, 0.25, Some(vec![2, 2])),
        ];
        for pair in both!(&mut gpu, |b| {
            let (mut edited, mut patched, mut same) = (b.upload(&x), b.upload(&x), b.upload(&x));
            let source = b.upload(&source);
            b.channel_affine(&edits, &mut edited);
            b.patch(&source, &[0, 29, 4], &[(4, 39), (3, 18), (20, 39)], &mut patched);
            b.channel_affine(&[], &mut same);
            b.patch(&source, &[], &[(0, 0)], &mut same);
            [edited, patched, same]
        }) {
            check(pair, 1e-7);
        }
    }
}
