import { createHash } from 'node:crypto';
import { cp, readdir, readFile, stat } from 'node:fs/promises';
import { basename, extname, join, relative, resolve, sep } from 'node:path';
import { build, runnerImport, type Plugin } from 'vite';
import { VitePWA } from 'vite-plugin-pwa';
import { defineConfig } from 'vitest/config';
import { policyOf } from './scripts/policy.ts';

const www = import.meta.dirname;
const root = resolve(www, '..');

/** What models/ holds that a browser asks for, and the type it is served as. */
const modelTypes: Record<string, string> = {
  '.json': 'application/json',
  '.safetensors': 'application/octet-stream',
  '.md': 'text/markdown; charset=utf-8',
};

/** Puts the repository's models/ next to the page: copied into the build, served in place during development. */
function models(): Plugin {
  const from = join(root, 'models');
  let out = '';
  return {
    name: 'models',
    configResolved: (config) => {
      out = resolve(config.root, config.build.outDir, 'models');
    },
    configureServer: (server) => {
      server.middlewares.use('/models', async (request, response, next) => {
        const path = join(from, decodeURIComponent(new URL(request.url ?? '/', 'file:').pathname));
        const type = modelTypes[extname(path)];
        const inside = !relative(from, path).startsWith('..' + sep);
        const found = type && inside ? await stat(path).catch(() => null) : null;
        if (!found?.isFile()) return next();
        response.setHeader('Content-Type', type!);
        response.setHeader('Content-Length', found.size);
        response.end(await readFile(path));
      });
    },
    writeBundle: async () => {
      // Training configs are for training more models; the page does not read them.
      const filter = (path: string) => !/train\w*\.json$/.test(path);
      if (await stat(from).catch(() => null)) await cp(from, out, { recursive: true, filter });
    },
  };
}

/** Copies the licence and the documents next to the page, which links to them. */
function documents(): Plugin {
  let out = '';
  return {
    name: 'documents',
    configResolved: (config) => {
      out = resolve(config.root, config.build.outDir);
    },
    writeBundle: async () => {
      await cp(join(root, 'LICENSE'), join(out, 'licenses/LICENSE.txt'));
      await cp(join(root, 'docs'), join(out, 'docs'), { recursive: true, filter: (path) => !extname(path) || extname(path) === '.md' });
    },
  };
}

/** The service worker of src/sw.ts, with the list of files to keep and the hash of each, and the manifest of the installable page. */
function offline(): Plugin[] {
  const folder = join(www, 'dist');
  return VitePWA({
    strategies: 'injectManifest',
    srcDir: 'src',
    filename: 'sw.ts',
    injectRegister: false,
    injectManifest: {
      // Not every browser runs a module as a service worker.
      rollupFormat: 'iife',
      globPatterns: ['**/*.{html,js,css,wasm,json,safetensors}', 'models/*.md', 'docs/*.md', 'licenses/LICENSE.txt'],
      globIgnores: ['bench*', 'assets/*bench*', 'demo/*', 'embed.js'],
      maximumFileSizeToCacheInBytes: 8e6,
      manifestTransforms: [async (entries) => ({
        manifest: await Promise.all(entries.map(async (entry) => {
          const hash = createHash('sha256').update(await readFile(join(folder, entry.url))).digest('base64');
          return { ...entry, integrity: `sha256-${hash}` };
        })),
      })],
    },
    manifest: {
      name: 'Sparse circuits',
      short_name: 'Circuits',
      description: 'See and change the few nodes inside a small neural network that decide.',
      background_color: '#faf9f6',
      theme_color: '#faf9f6',
      icons: [{ src: 'icon.svg', sizes: 'any', type: 'image/svg+xml' }],
    },
  });
}

/** Fills the teacher's page with its links and with the answers of the engine. */
function teach(): Plugin {
  let parts: Promise<Record<string, string>> | null = null;
  return {
    name: 'teach',
    transformIndexHtml: {
      order: 'pre',
      handler: async (html, { path }) => {
        if (basename(path) !== 'teach.html') return html;
        parts ??= script<typeof import('./scripts/teach')>('teach').then((module) => module.teachParts(root));
        const known = await parts;
        return html.replace(/<!--(\w+)-->/g, (_, name: string) => known[name] ?? '');
      },
    },
  };
}

/** Gives each page its policy. Only in the build: the development server adds inline styles. */
function policy(): Plugin {
  return {
    name: 'policy',
    apply: 'build',
    transformIndexHtml: (_html, { path }) => [
      { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: policyOf(basename(path)) }, injectTo: 'head-prepend' },
    ],
  };
}

