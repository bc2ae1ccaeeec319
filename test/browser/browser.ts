import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { PageContent } from '../../src/features/overview/page.ts';
import { createStatusPage } from '../../src/features/overview/page-server.ts';
import { memoryLog } from '../unit/grpc/harness.ts';

/** Debian's, of the package chromium-headless-shell. */
const program = '/usr/bin/chromium-headless-shell';

/** Root has no sandbox, and the pages are our own. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: program, args: ['--no-sandbox'] });
}

export const desktop = { width: 1120, height: 800 };
export const phone = { width: 360, height: 740 };

interface Window {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: 'light' | 'dark';
}

interface Opened extends AsyncDisposable {
  readonly page: Page;
  /** Addresses that the browser asked for, in their order. */
  readonly requests: readonly string[];
  /** What the browser has complained about, such as a breach of the page's policy. */
  readonly complaints: readonly string[];
  readonly address: string;
}

/** The status page with that content, served as a controller serves it, in a window of its own. */
export async function openStatusPage(
  browser: Browser,
  content: PageContent,
  { viewport = desktop, colorScheme = 'light' }: Window = {},
): Promise<Opened> {
  const listen = { host: '127.0.0.1', port: 0 };
  const { server, start, stop } = createStatusPage({ listen, read: async () => content, log: memoryLog().log });
  start();
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const context = await browser.newContext({ viewport, colorScheme });
  const page = await context.newPage();
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('dialog', (dialog) => complaints.push(`a dialog: ${dialog.message()}`));
  await page.goto(address);
  const dispose = async (): Promise<void> => {
    await context.close();
    await stop();
  };
  return { page, requests, complaints, address, [Symbol.asyncDispose]: dispose };
}
