// Speaks as lvm does in its long-lived form: a command a line, an indented JSON document on descriptor 3 for each.
import { appendFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const print = (text) => writeSync(3, text);
const document = (rows, code, messages = []) => {
  const log = messages.map((message) => ({ log_type: 'error', log_message: message }));
  const status = { log_type: 'status', log_context: 'shell', log_ret_code: code };
  return `${JSON.stringify({ report: [{ lv: rows }], log: [...log, status] }, undefined, 2)}\n`;
};

for await (const line of createInterface({ input: process.stdin })) {
  appendFileSync(process.env.FAKE_LOG, `${process.pid} ${line}\n`);
  const [name] = line.split(' ');
  if (name === 'die') process.kill(process.pid, 'SIGKILL');
  else if (name === 'halfway') {
    print('  {\n  "report": [');
    process.kill(process.pid, 'SIGKILL');
  } else if (name === 'stuck') await sleep(1_000_000);
  else if (name === 'pieces') {
    for (const piece of document([{ text: 'a\n}\n b' }, { text: '☃' }], '1').split(/(?<=[}\n"])/)) {
      print(piece);
      await sleep(1);
    }
  } else if (name === 'refuse') print(document([], '5'));
  else if (name === 'lastlog') print(document([], '1', ['no room']));
  else if (name === 'mute') print('{\n  "log": []\n}\n');
  else print(document([{ echo: line }], '1'));
}
