/** Why the model runs on this backend, in a sentence. */
import type { BackendState } from '../engine/protocol';
import { milliseconds } from './format';

/** Of an error's text: what fits into a line. */
const MOST = 120;

export function why({ name, reason }: BackendState): string {
  switch (reason.kind) {
    case 'first':
      return '';
    case 'chosen':
      return 'As you chose.';
    case 'measured': {
      const { cpu, webgpu, software } = reason;
      const there = software ? 'on WebGPU (a software adapter)' : 'on WebGPU';
      return name === 'cpu'
        ? `A pass takes ${milliseconds(cpu)} here, ${milliseconds(webgpu)} ${there}.`
        : `A pass takes ${milliseconds(webgpu)} here, ${milliseconds(cpu)} on the CPU.`;
    }
    case 'absent':
      return 'This browser has no WebGPU.';
    case 'no adapter':
      return 'WebGPU finds no GPU here.';
    case 'failed':
      return `WebGPU does not run, so the CPU does: ${first(reason.error)}`;
  }
}

/** The first line, cut where it is long, with a full stop. */
function first(error: string): string {
  const line = error.trim().split('\n')[0]!.replace(/^the compute device failed: /, '');
  return line.length > MOST ? `${line.slice(0, MOST)}…` : line.replace(/\.?$/, '.');
}
