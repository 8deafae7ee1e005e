// Writes www/dist/licenses/wasm.md: the crates that are compiled into the wasm packages, with the texts of their licences.
// Vite writes javascript.md into the same folder.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const www = join(import.meta.dirname, '..');
const metadata = JSON.parse(
  execFileSync(
    process.env.CARGO ?? 'cargo',
    [
      ...['metadata', '--format-version=1', '--locked', '--filter-platform=wasm32-unknown-unknown'],
      ...['--no-default-features', '--features=web-engine,web-webgpu,web-twin,web-tokenizer'],
    ],
    { cwd: join(www, '..'), encoding: 'utf8', maxBuffer: 1 << 28 },
  ),
);

const packages = new Map(metadata.packages.map((one) => [one.id, one]));
const nodes = new Map(metadata.resolve.nodes.map((one) => [one.id, one]));
const ours = metadata.packages.find((one) => one.name === 'sparse-circuits').id;

/** Everything that ends up in the wasm: normal dependencies, without the macros that run while compiling. */
const linked = new Set();
(function visit(id) {
  if (linked.has(id) || packages.get(id).targets.some((target) => target.kind.includes('proc-macro'))) return;
  linked.add(id);
  for (const { pkg, dep_kinds } of nodes.get(id).deps) if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg);
})(ours);
linked.delete(ours);

const crates = [...linked].map((id) => packages.get(id)).sort((a, b) => (a.name < b.name ? -1 : 1));
/** Licence text -> the crates that carry it. Many crates share one text. */
const texts = new Map();
for (const crate of crates) {
  const folder = dirname(crate.manifest_path);
  for (const name of readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice|unlicense)/i.test(name))) {
    const text = readFileSync(join(folder, name), 'utf8').trim();
    texts.set(text, [...(texts.get(text) ?? []), `${crate.name} ${crate.version} (${name})`]);
  }
}

const list = crates.map((crate) => `- ${crate.name} ${crate.version}: ${crate.license ?? 'see its text below'}`);
const bodies = [...texts].map(([text, users]) => `## ${users.join(', ')}\n\n${text.replace(/^/gm, '    ')}`);
mkdirSync(join(www, 'dist/licenses'), { recursive: true });
writeFileSync(
  join(www, 'dist/licenses/wasm.md'),
  `# Crates compiled into the wasm files\n\n${list.join('\n')}\n\n${bodies.join('\n\n')}\n`,
);
