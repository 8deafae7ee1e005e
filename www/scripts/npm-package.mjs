// Lays out www/dist-npm: the embeds of www/dist as a package, which `npm pack` makes a tarball of. It has the default model and no dense twin.

import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const www = join(import.meta.dirname, '..');
const [dist, out] = [join(www, 'dist'), join(www, 'dist-npm')];
const read = (file) => readFileSync(join(dist, file), 'utf8');

/** A file that another file names: the names of the build are unique, so no path is needed. */
const assets = readdirSync(join(dist, 'assets')).map((name) => `assets/${name}`);
const named = (file) => (/\.(html|js|css)$/.test(file) ? assets.filter((asset) => read(file).includes(asset.slice('assets/'.length))) : []);

const files = new Set(['embed.js', 'embed.html', 'start.js']);
for (const file of files) for (const asset of named(file)) if (!asset.includes('twin')) files.add(asset);

const manifest = JSON.parse(read('models/manifest.json'));
const { twin: _twin, ...model } = manifest.models.find((one) => one.default);
for (const name of [model.file, model.tokenizer, manifest.poster, ...model.tasks.map((task) => task.circuit), 'MODEL_CARD.md']) if (name) files.add(`models/${name}`);
for (const folder of ['posters', 'licenses']) readdirSync(join(dist, folder)).forEach((name) => files.add(`${folder}/${name}`));

/** A value of the `[package]` section of Cargo.toml. */
const cargo = readFileSync(join(www, '../Cargo.toml'), 'utf8').split(/^\[package\]$/m)[1].split(/^\[/m)[0];
const ofPackage = (key) => new RegExp(`^${key} = "(.*)"$`, 'm').exec(cargo)?.[1];
const repository = ofPackage('repository');

rmSync(out, { recursive: true, force: true });
const write = (file, content) => {
  mkdirSync(dirname(join(out, file)), { recursive: true });
  writeFileSync(join(out, file), content);
};
for (const file of files) write(file, readFileSync(join(dist, file)));
write('models/manifest.json', JSON.stringify({ ...manifest, models: [model] }));
for (const name of ['README.md', 'embed.d.ts']) cpSync(join(www, 'npm', name), join(out, name));
cpSync(join(www, '../LICENSE'), join(out, 'LICENSE'));
write('package.json', `${JSON.stringify({
  name: 'sparse-circuits-embed',
  version: ofPackage('version'),
  description: 'A live circuit of a small transformer for articles, notebooks and lessons: the element <sparse-circuit>',
  keywords: ['interpretability', 'circuits', 'transformer', 'web-component'],
  license: ofPackage('license'),
  ...(repository ? { repository: { type: 'git', url: `git+${repository}.git` } } : {}),
  type: 'module',
  sideEffects: true,
  exports: {
    '.': { types: './embed.d.ts', default: './embed.js' },
    './embed.js': { types: './embed.d.ts', default: './embed.js' },
    './embed.html': './embed.html',
    './posters/*': './posters/*',
    './package.json': './package.json',
  },
  types: './embed.d.ts',
}, null, 2)}\n`);
