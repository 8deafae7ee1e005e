/** What the engine runs on and why, and what it says when it fails. */
import type { BackendState, FailureKind } from '../engine/protocol';
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

/** The footer's line after a restart. */
export function restarted(cause: string): string {
  return `The engine failed${because(cause)} and was restarted.`;
}

/** Why a call to the engine has no answer. */
export function engineFailure(kind: FailureKind, cause: string): string {
  switch (kind) {
    case 'not started':
      return `The engine stopped${because(cause)}. Load the page again. If this happens again, this browser may lack WebAssembly SIMD.`;
    case 'failed':
      return `The engine failed twice with this input${because(cause)}. Change the input to continue.`;
    case 'stopped':
      return `The engine failed three times in a row${because(cause)}. Load the page again to continue.`;
  }
}

/** Why a call to the dense twin has no answer. */
export function twinFailure(kind: FailureKind, cause: string): string {
  return kind === 'failed'
    ? `The dense twin failed twice with this input${because(cause)}. Change the input to continue.`
    : `The dense twin stopped${because(cause)}. Close it and open it again.`;
}

function because(cause: string): string {
  const line = cause.trim().split('\n')[0]!;
  return line === '' ? '' : ` (${line.length > MOST ? `${line.slice(0, MOST)}…` : line})`;
}

/** The first line, cut where it is long, with a full stop. */
function first(error: string): string {
  const line = error.trim().split('\n')[0]!.replace(/^the compute device failed: /, '');
  return line.length > MOST ? `${line.slice(0, MOST)}…` : line.replace(/\.?$/, '.');
}
