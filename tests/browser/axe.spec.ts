/** No finding of axe-core in any state that the tests visit. */
import AxeBuilder from '@axe-core/playwright';
import { expect, test, type Browser, type BrowserContextOptions, type Page } from './test';
import { listed, models, ready, still } from './page';

// On a busy machine axe-core takes some seconds for the elements of the drawing.
test.setTimeout(120_000);

/** One line a finding: the rule, and the first element. `iframes`: in frames, too. */
async function findings(page: Page, iframes = true): Promise<string[]> {
  await still(page);
  // The legacy mode is three times as fast. It only lacks frames of other origins, and here are none.
  const { violations } = await new AxeBuilder({ page }).options({ resultTypes: ['violations'], iframes }).setLegacyMode().analyze();
  return violations.flatMap(({ id, nodes }) => nodes.slice(0, 3).map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary?.split('\n')[1]?.trim() ?? ''}`));
}

async function visit(browser: Browser, options: BrowserContextOptions, address: string, visitor: (page: Page, check: (state: string) => Promise<void>) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  await page.goto(`./${address}`);
  await visitor(page, async (state) => expect.soft(await findings(page), state).toEqual([]));
  await context.close();
}

const LOOKS = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 }, hasTouch: true }],
  // 1280x800 at 200 % zoom
  ['200 % zoom, dark', { colorScheme: 'dark', viewport: { width: 640, height: 400 } }],
] as const;

test('a planted fault is found', async ({ browser }) => {
  await visit(browser, {}, '', async (page) => {
    await ready(page);
    await page.getByTestId('task-select').evaluate((select) => select.closest('label')!.replaceWith(select));
    expect(await findings(page)).toEqual([expect.stringMatching(/^select-name: /)]);
  });
});

for (const [look, options] of LOOKS) {
  test(`${look}: first screen, flip, panel with a changed node, About`, async ({ browser }) => {
    await visit(browser, options, '', async (page, check) => {
      await ready(page);
      await check('first screen');
      await page.getByTestId('flip').click();
      await page.locator('[data-testid=graph] [data-node]').first().press('Enter');
      await ready(page);
      await page.getByTestId('node-set').click();
      await ready(page);
      await check('flipped, and a node set');
      await page.locator('.about summary').click();
      await check('About');
    });
  });
}

test('the panels of a logit, the score and a head; a term explained', async ({ browser }) => {
  await visit(browser, {}, '', async (page, check) => {
    await ready(page);
    await page.locator('[data-selection="logit.0"]').press('Enter');
    await ready(page);
    await check('logit');
    await page.getByTestId('terms-in').locator('[data-edge]').first().press('Enter');
    await ready(page);
    await page.getByTestId('edge-off').click();
    await ready(page);
    await check('edge off');
    await page.locator('[data-head]').first().press('Enter');
    await expect(page.getByTestId('pattern')).toBeVisible();
    await page.locator('.term').first().focus();
    await expect(page.getByTestId('term-tip')).toBeVisible();
    await check('head, and a term');
    await page.keyboard.press('Escape');
    await page.getByTestId('mode-circuit').click();
    await ready(page);
    await page.getByTestId('score').press('Enter');
    await ready(page);
    await check('score');
  });
});

test('an embed, the dialog of Share, and an article with embeds', async ({ browser }) => {
  for (const [look, options] of LOOKS) {
    await visit(browser, options, 'embed.html', async (page, check) => {
      await ready(page);
      await page.getByTestId('flip').click();
      await ready(page);
      await check(`embed, ${look}`);
    });
    await visit(browser, options, '', async (page) => {
      await ready(page);
      await page.getByTestId('share').press('Enter');
      await page.getByTestId('embed').press('Enter');
      // The preview is an embed.
      expect.soft(await findings(page, false), `Share, ${look}`).toEqual([]);
    });
  }
  await visit(browser, {}, 'demo/index.html', async (page) => {
    await ready(page.locator('#first iframe').contentFrame());
    // The circuits are checked above. Here the same one is in two frames, so its landmarks have the same names.
    expect(await findings(page, false)).toEqual([]);
  });
});

test('the tour and present mode: a question, an answer, the end', async ({ browser }) => {
  await visit(browser, {}, '#v=1&tour=1', async (page, check) => {
    await ready(page);
    await expect(page.getByTestId('tour-card')).toHaveAttribute('data-stage', 'asked');
    await check('a question of the tour');
    await page.locator('[data-testid=tour-choice]').first().click();
    await expect(page.getByTestId('tour-card')).toHaveAttribute('data-stage', 'answered');
    await check('an answer of the tour');
  });
  await visit(browser, { viewport: { width: 1920, height: 1080 } }, '#v=1&tour=5&present=1', async (page, check) => {
    await expect(page.getByTestId('presentation')).toHaveAttribute('data-stage', 'asked');
    await check('a question in present mode');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect(page.getByTestId('presentation')).toHaveAttribute('data-step', '7');
    await check('the end in present mode');
  });
  await visit(browser, { colorScheme: 'dark' }, 'teach.html', (_page, check) => check('the teacher\'s page'));
});

test('a claim link that differs, and the dialog of Export', async ({ browser }) => {
  for (const [look, options] of LOOKS.slice(1, 3)) {
    await visit(browser, options, '#v=1&claim=0.5:0.5', async (page, check) => {
      await ready(page);
      await expect(page.getByTestId('claim')).toBeVisible();
      await check(`claim, ${look}`);
      await page.getByTestId('export').press('Enter');
      await expect(page.getByTestId('export-preview')).toBeVisible();
      await check(`Export, ${look}`);
    });
  }
});

test('circuit only; the list with the circuit removed', async ({ browser }) => {
  await visit(browser, {}, '#v=1&mode=circuit', async (page, check) => {
    await ready(page);
    await check('circuit only');
    await page.getByTestId('mode-removed').click();
    await page.locator('[data-view=list]').press('Enter');
    await ready(page);
    await check('list, circuit removed');
  });
});

test('odd states: loading, no model, no string, a broken link', async ({ browser }) => {
  await visit(browser, {}, '#v=1&task=none&a=x%20%3D%203&off=1', async (page, check) => {
    await ready(page);
    await check('a broken link and no string');
  });
  for (const [state, status] of [['loading', null], ['no model', 404]] as const) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.route(`**/models/${listed().file}`, (route) => (status === null ? new Promise(() => {}) : route.fulfill({ status, body: '' })));
    await page.goto('./');
    if (status === null) await expect(page.getByTestId('status')).toHaveAttribute('data-placeholder', 'true');
    else await expect(page.getByTestId('error')).toBeVisible();
    expect.soft(await findings(page), state).toEqual([]);
    await context.close();
  }
});

const twin = models().find((one) => one.twin)!;

for (const [look, options] of LOOKS) {
  test(`${look}: the dense twin`, async ({ browser }) => {
    await visit(browser, options, `#v=1&task=${twin.tasks[0]!.name}&twin=1&flip=1`, async (page, check) => {
      await expect(page.getByTestId('twin')).toHaveAttribute('data-state', 'ready');
      await check('twin');
    });
  });
}

test('a task without a dense twin', async ({ browser }) => {
  const missing = listed().tasks.find((task) => twin.tasks.every((one) => one.name !== task.name));
  if (!missing) return;
  await visit(browser, {}, `#v=1&task=${missing.name}`, async (page, check) => {
    await ready(page);
    await check('no twin');
  });
});
