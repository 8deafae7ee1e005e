/**
 * The service worker: keeps the page, its engine, the default model and the circuits for use without network. The dense twin is kept
 * from the time somebody opens it. A file is kept only if its content is that of this build.
 */
import { addPlugins, cleanupOutdatedCaches, precacheAndRoute } from 'workbox-precaching';
import { twinCache } from './features/offline/twin-cache';

declare const self: ServiceWorkerGlobalScope;

/** Files of the dense twin. They are most of the bytes, and few visitors open it. */
const TWIN = /^assets\/(?:\w+_)?twin[_-]|^models\/(?:dense|bridge|bridged)\.|^models\/circuits\/bridged\//;

/** Filled in by the build. */
const files = self.__WB_MANIFEST as { url: string; revision: string | null; integrity: string }[];
const twin = new Map(files.filter(({ url }) => TWIN.test(url)).map((file) => [new URL(file.url, self.registration.scope).href, file]));

addPlugins([{
  // The page has just loaded most of the files: take them from the browser's cache. Their integrity tells whether they are current.
  requestWillFetch: async ({ request }) => new Request(request, { cache: 'default' }),
  // Fails when the download breaks off. In Firefox storing it fails with something that is no Error, which Workbox ignores.
  fetchDidSucceed: async ({ response }) => {
    await response.clone().arrayBuffer();
    return response;
  },
}]);
cleanupOutdatedCaches();
precacheAndRoute(files.filter(({ url }) => !TWIN.test(url)), { ignoreURLParametersMatching: [/./], cleanURLs: false });

/** The name under which a file of the twin is kept: another content has another name. */
const kept = (url: string) => `${url}?${twin.get(url)!.integrity}`;

self.addEventListener('fetch', (event) => {
  const url = event.request.url.split(/[?#]/)[0]!;
  if (event.request.method === 'GET' && twin.has(url)) event.respondWith(ofTwin(url));
});

async function ofTwin(url: string): Promise<Response> {
  const cache = await caches.open(twinCache(self.registration.scope));
  const found = await cache.match(kept(url));
  if (found) return found;
  const response = await fetch(url, { integrity: twin.get(url)!.integrity });
  if (response.ok) await cache.put(kept(url), response.clone());
  return response;
}

self.addEventListener('activate', (event) => event.waitUntil(forgetOldTwin()));

async function forgetOldTwin(): Promise<void> {
  const cache = await caches.open(twinCache(self.registration.scope));
  const current = new Set([...twin.keys()].map(kept));
  for (const request of await cache.keys()) if (!current.has(request.url)) await cache.delete(request);
}

// The user has pressed Reload in the notice of a new version.
self.addEventListener('message', (event) => {
  if ((event.data as { type?: string } | null)?.type === 'SKIP_WAITING') void self.skipWaiting();
});
