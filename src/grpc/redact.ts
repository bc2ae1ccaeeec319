import protobuf from 'protobufjs';

const hidden = '[redacted]';

/** Kubelet hands pod tokens over in a map that is not marked secret, so this one is known by its key. */
export const tokensKey = 'csi.storage.k8s.io/serviceAccount.tokens';

/**
 * A copy of a decoded message that may go to a log. What is secret comes from the interface's own csi_secret option. A secret
 * map loses its keys too, since they are chosen by whoever wrote the Secret. Fields that the type does not know are left out.
 */
export function redact(type: protobuf.Type, message: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const shown = type.fieldsArray.filter((field) => !isEmpty(message[field.name]));
  return Object.fromEntries(shown.map((field) => [field.name, redactField(field, message[field.name])]));
}

function redactField(field: protobuf.Field, value: unknown): unknown {
  if (field.options?.['(csi_secret)'] === true) return hidden;
  if (field.map) return redactMap(field, value);
  if (field.repeated && Array.isArray(value)) return value.map((item: unknown) => redactValue(field, item));
  return redactValue(field, value);
}

function redactMap(field: protobuf.Field, value: unknown): unknown {
  if (!isRecord(value)) return hidden;
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    key === tokensKey ? hidden : redactValue(field, item),
  ]);
  return Object.fromEntries(entries);
}

function redactValue(field: protobuf.Field, value: unknown): unknown {
  if (!(field.resolvedType instanceof protobuf.Type)) return value;
  return isRecord(value) ? redact(field.resolvedType, value) : hidden;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
