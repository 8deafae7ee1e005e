//! Text, one token at a time. The pass is [`super::forward()`] over the new tokens only: hooks keep the keys and values of earlier
//! tokens and let the new one attend to them.

use super::attention::attention_weights;
use super::{Hook, Hooks, LogitsAt, Model, Site, Weights, forward};
use crate::backend::Batch;
use crate::backend::cpu::Cpu;
use crate::random::Rng;
use crate::tensor::Activations;
use crate::{Result, bail};

/// A model that reads one token after another.
pub struct Generator {
    cpu: Cpu,
    model: Model<Cpu>,
    /// Tokens in the cache.
    tokens: Vec<u32>,
    cache: Cache,
}

/// Keys and values of the tokens so far, for each layer `[token][d_attn]`, and what the newest token needs to attend to them.
struct Cache {
    layers: Vec<[Vec<f32>; 2]>,
    sinks: Vec<Option<Vec<f32>>>,
    d_head: usize,
    query: Vec<f32>,
    /// Tokens of the pass, and of those before it.
    new: usize,
    old: usize,
}

impl Hooks<Cpu> for Cache {
    fn forward(&mut self, _: &mut Cpu, hook: Hook, x: &mut Activations) -> Result<()> {
        let Hook::At { layer, site } = hook else { return Ok(()) };
        let channels = x.channels();
        let rows = || (0..self.new).flat_map(|token| (0..channels).map(move |channel| (token, channel)));
        match site {
            Site::AttnQ => self.query = rows().map(|(token, channel)| x.get(token, channel)).collect(),
            Site::AttnK | Site::AttnV => {
                let values: Vec<f32> = rows().map(|(token, channel)| x.get(token, channel)).collect();
                self.layers[layer][usize::from(site == Site::AttnV)].extend(values);
            }
            // in the first pass every key is new, so the pass's own attention is right
            Site::AttnY if self.old > 0 => {
                for (channel, value) in self.attention(layer).into_iter().enumerate() {
                    x.set(0, channel, value);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

impl Cache {
    fn clear(&mut self) {
        self.layers.iter_mut().flatten().for_each(Vec::clear);
    }

    /// The newest token's attention over all tokens, head by head.
    fn attention(&self, layer: usize) -> Vec<f32> {
        let [keys, values] = &self.layers[layer];
        let d_attn = self.query.len();
        let mut y = vec![0.0; d_attn];
        for (head, out) in y.chunks_exact_mut(self.d_head).enumerate() {
            let channels = head * self.d_head..(head + 1) * self.d_head;
            let keys = keys.chunks_exact(d_attn).map(|key| &key[channels.clone()]);
            let sink = self.sinks[layer].as_ref().map(|sinks| sinks[head]);
            let (weights, _) = attention_weights(&self.query[channels.clone()], keys, sink);
            for (weight, value) in weights.into_iter().zip(values.chunks_exact(d_attn)) {
                out.iter_mut().zip(&value[channels.clone()]).for_each(|(out, value)| *out += weight * value);
            }
        }
        y
    }
}

impl Generator {
    pub fn new(weights: &Weights) -> Generator {
        let mut cpu = Cpu::new();
        let model = weights.upload(&mut cpu);
        let cache = Cache {
            layers: weights.blocks.iter().map(|_| Default::default()).collect(),
            sinks: weights.blocks.iter().map(|block| block.sinks.clone()).collect(),
            d_head: weights.config.d_head,
            query: Vec::new(),
            new: 0,
            old: 0,
        };
        Generator { cpu, model, tokens: Vec::new(), cache }
    }

    /// Reads a token and returns the logits of the next one. Beyond the context length the oldest
    /// token is dropped. The others are then read again, because every later key and value depends
    /// on it.
    ///
    /// # Errors
    /// A token beyond the vocabulary.
    pub fn push(&mut self, token: u32) -> Result<Vec<f32>> {
        self.model.check_tokens("the text", &[token])?;
        self.tokens.push(token);
        let context = self.model.config.block_size;
        if self.tokens.len() > context {
            self.tokens.drain(..self.tokens.len() - context);
            self.cache.clear();
            self.pass(0)
        } else {
            self.pass(self.tokens.len() - 1)
        }
    }

    /// Reads the tokens from `first` on; the cache holds those before. Either all tokens are new or one.
    fn pass(&mut self, first: usize) -> Result<Vec<f32>> {
        let batch = Batch::continued(&self.tokens[first..], first);
        (self.cache.old, self.cache.new) = (first, self.tokens.len() - first);
        let logits = forward(&mut self.cpu, &self.model, &batch, LogitsAt::Last, &mut self.cache)?;
        Ok((0..logits.channels()).map(|token| logits.get(0, token)).collect())
    }
}

/// Chooses the next token from its logits.
pub struct Sampler {
    temperature: f64,
    top_p: f64,
    random: Rng,
}

impl Sampler {
    /// Temperature 0 takes the likeliest token (the lower id of equals). Otherwise one is drawn from the smallest set of likeliest
    /// tokens that together have a probability of at least `top_p`. The same seed draws the same tokens on every machine.
    ///
    /// # Errors
    /// A temperature below 0, a `top_p` outside (0, 1].
    pub fn new(temperature: f64, top_p: f64, seed: u64) -> Result<Sampler> {
        if !(temperature.is_finite() && temperature >= 0.0) {
            bail!("the temperature must be 0 or more, not {temperature}");
        }
        if !(top_p > 0.0 && top_p <= 1.0) {
            bail!("top-p must be above 0 and at most 1, not {top_p}");
        }
        Ok(Sampler { temperature, top_p, random: Rng::new(seed) })
    }

    /// `logits` must not be empty, and all of them must be finite.
    pub fn next(&mut self, logits: &[f32]) -> u32 {
        let mut ids: Vec<u32> = (0..logits.len() as u32).collect();
        ids.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
        if self.temperature == 0.0 {
            return ids[0];
        }
        let largest = f64::from(logits[ids[0] as usize]);
        let weights: Vec<f64> =
            ids.iter().map(|&id| ((f64::from(logits[id as usize]) - largest) / self.temperature).exp()).collect();
        let total: f64 = weights.iter().sum();
        let mut kept = 0.0;
        let mut count = 0;
        while count < ids.len() && (count == 0 || kept < self.top_p * total) {
            kept += weights[count];
            count += 1;
        }
        let mut left = self.random.uniform() * kept;
        for (&id, weight) in ids.iter().zip(&weights[..count]) {
            if left < *weight {
                return id;
            }
            left -= weight;
        }
        ids[count - 1]
    }
}
