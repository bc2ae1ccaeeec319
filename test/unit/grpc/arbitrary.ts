import * as fc from 'fast-check';
import protobuf from 'protobufjs';

/** Messages of a type with any subset of its fields, at most three levels deep. `text` gives the text of a field. */
export function anyMessage(
  type: protobuf.Type,
  text: (field: protobuf.Field) => string,
  depth = 3,
): fc.Arbitrary<Record<string, unknown>> {
  const fields = type.fieldsArray.map((field) => [field.name, anyField(field, text, depth)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] });
}

function anyField(
  field: protobuf.Field,
  text: (field: protobuf.Field) => string,
  depth: number,
): fc.Arbitrary<unknown> {
  const value = anyValue(field, text, depth);
  if (field.map)
    return fc.dictionary(
      fc.string().map((key) => `${text(field)}${key}`),
      value,
      { maxKeys: 3 },
    );
  return field.repeated ? fc.array(value, { maxLength: 3 }) : value;
}

function anyValue(
  field: protobuf.Field,
  text: (field: protobuf.Field) => string,
  depth: number,
): fc.Arbitrary<unknown> {
  const { resolvedType } = field;
  if (resolvedType instanceof protobuf.Enum) return fc.constantFrom(...Object.keys(resolvedType.values));
  if (resolvedType !== null) return depth === 0 ? fc.constant({}) : anyMessage(resolvedType, text, depth - 1);
  if (field.type === 'string') return fc.string({ maxLength: 8 }).map((rest) => `${text(field)}${rest}`);
  if (field.type === 'bool') return fc.boolean();
  return field.type === 'int64' ? fc.bigInt({ min: 0n, max: 2n ** 62n }).map(String) : fc.integer();
}
