"""torch_csr.py MODEL.safetensors TOKENS: PyTorch with compressed sparse rows, one thread, a contestant."""

import sys
import warnings

import torch

from contest import contest
from model import ModelFile, causal_mask, prompt

EPS = torch.finfo(torch.float32).eps
warnings.filterwarnings("ignore", category=UserWarning)  # sparse rows are "in beta"
torch.set_num_threads(1)
file, count = ModelFile(sys.argv[1]), int(sys.argv[2])
config = file.config
d, heads, head = config["d_model"], config["n_head"], config["d_head"]


def csr(name, cols):
    *parts, shape = file.csr(name, cols)
    return torch.sparse_csr_tensor(*map(torch.from_numpy, parts), shape)


def linear(name, cols):
    return csr(f"{name}.weight", cols), torch.from_numpy(file.tensors[f"{name}.bias"])


embedding, unembedding = torch.from_numpy(file.dense("transformer.wte.weight", d)), csr("lm_head.weight", d)
blocks = []
for layer in range(config["n_layer"]):
    at = f"transformer.h.{layer}"
    widths = {"attn.c_attn": d, "attn.c_proj": d, "mlp.c_fc": d, "mlp.c_proj": config["d_mlp"]}
    blocks.append([linear(f"{at}.{name}", width) for name, width in widths.items()])


def product(x, weight):
    return (weight @ x.T).T


def apply(x, linear):
    return product(x, linear[0]) + linear[1]


def norm(x):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS)


def abs_top_k(x):
    size = x.abs()
    threshold = size.topk(file.top_k(x.shape[-1]), sorted=False).values.amin(-1, keepdim=True)
    return torch.where(size >= threshold, x, 0)


def by_head(x):
    return x.reshape(-1, heads, head).transpose(0, 1)


def forward(tokens, mask):
    x = embedding[tokens]
    for c_attn, attn_c_proj, c_fc, mlp_c_proj in blocks:
        q, k, v = (by_head(abs_top_k(part)) for part in apply(abs_top_k(norm(x)), c_attn).chunk(3, -1))
        scores = torch.baddbmm(mask, q, k.transpose(1, 2), alpha=head**-0.5)
        y = (scores.softmax(-1) @ v).transpose(0, 1).reshape(-1, d)
        x = x + abs_top_k(apply(y, attn_c_proj))
        neurons = abs_top_k(apply(abs_top_k(norm(x)), c_fc).relu())
        x = x + abs_top_k(apply(neurons, mlp_c_proj))
    return product(norm(x), unembedding)


tokens, mask, last = torch.from_numpy(prompt(count)), torch.from_numpy(causal_mask(count)), {}


@torch.inference_mode()
def run():
    last["logits"] = forward(tokens, mask)


contest(run, lambda: last["logits"].numpy())
