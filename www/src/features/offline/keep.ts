/** Keeps the page in the browser for use without network. All of it may be refused: http, an embed, private windows. */
import { Workbox } from 'workbox-window';
import { twinCache } from './twin-cache';

/** The user has removed what was kept, and wants no new copy. */
const KEY = 'sparse-circuits.offline';

export type Kept =
  /** Plain http from another machine. Browsers withhold more than the storage there. */
  | { kind: 'insecure' }
  | { kind: 'unavailable' }
  | { kind: 'removed' }
  | { kind: 'storing' }
  | { kind: 'failed' }
  | { kind: 'kept'; bytes: number };

export interface Offline {
  kept: Kept;
  /** A new version waits; `update` starts it and loads the page again. */
  updated: boolean;
}

export class Keeper {
  offline: Offline = { kept: { kind: 'unavailable' }, updated: false };
  private workbox: Workbox | null = null;

  constructor(private readonly changed: () => void) {}

  /** Starts to keep the page, unless the user has removed it. */
  async start(): Promise<void> {
    if (!isSecureContext) return this.set({ kept: { kind: 'insecure' } });
    if (!available()) return;
    if (remembered() === 'no') return this.set({ kept: { kind: 'removed' } });
    await this.store();
  }

  async store(): Promise<void> {
    remember(null);
    this.set({ kept: { kind: 'storing' } });
    const workbox = new Workbox('./sw.js');
    this.workbox = workbox;
    workbox.addEventListener('waiting', () => this.set({ updated: true }));
    // Another tab may have started the new version: files of the old one are gone.
    workbox.addEventListener('controlling', (event) => {
      if (event.isUpdate || this.offline.updated) location.reload();
    });
    workbox.addEventListener('redundant', () => void this.settle());
    try {
      await workbox.register({ immediate: true });
      await workbox.active;
    } catch {
      // No service worker for this address, or no storage.
    }
    await this.settle();
  }

  update(): void {
    this.workbox?.messageSkipWaiting();
  }

  /** Removes everything that is kept for this page, and keeps nothing from now on. */
  async remove(): Promise<void> {
    remember('no');
    const registration = await navigator.serviceWorker.getRegistration('./');
    const scope = registration?.scope ?? new URL('./', location.href).href;
    await registration?.unregister();
    for (const name of await caches.keys()) if (isOurs(name, scope)) await caches.delete(name);
    this.set({ kept: { kind: 'removed' }, updated: false });
  }

  private async settle(): Promise<void> {
    const registration = await navigator.serviceWorker.getRegistration('./').catch(() => undefined);
    this.set({ kept: registration?.active ? { kind: 'kept', bytes: await keptBytes(registration.scope) } : { kind: 'failed' } });
  }

  private set(more: Partial<Offline>): void {
    this.offline = { ...this.offline, ...more };
    this.changed();
  }
}

/** An opaque origin throws on access. */
function available(): boolean {
  try {
    return 'serviceWorker' in navigator && navigator.serviceWorker !== undefined && 'caches' in globalThis;
  } catch {
    return false;
  }
}

function remembered(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function remember(value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, value);
  } catch {
    // Not remembered: the next visit keeps the page again.
  }
}

/** Other pages of this origin have caches of their own. */
function isOurs(cache: string, scope: string): boolean {
  return cache === twinCache(scope) || (cache.startsWith('workbox-precache') && cache.endsWith(scope));
}

async function keptBytes(scope: string): Promise<number> {
  let bytes = 0;
  for (const name of await caches.keys()) {
    if (!isOurs(name, scope)) continue;
    for (const response of await (await caches.open(name)).matchAll()) bytes += (await response.blob()).size;
  }
  return bytes;
}
