"""Reads the engine's lossless model files: safetensors with sparse matrices in parts."""

import json

import numpy as np

DTYPES = {"F32": np.float32, "I32": np.int32}


class ModelFile:
    def __init__(self, path):
        data = np.memmap(path, np.uint8, "r")
        length = int(data[:8].view(np.uint64)[0])
        header = json.loads(bytes(data[8 : 8 + length]))
        self.config = json.loads(header.pop("__metadata__")["sparse-circuits"])["config"]
        self.tensors = {}
        for name, entry in header.items():
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            self.tensors[name] = np.array(data[start:end]).view(DTYPES[entry["dtype"]]).reshape(entry["shape"])

    def csr(self, name, cols):
        """Row pointers, columns, values and the shape."""
        indptr, indices, values = (self.tensors[f"{name}.{part}"] for part in ("indptr", "indices", "values"))
        return indptr, indices, values, (len(indptr) - 1, cols)

    def dense(self, name, cols):
        indptr, indices, values, shape = self.csr(name, cols)
        out = np.zeros(shape, np.float32)
        out[np.repeat(np.arange(shape[0]), np.diff(indptr)), indices] = values
        return out

    def top_k(self, width):
        return int(self.config["afrac"] * width)


def prompt(tokens):
    """The prompt of the benchmarks: the same formula as in engine/src/models.rs."""
    return (np.arange(tokens) * 167 + 13) % 1024


def causal_mask(tokens):
    return np.triu(np.full((tokens, tokens), -np.inf, np.float32), 1)
