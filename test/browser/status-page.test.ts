import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openStatusPage, phone, startBrowser } from './browser.ts';
import { hostile, hostileContent, someContent } from './content.ts';

let browser: Browser;

beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const themes = ['light', 'dark'] as const;

// Text, not functions: the browser runs it, and the types of a document are not those of the driver.
const beyondWindow = `[...document.querySelectorAll('body *')].filter((one) =>
  !one.closest('thead') && one.getBoundingClientRect().right > document.documentElement.clientWidth + 1).map((one) => one.outerHTML.slice(0, 80))`;
const scrollsSideways = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';

async function expectWithinWindow(page: Page): Promise<void> {
  expect(await page.evaluate<string[]>(beyondWindow)).toEqual([]);
  expect(await page.evaluate<boolean>(scrollsSideways)).toBe(false);
}

/** A property of the style that the browser has computed for the first such element. */
function styleOf(page: Page, selector: string, property: string, part = ''): Promise<string> {
  const element = `document.querySelector(${JSON.stringify(selector)})`;
  return page.evaluate<string>(`getComputedStyle(${element}, ${JSON.stringify(part)})[${JSON.stringify(property)}]`);
}

test('a browser applies the style of the status page, asks for nothing else, and has no complaint', async () => {
  await using opened = await openStatusPage(browser, someContent());
  const { page, requests, complaints, address } = opened;
  expect(requests).toEqual([address]);
  expect(complaints).toEqual([]);
  // The policy has the hash of the style: without it, lists would have no border.
  expect(await styleOf(page, 'section', 'borderTopWidth')).toBe('1px');
});

test('a bar of the status page is as long as its figure says, and changes its colour where it gets full', async () => {
  await using opened = await openStatusPage(browser, someContent());
  const meters = opened.page.getByRole('meter', { name: /^data in use/ });
  const values = await Promise.all((await meters.all()).map((one) => one.getAttribute('value')));
  const texts = await meters.locator('xpath=..').allInnerTexts();
  expect(texts).toEqual(values.map((value) => `${Math.floor(Number(value))} %`));
  const picture = async (index: number): Promise<string> => (await meters.nth(index).screenshot()).toString('base64');
  // 71 %, 96 % and 87 %: the same length would still differ in colour.
  const pictures = await Promise.all([0, 2, 3].map(picture));
  expect(new Set(pictures).size).toBe(3);
});

test('the status page says what needs attention, and what to do', async () => {
  await using opened = await openStatusPage(browser, someContent());
  const rows = opened.page.getByRole('table', { name: 'Needs attention' }).getByRole('row');
  expect(await rows.allInnerTexts()).toEqual([
    expect.stringContaining('What to do'),
    expect.stringMatching(/node storage-3\s+NodeDisconnected\s+not connected/),
    expect.stringMatching(/pool fast on node storage-2\s+ThinPoolDataNearFull\s+96 % .* add a disk/),
    expect.stringMatching(/claim registry\/blobs .*\s+MirrorDegraded\s+.*replace the disk/),
    expect.stringMatching(/claim monitoring\/prometheus .*\s+LimitNotInForce\s+its I\/O limit is not in force/),
  ]);
});

test('the status page shows the progress of each job, its rate, and why it has failed', async () => {
  await using opened = await openStatusPage(browser, someContent());
  const rows = opened.page.getByRole('table', { name: 'Jobs' }).getByRole('row');
  expect(await rows.allInnerTexts()).toEqual([
    expect.stringContaining('Rate'),
    expect.stringMatching(/^copy\s+databases\/restored\s+storage-1\s.*running\s+200 GiB\s+64 %\s+180 MiB\/s/),
    expect.stringMatching(/^repair\s+registry\/blobs\s.*7 %\s+92 MiB\/s/),
    expect.stringMatching(/^erase\s+quarry-bulk\/pvc-old\s.*failed.*the disk \/dev\/sdc gives no answer \(4 times\)/),
  ]);
  expect(await rows.getByRole('progressbar', { name: 'done: 64 %' }).count()).toBe(1);
});

test('the keyboard reaches the lists of the status page in their order, with a visible mark, and follows their links', async () => {
  const many = Array.from({ length: 150 }, () => someContent().volumes).flat();
  await using opened = await openStatusPage(browser, { ...someContent(), volumes: many });
  const { page } = opened;
  const reached: (string | null)[] = [];
  for (let presses = 0; presses < 6; presses += 1) {
    await page.keyboard.press('Tab');
    expect(await styleOf(page, ':focus', 'outlineWidth')).toBe('3px');
    reached.push(await page.locator(':focus').getAttribute('href'));
  }
  expect(reached.slice(0, 5)).toEqual(['#attention', '#jobs', '#nodes', '#pools', '#volumes']);
  expect(await page.locator(':focus').innerText()).toBe('Next volumes');
  await page.keyboard.press('Enter');
  await page.waitForURL(/volumes=2#volumes$/);
  expect(await page.getByText('Page 2 of 8.').isVisible()).toBe(true);
});

test.each(themes)(
  'the status page has no fault of accessibility, such as too little contrast, in %s',
  async (colorScheme) => {
    await using opened = await openStatusPage(browser, someContent(), { colorScheme });
    const { page } = opened;
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate<{ violations: { id: string; help: string }[] }>('axe.run()');
    expect(violations.map(({ id, help }) => `${id}: ${help}`)).toEqual([]);
  },
);

test('the status page is dark where the reader has set that', async () => {
  const brightness = async (colorScheme: 'light' | 'dark'): Promise<number> => {
    await using opened = await openStatusPage(browser, someContent(), { colorScheme });
    const colour = await styleOf(opened.page, 'body', 'backgroundColor');
    return Number(/\d+/.exec(colour)?.[0]);
  };
  expect(await brightness('light')).toBeGreaterThan(200);
  expect(await brightness('dark')).toBeLessThan(50);
});

test('nothing on the status page scrolls sideways at 360 pixels, and each cell has its heading', async () => {
  await using opened = await openStatusPage(browser, someContent(), { viewport: phone });
  const { page } = opened;
  await expectWithinWindow(page);
  expect(await styleOf(page, '#pools ~ table td:nth-of-type(2)', 'content', '::before')).toBe('"Type"');
  // A table to a screen reader, although it is shown as blocks.
  expect(await page.getByRole('table', { name: 'Pools' }).getByRole('rowheader').count()).toBe(5);
});

test.each([phone, undefined])(
  'hostile names on the status page are text that stays within the window %o',
  async (viewport) => {
    await using opened = await openStatusPage(browser, hostileContent(), viewport && { viewport });
    const { page, requests, complaints, address } = opened;
    expect(requests).toEqual([address]);
    expect(complaints).toEqual([]);
    expect(await page.locator('img, script').count()).toBe(0);
    const shown = hostile.replace('\u{202E}', '\u{FFFD}');
    expect(await page.locator('#nodes ~ table tbody th').first().textContent()).toBe(shown);
    await expectWithinWindow(page);
  },
);
