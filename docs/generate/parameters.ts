import { inlineParameterNames } from '../../src/domain/inline.ts';
import { classParameters } from '../../src/domain/parameters.ts';
import { qosParameterHelp } from '../../src/domain/qos-parameters.ts';
import { table } from './markdown.ts';

export function storageClassParameters(): string {
  const rows = Object.entries(classParameters).map(([name, { values, otherwise }]) => [`\`${name}\``, values, otherwise]);
  return table(['Parameter', 'Values', 'Default'], rows);
}

/** The attributes of inline volumes that a StorageClass has as parameters, without limits. */
export function inlineAttributes(): string {
  const rows = Object.entries(classParameters)
    .filter(([name]) => inlineParameterNames.includes(name))
    .map(([name, { values, otherwise }]) => [`\`${name}\``, values, otherwise]);
  return table(
    ['Attribute', 'Values', 'Default'],
    [['`size`', 'bytes, such as `512Mi` or `10Gi`; rounded up as the size of a claim', '1 GiB'], ...rows],
  );
}

export function attributeParameters(): string {
  const rows = qosParameterHelp.map(({ names, values, meaning }) => [
    names.map((name) => `\`${name}\``).join(', '),
    values,
    meaning,
  ]);
  return table(['Parameter', 'Values', 'Meaning'], rows);
}
