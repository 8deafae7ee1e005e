"""onnxruntime_native.py MODEL.onnx TOKENS: onnxruntime on the CPU, one thread, a contestant."""

import sys

import onnxruntime

from contest import contest
from model import causal_mask, prompt

tokens = int(sys.argv[2])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
inputs = {"tokens": prompt(tokens), "mask": causal_mask(tokens)}
last = {}


def run():
    last["logits"] = session.run(["logits"], inputs)[0]


contest(run, lambda: last["logits"])
