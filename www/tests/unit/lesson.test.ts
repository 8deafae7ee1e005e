/** The questions of the tour, for every task of the default model and with the nodes of its circuits. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findNode } from '../../src/domain/nodes';
import { defaultModel, readManifest, type ManifestTask } from '../../src/engine/manifest';
import type { CircuitInfo, RunResult, TaskInfo } from '../../src/engine/protocol';
import { opening, QUESTIONS, sameRun, withFlip, withNode, withTour } from '../../src/state/document';
import type { Snapshot } from '../../src/state/screen';
import { tour as text, type Answered, type Question } from '../../src/text/en/lesson';
import { plainText } from '../../src/text/rich-text';
import { offNode, promptsOf } from '../../src/features/lesson/prompts';
import { answeredOf, matches, ORDER, outcome, sceneOf } from '../../src/features/lesson/steps';

const models = join(import.meta.dirname, '../../../models');
const read = (name: string) => JSON.parse(readFileSync(join(models, name), 'utf8'));
const tasks = defaultModel(readManifest(read('manifest.json'))).tasks;

const model = { layers: 3, width: 128, attnWidth: 128, headWidth: 16, mlpWidth: 512 };

/** A task with the nodes of its circuit file. */
function taskOf(listed: ManifestTask): TaskInfo {
  const nodes = (read(listed.circuit).circuit.nodes as string[]).map((node) => ({ node, ...findNode({ nodes: [] } as unknown as CircuitInfo, node, model.headWidth) }));
  return { ...listed, circuit: { nodes, flipNodes: [], accuracy: 0.9 } as unknown as CircuitInfo };
}

describe.each(tasks.map((listed) => [listed.name, taskOf(listed)] as const))('%s', (_, task) => {
  const scenes = ORDER.map((_, index) => sceneOf(index + 1, task)!);
  it('has six questions that change one thing each, from the same start', () => {
    expect(scenes.length).toBe(QUESTIONS);
    const start = opening(task.name, task.presets[0]!.a.text, null);
    for (const { before, after, question } of scenes) {
      expect(matches(before, start), question).toBe(true);
      expect(sameRun(before, after), question).toBe(false);
      expect(matches(after, before), question).toBe(false);
    }
    expect(new Set(scenes.map(({ after }) => JSON.stringify([after.a, after.edits]))).size).toBe(QUESTIONS);
    expect([0, QUESTIONS + 1].map((step) => sceneOf(step, task))).toEqual([null, null]);
  });
  it('switches off a node of its circuit, and reads three new texts', () => {
    expect(task.circuit.nodes.map(({ node }) => node)).toContain(offNode(task));
    const { other, longer, trap } = promptsOf(task);
    expect(new Set([task.presets[0]!.a.text, other, longer, trap]).size).toBe(4);
  });
});

it('names no node that the shipped circuit of its task does not have', () => {
  const quote = taskOf(tasks.find(({ name }) => name === 'single_double_quote')!);
  expect(offNode(quote)).not.toBe(quote.start);
});

it('knows its scene whatever is selected', () => {
  const { after } = sceneOf(6, taskOf(tasks[0]!))!;
  const shown = withTour(withNode(after, '0.mlp.post_act.1'), { step: 6, shown: true, choice: null, present: false });
  expect(matches(shown, after)).toBe(true);
  expect(matches(withFlip(shown, false), after)).toBe(false);
});

function answered(p: [number, number], more: { before?: [number, number]; answer?: 0 | 1; full?: [number, number]; looks?: number } = {}): Answered {
  const task = taskOf(tasks[0]!);
  const doc = sceneOf(6, task)!.after;
  const untouched = more.before ? { p: more.before, values: [] } : null;
  const result = { a: task.presets[0]!.a, b: null, reason: null, answer: more.answer ?? 0, edits: { ...doc.edits, ...(more.full ? { mode: 'circuit', flip: false } : {}) },
    view: {
      p, untouched, full: { p: more.full ?? p, values: [] }, baseline: null, tokens: 3, marked: 1,
      heads: more.looks === undefined ? [] : [{ layer: 0, head: 0, sink: 0 }, { layer: 1, head: 4, sink: 0 }], attention: Float32Array.of(0.9, 0.05, 0.05, 0, more.looks ?? 0, 0.1),
    },
  };
  return answeredOf({ task, doc, result: result as unknown as RunResult } as Snapshot, model);
}

it('the outcome is the winner, or almost level where neither is clear', () => {
  expect([[0.9, 0.1], [0.1, 0.9], [0.55, 0.45], [0.45, 0.55], [0.6, 0.4]].map((p) => outcome(answered(p as [number, number])))).toEqual([0, 1, 2, 2, 0]);
});

describe('what an answer says', () => {
  const says = (question: Question, of: Answered) => `${plainText(text.happens(of))} ${plainText(text.means(question, of))}`.replaceAll('\u00a0', ' ');
  it('has the numbers of the run', () => {
    expect(says('off', answered([0.517, 0.483], { before: [0.986, 0.014] }))).toMatch(/98\.6 %.*51\.7 %/);
    expect(says('flip', answered([0.018, 0.982], { before: [0.986, 0.014] }))).toMatch(/1\.4 %.*98\.2 %/);
    expect(says('other', answered([0.001, 0.999], { answer: 1 }))).toContain('99.9 %');
  });
  it('tells the two modes apart and compares which bar wins, not their numbers', () => {
    const same = answered([0.9996, 0.0004], { full: [0.986, 0.014] });
    expect(same.before).toBeNull();
    expect(says('alone', same)).toMatch(/>99\.9 %.*98\.6 %/);
    expect(says('alone', same)).not.toMatch(/rises|falls/);
    expect(says('alone', answered([0.1, 0.9], { full: [0.986, 0.014] }))).toMatch(/90\.0 %.*1\.4 %/);
  });
  it('tells where the head looks that looks at the token that decides', () => {
    expect(says('longer', answered([0.9, 0.1], { looks: 0.7 }))).toMatch(/head 4.*70 %/);
    expect(answered([0.9, 0.1], { looks: 0.2 }).look).toBeNull();
  });
  it('differs with what happens', () => {
    const before: [number, number] = [0.986, 0.014];
    for (const question of ['off', 'flip', 'alone'] as const) {
      const means = ([[0.98, 0.02], [0.1, 0.9]] as [number, number][]).map((p) => plainText(text.means(question, answered(p, { before }))));
      expect(new Set(means).size, question).toBe(2);
    }
    for (const question of ['other', 'longer', 'trap'] as const) {
      const [right, wrong] = ([0, 1] as const).map((answer) => plainText(text.means(question, answered([0.9, 0.1], { answer }))));
      expect(right, question).not.toBe(wrong);
    }
    expect(new Set(([[0.98, 0.02], [0.7, 0.3], [0.55, 0.45], [0.2, 0.8]] as [number, number][]).map((p) => plainText(text.means('off', answered(p, { before }))))).size).toBe(4);
  });
});
