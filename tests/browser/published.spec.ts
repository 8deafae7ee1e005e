import { expect, test } from './test';
import { host } from './host';
import { ready, watch } from './page';

test('the folder works from any sub-path', async ({ page }) => {
  const server = await host('/some/where else/');
  const { messages } = watch(page);
  await page.goto(`http://127.0.0.1:${server.port}/some/where%20else/`);
  await ready(page);
  expect(messages).toEqual([]);
  server.close();
});

test('a link to the page has a picture of the circuit', async ({ page }) => {
  await page.goto('./');
  const address = await page.locator('meta[property="og:image"]').getAttribute('content');
  const { width, height, colours } = await page.evaluate(async (src) => {
    const image = new Image();
    image.src = src!;
    await image.decode();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.width, image.height];
    const context = canvas.getContext('2d')!;
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, image.width, image.height);
    const colours: Record<string, number> = {};
    for (let at = 0; at < data.length; at += 4) {
      const colour = [...data.slice(at, at + 3)].join(',');
      colours[colour] = (colours[colour] ?? 0) + 1;
    }
    return { width: image.width, height: image.height, colours };
  }, address);
  expect([width, height]).toEqual([1200, 630]);
  // The paper, and edges of both signs.
  expect(colours['250,249,246']).toBeGreaterThan(300_000);
  for (const sign of ['31,98,180', '181,80,11']) expect(colours[sign], sign).toBeGreaterThan(1000);
});
