import { classParameters } from '../../src/domain/parameters.ts';
import { qosParameterHelp } from '../../src/domain/qos-parameters.ts';
import { table } from './markdown.ts';

export function storageClassParameters(): string {
  const rows = Object.entries(classParameters).map(([name, { values, otherwise }]) => [`\`${name}\``, values, otherwise]);
  return table(['Parameter', 'Values', 'Default'], rows);
}

export function attributeParameters(): string {
  const rows = qosParameterHelp.map(({ names, values, meaning }) => [
    names.map((name) => `\`${name}\``).join(', '),
    values,
    meaning,
  ]);
  return table(['Parameter', 'Values', 'Meaning'], rows);
}
