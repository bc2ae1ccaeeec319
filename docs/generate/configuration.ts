import * as z from 'zod';
import { units } from '../../src/config/fields.ts';
import { pool } from '../../src/config/pools.ts';
import { schemas } from '../../src/config/schema.ts';
import { formatExactly } from '../../src/domain/bytes.ts';
import { table } from './markdown.ts';

type Shape = Readonly<Record<string, z.core.$ZodType>>;

const { admin, kubernetes, metrics, placement, statusPage, fleet: controllerFleet } = schemas.controller.shape;

/** Name in a marker → the table of a part of the configuration. */
export const configurationTables: Readonly<Record<string, () => string>> = {
  'top level': () => fieldTable({ ...schemas.all.shape, placement }),
  'fleet of nodes': () => fieldTable(shapeOf(schemas.node.shape.fleet)),
  'fleet of controllers': () => fieldTable(shapeOf(controllerFleet)),
  controller: () => fieldTable({ admin, metrics, statusPage, kubernetes }),
  pools: () => fieldTable(shapeOf(pool)),
  disks: () => fieldTable(shapeOf(childOf(pool, 'disks'))),
  thin: () => fieldTable(shapeOf(childOf(pool, 'thin'))),
};

function fieldTable(shape: Shape): string {
  return table(['Key', 'Default', 'Meaning'], [...rowsOf(shape, '')]);
}

/** A section without its own text is shown key by key. */
function* rowsOf(shape: Shape, path: string): Generator<string[]> {
  for (const [key, schema] of Object.entries(shape)) {
    const { description, otherwise } = factsOf(schema);
    if (description === undefined) yield* rowsOf(shapeOf(schema), `${path}${key}.`);
    else yield [`\`${path}${key}\``, otherwise, description];
  }
}

interface Facts {
  readonly description: string | undefined;
  readonly otherwise: string;
}

function factsOf(schema: z.core.$ZodType): Facts {
  const layers = [...layersOf(schema)];
  const meta = layers.map((layer) => z.globalRegistry.get(layer)).find((found) => found?.description !== undefined);
  const unit = layers.map((layer) => units.get(layer)?.unit).find((found) => found !== undefined);
  const given = layers.find((layer) => layer instanceof z.ZodDefault);
  const optional = layers.some((layer) => layer instanceof z.ZodOptional);
  const value = given ? `\`${show(given.def.defaultValue, unit)}\`` : optional ? 'none' : 'required';
  return { description: meta?.description, otherwise: typeof meta?.['otherwise'] === 'string' ? meta['otherwise'] : value };
}

/** A default in the form of the file. */
function show(value: unknown, unit: 'duration' | 'percent' | undefined): string {
  if (typeof value === 'bigint') return formatExactly(value).replace(/ (.i)?B$/, '$1');
  if (unit === 'percent') return `${String(value)}%`;
  if (unit !== 'duration' || typeof value !== 'number') return String(value);
  const names = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  const [name, size] = Object.entries(names).find(([, each]) => value % each === 0) ?? ['ms', 1];
  return `${value / size}${name}`;
}

/** The wrappers of a field, from the outside in: optional, default, transformations. */
function* layersOf(schema: z.core.$ZodType): Generator<z.core.$ZodType> {
  yield schema;
  if (schema instanceof z.ZodPipe) yield* layersOf(schema.def.in);
  else if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    yield* layersOf(schema.def.innerType);
  }
}

function shapeOf(schema: z.core.$ZodType): Shape {
  const found = [...layersOf(schema)].find((layer) => layer instanceof z.ZodObject);
  if (found === undefined) throw new Error('a field of the configuration has no text');
  return found.shape;
}

function childOf(schema: z.core.$ZodType, key: string): z.core.$ZodType {
  const child = shapeOf(schema)[key];
  if (child === undefined) throw new Error(`the configuration has no ${key}`);
  return child;
}
