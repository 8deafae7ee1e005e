/** A host that publishes www/dist in its own way: below a path, with other headers, with pages of its own. */
import { createHash } from 'node:crypto';
import { cpSync, createReadStream, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';

export const dist = join(__dirname, '..', '..', 'www', 'dist');
const kinds: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.svg': 'image/svg+xml', '.json': 'application/json', '.webmanifest': 'application/manifest+json' };

export interface Host {
  port: number;
  close(): void;
}

interface Options {
  headers?: Record<string, string>;
  /** By path. */
  pages?: Record<string, string>;
  /** Another folder than www/dist. */
  folder?: string;
}

/** Publishes the folder below `prefix`, and the pages, and nothing else. */
export function host(prefix: string, { headers = {}, pages = {}, folder = dist }: Options = {}): Promise<Host> {
  const server: Server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    const file = join(folder, normalize(path.slice(prefix.length - 1).replace(/\/$/, '/index.html')));
    const published = path.startsWith(prefix) && file.startsWith(folder) ? await readFile(file).catch(() => null) : null;
    const body = pages[path] ?? published;
    response.writeHead(body === null ? 404 : 200, { ...headers, 'Content-Type': kinds[extname(pages[path] === undefined ? file : path)] ?? 'application/octet-stream' });
    response.end(body ?? 'no such file');
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port, close: () => void server.close() })));
}

/** A host of a folder that can be switched off, or break off a download in the middle. */
export class Switchable {
  /** The end of the path of a file that breaks off. */
  broken: string | null = null;
  private readonly server: Server;

  private constructor(private readonly folder: string) {
    this.server = createServer((request, response) => {
      const path = new URL(request.url!, 'http://host').pathname;
      const file = join(this.folder, path.endsWith('/') ? `${path}index.html` : path);
      const size = statSync(file, { throwIfNoEntry: false })?.size;
      if (size === undefined) return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': kinds[extname(file)] ?? 'application/octet-stream', 'content-length': size, 'cache-control': 'no-cache' });
      if (this.broken === null || !file.endsWith(this.broken)) return void createReadStream(file).pipe(response);
      response.write(readFileSync(file).subarray(0, size / 2), () => response.destroy());
    });
  }

  static async of(folder: string): Promise<Switchable> {
    const host = new Switchable(folder);
    await new Promise<void>((done) => host.server.listen(0, '127.0.0.1', done));
    return host;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((done) => this.server.close(done));
  }
}

/** A copy of the built page, of which a second version can be made. */
export class Build {
  readonly folder = mkdtempSync(join(tmpdir(), 'page-'));

  constructor() {
    cpSync(dist, this.folder, { recursive: true });
  }

  /** The second version has another headline in its manifest, and a service worker that lists that manifest. */
  change(headline: string): void {
    const file = join(this.folder, 'models/manifest.json');
    const old = readFileSync(file);
    const manifest = JSON.parse(old.toString()) as { models: { tasks: { sentence: string }[] }[] };
    for (const model of manifest.models) model.tasks[0]!.sentence = headline;
    const changed = Buffer.from(JSON.stringify(manifest));
    writeFileSync(file, changed);
    const script = join(this.folder, 'sw.js');
    let worker = readFileSync(script, 'utf8');
    for (const [algorithm, encoding] of [['md5', 'hex'], ['sha256', 'base64']] as const) {
      const [before, after] = [old, changed].map((bytes) => createHash(algorithm).update(bytes).digest(encoding)) as [string, string];
      if (!worker.includes(before)) throw new Error(`sw.js does not list the ${algorithm} of models/manifest.json`);
      worker = worker.replace(before, after);
    }
    writeFileSync(script, worker);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
