import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { expect, test } from '@playwright/test';
import { ready, watch } from './page';

const dist = join(__dirname, '..', '..', 'www', 'dist');
const kinds: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm' };

/** A host that publishes the folder below a path of its own, and nothing else. */
function host(prefix: string): Promise<Server> {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname);
    const file = join(dist, normalize(path.slice(prefix.length - 1).replace(/\/$/, '/index.html')));
    const body = path.startsWith(prefix) && file.startsWith(dist) ? await readFile(file).catch(() => null) : null;
    response.writeHead(body ? 200 : 404, { 'Content-Type': kinds[extname(file)] ?? 'application/octet-stream' });
    response.end(body ?? 'no such file');
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

test('the folder works from any sub-path', async ({ page }) => {
  const server = await host('/some/where else/');
  const { messages } = watch(page);
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/some/where%20else/`);
  await ready(page);
  expect(messages).toEqual([]);
  server.close();
});
