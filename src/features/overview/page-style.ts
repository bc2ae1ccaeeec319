import { createHash } from 'node:crypto';
import { markup } from './markup.ts';

/**
 * The style of the status page. A template without values is not escaped. Below 44rem each row of a table becomes a block whose cells
 * have their headings in front of them, so that nothing scrolls sideways.
 */
export const styleElement = markup`<style>
:root { color-scheme: light dark; --ground: #f4f5f7; --card: #fff; --line: #dcdfe4; --text: #1c2128; --faint: #59626e; --link: #0a57b5;
  --good: #2f8f4e; --warn: #c27a00; --bad: #b3261e; --bad-ground: #fdeceb; --track: #e4e7eb; }
@media (prefers-color-scheme: dark) { :root { --ground: #111418; --card: #1a1e24; --line: #313842; --text: #e3e6ea; --faint: #a0a9b5; --link: #86b7ff;
  --good: #4fb573; --warn: #e0a030; --bad: #ff9d95; --bad-ground: #3a1f1f; --track: #313842; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 0.9375rem/1.5 -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; overflow-wrap: anywhere; }
main, header { max-width: 84rem; margin: 0 auto; padding: 0 1.25rem; }
header { padding-top: 1.25rem; }
main { padding-bottom: 2.5rem; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.0625rem; margin: 0; padding: 0.75rem 1rem; }
h2 small { color: var(--faint); font-weight: normal; font-size: 0.9375rem; }
p { margin: 0.25rem 0; }
.faint, dt { color: var(--faint); }
a { color: var(--link); }
a:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; border-radius: 2px; }
.tiles { display: flex; flex-wrap: wrap; gap: 0.75rem; margin: 1rem 0 0; padding: 0; list-style: none; }
.tiles li { flex: 1 1 9rem; }
.tiles a { display: block; height: 100%; padding: 0.625rem 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; color: inherit; text-decoration: none; }
.tiles a:hover { border-color: var(--link); }
.tiles strong { display: block; font-size: 1.5rem; line-height: 1.3; }
section { margin-top: 1rem; background: var(--card); border: 1px solid var(--line); border-radius: 6px; }
section > p { padding: 0 1rem 0.75rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.4375rem 0.75rem; border-top: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 1rem; }
thead th { color: var(--faint); font-weight: 600; font-size: 0.8125rem; white-space: nowrap; }
tbody th { font-weight: 600; }
.figure { white-space: nowrap; font-variant-numeric: tabular-nums; }
.parts > span { display: block; }
.bad { color: var(--bad); font-weight: 600; }
.tag { display: inline-block; max-width: 20rem; padding: 0 0.5rem; overflow-wrap: break-word; border-radius: 1rem; background: var(--bad-ground); color: var(--bad); font-weight: 600; font-size: 0.8125rem; }
.remark { padding: 0.5rem 1rem; margin-top: 1rem; background: var(--bad-ground); color: var(--bad); border-radius: 6px; }
meter, progress { appearance: none; display: inline-block; width: 6rem; height: 0.625rem; margin-right: 0.375rem; vertical-align: baseline; background: var(--track); border: 0; border-radius: 4px; }
meter::-webkit-meter-inner-element { appearance: none; height: 100%; }
meter::-webkit-meter-bar { height: 100%; background: var(--track); border: 0; border-radius: 4px; }
meter::-webkit-meter-optimum-value { grid-row: 1 / -1; background: var(--good); border-radius: 4px; }
meter::-webkit-meter-suboptimum-value { grid-row: 1 / -1; background: var(--warn); border-radius: 4px; }
meter::-webkit-meter-even-less-good-value { grid-row: 1 / -1; background: var(--bad); border-radius: 4px; }
progress::-webkit-progress-bar { background: var(--track); border-radius: 4px; }
progress::-webkit-progress-value { background: var(--link); border-radius: 4px; }
progress::-moz-progress-bar { background: var(--link); border-radius: 4px; }
meter::-moz-meter-bar { border-radius: 4px; background: var(--good); }
meter:-moz-meter-sub-optimum::-moz-meter-bar { background: var(--warn); }
meter:-moz-meter-sub-sub-optimum::-moz-meter-bar { background: var(--bad); }
nav { padding: 0.625rem 1rem; border-top: 1px solid var(--line); }
@media (max-width: 44rem) {
  main, header { padding-left: 0.75rem; padding-right: 0.75rem; }
  .tiles li { flex-basis: 40%; }
  table, tbody, tr, th, td { display: block; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tbody tr { padding: 0.5rem 1rem; border-top: 1px solid var(--line); }
  tbody th, td { border: 0; padding: 0.125rem 0; }
  th:first-child, td:first-child { padding-left: 0; }
  td { display: flex; gap: 0.75rem; }
  td:empty { display: none; }
  td::before { content: attr(data-heading); flex: 0 0 6.5rem; color: var(--faint); }
  td > * { min-width: 0; }
  .tag { max-width: 100%; }
}
</style>`;

const style = /<style>([^]*)<\/style>/.exec(styleElement.text)?.[1] ?? '';
const hash = createHash('sha256').update(style).digest('base64');

/** Lets a browser apply the style above and nothing else. */
export const contentPolicy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
