// Writes the page as one HTML file that opens without a server and without network: node scripts/bundle.mjs [--twin] --out FILE
//
// The page and its workers are built again, each as one script without imports. All other files are blocks of text in the HTML;
// src/engine/one-file.ts reads them. Model files and documents come from www/dist, so `cargo xtask build` must have run before.

import { closeSync, existsSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { deflateSync } from 'node:zlib';
import { build, loadConfigFromFile, runnerImport } from 'vite';

/** As in src/engine/one-file.ts. */
const BASE = 'https://one-file.invalid/';
const MAX_BYTES = { plain: 4e6, twin: 8e6 };

const www = join(import.meta.dirname, '..');
const dist = join(www, 'dist');

/** The documents that the page links to, and the licences of what is inside. */
const DOCUMENTS = ['models/MODEL_CARD.md', 'docs/circuits.md', 'licenses/LICENSE.txt', 'licenses/javascript.md', 'licenses/wasm.md'];

try {
  const { out, twin } = options();
  const { script, style, workers, assets } = await scripts(twin);
  const files = new Map([...assets, ...modelFiles(twin), ...DOCUMENTS.map((name) => [name, built(name)])]);
  const html = await page(script, style, workers, files);
  const [bytes, most] = [Buffer.byteLength(html), twin ? MAX_BYTES.twin : MAX_BYTES.plain];
  if (bytes > most) throw new Error(`the page has ${megabytes(bytes)}; the limit is ${megabytes(most)}`);
  write(resolve(out), html);
  console.log(`${out}: ${megabytes(bytes)}${twin ? ', with the dense twin' : ''}`);
} catch (error) {
  console.error(`bundle: ${error.message}`);
  process.exitCode = 1;
}

function options() {
  const { values } = parseArgs({ options: { out: { type: 'string' }, twin: { type: 'boolean', default: false } } });
  if (!values.out) throw new Error('--out FILE is missing: give the name of the HTML file to write');
  return values;
}

/** The page's script and style, the scripts of the workers by name, and the wasm files by name. */
async function scripts(twin) {
  const { config } = await loadConfigFromFile({ command: 'build', mode: 'production' }, join(www, 'vite.config.ts'));
  const { output } = await build({
    configFile: false,
    root: www,
    base: BASE,
    publicDir: false,
    logLevel: 'warn',
    resolve: config.resolve,
    define: { ...config.define, __ONE_FILE__: true },
    worker: { format: 'iife', rolldownOptions: { output: { codeSplitting: false } } },
    build: {
      ...config.build,
      write: false,
      license: false,
      assetsInlineLimit: 0,
      cssCodeSplit: false,
      rolldownOptions: { checks: config.build.rolldownOptions.checks, input: join(www, 'src/main.ts'), output: { codeSplitting: false } },
    },
  });
  const files = new Map(output.map((one) => [one.fileName, one.type === 'chunk' ? one.code : one.source]));
  const named = (pattern) => [...files].filter(([name]) => pattern.test(name) && (twin || !/twin/.test(name)));
  const main = output.filter((one) => one.type === 'chunk');
  const styles = named(/\.css$/);
  if (main.length !== 1 || styles.length !== 1) throw new Error(`expected one script and one style, but the build made ${[...files.keys()].join(', ')}`);
  return {
    script: main[0].code,
    style: String(styles[0][1]),
    workers: named(/\.js$/).filter(([name]) => name !== main[0].fileName),
    assets: named(/\.wasm$/),
  };
}

/** Everything that the manifest names. Without the twin, the manifest does not name its models. */
function modelFiles(twin) {
  const manifest = JSON.parse(built('models/manifest.json'));
  manifest.models = manifest.models.filter((model) => twin || !model.twin);
  const names = manifest.models.flatMap(({ file, tokenizer, tasks, twin }) => [file, tokenizer, ...tasks.map((task) => task.circuit), ...(twin ? [twin.dense, twin.bridge] : [])]);
  return [['models/manifest.json', JSON.stringify(manifest)], ...[...names, ...(manifest.poster ? [manifest.poster] : [])].map((name) => [`models/${name}`, built(`models/${name}`)])];
}

function built(name) {
  const path = join(dist, name);
  if (!existsSync(path)) throw new Error(`${path} does not exist: run \`cargo xtask build\` first`);
  return readFileSync(path);
}

/** index.html with everything inside. */
async function page(script, style, workers, files) {
  const { policyOfFile } = (await runnerImport(join(www, 'scripts/policy.ts'), { configFile: false, root: www })).module;
  const start = readFileSync(join(www, 'public/start.js'), 'utf8');
  let html = readFileSync(join(www, 'index.html'), 'utf8');
  // What only a page on a server has.
  for (const tag of ['<link rel="preload"[^>]*>', '<meta [^>]*(?:property="og|name="twitter):[^>]*>', '<p [^>]*data-when="file"[^>]*>.*</p>']) {
    html = html.replace(new RegExp(`^ *${tag}\\n`, 'gm'), '');
  }
  html = replaced(html, '<meta charset="utf-8" />', (tag) => `${tag}\n    <meta http-equiv="Content-Security-Policy" content="${policyOfFile([start, script], style)}" />`);
  html = replaced(html, '</head>', (tag) => `<style>${inline(style, 'style')}</style>\n${tag}`);
  html = replaced(html, '<script vite-ignore src="./start.js"></script>', () => `<script>${inline(start)}</script>`);
  const blocks = [
    ...workers.map(([name, text]) => `<script type="text/plain" data-worker="${name}">${inline(text)}</script>`),
    ...[...files].map(([name, bytes]) => `<script type="application/octet-stream" data-file="${name}">${deflateSync(bytes, { level: 9 }).toString('base64')}</script>`),
  ];
  const [before, after] = html.split('<script type="module" src="/src/main.ts"></script>');
  if (after === undefined) throw new Error('index.html does not load /src/main.ts');
  const left = /<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?!data:)[^"]*"/.exec(before + after);
  if (left) throw new Error(`index.html loads a file that the page cannot have: ${left[0]}`);
  return [before, blocks.join('\n'), `<script type="module">${inline(script)}</script>`, after].join('\n');
}

function replaced(html, tag, by) {
  if (!html.includes(tag)) throw new Error(`index.html has no ${tag}`);
  return html.replace(tag, () => by(tag));
}

/** A text inside `<script>` or `<style>`. The parser must find no end of it before its end. */
function inline(text, tag = 'script') {
  const end = new RegExp(`</${tag}|<!--`, 'i').exec(text);
  if (end) throw new Error(`a ${tag} of the page contains ${end[0]}, which HTML would read`);
  return text;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

/** Regular files under a temporary name first, as in src/cli/shared: nobody sees half of a page. Devices and pipes directly. */
function write(out, text) {
  const to = existsSync(out) ? realpathSync(out) : out;
  if (existsSync(to) && !statSync(to).isFile()) return writeFileSync(to, text);
  const temporary = join(dirname(to), `.${basename(to)}.${process.pid}.tmp`);
  try {
    const file = openSync(temporary, 'wx');
    writeFileSync(file, text);
    fsyncSync(file);
    closeSync(file);
    renameSync(temporary, to);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
