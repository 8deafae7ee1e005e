//! Picking tokens, table rows or channels.

use super::{Cpu, CpuMatrix};
use crate::backend::Indexing;
use crate::tensor::{Activations, Matrix, PANEL, WeightMatrix};

impl Indexing for Cpu {
    fn gather(&mut self, table: &CpuMatrix, rows: &[u32], y: &mut Activations) {
        if let WeightMatrix::Sparse(_) = table.weights() {
            y.data_mut().fill(0.0);
        }
        add_rows(table.weights(), rows, y, false);
    }

    fn gather_add(&mut self, table: &CpuMatrix, rows: &[u32], acc: &mut Activations) {
        add_rows(table.weights(), rows, acc, true);
    }

    fn gather_gradient(&mut self, rows: &[u32], dy: &Activations, dtable_acc: &mut Matrix) {
        for (token, &row) in rows.iter().enumerate() {
            let panel = dy.panel(token / PANEL);
            for (sum, d) in
                dtable_acc.row_mut(row as usize).iter_mut().zip(panel.iter().skip(token % PANEL).step_by(PANEL))
            {
                *sum += d;
            }
        }
    }

    fn select(&mut self, x: &Activations, tokens: &[u32], y: &mut Activations) {
        assert!(x.channels() == y.channels() && tokens.len() == y.tokens());
        for (i, &token) in tokens.iter().enumerate() {
            for channel in 0..x.channels() {
                y.set(i, channel, x.get(token as usize, channel));
            }
        }
    }

    fn select_backward_acc(&mut self, dy: &Activations, tokens: &[u32], dx_acc: &mut Activations) {
        for (i, &token) in tokens.iter().enumerate() {
            for channel in 0..dx_acc.channels() {
                dx_acc.set(token as usize, channel, dx_acc.get(token as usize, channel) + dy.get(i, channel));
            }
        }
    }

    fn concat(&mut self, a: &Activations, b: &Activations, y: &mut Activations) {
        assert!(a.channels() + b.channels() == y.channels() && a.panels() == b.panels());
        let cut = a.channels() * PANEL;
        for panel in 0..y.panels() {
            let (top, bottom) = y.panel_mut(panel).split_at_mut(cut);
            top.copy_from_slice(a.panel(panel));
            bottom.copy_from_slice(b.panel(panel));
        }
    }

    fn split(&mut self, dy: &Activations, da: &mut Activations, db: &mut Activations) {
        let cut = da.channels() * PANEL;
        for panel in 0..dy.panels() {
            let (top, bottom) = dy.panel(panel).split_at(cut);
            da.panel_mut(panel).copy_from_slice(top);
            db.panel_mut(panel).copy_from_slice(bottom);
        }
    }
}

/// `y[:, t] = table[rows[t], :]`, or `+=` with `keep`. A sparse table always adds.
fn add_rows(table: &WeightMatrix, rows: &[u32], y: &mut Activations, keep: bool) {
    assert!(table.cols() == y.channels() && rows.len() == y.tokens());
    for (token, &row) in rows.iter().enumerate() {
        let panel = y.panel_mut(token / PANEL);
        let lane = token % PANEL;
        match table {
            WeightMatrix::Dense(table) if keep => {
                for (y, value) in panel.iter_mut().skip(lane).step_by(PANEL).zip(table.row(row as usize)) {
                    *y += value;
                }
            }
            WeightMatrix::Dense(table) => {
                for (y, value) in panel.iter_mut().skip(lane).step_by(PANEL).zip(table.row(row as usize)) {
                    *y = *value;
                }
            }
            WeightMatrix::Sparse(table) => {
                for (col, value) in table.row(row as usize) {
                    panel[col * PANEL + lane] += value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::cpu::testing::{Random, close};
    use crate::tensor::SparseMatrix;

    #[test]
    fn gathers_agree_with_indexing() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(11));
        for tokens in 1..=20 {
            let mut table = random.matrix(5, 7);
            table.data.iter_mut().step_by(2).for_each(|v| *v = 0.0);
            let rows: Vec<u32> = (0..tokens as u32).map(|t| t * 3 % 5).collect();
            let start = random.activations(7, tokens);
            for weights in [WeightMatrix::Dense(table.clone()), WeightMatrix::Sparse(SparseMatrix::from_dense(&table))]
            {
                let (mut plain, mut sum) = (start.clone(), start.clone());
                let table_matrix = CpuMatrix::new(weights);
                cpu.gather(&table_matrix, &rows, &mut plain);
                cpu.gather_add(&table_matrix, &rows, &mut sum);
                for (t, &row) in rows.iter().enumerate() {
                    for c in 0..7 {
                        assert_eq!(plain.get(t, c), table.get(row as usize, c));
                        assert_eq!(sum.get(t, c), start.get(t, c) + table.get(row as usize, c));
                    }
                }
            }
            let mut gradient = Matrix::zeros(5, 7);
            cpu.gather_gradient(&rows, &start, &mut gradient);
            for row in 0..5 {
                for c in 0..7 {
                    let want: f32 = (0..tokens).filter(|&t| rows[t] as usize == row).map(|t| start.get(t, c)).sum();
                    close(&[gradient.get(row, c)], &[want], 1e-6);
                }
            }
        }
    }

    #[test]
    fn selections_and_halves_are_undone() {
        let (mut cpu, mut random) = (Cpu::new(), Random::new(12));
        for tokens in 1..=20 {
            let x = random.activations(5, tokens);
            let order: Vec<u32> = (0..tokens as u32).rev().collect();
            let (mut y, mut back) = (Activations::zeros(5, tokens), Activations::zeros(5, tokens));
            cpu.select(&x, &order, &mut y);
            assert_eq!(y.get(0, 4), x.get(tokens - 1, 4));
            cpu.select_backward_acc(&y, &order, &mut back);
            assert_eq!(back.to_rows(), x.to_rows());
            let b = random.activations(2, tokens);
            let (mut whole, mut top, mut bottom) = (random.activations(7, tokens), x.clone(), b.clone());
            cpu.concat(&x, &b, &mut whole);
            assert_eq!(
                (whole.get(tokens - 1, 4), whole.get(tokens - 1, 5)),
                (x.get(tokens - 1, 4), b.get(tokens - 1, 0))
            );
            cpu.split(&whole, &mut top, &mut bottom);
            assert_eq!((top.to_rows(), bottom.to_rows()), (x.to_rows(), b.to_rows()));
        }
    }
}
