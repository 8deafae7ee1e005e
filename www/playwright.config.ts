import { defineConfig } from '@playwright/test';

/** Another port lets two checkouts run their tests at once. */
const port = process.env.PAGE_PORT ?? '4174';

const args = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** Without a name Playwright takes the Chromium that it has downloaded itself. */
const chromium = process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM } : {};
const browser = (...more: string[]) => ({ launchOptions: { ...chromium, args: [...args, ...more] } });

/**
 * What a person does on the page, whatever it runs on. Tests with the tag `@any-backend` look at nothing that a backend computes:
 * they run once.
 */
const story = ['story', 'typing', 'odd', 'parity', 'sums'].map((name) => `**/${name}.spec.ts`);

/** tests/browser drives www/dist as it is published; `cargo xtask test browser` builds it and finds the browser. */
export default defineConfig({
  testDir: '../tests/browser',
  outputDir: 'test-results',
  // Two browsers at a time, on any machine: the engine uses the cores, and the tests must not depend on how many there are.
  workers: 2,
  fullyParallel: true,
  forbidOnly: !!process.env.CI,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    viewport: { width: 1280, height: 800 },
    // Only offline.spec.ts keeps the page: in all other tests each load is a first visit.
    serviceWorkers: 'block',
    // Recording doubles the time of each test. `TRACE=1` keeps a trace of each test that fails.
    trace: process.env.TRACE ? 'retain-on-failure' : 'off',
  },
  projects: [
    // WebGPU without an adapter, as on many machines.
    { name: 'cpu', testIgnore: ['**/absent.spec.ts', '**/backend.spec.ts', '**/firefox.spec.ts'], use: browser('--disable-gpu') },
    // An adapter that computes on the CPU. A pass takes a fifth of a second, and much more on a busy machine.
    {
      name: 'webgpu',
      testMatch: [...story, '**/backend.spec.ts', '**/bench.spec.ts'],
      grepInvert: /@fast-backends|@any-backend/,
      use: browser('--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'),
      timeout: 300_000,
      expect: { timeout: 90_000 },
    },
    // A browser without WebGPU. No flag of Chromium hides it, but insecure origins do not get it.
    {
      name: 'without webgpu',
      testMatch: ['**/story.spec.ts', '**/absent.spec.ts'],
      grepInvert: /@any-backend/,
      use: { ...browser('--host-resolver-rules=MAP insecure.test 127.0.0.1'), baseURL: `http://insecure.test:${port}/` },
    },
    // Starts its own browser.
    { name: 'firefox', testMatch: ['**/firefox.spec.ts'] },
  ],
  webServer: {
    command: `npx vite preview --host 127.0.0.1 --port ${port} --strictPort`,
    url: `http://127.0.0.1:${port}/`,
    reuseExistingServer: false,
  },
});
