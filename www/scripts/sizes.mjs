// Prints the size of www/dist file by file, and the totals next to their budgets.
//
// wasm and text count as brotli, which any host sends. Models count as they are shipped: hosts rarely compress them.
// KB and MB are 1000 and 1000000 bytes.

import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const dist = join(import.meta.dirname, '..', 'dist');
const asShipped = new Set(['.safetensors', '.png', '.jpg', '.webp', '.woff2']);
const budgets = { first: 600e3, page: 1500e3, embed: 620e3 };

const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(dist, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .sort();

const manifest = files.includes('models/manifest.json')
  ? JSON.parse(readFileSync(join(dist, 'models/manifest.json'), 'utf8'))
  : { models: [] };
const shown = manifest.models.find((model) => model.default);
const defaultModel = shown?.file;
const circuits = shown?.tasks.map((task) => `models/${task.circuit}`) ?? [];

/** The scripts and styles that a page names. */
const named = (page) => new Set(files.includes(page) ? readFileSync(join(dist, page), 'utf8').match(/assets\/[\w.-]+\.(js|css)/g) : []);
const [ofPage, ofEmbed] = [named('index.html'), named('embed.html')];

/** When index.html loads a file: for its `first` live screen, later on the default `page`, or `never`. */
function when(file) {
  if (ofPage.has(file)) return 'first';
  if (ofEmbed.has(file) || /^(demo|posters)\/|^embed\.js$|^share\.png$/.test(file)) return 'never';
  if (/\.(map|md|txt)$/.test(file)) return 'never';
  // The vocabulary is needed at once, for the words of the top five. The encoder is needed only for typed text.
  if (/tokenizer.*\.(wasm|js)$/.test(file)) return 'page';
  // Loaded only with an adapter; counted in any case.
  if (/webgpu.*\.(wasm|js)$/.test(file)) return 'page';
  // Keep the page for use without network, once it is live.
  if (/^sw\.js$|^assets\/offline|^manifest\.webmanifest$|^icon\.svg$/.test(file)) return 'page';
  // Loaded when the dense twin is opened.
  if (/^assets\/twin|sparse_circuits_twin/.test(file)) return 'never';
  // Loaded when Share or Export is opened, and with a claim link.
  if (/^assets\/(share-dialog|export|claim)/.test(file)) return 'never';
  // Loaded when the tour or present mode is opened; the teacher's page.
  if (/^assets\/(lesson|teach)-/.test(file)) return 'never';
  if (file.startsWith('models/') && file.endsWith('.safetensors')) return file === `models/${defaultModel}` ? 'first' : 'never';
  if (file.startsWith('models/circuits/')) return circuits.includes(file) ? 'first' : 'never';
  if ((file.endsWith('.html') && file !== 'index.html') || /^assets\/(engine_)?bench[-_]/.test(file)) return 'never';
  return 'first';
}

const rows = files.map((file) => {
  const bytes = readFileSync(join(dist, file));
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const sent = asShipped.has(extname(file)) ? bytes.length : brotliCompressSync(bytes, { params }).length;
  // The first live screen of an embed has the same engine and model as that of the page.
  const embed = file === 'embed.html' || ofEmbed.has(file) || (when(file) === 'first' && file !== 'index.html' && !ofPage.has(file));
  return { file, raw: bytes.length, sent, when: when(file), embed };
});

const kb = (bytes) => (bytes / 1e3).toFixed(1).padStart(9);
console.log(`${'raw KB'.padStart(9)} ${'sent KB'.padStart(9)}  loaded  file`);
for (const row of rows) console.log(`${kb(row.raw)} ${kb(row.sent)}  ${row.when.padEnd(6)}  ${row.file}`);

const sum = (some) => some.reduce((all, row) => all + row.sent, 0);
const total = (...kinds) => sum(rows.filter((row) => kinds.includes(row.when)));
for (const [what, bytes, budget] of [
  ['first live screen', total('first'), budgets.first],
  ['default page', total('first', 'page'), budgets.page],
  ['first live embed', sum(rows.filter((row) => row.embed)), budgets.embed],
]) {
  const over = bytes > budget;
  console.log(`${what}: ${(bytes / 1e3).toFixed(1)} KB of ${budget / 1e3} KB${over ? ': OVER BUDGET' : ''}`);
}
if (!defaultModel) console.log('(models/ has no default model yet)');
