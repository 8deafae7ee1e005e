//! Picking tokens, table rows or channels.

use super::memory::Form;
use super::record::{Bound, Kernel};
use super::shaders::{Shader, shaders};
use super::{Gpu, GpuGradient, GpuMatrix, GpuTensor, SLICES};
use crate::backend::{Elementwise, Indexing};

shaders! {
    GATHER = "gather",
    GATHER_GRADIENT = "gather_gradient" after "scatter",
    SELECT = "select",
    SELECT_BACKWARD_ACC = "select_backward_acc" after "scatter",
    CONCAT = "concat",
    SPLIT = "split",
}

impl Indexing for Gpu {
    fn gather(&mut self, table: &GpuMatrix, rows: &[u32], y: &mut GpuTensor) {
        if let Form::Sparse(_) = table.form {
            self.zero(y);
        }
        self.run_gather(table, rows, false, y);
    }

    fn gather_add(&mut self, table: &GpuMatrix, rows: &[u32], acc: &mut GpuTensor) {
        self.run_gather(table, rows, true, acc);
    }

    fn gather_gradient(&mut self, rows: &[u32], dy: &GpuTensor, dtable_acc: &mut GpuGradient) {
        assert!(dtable_acc.cols == dy.channels && rows.len() == dy.tokens);
        assert!(rows.iter().all(|&row| (row as usize) < dtable_acc.rows), "a row beyond the table");
        self.scatter(GATHER_GRADIENT, rows, dy, dtable_acc.bound());
    }

    fn select(&mut self, x: &GpuTensor, tokens: &[u32], y: &mut GpuTensor) {
        assert!(x.channels == y.channels && tokens.len() == y.tokens);
        assert!(tokens.iter().all(|&token| (token as usize) < x.tokens), "a token beyond the tensor");
        let tokens = Bound::Staged(self.recorder.stage(tokens));
        let shape = (y.channels, y.panels());
        self.each_number(SELECT, &[], &[(0, tokens), (1, x.bound()), (2, y.bound())], shape);
    }

    fn select_backward_acc(&mut self, dy: &GpuTensor, tokens: &[u32], dx_acc: &mut GpuTensor) {
        assert!(dx_acc.channels == dy.channels && tokens.len() == dy.tokens);
        assert!(tokens.iter().all(|&token| (token as usize) < dx_acc.tokens), "a token beyond the tensor");
        self.scatter(SELECT_BACKWARD_ACC, tokens, dy, dx_acc.bound());
    }

    fn concat(&mut self, a: &GpuTensor, b: &GpuTensor, y: &mut GpuTensor) {
        assert!(a.channels + b.channels == y.channels && a.tokens == y.tokens && b.tokens == y.tokens);
        self.recorder.run(
            Kernel { shader: CONCAT, entry: "main", constants: &halves(a, b) },
            &[(0, a.bound()), (1, b.bound()), (2, y.bound())],
            [y.channels.div_ceil(SLICES), y.panels(), 1],
        );
    }

    fn split(&mut self, dy: &GpuTensor, da: &mut GpuTensor, db: &mut GpuTensor) {
        assert!(da.channels + db.channels == dy.channels && da.tokens == dy.tokens && db.tokens == dy.tokens);
        self.recorder.run(
            Kernel { shader: SPLIT, entry: "main", constants: &halves(da, db) },
            &[(0, dy.bound()), (1, da.bound()), (2, db.bound())],
            [dy.channels.div_ceil(SLICES), dy.panels(), 1],
        );
    }
}

impl Gpu {
    /// The kernel of both gathers. Of a sparse table it only adds.
    fn run_gather(&mut self, table: &GpuMatrix, rows: &[u32], add: bool, y: &mut GpuTensor) {
        assert!(table.cols == y.channels && rows.len() == y.tokens);
        assert!(rows.iter().all(|&row| (row as usize) < table.rows), "a row beyond the table");
        let rows = Bound::Staged(self.recorder.stage(rows));
        let constants = [("CHANNELS", y.channels as f64), ("ADD", add as u32 as f64)];
        match &table.form {
            Form::Dense(values) => self.recorder.run(
                Kernel { shader: GATHER, entry: "dense", constants: &constants },
                &[(0, rows), (1, Bound::Buffer(values)), (4, y.bound())],
                [y.channels.div_ceil(SLICES), y.panels(), 1],
            ),
            Form::Sparse(w) => self.recorder.run(
                Kernel { shader: GATHER, entry: "sparse", constants: &constants },
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
    use crate::backend::cpu::testing::Random;
    use crate::backend::{Indexing, Memory};
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
    fn concat_and_split_agree_with_the_cpu() {
        let Some(mut gpu) = gpu() else { return };
        let mut random = Random::new(118);
        for tokens in 1..=20 {
            let (a, d) = (random.activations(5, tokens), random.activations(23, tokens));
            for pair in both!(&mut gpu, |b| {
                let (a, d) = (b.upload(&a), b.upload(&d));
                let (mut both, mut top, mut bottom) = (b.tensor(28, tokens), b.tensor(5, tokens), b.tensor(23, tokens));
                b.concat(&a, &d, &mut both);
                b.split(&both, &mut top, &mut bottom);
                [both, top, bottom]
            }) {
                check(pair, 0.0);
            }
        }
    }
}
