/** The tour, present mode and the teacher's page: the whole way by keyboard, the answers from the model, and links into it. */
import { expect, test } from './test';
import { chances, listed, open, ready, watch } from './page';

/** What the tour says should be what the bars say: the winner, or 2 where neither reaches 60 %. */
function outcome([first, second]: [number, number]): string {
  return Math.max(first, second) < 0.6 ? '2' : first >= second ? '0' : '1';
}

test('the tour goes its whole way by keyboard; each answer is that of the bars and is announced once', { tag: '@any-backend' }, async ({ page, browser }) => {
  await open(page);
  await page.getByTestId('tour').press('Enter');
  const card = page.getByTestId('tour-card');
  const answer = page.getByTestId('tour-answer');
  const start = await chances(page);
  for (let step = 1; step <= 6; step++) {
    await expect(card).toHaveAttribute('data-step', String(step));
    await expect(card).toHaveAttribute('data-stage', 'asked');
    // A screen reader reads the question because it has the focus.
    await expect(page.locator('#tour-title')).toBeFocused();
    await expect(answer).toBeEmpty();
    // The page does not show the answer before.
    expect(await chances(page), `before ${step}`).toEqual(start);
    const choice = page.locator(`[data-testid=tour-choice][data-choice="${step % 3}"]`);
    for (let stops = 0; stops < 6 && !(await choice.evaluate((one) => one === document.activeElement)); stops++) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect(card).toHaveAttribute('data-stage', 'answered');
    const now = await chances(page);
    expect(now, `after ${step}`).not.toEqual(start);
    await expect(answer).toHaveAttribute('data-outcome', outcome(now));
    await expect(answer).toHaveAttribute('role', 'status');
    expect(page.url()).toContain(`tour=${step}.${(step % 3) + 1}`);
    await expect(page.getByTestId('tour-next')).toBeFocused();
    if (step === 5) {
      // A link resumes at the answer, with the same numbers. It does not take the focus.
      const other = await (await browser.newContext()).newPage();
      await other.goto(page.url());
      expect(await chances(other)).toEqual(now);
      await expect(other.getByTestId('tour-answer')).toHaveText((await answer.textContent())!);
      await expect(other.getByTestId('tour-next')).not.toBeFocused();
      // A change of one's own is not taken for the answer.
      await other.getByTestId('mode-removed').click();
      await expect(other.getByTestId('tour-card')).toHaveAttribute('data-stage', 'changed');
      await other.getByTestId('tour-next').click();
      await expect(other.getByTestId('tour-card')).toHaveAttribute('data-stage', 'asked');
      expect(await chances(other)).toEqual(start);
      // Back leads to the question before.
      await other.getByTestId('tour-back').click();
      await expect(other.getByTestId('tour-card')).toHaveAttribute('data-step', '4');
      // A ready page has its link, and with it the entry of the history.
      await ready(other);
      await other.goBack();
      await expect(other.getByTestId('tour-card')).toHaveAttribute('data-step', '5');
      await other.context().close();
    }
    await page.keyboard.press('Enter');
  }
  await expect(card).toHaveAttribute('data-step', '7');
  await page.keyboard.press('Escape');
  await expect(card).toHaveCount(0);
  await expect(page.getByTestId('tour')).toBeFocused();
  await expect(page).not.toHaveURL(/tour=/);
});

test('the drawing keeps its place through the tour, and a double press acts once', { tag: '@any-backend' }, async ({ page }) => {
  await open(page);
  await page.getByTestId('tour').click();
  const card = page.getByTestId('tour-card');
  const tops = new Set<number>();
  for (let step = 1; step <= 6; step++) {
    await expect(card).toHaveAttribute('data-step', String(step));
    for (const stage of ['asked', 'answered']) {
      await expect(card).toHaveAttribute('data-stage', stage);
      await ready(page);
      const { top, low, height } = await page.locator('.gw').evaluate((one) => {
        const box = one.getBoundingClientRect();
        return { top: box.top, low: box.bottom, height: one.scrollHeight - one.clientHeight };
      });
      tops.add(Math.round(top));
      // Nothing of the drawing is cut.
      expect([low <= 800, height], `question ${step}, ${stage}`).toEqual([true, 0]);
      expect(await page.getByTestId('tour-answer').evaluate((one) => one.scrollHeight - one.clientHeight), `answer ${step}`).toBeLessThanOrEqual(0);
      // The second press would meet the next button.
      await page.getByTestId('tour-next').dblclick();
    }
  }
  await expect(card).toHaveAttribute('data-step', '7');
  expect(tops.size).toBe(1);
});

