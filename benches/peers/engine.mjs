// node engine.mjs ENGINE.wasm [--file FILE] JOB...: the engine as wasm, a contestant.

import { readFileSync } from "node:fs";
import { contest } from "./contest.mjs";

const [wasm, ...rest] = process.argv.slice(2);
const file = rest[0] === "--file" ? readFileSync(rest.splice(0, 2)[1]) : new Uint8Array();

function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

let messages = [];
const host = {
  now: processorTime,
  say: (start, length) => messages.push(new Uint8Array(engine.memory.buffer.slice(start, start + length))),
};
const module = await WebAssembly.compile(readFileSync(wasm));
const instance = await WebAssembly.instantiate(module, { host, ...unused(module) });
const engine = instance.exports;

/** Imports that a dependency brings for browsers (random numbers, for the zip crate). No job calls them. */
function unused(module) {
  const imports = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (from === "host" || kind !== "function") continue;
    imports[from] ??= {};
    imports[from][name] = () => {
      throw new Error(`a job called ${from}.${name}`);
    };
  }
  return imports;
}

/** Copies bytes into the engine's memory: where and how many. */
function put(bytes) {
  const start = engine.allocate(bytes.length);
  new Uint8Array(engine.memory.buffer).set(bytes, start);
  return [start, bytes.length];
}

const texts = () => messages.splice(0).map((bytes) => new TextDecoder().decode(bytes));

try {
  const work = engine.prepare(...put(new TextEncoder().encode(rest.join(" "))), ...put(file));
  await contest({
    work,
    run: engine.run,
    output: () => (engine.output(), messages.pop()),
    parts: () => (engine.parts(), texts().map((text) => [text.split("=")[0], Number(text.split("=")[1])])),
  });
} catch (error) {
  // A panic's sentence comes before the trap.
  throw new Error(texts().join("\n") || String(error), { cause: error });
}
