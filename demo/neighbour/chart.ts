import type { Measured } from './load.ts';
import { wordsOf } from './table.ts';

const bar = { height: 22, gap: 12, left: 232, width: 300 } as const;
const panelGap = 44;
const colours = ['#8a8f98', '#c8553d', '#2a7f62'] as const;

interface Panel {
  readonly title: string;
  readonly value: (measured: Measured) => number;
  readonly words: (measured: Measured) => string;
}

const panels: readonly Panel[] = [
  { title: 'Reads a second of the database', value: ({ reads }) => reads, words: (m) => wordsOf(m)[0] },
  { title: '99th percentile of its reads', value: ({ p99 }) => p99, words: (m) => wordsOf(m)[1] },
  { title: 'Bytes a second of the writer', value: ({ written }) => written, words: (m) => wordsOf(m)[2] },
];

/** An SVG of bars: a panel for each quantity, a bar for each row. */
export function drawChart(rows: readonly (readonly [string, Measured])[]): string {
  const panelHeight = rows.length * (bar.height + bar.gap) + panelGap;
  const height = panels.length * panelHeight + 8;
  const drawn = panels.map((panel, index) => drawPanel(panel, rows, index * panelHeight));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 ${height}" font-family="sans-serif" font-size="13">`,
    `<rect width="640" height="${height}" fill="#ffffff"/>`,
    ...drawn.flat(),
    '</svg>\n',
  ].join('\n');
}

function drawPanel({ title, value, words }: Panel, rows: readonly (readonly [string, Measured])[], top: number) {
  const most = Math.max(...rows.map(([, measured]) => value(measured)), Number.MIN_VALUE);
  const bars = rows.flatMap(([name, measured], index) => {
    const y = top + panelGap + index * (bar.height + bar.gap) - 8;
    const width = Math.max(1, Math.round((value(measured) / most) * bar.width));
    const text = y + bar.height - 6;
    return [
      `<text x="${bar.left - 10}" y="${text}" text-anchor="end" fill="#333333">${name}</text>`,
      `<rect x="${bar.left}" y="${y}" width="${width}" height="${bar.height}" fill="${colours[index % colours.length]}"/>`,
      `<text x="${bar.left + width + 8}" y="${text}" fill="#333333">${words(measured)}</text>`,
    ];
  });
  return [`<text x="16" y="${top + 22}" font-weight="bold" fill="#111111">${title}</text>`, ...bars];
}
