/** The arrows between the folders of src, and what the lower folders may know of the world. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise, type IRegularForbiddenRuleType as Rule } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import ts from 'typescript';
import { expect, it } from 'vitest';

const www = join(import.meta.dirname, '../..');

/** Tests may import what they test, and vitest. */
const TESTS = '\\.test\\.ts$';
/** The types of the engine's questions and answers. All folders may know them. The generated file also holds the list of sites. */
const PROTOCOL = '^src/engine/protocol(\\.gen)?\\.ts$';

const forbid = (name: string, from: Rule['from'], to: Rule['to']): Rule => ({ name, severity: 'error', from, to });

/** A folder must not import the folders above it. */
const below = (folder: string, upper: string[]) =>
  forbid(`${folder} is below ${upper.join(', ')}`, { path: `^src/${folder}/` }, { path: `^src/(${upper.join('|')})(/|\\.ts$)` });

const WALLS: Rule[] = [
  forbid('no cycles', {}, { circular: true }),
  forbid('domain uses its own files, the types of the protocol and d3-shape', { path: '^src/domain/', pathNot: TESTS }, {
    pathNot: ['^src/domain/', PROTOCOL, '/node_modules/(@types/)?d3-shape/', '^node_modules/(@types/)?d3-shape/'],
  }),
  forbid('text uses its own files, domain and the types of the protocol', { path: '^src/text/', pathNot: TESTS }, {
    pathNot: ['^src/(text|domain)/', PROTOCOL],
  }),
  forbid('domain and text run nothing of the engine', { path: '^src/(domain|text)/' }, { path: '^src/engine/protocol\\.ts$', dependencyTypesNot: ['type-only'] }),
  below('engine', ['state', 'features', 'start', 'bench', 'main', 'embed']),
  below('state', ['features', 'start', 'bench', 'main', 'embed']),
  below('features', ['start', 'bench', 'main', 'embed']),
  forbid('embed.js is small: it has its own files, domain and the options of the embed', { path: '^src/embed-element/', pathNot: TESTS }, {
    pathNot: ['^src/(embed-element|domain)/', '^src/features/embed/options\\.ts$'],
  }),
  // The engine is given to the page from outside, so that tests can give another one.
  forbid('state knows the types of the engine and its manifest', { path: '^src/state/' }, {
    path: '^src/engine/', pathNot: [PROTOCOL, '^src/engine/(api|manifest)\\.ts$'],
  }),
  forbid('features know the types of the engine, and the twin its client', { path: '^src/features/' }, {
    path: '^src/engine/', pathNot: [PROTOCOL, '^src/engine/(api|client)\\.ts$'],
  }),
  forbid('a worker is started by its client and imported by no file', { pathNot: '^src/engine/client\\.ts$' }, { path: '^src/engine/(worker|twin)\\.ts$' }),
];

it('imports point downwards only', async () => {
  const { output } = await cruise(
    ['src'],
    { baseDir: www, validate: true, ruleSet: { forbidden: WALLS }, tsPreCompilationDeps: true, doNotFollow: { path: 'node_modules|/pkg/' } },
    {},
    { tsConfig: extractTSConfig(join(www, 'tsconfig.json')) },
  );
  if (typeof output === 'string') throw new Error(output);
  expect(output.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`)).toEqual([]);
  // The client imports the addresses of its workers and not their code.
  const client = output.modules.find(({ source }) => source === 'src/engine/client.ts')!;
  const workers = client.dependencies.filter(({ resolved }) => /^src\/engine\/(worker|twin)\.ts$/.test(resolved));
  expect(workers.map(({ module }) => module).sort()).toEqual(['./twin.ts?worker&url', './worker.ts?worker&url']);
  // The rules have seen the files at all.
  for (const folder of ['domain', 'text', 'engine', 'state', 'features']) {
    expect(output.modules.filter(({ source }) => source.startsWith(`src/${folder}/`)).length, folder).toBeGreaterThan(2);
  }
}, 60_000);

it('domain and text use no browser API', () => {
  const { options, fileNames } = ts.parseJsonConfigFileContent(ts.readConfigFile(join(www, 'tsconfig.json'), ts.sys.readFile).config, ts.sys, www);
  const files = fileNames.filter((name) => /\/src\/(domain|text)\//.test(name) && !name.endsWith('.test.ts'));
  expect(files.length).toBeGreaterThan(8);
  const program = ts.createProgram(files, { ...options, lib: ['lib.es2023.d.ts'], types: [] });
  const wrong = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`);
  expect(wrong).toEqual([]);
}, 60_000);

it('browser tests use the test of test.ts, which fails on a violation of the Content-Security-Policy', () => {
  const folder = join(www, '../tests/browser');
  // They open no page, or have a browser of their own.
  const others = ['firefox.spec.ts', 'server.spec.ts'];
  const plain = readdirSync(folder).filter((name) => name.endsWith('.spec.ts') && readFileSync(join(folder, name), 'utf8').includes("from '@playwright/test'"));
  expect(plain).toEqual(others);
});
