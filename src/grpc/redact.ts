import protobuf from 'protobufjs';

const hidden = '[redacted]';

/** Kubelet passes pod tokens in a map that is not marked secret, so they are recognised by this key. */
export const tokensKey = 'csi.storage.k8s.io/serviceAccount.tokens';

/**
 * A copy of a decoded message for the log. The interface's csi_secret option marks the secrets. A secret map loses its keys too, since
 * the author of the Secret chose them. Fields that the type does not have are left out.
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
