import { createHash } from 'node:crypto';
import { markup } from './markup.ts';

/** The style of the status page. A template without values is not escaped. */
export const styleElement = markup`<style>
:root { color-scheme: light dark; --line: #c4c8ce; --bad: #a11a1a; --ground: #fff; --text: #1b1f24; --link: #0b57b8; }
@media (prefers-color-scheme: dark) { :root { --line: #454b54; --bad: #ff9a92; --ground: #14171a; --text: #e6e8eb; --link: #8ab8ff; } }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif; background: var(--ground); color: var(--text); }
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.wide { overflow-x: auto; margin: 1.5rem 0 0.5rem; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; font-weight: bold; font-size: 1.2rem; padding: 0.25rem 0; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; min-width: 4rem; }
meter { width: 6rem; vertical-align: middle; }
.bad { color: var(--bad); font-weight: bold; }
@media (max-width: 40rem) { body { padding: 0.5rem; } meter { width: 4rem; } }
</style>`;

const style = /<style>([^]*)<\/style>/.exec(styleElement.text)?.[1] ?? '';
const hash = createHash('sha256').update(style).digest('base64');

/** Lets a browser apply the style above and nothing else. */
export const contentPolicy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
