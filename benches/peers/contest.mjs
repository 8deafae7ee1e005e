// The protocol of a contestant (see docs/benchmarks.md), for peers that run in node.

import { writeFileSync, writeSync } from "node:fs";
import { createInterface } from "node:readline";

const say = (line) => writeSync(1, `${line}\n`);

/** Milliseconds of processor and of wall-clock time of `times` runs. */
async function measure(run, times) {
  const cpu = process.cpuUsage();
  const wall = performance.now();
  for (let i = 0; i < times; i++) await run();
  const spent = process.cpuUsage(cpu);
  return [(spent.user + spent.system) / 1000, performance.now() - wall];
}

/**
 * @param run one run; may return a promise
 * @param output the last run's output, as a typed array
 * @param parts names and milliseconds since the last call
 * @param work floating-point operations or tokens of a run
 */
export async function contest({ run, output = () => new Float32Array(), parts = () => [], work = 0 }) {
  await run();
  // Until the engine's best code is in use: at least a second.
  let [spent, runs] = [0, 0];
  while (runs < 2 || spent < 1000) {
    spent += (await measure(run, 1))[0];
    runs++;
  }
  const repeats = Math.min(Math.max(Math.ceil((5 * runs) / spent), 1), 10_000);
  parts();
  say(`ready ${work}`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.startsWith("write ")) {
      const { buffer, byteOffset, byteLength } = output();
      writeFileSync(line.slice("write ".length), new Uint8Array(buffer, byteOffset, byteLength));
      say("done");
      continue;
    }
    const times = (await measure(run, repeats)).map((ms) => ms / repeats);
    say([...times, ...parts().map(([name, ms]) => `${name}=${ms / repeats}`)].join(" "));
  }
}