test('present mode: every step has its key', { tag: '@any-backend' }, async ({ page }) => {
  await open(page);
  const start = await chances(page);
  await page.getByTestId('present').click();
  const screen = page.getByTestId('presentation');
  await expect(screen).toHaveAttribute('data-step', '0');
  // What was on the page is on the screen, and can be flipped.
  expect(await chances(page)).toEqual(start);
  await page.keyboard.press('f');
  expect(await chances(page)).not.toEqual(start);
  for (const step of ['1', '2']) {
    await page.keyboard.press('ArrowRight');
    await expect(screen).toHaveAttribute('data-step', step);
  }
  await page.keyboard.press('ArrowLeft');
  await expect(screen).toHaveAttribute('data-step', '1');
  // The question is about a new text: neither bars nor graph show the old one.
  await expect(page.getByTestId('p-target')).not.toHaveAttribute('data-value');
  await expect(page.getByTestId('graph')).toHaveCount(0);
  await page.keyboard.press('2');
  await expect(page.locator('[data-testid=tour-choice][data-choice="1"]')).toHaveAttribute('aria-pressed', 'true');
  await page.keyboard.press(' ');
  await expect(screen).toHaveAttribute('data-stage', 'answered');
  await expect(page.getByTestId('tour-answer')).toHaveAttribute('data-outcome', outcome(await chances(page)));
  // Only a question whose answer was shown is done, also after the next one was passed by.
  await expect(page.getByTestId('show')).toHaveCount(0);
  for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft', 'ArrowLeft']) await page.keyboard.press(key);
  await page.keyboard.press(' ');
  await expect(screen).toHaveAttribute('data-stage', 'answered');
  expect(await page.locator('.dots li').evaluateAll((all) => all.map((one) => one.classList.contains('done')))).toEqual([true, false, false, false, false, false]);
  await expect(page.getByTestId('graph')).toBeVisible();
  const size = () => page.locator('.big h1').evaluate((one) => one.getBoundingClientRect().height);
  const before = await size();
  for (let press = 0; press < 3; press++) await page.keyboard.press('+');
  await expect.poll(size).toBeGreaterThan(before);
  // The drawing stays whole.
  await expect.poll(() => page.locator('.big .gw').evaluate((one) => one.scrollWidth - one.clientWidth)).toBeLessThanOrEqual(1);
  for (let press = 0; press < 4; press++) await page.keyboard.press('-');
  await expect.poll(size).toBeLessThan(before);
  // The question stays open on the page.
  await page.keyboard.press('Escape');
  await expect(screen).toHaveCount(0);
  await ready(page);
  await expect(page.getByTestId('tour-card')).toHaveAttribute('data-stage', 'answered');
});

test('the teacher\'s page: each link opens the right state, and the worksheet has the answers of the page', { tag: '@any-backend' }, async ({ page }) => {
  const seen = watch(page);
  await page.goto('./teach.html');
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0);
  const links = await page.locator('main a[href*="#"]').evaluateAll((all) => all.map((one) => ({ href: (one as HTMLAnchorElement).href, ...(one as HTMLElement).dataset } as Record<string, string> & { href: string })));
  const answers = await page.locator('[data-testid=answers] [data-step]').evaluateAll((all) => all.map((one) => ({ ...(one as HTMLElement).dataset }) as Record<string, string>));
  expect(links.map(({ step }) => step).filter((step) => step !== undefined).length).toBe(1 + 2 * 6 + listed().tasks.length - 1);
  expect(answers.map(({ step }) => step)).toEqual(['1', '2', '3', '4', '5', '6']);
  // On paper: the worksheet, then its answers, a sheet each.
  await page.emulateMedia({ media: 'print' });
  const millimetres = (name: string) => page.getByTestId(name).evaluate((one) => (one.getBoundingClientRect().height / 96) * 25.4);
  await page.setViewportSize({ width: 680, height: 1024 });
  for (const sheet of ['worksheet', 'answers']) expect(await millimetres(sheet), sheet).toBeLessThan(297 - 2 * 13);
  await expect(page.locator('h1')).toBeHidden();
  await page.emulateMedia({ media: null });
  await page.setViewportSize({ width: 1280, height: 800 });

  await page.goto('./');
  await ready(page);
  for (const { href, step, present, mode, task } of links) {
    await page.evaluate((address) => (location.hash = new URL(address).hash), href);
    await expect(page.getByTestId(present === undefined ? 'tour-card' : 'presentation'), href).toHaveCount(step === undefined ? 0 : 1);
    await ready(page);
    await expect(page.getByTestId('error')).toHaveCount(0);
    if (step !== undefined && step !== '0') {
      const place = page.getByTestId(present === undefined ? 'tour-card' : 'presentation');
      await expect(place, href).toHaveAttribute('data-step', step);
      await expect(place, href).toHaveAttribute('data-stage', 'asked');
    }
    if (mode !== undefined) await expect(page.getByTestId(`mode-${mode}`)).toHaveAttribute('aria-pressed', 'true');
    if (task !== undefined) await expect(page.getByTestId('task-select')).toHaveValue(task);
    if (step === undefined || step === '0' || present !== undefined || task !== undefined) continue;
    const { outcome: expected, p } = answers[Number(step) - 1]!;
    await page.getByTestId('tour-next').click();
    await expect(page.getByTestId('tour-answer')).toHaveAttribute('data-outcome', expected!);
    const [first] = await chances(page);
    expect(first, `question ${step}`).toBeCloseTo(Number(p!.split(',')[0]), 4);
  }
  expect(seen).toEqual({ messages: [], strangers: [] });
});
