//! The parameters of a model in training, with Adam's moments: dense on the host, uploaded as a [`Model`] for every step.

use crate::backend::cpu::{Cpu, CpuMatrix};
use crate::model::{Config, Model, Params, Role, Tensor, Weights};
use crate::random::Rng;
use crate::tensor::{Matrix, WeightMatrix};
use crate::{Result, bail};

/// Above this fraction of nonzeros a matrix is uploaded as dense. Measured: the dense kernel is
/// faster from about a fifth.
const DENSE_ABOVE: f64 = 0.2;
/// Above this fraction of nonzeros a matrix is stored as dense in the model file.
const FILE_DENSE_ABOVE: f64 = 0.5;
/// Standard deviation of a weight at the start.
const INITIAL_STD: f32 = 0.02;

/// One parameter and Adam's moments.
pub struct Parameter {
    pub name: String,
    pub role: Role,
    pub value: Matrix,
    pub first_moment: Vec<f32>,
    pub second_moment: Vec<f32>,
}

impl Parameter {
    /// With moments of zero.
    pub fn new(name: String, role: Role, value: Matrix) -> Self {
        let size = value.data.len();
        Parameter { name, role, value, first_moment: vec![0.0; size], second_moment: vec![0.0; size] }
    }
}

/// Sines and cosines of the position in alternate columns `[positions, width]` (Vaswani et al. 2017, section 3.5). The wavelengths are
/// a geometric series from 4 tokens to 4 times the number of positions.
fn sinusoids(positions: usize, width: usize) -> Matrix {
    let pairs = width.div_ceil(2);
    let longest = 4.0 * positions as f64;
    let values = (0..positions * width).map(|i| {
        let (position, column) = ((i / width) as f64, i % width);
        let share = (column / 2) as f64 / (pairs.max(2) - 1) as f64;
        let angle = std::f64::consts::TAU * position / (4.0 * (longest / 4.0).powf(share));
        (if column.is_multiple_of(2) { angle.sin() } else { angle.cos() }) as f32
    });
    Matrix::new(positions, width, values.collect())
}

/// All parameters of a model in training.
pub type Parameters = Params<Parameter, Parameter>;

impl Parameters {
    /// Gaussian weights with a standard deviation of 0.02, those of matrices that write to the residual stream divided by
    /// `sqrt(2 n_layer)`. Biases, sinks and the bigram table are zero. Norms have no gain: it can be folded into the next matrix.
    /// Positions that are concatenated start as [`sinusoids`].
    pub fn new(config: &Config, seed: u64) -> Parameters {
        let mut random = Rng::new(seed);
        Params::build(config, |info| {
            let std = match info.role {
                Role::Gain => return Ok(None),
                Role::Write => INITIAL_STD / (2.0 * config.n_layer as f32).sqrt(),
                Role::Embedding | Role::Positions | Role::Read | Role::Bridge => INITIAL_STD,
                Role::Bias | Role::NormBias | Role::Sink | Role::Bigram => 0.0,
            };
            let [rows, cols] = info.shape;
            let value = match std {
                _ if info.role == Role::Positions && config.d_pos_emb.is_some() => sinusoids(rows, cols),
                0.0 => Matrix::zeros(rows, cols),
                _ => Matrix::new(rows, cols, (0..rows * cols).map(|_| random.normal() as f32 * std).collect()),
            };
            Ok(Some(info.tensor(Parameter::new(info.to_string(), info.role, value))))
        })
        .expect("every required tensor gets a value")
    }

    /// All parameters, in the same order as the gradients.
    pub fn list(&self) -> impl Iterator<Item = &Parameter> {
        self.iter().map(|(_, parameter)| parameter.into_inner())
    }

    /// As [`Parameters::list`].
    pub fn list_mut(&mut self) -> impl Iterator<Item = &mut Parameter> {
        self.iter_mut().map(|(_, parameter)| parameter.into_inner())
    }

    /// Sets the values to those of a model. The moments do not change.
    ///
    /// # Errors
    /// A model of another shape, or one with gains at its norms, which training does not have.
    pub fn set_values(&mut self, weights: &Weights) -> Result<()> {
        if weights.config != self.config {
            bail!("the model to start from has another shape than the training config's model");
        }
        if let Some((info, _)) = weights.iter().find(|(info, _)| info.role == Role::Gain) {
            bail!("the model to start from has gains ({info}); fold them into the next matrix first");
        }
        let mut values = weights.iter();
        for parameter in self.list_mut() {
            let value = match values.next() {
                Some((info, tensor)) if info.to_string() == parameter.name => match tensor {
                    Tensor::Matrix(matrix) => matrix.to_dense().data,
                    Tensor::Vector(vector) => vector.clone(),
                },
                _ => bail!("the model to start from lacks {}, which training has", parameter.name),
            };
            if value.len() != parameter.value.data.len() {
                bail!("{} of the model to start from has another shape than training has", parameter.name);
            }
            parameter.value.data = value;
        }
        match values.next() {
            Some((info, _)) => bail!("the model to start from has {info}, which training does not have"),
            None => Ok(()),
        }
    }

    /// The model as the CPU runs it; matrices become sparse when few of their entries are left.
    pub fn model(&self) -> Model<Cpu> {
        self.map(|_, parameter| match parameter {
            Tensor::Matrix(p) => Tensor::Matrix(CpuMatrix::new(WeightMatrix::compressed(p.value.clone(), DENSE_ABOVE))),
            Tensor::Vector(p) => Tensor::Vector(p.value.data.as_slice().into()),
        })
    }

    /// The weights as a model file holds them.
    pub fn weights(&self) -> Weights {
        self.map(|_, parameter| match parameter {
            Tensor::Matrix(p) => Tensor::Matrix(WeightMatrix::compressed(p.value.clone(), FILE_DENSE_ABOVE)),
            Tensor::Vector(p) => Tensor::Vector(p.value.data.clone()),
        })
    }

    /// Nonzero parameters, without the bigram table.
    pub fn nonzeros(&self) -> usize {
        self.nonzeros_by(|parameter| parameter.into_inner().value.nonzeros()).without_bigram_table()
    }
}
