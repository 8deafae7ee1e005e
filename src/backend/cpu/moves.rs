//! Ops that move, add or mask numbers: gathers, selections, edits, gates and their backward.

use super::simd::{Lanes, kernel};
use crate::backend::ChannelAffine;
use crate::tensor::{Activations, Matrix, PANEL, WeightMatrix};

/// `y[:, t] = table[rows[t], :]`.
pub fn gather(table: &WeightMatrix, rows: &[u32], y: &mut Activations) {
    if let WeightMatrix::Sparse(_) = table {
        y.data_mut().fill(0.0);
    }
    add_rows(table, rows, y, false);
}

/// `acc[:, t] += table[rows[t], :]`.
pub fn gather_add(table: &WeightMatrix, rows: &[u32], y: &mut Activations) {
    add_rows(table, rows, y, true);
}

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

/// `dtable_acc[rows[t], :] += dy[:, t]`.
pub fn gather_gradient(rows: &[u32], dy: &Activations, dtable: &mut Matrix) {
    for (token, &row) in rows.iter().enumerate() {
        let panel = dy.panel(token / PANEL);
        for (sum, d) in dtable.row_mut(row as usize).iter_mut().zip(panel.iter().skip(token % PANEL).step_by(PANEL)) {
            *sum += d;
        }
    }
}

/// `y[:, i] = x[:, tokens[i]]`.
pub fn select(x: &Activations, tokens: &[u32], y: &mut Activations) {
    assert!(x.channels() == y.channels() && tokens.len() == y.tokens());
    for (i, &token) in tokens.iter().enumerate() {
        for channel in 0..x.channels() {
            y.set(i, channel, x.get(token as usize, channel));
        }
    }
}

/// `dx_acc[:, tokens[i]] += dy[:, i]`.
pub fn select_backward_acc(dy: &Activations, tokens: &[u32], dx: &mut Activations) {
    for (i, &token) in tokens.iter().enumerate() {
        for channel in 0..dx.channels() {
            dx.set(token as usize, channel, dx.get(token as usize, channel) + dy.get(i, channel));
        }
    }
}

/// `y = a` above `b`.
pub fn concat(a: &Activations, b: &Activations, y: &mut Activations) {
    assert!(a.channels() + b.channels() == y.channels() && a.panels() == b.panels());
    let cut = a.channels() * PANEL;
    for panel in 0..y.panels() {
        let (top, bottom) = y.panel_mut(panel).split_at_mut(cut);
        top.copy_from_slice(a.panel(panel));
        bottom.copy_from_slice(b.panel(panel));
    }
}

/// The inverse of `concat`.
pub fn split(y: &Activations, a: &mut Activations, b: &mut Activations) {
    let cut = a.channels() * PANEL;
    for panel in 0..y.panels() {
        let (top, bottom) = y.panel(panel).split_at(cut);
        a.panel_mut(panel).copy_from_slice(top);
        b.panel_mut(panel).copy_from_slice(bottom);
    }
}

kernel! {
    pub fn add<A>(delta: &Activations, x: &mut Activations) {
        assert!(delta.channels() == x.channels() && delta.tokens() == x.tokens());
        for (delta, x) in delta.data().chunks_exact(PANEL).zip(x.data_mut().chunks_exact_mut(PANEL)) {
            Lanes::load(delta).add(Lanes::load(x)).store(x);
        }
    }
}

kernel! {
    pub fn abs_top_k_backward<A>(kept: &Activations, grad: &mut Activations) {
        assert!(kept.channels() == grad.channels() && kept.tokens() == grad.tokens());
        for (kept, grad) in kept.data().chunks_exact(PANEL).zip(grad.data_mut().chunks_exact_mut(PANEL)) {
            Lanes::load(grad).where_nonzero(Lanes::load(kept)).store(grad);
        }
    }
}

pub fn channel_affine(changes: &[ChannelAffine], x: &mut Activations) {
    for edit in changes {
        let change = |value: f32| if edit.scale == 0.0 { edit.shift } else { value * edit.scale + edit.shift };
        match &edit.tokens {
            Some(tokens) => {
                for &token in tokens {
                    let value = x.get(token as usize, edit.channel as usize);
                    x.set(token as usize, edit.channel as usize, change(value));
                }
            }
            None => {
                for panel in 0..x.panels() {
                    for value in &mut x.panel_mut(panel)[edit.channel as usize * PANEL..][..PANEL] {
                        *value = change(*value);
                    }
                }
            }
        }
    }
}

pub fn patch(source: &Activations, channels: &[u32], tokens: &[(u32, u32)], x: &mut Activations) {
    for &channel in channels {
        for &(from, to) in tokens {
            x.set(to as usize, channel as usize, source.get(from as usize, channel as usize));
        }
    }
}

kernel! {
    pub fn mean_ablate<A>(mask: &[f32], mean: &[f32], x: &mut Activations) {
        assert!(mask.len() == x.channels() && mean.len() == x.channels());
        for panel in 0..x.panels() {
            for ((x, &m), &mean) in x.panel_mut(panel).chunks_exact_mut(PANEL).zip(mask).zip(mean) {
                // exactly the value or exactly the mean at m = 1 and 0
                if m == 0.0 {
                    Lanes::splat(mean).store(x);
                } else if m != 1.0 {
                    Lanes::splat(m).mul_add::<A>(Lanes::load(x), Lanes::splat((1.0 - m) * mean)).store(x);
                }
            }
        }
    }
}

