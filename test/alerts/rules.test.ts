import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { command } from '../../lab/command.ts';
import { promtoolFolder } from '../../lab/promtool.ts';
import { findObject, renderObjects } from '../support/chart.ts';

const promtool = join(promtoolFolder(), 'promtool');

test("the chart's alert rules fire when they should, once, with their texts, according to promtool", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quarry-alerts-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const objects = await renderObjects({ metrics: { prometheusRule: { enabled: true } } });
  await writeFile(join(folder, 'rules.yaml'), stringify(findObject(objects, 'PrometheusRule', 'quarry').spec));
  await copyFile(join(import.meta.dirname, 'rules.test.yaml'), join(folder, 'rules.test.yaml'));
  expect(await command([promtool, 'check', 'rules', '--lint-fatal', join(folder, 'rules.yaml')])).toContain('SUCCESS');
  // Throws with the differences.
  await command([promtool, 'test', 'rules', join(folder, 'rules.test.yaml')]);
});
