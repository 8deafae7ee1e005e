"""graph.py MODEL.safetensors OUT.onnx: a model as a dense ONNX graph, from `tokens` [T] and `mask` [T, T] to `logits` [T, vocabulary]."""

import sys

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

from model import ModelFile

EPS = np.float32(1.1920928955078125e-07)


class Graph:
    def __init__(self):
        self.nodes, self.constants, self.names = [], [], {}

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def number(self, value, dtype=np.float32):
        """A constant, cached."""
        key = (dtype, str(value))
        if key not in self.names:
            self.names[key] = self.constant(np.array(value, dtype))
        return self.names[key]

    def __call__(self, kind, *inputs, outputs=1, **attributes):
        names = [f"n{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names


def build(file):
    config, g = file.config, Graph()
    d, head = config["d_model"], config["d_head"]
    heads = config["n_head"]

    def norm(x):
        mean = g("ReduceMean", g("Mul", x, x), g.number([-1], np.int64), keepdims=1)
        return g("Div", x, g("Sqrt", g("Add", mean, g.number(EPS))))

    def abs_top_k(x, width):
        size = g("Abs", x)
        largest, _ = g("TopK", size, g.number([file.top_k(width)], np.int64), outputs=2, sorted=0)
        threshold = g("ReduceMin", largest, g.number([-1], np.int64), keepdims=1)
        return g("Where", g("GreaterOrEqual", size, threshold), x, g.number(0))

    def linear(x, name, cols):
        y = g("MatMul", x, g.constant(file.dense(f"{name}.weight", cols).T))
        return g("Add", y, g.constant(file.tensors[f"{name}.bias"]))

    def by_head(x, order):
        return g("Transpose", g("Reshape", x, g.number([-1, heads, head], np.int64)), perm=order)

    x = g("Gather", g.constant(file.dense("transformer.wte.weight", d)), "tokens")
    for layer in range(config["n_layer"]):
        at = f"transformer.h.{layer}"
        qkv = linear(abs_top_k(norm(x), d), f"{at}.attn.c_attn", d)
        q, k, v = (abs_top_k(part, d) for part in g("Split", qkv, outputs=3, axis=-1, num_outputs=3))
        scores = g("MatMul", by_head(q, [1, 0, 2]), by_head(k, [1, 2, 0]))
        scores = g("Add", g("Mul", scores, g.number(np.float32(head**-0.5))), "mask")
        y = g("MatMul", g("Softmax", scores, axis=-1), by_head(v, [1, 0, 2]))
        y = g("Reshape", g("Transpose", y, perm=[1, 0, 2]), g.number([-1, d], np.int64))
        x = g("Add", x, abs_top_k(linear(y, f"{at}.attn.c_proj", d), d))
        neurons = g("Relu", linear(abs_top_k(norm(x), d), f"{at}.mlp.c_fc", d))
        neurons = abs_top_k(neurons, config["d_mlp"])
        x = g("Add", x, abs_top_k(linear(neurons, f"{at}.mlp.c_proj", config["d_mlp"]), d))
    logits = g("MatMul", norm(x), g.constant(file.dense("lm_head.weight", d).T))
    g.nodes.append(helper.make_node("Identity", [logits], ["logits"]))

    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, ["T"]),
        helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["T", "T"]),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["T", config["vocab_size"]])]
    graph = helper.make_graph(g.nodes, "sparse-circuits", inputs, outputs, g.constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


if __name__ == "__main__":
    save(build(ModelFile(sys.argv[1])), sys.argv[2])
