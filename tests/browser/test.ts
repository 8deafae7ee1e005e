/** Playwright's `test`, which also fails when a page or a frame violates its Content-Security-Policy. */
import { expect, test as base, type BrowserContext } from '@playwright/test';

export * from '@playwright/test';

/** Collects the violations of all documents that open in this context from now on. */
async function collect(context: BrowserContext, violations: string[]): Promise<void> {
  await context.exposeBinding('reportViolation', (_source, text: string) => void violations.push(text));
  await context.addInitScript(() => {
    const { reportViolation } = window as unknown as { reportViolation(text: string): void };
    addEventListener('securitypolicyviolation', (event) => reportViolation(`${event.violatedDirective}: ${event.blockedURI} in ${event.documentURI}`));
  });
}

export const test = base.extend<{ violations: string[] }>({
  violations: [async ({ browser }, use) => {
    const violations: string[] = [];
    const watch = (context: BrowserContext) => void collect(context, violations).catch(() => {});
    browser.on('context', watch);
    await use(violations);
    browser.off('context', watch);
    expect(violations).toEqual([]);
  }, { auto: true }],
});
