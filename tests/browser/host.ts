/** A host that publishes www/dist in its own way: below a path, with other headers, with pages of its own. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const dist = join(__dirname, '..', '..', 'www', 'dist');
const kinds: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.svg': 'image/svg+xml' };

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