/** Social networks want the whole address of the picture of a link. SITE_URL is the address where the page is published. */
function sharePicture(): Plugin {
  const site = process.env['SITE_URL'];
  return {
    name: 'share-picture',
    transformIndexHtml: (html) => (site ? html.replace('"./share.png"', `"${new URL('share.png', `${site.replace(/\/*$/, '')}/`).href}"`) : html),
  };
}

/** `embed.js`, which other people's pages load, the pictures that it shows, and an article that uses it as any page would. */
function element(): Plugin {
  const entry = join(www, 'src/embed-element/embed.ts');
  let out = '';
  return {
    name: 'element',
    configResolved: (config) => {
      out = resolve(config.root, config.build.outDir);
    },
    configureServer: (server) => {
      server.middlewares.use((request, _response, next) => {
        if (request.url === '/embed.js') request.url = '/src/embed-element/embed.ts';
        next();
      });
    },
    writeBundle: async () => {
      // One file with a fixed name, which shares nothing with the pages.
      await build({
        configFile: false, root: www, logLevel: 'warn', publicDir: false,
        build: { target: 'es2022', outDir: out, emptyOutDir: false, modulePreload: false, rolldownOptions: { input: entry, output: { entryFileNames: 'embed.js' } } },
      });
      await cp(join(www, 'demo'), join(out, 'demo'), { recursive: true });
      await (await script<typeof import('./scripts/posters')>('posters')).writePosters(root, out);
    },
  };
}

/** The wasm packages that `cargo xtask build` makes. Aliases, not `file:` dependencies, so that `npm ci` needs no build. */
const packages = {
  'sparse-circuits-bench': join(root, 'pkg/bench/engine_bench.js'),
  'sparse-circuits-engine-webgpu': join(root, 'pkg/engine-webgpu/sparse_circuits_webgpu.js'),
  'sparse-circuits-engine': join(root, 'pkg/engine/sparse_circuits.js'),
  'sparse-circuits-twin': join(root, 'pkg/twin/sparse_circuits_twin.js'),
  'sparse-circuits-tokenizer': join(root, 'pkg/tokenizer/sparse_circuits_tokenizer.js'),
};

/** A script that runs the engine. */
async function script<Module>(name: string): Promise<Module> {
  const { module } = await runnerImport<Module>(join(www, `scripts/${name}.ts`), { configFile: false, root: www, resolve: { alias: packages }, define: { __ONE_FILE__: false } });
  return module;
}

/** A value of the `[package]` section of Cargo.toml, or null. */
async function ofPackage(key: string): Promise<string | null> {
  const section = (await readFile(join(root, 'Cargo.toml'), 'utf8')).split(/^\[package\]$/m)[1]?.split(/^\[/m)[0] ?? '';
  return new RegExp(`^${key} = "(.*)"$`, 'm').exec(section)?.[1] ?? null;
}

export default defineConfig(async () => ({
  // Several pages, and 404 for a file that does not exist.
  appType: 'mpa' as const,
  // Relative, so that the folder works from any sub-path.
  base: './',
  plugins: [models(), documents(), teach(), policy(), sharePicture(), element(), offline()],
  resolve: { alias: packages },
  worker: { format: 'es' as const },
  // The progress bar counts true bytes, the engine's included. (0 where it has not been built: unit tests need none.)
  define: {
    __ONE_FILE__: false,
    __VERSION__: JSON.stringify(await ofPackage('version')),
    __REPOSITORY__: JSON.stringify(await ofPackage('repository')),
    __ENGINE_BYTES__: (await stat(join(root, 'pkg/engine/sparse_circuits_bg.wasm')).catch(() => null))?.size ?? 0,
    __TWIN_BYTES__: (await stat(join(root, 'pkg/twin/sparse_circuits_twin_bg.wasm')).catch(() => null))?.size ?? 0,
  },
  server: { fs: { allow: [root] } },
  // The browser tests' origin that is not secure.
  preview: { allowedHosts: ['insecure.test'] },
  build: {
    target: 'es2022',
    // Every browser that runs the engine knows modulepreload.
    modulePreload: { polyfill: false },
    license: { fileName: 'licenses/javascript.md' },
    rolldownOptions: {
      checks: { pluginTimings: false },
      // One file for all that the pages have in common: several small ones compress worse.
      output: { codeSplitting: { groups: [{ name: 'shared', test: /\/(src|node_modules)\//, minShareCount: 2 }] } },
      // Every page is an .html file in this folder.
      input: (await readdir(www)).filter((name) => extname(name) === '.html').map((name) => join(www, name)),
    },
  },
  // Tests of memory ask for garbage collection.
  test: { include: ['src/**/*.test.ts', 'tests/unit/**/*.test.ts'], environment: 'node', execArgv: ['--expose-gc'] },
}));
