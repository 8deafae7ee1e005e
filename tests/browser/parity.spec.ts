import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from './test';
import { native, root } from './native';
import { backend, chances, listed, open } from './page';

interface Predicted {
  candidates: [string, string];
  p: [number, number];
}

/** Each kind of edit, in the address's words and in the command's. Nodes are taken from the circuit by their place in it. */
const edits: { name: string; mode: string; hash: (nodes: string[]) => string; words: (nodes: string[]) => string[] }[] = [
  { name: 'none', mode: 'circuit', hash: () => '', words: () => [] },
  { name: 'off', mode: 'full', hash: ([a, b]) => `&off=${a},${b}`, words: ([a, b]) => ['--off', a!, '--off', b!] },
  { name: 'set', mode: 'circuit', hash: ([a]) => `&set=${a}:1.5`, words: ([a]) => ['--set', `${a}=1.5`] },
  { name: 'scale', mode: 'full', hash: ([, a]) => `&scale=${a}:-2`, words: ([, a]) => ['--scale', `${a}=-2`] },
  { name: 'patch', mode: 'circuit', hash: ([a, b]) => `&patch=${a},${b}`, words: ([a, b]) => ['--patch', a!, '--patch', b!] },
  { name: 'flip', mode: 'circuit', hash: () => '&flip=1', words: () => ['--flip'] },
  { name: 'flip in the full model', mode: 'full', hash: () => '&flip=1', words: () => ['--flip'] },
  { name: 'removed', mode: 'removed', hash: () => '', words: () => [] },
  { name: 'edges', mode: 'full', hash: (nodes) => `&offe=${edgesOf(nodes).join()}`, words: (nodes) => edgesOf(nodes).flatMap((edge) => ['--off-edge', edge]) },
];

/** Some of every kind: weights of a layer, through attention, from a write to a read and to the logits. */
function edgesOf(nodes: string[]): string[] {
  const kinds = [
    /^(\d+)\.attn\.act_in\.\d+:\1\.attn\.[qkv]\./, /^(\d+)\.attn\.v\.\d+:\1\.attn\.resid_delta/, /^(\d+)\.mlp\.act_in\.\d+:\1\.mlp\.post_act/,
    /^(\d+)\.mlp\.post_act\.\d+:\1\.mlp\.resid_delta/, /^0\.\w+\.resid_delta\.(\d+):[12]\.\w+\.act_in\.\1$/, /resid_delta\.\d+:logit/,
  ];
  const pairs = [...nodes].sort().flatMap((from) => [...nodes, 'logit.0', 'logit.1'].map((to) => `${from}:${to}`));
  return kinds.flatMap((kind) => pairs.filter((pair) => kind.test(pair)).slice(0, 6));
}

for (const [place, task] of listed().tasks.entries()) {
  test(`${task.name}: the page's numbers are the command's, under each kind of edit`, async ({ page }) => {
    // Nine loads of the page; a busy machine takes seconds for each.
    test.setTimeout(300_000);
    const model = listed();
    const circuit = `models/circuits/${task.name}.json`;
    const nodes = (JSON.parse(readFileSync(join(root, circuit), 'utf8')) as { circuit: { nodes: string[] } }).circuit.nodes;
    for (const [index, edit] of edits.entries()) {
      // Where a load takes seconds, each kind of edit on one task.
      if (backend() === 'webgpu' && index % listed().tasks.length !== place) continue;
      const preset = task.presets[index % task.presets.length]!;
      // From another end of the circuit each time.
      const some = [...nodes.slice(index), ...nodes.slice(0, index)];
      const [a, b] = [preset.a.text, preset.b.text];
      await page.goto('about:blank');
      await open(
        page,
        `#v=1&task=${task.name}&a=${encodeURIComponent(a)}&b=${encodeURIComponent(b)}&mode=${edit.mode}${edit.hash(some)}`,
      );
      const command = native(
        ...['predict', '--model', `models/${model.file}`, '--circuit', circuit, '--task', task.name, '--prompt', a, '--from', b],
        ...['--mode', edit.mode, ...edit.words(some), '--json'],
      ) as Predicted;
      const shown = await chances(page);
      for (const side of [0, 1] as const) {
        expect(Math.abs(shown[side] - command.p[side]), `${edit.name}: ${shown[side]} on the page, ${command.p[side]}`).toBeLessThan(1e-4);
      }
      await expect(page.getByTestId('p-target')).toHaveAttribute('data-token', command.candidates[0]);
    }
  });
}