kernel! {
    pub fn mean_ablate_backward<A>(mask: &[f32], mean: &[f32], before: &Activations, grad: &mut Activations, dmask: &mut Matrix) {
        assert!(mask.len() == grad.channels() && before.channels() == grad.channels() && dmask.data.len() == mask.len());
        for panel in 0..grad.panels() {
            let before = before.panel(panel);
            let grad = grad.panel_mut(panel);
            for (channel, (before, grad)) in before.chunks_exact(PANEL).zip(grad.chunks_exact_mut(PANEL)).enumerate() {
                let g = Lanes::load(grad);
                let change = Lanes::load(before).sub(Lanes::splat(mean[channel]));
                dmask.data[channel] += g.mul(change).sum();
                g.mul(Lanes::splat(mask[channel])).store(grad);
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
        let mut random = Random::new(11);
        for tokens in 1..=20 {
            let mut table = random.matrix(5, 7);
            table.data.iter_mut().step_by(2).for_each(|v| *v = 0.0);
            let rows: Vec<u32> = (0..tokens as u32).map(|t| t * 3 % 5).collect();
            let start = random.activations(7, tokens);
            for weights in [WeightMatrix::Dense(table.clone()), WeightMatrix::Sparse(SparseMatrix::from_dense(&table))]
            {
                let (mut plain, mut sum) = (start.clone(), start.clone());
                gather(&weights, &rows, &mut plain);
                gather_add(&weights, &rows, &mut sum);
                for (t, &row) in rows.iter().enumerate() {
                    for c in 0..7 {
                        assert_eq!(plain.get(t, c), table.get(row as usize, c));
                        assert_eq!(sum.get(t, c), start.get(t, c) + table.get(row as usize, c));
                    }
                }
            }
            let mut gradient = Matrix::zeros(5, 7);
            gather_gradient(&rows, &start, &mut gradient);
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
        let mut random = Random::new(12);
        for tokens in 1..=20 {
            let x = random.activations(5, tokens);
            let order: Vec<u32> = (0..tokens as u32).rev().collect();
            let (mut y, mut back) = (Activations::zeros(5, tokens), Activations::zeros(5, tokens));
            select(&x, &order, &mut y);
            assert_eq!(y.get(0, 4), x.get(tokens - 1, 4));
            select_backward_acc(&y, &order, &mut back);
            assert_eq!(back.to_rows(), x.to_rows());
            let b = random.activations(2, tokens);
            let (mut whole, mut top, mut bottom) = (random.activations(7, tokens), x.clone(), b.clone());
            concat(&x, &b, &mut whole);
            assert_eq!(
                (whole.get(tokens - 1, 4), whole.get(tokens - 1, 5)),
                (x.get(tokens - 1, 4), b.get(tokens - 1, 0))
            );
            split(&whole, &mut top, &mut bottom);
            assert_eq!((top.to_rows(), bottom.to_rows()), (x.to_rows(), b.to_rows()));
        }
    }

    #[test]
    fn gates_are_exact_at_the_ends_and_their_gradient_is_the_slope() {
        let mut random = Random::new(13);
        for tokens in [16, 32] {
            let x = random.activations(4, tokens);
            let (mask, mean) = ([1.0, 0.0, 0.3, 0.9], [0.5, -0.25, 2.0, 0.0]);
            let mut y = x.clone();
            mean_ablate(&mask, &mean, &mut y);
            for t in 0..tokens {
                assert_eq!((y.get(t, 0), y.get(t, 1)), (x.get(t, 0), -0.25));
                close(&[y.get(t, 2)], &[0.3 * x.get(t, 2) + 0.7 * 2.0], 1e-6);
            }
            let dy = random.activations(4, tokens);
            let (mut grad, mut dmask) = (dy.clone(), Matrix::zeros(1, 4));
            mean_ablate_backward(&mask, &mean, &x, &mut grad, &mut dmask);
            for c in 0..4 {
                let want: f32 = (0..tokens).map(|t| dy.get(t, c) * (x.get(t, c) - mean[c])).sum();
                close(&[dmask.data[c]], &[want], 1e-5);
                assert_eq!(grad.get(1, c), dy.get(1, c) * mask[c]);
            }
        }
    }

    #[test]
    fn edits_and_patches_touch_what_they_name() {
        let mut random = Random::new(14);
        let x = random.activations(3, 20);
        let mut y = x.clone();
        channel_affine(&[ChannelAffine { channel: 1, scale: 0.0, shift: 7.0, tokens: Some(vec![0, 19]) }], &mut y);
        channel_affine(&[ChannelAffine { channel: 2, scale: -2.0, shift: 0.0, tokens: None }], &mut y);
        assert_eq!((y.get(0, 1), y.get(19, 1), y.get(5, 1)), (7.0, 7.0, x.get(5, 1)));
        assert_eq!(y.get(6, 2), -2.0 * x.get(6, 2));
        let source = random.activations(3, 5);
        patch(&source, &[0], &[(4, 19), (3, 18)], &mut y);
        assert_eq!((y.get(19, 0), y.get(18, 0), y.get(17, 0)), (source.get(4, 0), source.get(3, 0), x.get(17, 0)));
    }
}
