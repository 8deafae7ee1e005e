import { expect, it } from 'vitest';
import type { BackendReason } from '../engine/protocol';
import { why } from './backend';

const said = (reason: BackendReason, name: 'cpu' | 'webgpu' = 'cpu') => why({ name, reason, other: null }).replaceAll('\u00a0', ' ');

it('compares the two times from where the model runs', () => {
  const measured = { kind: 'measured' as const, cpu: 1.04, webgpu: 9, software: false };
  expect(said(measured)).toBe('A pass takes 1.0 ms here, 9.0 ms on WebGPU.');
  expect(said({ ...measured, cpu: 120 }, 'webgpu')).toBe('A pass takes 9.0 ms here, 120 ms on the CPU.');
  expect(said({ ...measured, software: true })).toContain('a software adapter');
});
it('says what failed in one line', () => {
  expect(said({ kind: 'failed', error: 'the compute device failed: the device was lost: gone' })).toBe('WebGPU does not run, so the CPU does: the device was lost: gone.');
  const long = said({ kind: 'failed', error: `${'x'.repeat(500)}\nsecond` });
  expect(long.length).toBeLessThan(200);
  expect(long).not.toContain('second');
});
it('says nothing before anything is known', () => {
  expect(said({ kind: 'first' })).toBe('');
  expect(said({ kind: 'absent' })).toContain('no WebGPU');
  expect(said({ kind: 'no adapter' })).toContain('no GPU');
  expect(said({ kind: 'chosen' })).not.toBe('');
});
