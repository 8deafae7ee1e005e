/** 2,000 links, made from real ones and from hostile parts by a seeded generator. The page opens every one of them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cleanText } from '../../src/domain/characters';
import { hashOf, taskOf } from '../../src/embed-element/attributes';
import type { Engine } from '../../src/engine/api';
import { readManifest, type ManifestModel } from '../../src/engine/manifest';
import type { BackendState, CircuitInfo, OpenModel, Prompt, RunResult, TaskInfo, View } from '../../src/engine/protocol';
import { embedOptions } from '../../src/features/embed/options';
import { elementSnippet, frameSnippet } from '../../src/features/share/snippets';
import { notice } from '../../src/text/en';
import { sameDoc } from '../../src/state/document';
import { hostileHashes } from './hostile-links';
import { docOf } from '../../src/state/link';
import { Playground } from '../../src/state/playground';
import { decode, encode } from '../../src/state/url';

const manifest = { ...readManifest(JSON.parse(readFileSync(join(import.meta.dirname, '../../../models/manifest.json'), 'utf8'))), poster: null };
const model = { layers: 2, width: 256, attnWidth: 256, headWidth: 4, mlpWidth: 1024, contextLength: 256 } as OpenModel;
const bounds = { tasks: manifest.models.flatMap((one) => one.tasks).map((one) => one.name), model };
const circuit = { nodes: [], edges: [], lanes: [], flipNodes: [] } as unknown as CircuitInfo;
const prompt = (text: string): Prompt => ({ text, tokens: [], cut: 0 });
const onCpu: BackendState = { name: 'cpu', reason: { kind: 'first' }, other: null };

/** Answers everything at once. */
class Quick implements Engine {
  private tasks: TaskInfo[] = [];
  async open(_base: string, { tasks, file }: ManifestModel, name: string) {
    this.tasks = tasks.map(({ circuit: _file, bytes: _bytes, ...rest }) => ({ ...rest, circuit }));
    return { model: { ...model, file }, task: await this.task(name), backend: onCpu };
  }
  async task(name: string) {
    return this.tasks.find((one) => one.name === name)!;
  }
  async flipControl(): Promise<[number, number][]> {
    return [];
  }
  async use() {}
  async run({ a, b, edits }: { a: string; b: string | null; edits: RunResult['edits'] }): Promise<RunResult> {
    return { a: prompt(a), b: prompt(b ?? ''), reason: null, answer: 0, edits, view: { p: [0.5, 0.5] } as unknown as View, backend: 'cpu' };
  }
}

/** Opens the page with a link. Returns its screen and what is in the address bar at the end. */
async function visit(hash: string) {
  let address = hash;
  const playground = new Playground({
    engine: new Quick(), models: 'http://host/models/', fetchJson: async () => manifest, hash: () => address, setHash: (next) => (address = next),
    now: () => 0, nextFrame: async () => {}, nextPaint: async () => {}, roomForPanel: () => false,
  });
  await playground.start();
  return { screen: playground.screen, address };
}

const hashes = hostileHashes(2000, manifest.models.flatMap((one) => one.tasks));
const inQuotes = /"[^"]*"/g;

describe('2,000 seeded links', { timeout: 120_000 }, () => {
  it('are all different', () => expect(new Set(hashes).size).toBe(2000));

  it('always become a state whose link gives the same state, without a notice', () => {
    for (const hash of hashes) {
      for (const known of [bounds, { ...bounds, model: null }]) {
        const link = decode(hash, known);
        const task = manifest.models[0]!.tasks.find((one) => one.name === link.task) ?? manifest.models[0]!.tasks[0]!;
        const doc = docOf(link, task);
        const written = encode(doc, link.backend);
        const again = decode(written, known);
        expect(again.notices, hash).toEqual([]);
        expect({ ...docOf(again, task), backend: again.backend }, hash).toEqual({ ...doc, backend: link.backend });
        expect(written, hash).toMatch(/^#[\w%=&.,:\-]+$/);
      }
    }
  });

  it('open the page, which then is at its own link', async () => {
    for (const hash of hashes) {
      const { screen, address } = await visit(hash);
      expect(screen, hash).toMatchObject({ phase: 'ready', failure: null });
      const again = await visit(address);
      expect(again.screen.notices, hash).toEqual([]);
      expect(sameDoc(again.screen.doc, screen.doc), hash).toBe(true);
      expect(again.address, hash).toBe(address);
    }
  });

  it('give notices that quote little of them, and HTML whose tags are only its own', () => {
    for (const hash of hashes) {
      const link = decode(hash, bounds);
      for (const one of link.notices) expect(notice(one).length, hash).toBeLessThan(400);
      const doc = docOf(link, manifest.models[0]!.tasks[0]!);
      const look = embedOptions(hash);
      const [element, frame] = [elementSnippet('https://host/', doc, look), frameSnippet('https://host/', doc, look, 300, 'A circuit')];
      expect(element.replace(inQuotes, '""'), hash).toMatch(/^<script type="" src=""><\/script>\n<sparse-circuit( [a-z]+="")+><\/sparse-circuit>$/);
      expect(frame.replace(inQuotes, '""'), hash).toMatch(/^<iframe( [a-z]+="")+><\/iframe>$/);
    }
  });

  it('name no file outside the posters, and are one text as an attribute of the element', () => {
    for (const hash of hashes) {
      expect(taskOf(hash) ?? 'none', hash).toMatch(/^\w+$/);
      const link = hashOf((name) => (name === 'a' ? hash : null));
      expect(link, hash).toMatch(/^#a=[^&#]*&v=1$/);
      if (hash.length < 5000) expect(decode(link, bounds).a, hash).toBe(cleanText(hash));
    }
  });
});
