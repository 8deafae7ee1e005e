import { defineConfig } from '@playwright/test';

/** Another port lets two checkouts run their tests at once. */
const port = process.env.PAGE_PORT ?? '4174';

/** tests/browser drives www/dist as it is published; `cargo xtask test browser` builds it and finds the browser. */
export default defineConfig({
  testDir: '../tests/browser',
  outputDir: 'test-results',
  // One browser at a time: the engine uses the cores, and the tests must not depend on how many there are.
  workers: 1,
  forbidOnly: !!process.env.CI,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  use: {
    baseURL: `http://127.0.0.1:${port}/`,
    viewport: { width: 1280, height: 800 },
    launchOptions: {
      // Without it Playwright takes the Chromium that it has downloaded itself.
      ...(process.env.CHROMIUM ? { executablePath: process.env.CHROMIUM } : {}),
      args: [
        '--no-sandbox',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
    trace: 'retain-on-failure',
  },
  webServer: {
    command: `npx vite preview --host 127.0.0.1 --port ${port} --strictPort`,
    url: `http://127.0.0.1:${port}/`,
    reuseExistingServer: false,
  },
});
