/** The npm package of the embeds: packed, installed in an empty folder without a registry, imported, type-checked and served. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { host } from './host';
import { root } from './native';
import { chances, ready, watch } from './page';
import { expect, test } from './test';

const NAME = 'sparse-circuits-embed';

/** What a user of the package writes. Each `@ts-expect-error` must be an error. */
const PROGRAM = `import '${NAME}';
import type { SparseCircuitAttributes } from '${NAME}';
const look: SparseCircuitAttributes = { task: 'single_double_quote', view: 'bars', height: 300 };
const circuit = document.createElement('sparse-circuit');
circuit.addEventListener('change', ({ detail }) => { const [left, right]: [number, number] = detail.p; console.log(left + right, detail.flip, look.task); });
circuit.addEventListener('click', (event) => console.log(event.clientX));
// @ts-expect-error
circuit.addEventListener('change', ({ detail }) => detail.nothing);
// @ts-expect-error
const wrong: SparseCircuitAttributes = { view: 'everything' };
console.log(wrong);
`;

test('the package installs from its tarball, imports, type-checks and shows live circuits', async ({ page }) => {
  test.setTimeout(180_000);
  const folder = mkdtempSync(join(tmpdir(), 'npm-'));
  const user = join(folder, 'user');
  mkdirSync(user);
  const run = (program: string, ...words: string[]) => execFileSync(program, words, { cwd: user, encoding: 'utf8', shell: process.platform === 'win32' });
  try {
    const [{ filename }] = JSON.parse(run('npm', 'pack', join(root, 'www/dist-npm'), '--json', '--pack-destination', folder)) as [{ filename: string }];
    writeFileSync(join(user, 'package.json'), '{ "private": true, "type": "module" }');
    run('npm', 'install', '--offline', '--no-audit', '--no-fund', join(folder, filename));
    // On a server the import does nothing.
    run(process.execPath, '--input-type=module', '-e', `await import('${NAME}')`);
    writeFileSync(join(user, 'program.ts'), PROGRAM);
    writeFileSync(join(user, 'tsconfig.json'), '{ "compilerOptions": { "noEmit": true, "strict": true, "target": "es2022", "module": "nodenext", "types": [] } }');
    run(process.execPath, join(root, 'www/node_modules/typescript/bin/tsc'));

    const pages = { '/post.html': `<!doctype html><title>x</title><link rel="icon" href="data:,"><script type="module" src="/circuits/embed.js"></script><sparse-circuit view="bars"></sparse-circuit>` };
    const server = await host('/circuits/', { folder: join(user, 'node_modules', NAME), pages });
    const seen = watch(page);
    await page.goto('./embed.html#view=bars');
    const numbers = await chances(page);
    await page.goto(`http://127.0.0.1:${server.port}/post.html`);
    const frame = page.locator('iframe').contentFrame();
    expect(await chances(frame)).toEqual(numbers);
    // A task that is not the first one, and a text that only the tokenizer can split.
    await page.locator('sparse-circuit').evaluate((one) => one.setAttribute('task', 'bracket_counting'));
    await expect(frame.getByTestId('p-target')).not.toHaveAttribute('data-token', "')");
    await frame.getByTestId('prompt-a').fill('x = [[1, 2');
    await ready(frame);
    expect(seen.messages).toEqual([]);
    server.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
