// node onnxruntime_web.mjs PACKAGES MODEL.onnx TOKENS: onnxruntime's wasm, one thread, a contestant.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { contest } from "./contest.mjs";

const [packages, model, count] = process.argv.slice(2);
const ort = createRequire(`${packages}/`)("onnxruntime-web");
ort.env.wasm.numThreads = 1;

const tokens = Number(count);
const session = await ort.InferenceSession.create(readFileSync(model), { executionProviders: ["wasm"] });
const ids = BigInt64Array.from({ length: tokens }, (_, i) => BigInt((i * 167 + 13) % 1024));
const mask = Float32Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? -Infinity : 0));
const inputs = {
  tokens: new ort.Tensor("int64", ids, [tokens]),
  mask: new ort.Tensor("float32", mask, [tokens, tokens]),
};

let logits;
await contest({
  run: async () => {
    logits?.dispose();
    ({ logits } = await session.run(inputs));
  },
  output: () => logits.data,
});
