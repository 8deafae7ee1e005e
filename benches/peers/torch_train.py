"""torch_train.py CONFIG.json float32|bfloat16: the trainer's step in PyTorch with dense matrices, two threads, a contestant.

Forward, backward, the gradient's RMS, Adam, and every parameter reduced to its largest magnitudes, with the final densities of the schedule."""

import json
import sys

import torch
import torch.nn.functional as F

from contest import contest

THREADS = 2
EPS = torch.finfo(torch.float32).eps
torch.set_num_threads(THREADS)
torch.manual_seed(1)
with open(sys.argv[1]) as file:
    config = json.load(file)
dtype = getattr(torch, sys.argv[2])
model, batch, context = config["model"], config["batch"], config["context"]
d, d_mlp, heads, head, vocabulary = (model[name] for name in ("d_model", "d_mlp", "n_head", "d_head", "vocab_size"))
d_attn = heads * head

# name -> (parameter, share kept)
parameters = {}


def parameter(name, shape, density):
    parameters[name] = ((0.02 * torch.randn(shape)).requires_grad_(), density)


def linear(name, rows, cols):
    parameter(f"{name}.weight", (rows, cols), config["density"])
    parameter(f"{name}.bias", (rows,), config.get("bias_density", 0.25))


parameter("wte", (vocabulary, d), config["embedding_density"])
for layer in range(model["n_layer"]):
    for part in "qkv":
        linear(f"{layer}.{part}", d_attn, d)
    linear(f"{layer}.attn_c_proj", d, d_attn)
    linear(f"{layer}.c_fc", d_mlp, d)
    linear(f"{layer}.mlp_c_proj", d, d_mlp)
    parameter(f"{layer}.sink", (heads,), 1)
parameter("lm_head", (vocabulary, d), config["embedding_density"])
parameter("final_logits_bias", (vocabulary,), config.get("bias_density", 0.25))
parameter("bigram_table", (vocabulary, vocabulary), config["bigram_nonzeros"] / vocabulary**2)
optimiser = torch.optim.AdamW(
    [value for value, _ in parameters.values()],
    lr=config["learning_rate"],
    betas=(0.9, 0.95),
    eps=0.1,
    weight_decay=0.1,
    fused=True,
)
mask = torch.full((context, context), -torch.inf).triu(1)


def get(name):
    return parameters[name][0]


def apply(x, name):
    return F.linear(x, get(f"{name}.weight"), get(f"{name}.bias"))


def norm(x):
    return F.rms_norm(x, (x.shape[-1],), eps=EPS)


def abs_top_k(x):
    size = x.detach().abs()
    threshold = size.topk(int(model["afrac"] * x.shape[-1]), sorted=False).values.amin(-1, keepdim=True)
    return x * (size >= threshold)


def by_head(x):
    return x.unflatten(-1, (heads, head)).transpose(1, 2)


def forward(tokens):
    x = F.embedding(tokens, get("wte"))
    for layer in range(model["n_layer"]):
        y = abs_top_k(norm(x))
        q, k, v = (by_head(abs_top_k(apply(y, f"{layer}.{part}"))) for part in "qkv")
        scores = q @ k.transpose(2, 3) * head**-0.5 + mask
        sink = get(f"{layer}.sink").view(1, heads, 1, 1).expand(len(tokens), heads, context, 1)
        weights = torch.cat([scores, sink.to(scores.dtype)], -1).softmax(-1)[..., :-1].to(v.dtype)
        y = (weights @ v).transpose(1, 2).flatten(2)
        x = x + abs_top_k(apply(y, f"{layer}.attn_c_proj"))
        neurons = abs_top_k(apply(abs_top_k(norm(x)), f"{layer}.c_fc").relu())
        x = x + abs_top_k(apply(neurons, f"{layer}.mlp_c_proj"))
    return F.linear(norm(x), get("lm_head"), get("final_logits_bias")) + F.embedding(tokens, get("bigram_table"))


tokens, targets = torch.randint(vocabulary, (2, batch, context))


def run():
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not torch.float32):
        logits = forward(tokens)
    F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten()).backward()
    with torch.no_grad():
        gradients = [value.grad for value, _ in parameters.values()]
        squares = sum(gradient.square().sum() for gradient in gradients)
        rms = (squares / sum(gradient.numel() for gradient in gradients)).sqrt()
        torch._foreach_div_(gradients, rms)
        optimiser.step()
        for value, density in parameters.values():
            keep = round(density * value.numel())
            if keep < value.numel():
                size = value.abs()
                value.mul_(size >= size.flatten().topk(keep, sorted=False).values.amin())
    optimiser.zero_grad()


contest(run)
