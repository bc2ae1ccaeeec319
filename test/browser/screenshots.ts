// `npm run screenshots`: writes the pictures of docs/guides/status-page.md.
import { execFileSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { desktop, openStatusPage, phone, startBrowser } from './browser.ts';
import { someContent } from './content.ts';

const folder = join(import.meta.dirname, '../../docs/images');

await mkdir(folder, { recursive: true });
const browser = await startBrowser();
const pictures = [
  { name: 'status-page', viewport: { width: desktop.width, height: 1200 }, colorScheme: 'light', at: '' },
  { name: 'status-page-dark', viewport: desktop, colorScheme: 'dark', at: '#pools' },
  { name: 'status-page-narrow', viewport: phone, colorScheme: 'light', at: '' },
] as const;
for (const { name, at, ...window } of pictures) {
  await using opened = await openStatusPage(browser, someContent(), window);
  await opened.page.goto(opened.address + at);
  const path = join(folder, `${name}.png`);
  await opened.page.screenshot({ path });
  // Without loss: a third smaller.
  execFileSync('optipng', ['-quiet', path]);
  console.log(path);
}
await browser.close();
