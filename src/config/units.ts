const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of `500ms`, `30s`, `5m` or `1h`; `undefined` if the text is not a duration, such as a number without unit. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9})(ms|s|m|h)$/.exec(text);
  const unit = milliseconds[match?.[2] ?? ''];
  return match && unit !== undefined ? Number(match[1]) * unit : undefined;
}

/** The number of `80%` or `80`. Whole percents only, as in LVM's own settings. */
export function parsePercent(text: string): number | undefined {
  const match = /^(\d{1,9})%?$/.exec(text);
  return match ? Number(match[1]) : undefined;
}

export function parseCount(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** A factor such as `2` or `1.5`. */
export function parseRatio(text: string): number | undefined {
  return /^\d{1,9}(\.\d{1,6})?$/.test(text) ? Number(text) : undefined;
}
