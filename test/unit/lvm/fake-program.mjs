// Answers as the long-lived lvm does: one command per line, one indented JSON document per command on descriptor 3.
import { appendFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

let current;
const print = (text) => writeSync(3, text);
const document = (rows, code, messages = [], command = current) => {
  const log = messages.map((message) => ({ log_type: 'error', log_message: message }));
  const status = { log_type: 'status', log_context: 'shell', log_object_name: command, log_ret_code: code };
  return `${JSON.stringify({ report: [{ lv: rows }], log: [...log, status] }, undefined, 2)}\n`;
};

let commands = 0;
/** Only the first report of a process shows a thin pool that was activated since the list of devices was made. */
function attributesOf(line) {
  if (line.endsWith('/inactive')) return '-wi-------';
  if (line.endsWith('/down-pool')) return 'twi---tz--';
  if (line.endsWith('/activated-pool')) return commands === 1 ? 'twi-aotz--' : 'twi---tz--';
  return '-wi-a-----';
}

for await (const line of createInterface({ input: process.stdin })) {
  appendFileSync(process.env.FAKE_LOG, `${process.pid} ${line}\n`);
  const [name] = line.split(' ');
  current = name;
  commands += 1;
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
  else if (name === 'refuse-and-warn') {
    writeSync(
      2,
      '  WARNING: Sum of all thin volume sizes exceeds the free space in volume group vg.\nthin_check: broken\n',
    );
    print(document([], '5'));
  } else if (name === 'lastlog') print(document([], '1', ['no room']));
  else if (name === 'other') print(document([], '1', [], 'lvs'));
  else if (name === 'lvs') {
    const attributes = attributesOf(line);
    print(document([{ vg_name: 'vg', lv_name: line.split('/')[1], lv_attr: attributes }], '1'));
  } else if (/^late\d+$/.test(name)) {
    await sleep(Number(name.slice(4)));
    print(document([{ echo: line }], '1'));
  } else if (name === 'mute') print('{\n  "log": []\n}\n');
  else print(document([{ echo: line }], '1'));
}
