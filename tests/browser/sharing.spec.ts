/** What leaves the page and comes back: links with the numbers of their author, pictures, and files of a run. */
import { readFileSync } from 'node:fs';
import { expect, test } from './test';
import { chances, modelFile, nodes, open, ready } from './page';

test('a claim link agrees in another profile, and with one digit changed it says so @any-backend', async ({ page, browser }) => {
  await open(page, '#v=1&task=single_double_quote&mode=circuit');
  await page.getByTestId('flip').click();
  const p = await chances(page);
  await page.getByTestId('share').click();
  const link = await page.getByTestId('share-claim').inputValue();
  // The style of the dialog has come with its code.
  expect((await page.getByTestId('share-claim').boundingBox())!.width).toBeGreaterThan(500);
  const number = /claim=([\d.]+):/.exec(link)![1]!;
  expect(Math.abs(Number(number) - p[0])).toBeLessThan(1e-5);

  const other = await browser.newContext();
  const reader = await other.newPage();
  await reader.goto(link);
  const claim = reader.getByTestId('claim');
  await expect(claim).toHaveAttribute('data-agrees', 'true');
  expect(await chances(reader)).toEqual(p);
  expect(reader.url()).toContain('claim=');

  // A digit of the screen, and the last digit of the link.
  for (const at of [4, 6]) {
    const digit = (Number(number[at]) + 1) % 10;
    await reader.goto(link.replace(number, number.slice(0, at) + digit + number.slice(at + 1)));
    await expect(claim).toHaveAttribute('data-agrees', 'false');
    await expect(claim).toContainText((100 * p[0]).toFixed(3));
  }
  await reader.getByTestId('flip').click();
  await ready(reader);
  await expect(claim).toHaveCount(0);
  await other.close();
});

/** With characters that SVG, CSV and JSON write in their own ways. */
const PROMPT = 'x = 1, 2\nprint(\'<b>&amp; ]]> 🙂';

/** A value of the exported files, to the digits of a float. */
const close = (left: number, right: number) => expect(Math.abs(left - right)).toBeLessThan(1e-6);

test('Export saves what the screen shows, and the saved run opens as the identical view @any-backend', async ({ page, browser }) => {
  await open(page, `#v=1&task=single_double_quote&a=${encodeURIComponent(PROMPT)}&mode=circuit&flip=1&set=1.attn.k.74:1.5&node=1.attn.k.74&token=3&all=1`);
  const p = await chances(page);
  const drawn = await nodes(page);
  await page.getByTestId('export').click();
  await expect(page.getByTestId('export-preview')).toBeVisible();
  const save = async (kind: string) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByTestId(`export-${kind}`).click()]);
    expect(download.suggestedFilename()).toBe(`single_double_quote-circuit-flipped.${kind}`);
    return readFileSync(await download.path());
  };

  const svg = (await save('svg')).toString();
  // Nothing but the namespace names another place.
  expect(svg.replaceAll('http://www.w3.org/2000/svg', '')).not.toMatch(/https?:|href|url\((?!#figure-)|<(script|style|image|foreignObject)|class=|var\(/);
  const figure = await page.evaluate((text) => {
    const parsed = new DOMParser().parseFromString(text, 'image/svg+xml');
    return {
      errors: parsed.querySelectorAll('parsererror').length,
      words: [...parsed.querySelectorAll('text')].map((one) => one.textContent),
      values: [...parsed.querySelectorAll('[data-node]')].map((one) => [one.getAttribute('data-node')!, one.getAttribute('data-activation')!, one.querySelector('text:last-child')?.textContent]),
    };
  }, svg);
  expect(figure.errors).toBe(0);
  expect(figure.values.map(([node, activation]) => ({ node, activation }))).toEqual(drawn.map(({ node, activation }) => ({ node, activation })));
  for (const one of p) expect(figure.words).toContain(`${(one * 100).toFixed(1)}\u00a0%`);
  for (const word of ['positive weight', 'negative weight', 'set', ...PROMPT.split('\n')]) expect(figure.words).toContain(word);
  // It opens alone.
  const alone = await browser.newPage();
  await alone.goto(`data:image/svg+xml,${encodeURIComponent(svg)}`);
  expect(await alone.evaluate(() => document.documentElement.getBoundingClientRect().width)).toBe(1120);
  await alone.close();

  const png = await save('png');
  expect([png.subarray(1, 4).toString(), png.readUInt32BE(16)]).toEqual(['PNG', 2240]);

  const json = await save('json');
  const run = JSON.parse(json.toString()) as { model: { fingerprint: string }; candidates: { p: number }[]; nodes: { node: string; value: number }[]; edges: { from: string; weight: number; activation: number; contribution: number }[] };
  expect(run.model.fingerprint).toBe((JSON.parse(modelFile('circuits/single_double_quote.json').toString()) as { model: string }).model);
  expect(run.candidates.map((one) => one.p)).toEqual(p);
  for (const { node, activation } of drawn) close(run.nodes.find((one) => one.node === node)!.value, Number(activation));
  for (const { weight, activation, contribution } of run.edges) close(weight * activation, contribution);
  expect((await save('csv')).toString().split('\r\n').filter((line) => line.startsWith('edge,')).length).toBe(run.edges.length);
  await page.keyboard.press('Escape');

  // Picked in another profile, then dropped.
  const context = await browser.newContext();
  const reader = await context.newPage();
  await open(reader);
  await reader.getByTestId('export').click();
  await reader.getByTestId('open-file').setInputFiles({ name: 'run.json', mimeType: 'application/json', buffer: json });
  await expect(reader.getByTestId('claim')).toHaveAttribute('data-agrees', 'true');
  expect(await chances(reader)).toEqual(p);
  expect(await nodes(reader)).toEqual(drawn);
  expect(new URL(reader.url()).hash.replace(/&claim=[\d.:]*/, '')).toBe(new URL(page.url()).hash);
  const drop = (content: string) => reader.evaluate((text) => {
    const data = new DataTransfer();
    data.items.add(new File([text], '<b>run.json'));
    document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
  }, content);
  await drop(json.toString().replace(/"p":0\.(\d)/, (_, digit: string) => `"p":0.${(Number(digit) + 1) % 10}`));
  await expect(reader.getByTestId('claim')).toHaveAttribute('data-agrees', 'false');
  for (const hostile of ['{"format":"sparse-circuits-run","version":1,"state":["<img src=x onerror=alert(1)>"]}', 'GIF89a', '']) {
    await drop(hostile);
    await expect(reader.locator('[data-notice=file]')).toContainText('<b>run.json');
    // The next change takes the sentence away.
    await reader.getByTestId('flip').click();
    await expect(reader.locator('[data-notice=file]')).toHaveCount(0);
  }
  await context.close();
});
