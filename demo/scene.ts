import { styleText } from 'node:util';

/** Prints the demo. Colours are for terminals only: styleText omits them for pipes and with NO_COLOR. */
export interface Scene {
  title(text: string, more: string): void;
  chapter(text: string): void;
  say(text: string): void;
  /** A command of the machine with its output. */
  shell(command: string, output: string): void;
  /** A CSI call with its request, its answer, and its duration. */
  call(name: string, request: readonly string[], answer: readonly string[], milliseconds: number): void;
  claim(text: string): void;
  failure(text: string): void;
}

const width = 108;
const margin = '   ';

export function createScene(write: (text: string) => void): Scene {
  let chapters = 0;
  const line = (text = ''): void => write(`${text}\n`);
  return {
    title(text, more) {
      line();
      line(`${styleText(['bold', 'inverse'], ` ${text} `)}  ${more}`);
    },
    chapter(text) {
      chapters += 1;
      line();
      line(styleText(['bold', 'cyan'], `${String(chapters).padStart(2)} ${text}`));
    },
    say: (text) => line(`${margin}${text}`),
    shell(command, output) {
      line(`${margin}${styleText('yellow', '$')} ${styleText('bold', command)}`);
      for (const row of dedent(output)) line(`${margin}  ${styleText('gray', row)}`);
    },
    call(name, request, answer, milliseconds) {
      const took = `${milliseconds.toFixed(0)} ms`;
      const [first = '', ...rest] = wrap([name, ...request], width - took.length - 2);
      const head = `${margin}${styleText('magenta', '→')} ${styleText('bold', name)}${first.slice(name.length)}`;
      const gap = ' '.repeat(Math.max(2, width - first.length - took.length));
      line(`${head}${gap}${styleText('gray', took)}`);
      for (const row of rest) line(`${margin}    ${row}`);
      for (const [index, row] of wrap(answer, width).entries()) {
        line(`${margin}${index === 0 ? styleText('magenta', '←') : ' '} ${row}`);
      }
    },
    claim: (text) => line(`${margin}${styleText('green', '✓')} ${text}`),
    failure: (text) => line(`${margin}${styleText('red', '✗')} ${styleText('bold', text)}`),
  };
}

/** LVM indents its tables. */
function dedent(output: string): string[] {
  const rows = output.trimEnd().split('\n');
  const depth = Math.min(...rows.filter((row) => row.trim() !== '').map((row) => row.search(/\S/)));
  return rows.map((row) => row.slice(Number.isFinite(depth) ? depth : 0).trimEnd());
}

/** Joins words to lines of at most `columns`, unless a single word is longer. */
function wrap(words: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 2 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last}  ${word}`;
  }
  return lines;
}
