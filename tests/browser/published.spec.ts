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
