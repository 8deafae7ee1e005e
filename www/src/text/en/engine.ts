/** What loading and the engine can say: progress, reasons and failures. */
import type { BackendState, FailureKind, Reason } from '../../engine/protocol';
import { milliseconds } from '../format';
import { LINE, because } from './common';

/** Why a file of the models folder cannot be used. */
export const files = {
  lost: (url: string, status: number | null) =>
    `${url} could not be loaded (${status === null ? 'no connection' : `status ${status}`}). Check the connection and load the page again.`,
  unusable: (file: string, error: string) => `${file} cannot be used: ${error}`,
  notJson: (url: string) => `${url} is not valid JSON: the models folder is incomplete or missing.`,
};

/** Why a file cannot be downloaded. */
export const download = {
  badSize: (name: string, bytes: number, max: number) => `${name} cannot be loaded: its size of ${bytes} bytes is not a whole number from 1 to ${max}.`,
  status: (name: string, status: number) => `${name} could not be loaded: the server answered with status ${status}.`,
  otherSize: (name: string, announced: number, bytes: number) => `${name} has ${announced} bytes instead of the ${bytes} bytes in the manifest: it is damaged or another file.`,
  tooLong: (name: string, bytes: number) => `${name} has more than the ${bytes} bytes in the manifest: it is damaged or another file.`,
  stopped: (name: string, at: number, bytes: number) => `The download of ${name} stopped after ${at} of ${bytes} bytes. Check the connection and load the page again.`,
  tooShort: (name: string, at: number, bytes: number) => `${name} ends after ${at} of ${bytes} bytes: it is damaged. Load the page again, or replace the file.`,
  noConnection: (name: string) => `${name} could not be loaded: no connection. Check the connection and load the page again.`,
  noMemory: (name: string, bytes: number) => `${name} needs ${bytes} bytes of memory, which this browser does not give. Close other tabs and load the page again.`,
};

/** What is wrong with the manifest or its placeholder. */
export const manifest = {
  version: (version: string) => `models/manifest.json has version ${version}. This page reads version 1.`,
  noModel: 'models/manifest.json lists no model.',
  wrong: (where: string, wanted: string) => `models/manifest.json or its poster.json is wrong: ${where} must be ${wanted}. Publish the models folder again.`,
  wanted: {
    object: 'an object',
    list: 'a list',
    text: 'a text',
    number: 'a number',
    integer: (min: number, max: number) => `a whole number from ${min} to ${max}`,
    pair: 'two numbers',
    texts: 'two texts',
    task: 'at least one task',
    preset: 'at least one preset',
    token: 'at least one token',
    file: 'a file name relative to models/',
    total: (bytes: number) => `at most ${bytes} bytes in all`,
    numbers: (count: number) => `${count} numbers`,
  },
};

/** The engine's backend with the reason, and its failures. */
export const engine = {
  /** Why the model runs on this backend. */
  why: ({ name, reason }: BackendState): string => {
    switch (reason.kind) {
      case 'first':
        return '';
      case 'chosen':
        return 'Selected manually.';
      case 'measured': {
        const { cpu, webgpu, software } = reason;
        const there = software ? 'on WebGPU (a software adapter)' : 'on WebGPU';
        return name === 'cpu'
          ? `A forward pass takes ${milliseconds(cpu)} here and ${milliseconds(webgpu)} ${there}.`
          : `A forward pass takes ${milliseconds(webgpu)} here and ${milliseconds(cpu)} on the CPU.`;
      }
      case 'absent':
        return 'This browser has no WebGPU.';
      case 'no adapter':
        return 'WebGPU finds no GPU.';
      case 'failed':
        return `WebGPU failed, so the CPU is used: ${first(reason.error)}`;
    }
  },
  /** The footer's line after a restart. */
  restarted: (cause: string) => `The engine failed${because(cause)} and was restarted.`,
  /** Why a call to the engine has no answer. */
  failure: (kind: FailureKind, cause: string): string => {
    switch (kind) {
      case 'not started':
        return `The engine did not start${because(cause)}. Load the page again. If this happens again, this browser may lack WebAssembly SIMD, or the server sends .js files with a type other than text/javascript.`;
      case 'failed':
        return `The engine failed twice with this input${because(cause)}. Change the input to continue.`;
      case 'stopped':
        return `The engine failed three times in a row${because(cause)}. Load the page again to continue.`;
    }
  },
  noWasm: (error: string) => `This browser cannot run the engine, which needs WebAssembly with SIMD (${error}). Use a recent browser.`,
  tokenizerLost: (error: string) => `The tokenizer could not be loaded, so only the examples can run (${error}). Check the connection and type again.`,
  noTask: (file: string, task: string) => `${file} has no task ${task}.`,
  notLoaded: 'The model is not loaded yet.',
  noCounterfactual: 'The counterfactual prompt is empty, so there is nothing to take values from.',
  /** Why the task's rule makes no counterfactual prompt. */
  noRule: (reason: Reason): string => {
    switch (reason.kind) {
      case 'noString':
        return 'No string is open at the end of the prompt, so there is no quote to flip. Type an opening quote.';
      case 'tripleQuotes':
        return 'The open string has triple quotes. Neither of the two closes it.';
      case 'holdsQuote':
        return `The open string contains a ${reason.quote}, which would end it early after the flip.`;
      case 'noList':
        return 'No list is open at the end of the prompt, so there is no depth to flip. Type an opening bracket.';
      case 'noBracket':
        return 'No brace or square bracket is open at the end of the prompt, so there is nothing to flip. Type {" or [" and a word.';
      case 'inString':
        return 'A string is open at the end of the prompt, so no list can end there.';
      case 'inComment':
        return 'The prompt ends in a comment, where this task does not apply.';
      case 'notName':
        return 'The last line must be just a name, such as count, or if and a name.';
      case 'notVariable':
        return "The last line must be just a variable's name, such as current.";
      case 'otherLine':
        return 'The prompt does not end in a line that this task is about.';
      case 'noClue':
        return 'No name in the prompt tells the answer.';
      case 'noValue':
        return `The prompt must first set ${reason.variable} to set() or to "", so that there is something to flip.`;
      case 'notPython':
        return 'After the flip this prompt would not be valid Python.';
      case 'otherNotRight':
        return 'This prompt cannot be flipped: the other answer would not be right after the change.';
      case 'cut':
        return 'The model reads only the end of this prompt, and what decides the answer comes before it.';
    }
  },
  noManifest: 'The manifest is not loaded yet.',
};

/** The first line, cut where it is long, with a full stop. */
function first(error: string): string {
  const line = error.trim().split('\n')[0]!.replace(/^the compute device failed: /, '');
  return line.length > LINE ? `${line.slice(0, LINE)}…` : line.replace(/\.?$/, '.');
}
