import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { type ChartObject, findObject, podOf, renderObjects } from '../support/chart.ts';

const pool = (volumeGroup: string) => ({ name: 'fast', volumeGroup, type: 'thin' });
const nodeGroups = [
  { name: 'big', nodeSelector: { disks: 'big', zone: 'a' }, pools: [pool('group-big')] },
  { name: 'small', nodeSelector: { disks: 'small' }, pools: [pool('group-small')] },
];

type Labels = Readonly<Record<string, string>>;

interface Term {
  readonly matchExpressions?: readonly { readonly key: string; readonly operator: string; readonly values: string[] }[];
}

/** As the scheduler does: every label of the selector, and any of the terms. */
function runsOn(objects: readonly ChartObject[], name: string, labels: Labels): boolean {
  const { nodeSelector = {}, affinity } = podOf(objects, 'DaemonSet', name) as ReturnType<typeof podOf> & {
    readonly nodeSelector?: Labels;
    readonly affinity?: {
      readonly nodeAffinity?: {
        readonly requiredDuringSchedulingIgnoredDuringExecution: { readonly nodeSelectorTerms: readonly Term[] };
      };
    };
  };
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms;
  const holds = ({ matchExpressions = [] }: Term) =>
    matchExpressions.every(({ key, operator, values }) => values.includes(labels[key] ?? '') === (operator === 'In'));
  return Object.entries(nodeSelector).every(([key, value]) => labels[key] === value) && (terms?.some(holds) ?? true);
}

const names = ['quarry-node', 'quarry-node-big', 'quarry-node-small'];
const driversOn = (objects: readonly ChartObject[], labels: Labels) =>
  names.filter((name) => runsOn(objects, name, labels));

describe('groups of nodes', () => {
  const render = (values: object = {}) => renderObjects({ pools: [pool('group-rest')], nodeGroups, ...values });

  test('each node has one driver, also if it has the labels of two groups or a part of them', async () => {
    const objects = await render();
    expect(driversOn(objects, { disks: 'big', zone: 'a' })).toEqual(['quarry-node-big']);
    expect(driversOn(objects, { disks: 'small' })).toEqual(['quarry-node-small']);
    for (const labels of [{}, { disks: 'big' }, { disks: 'big', zone: 'b' }, { zone: 'a' }, { disks: 'none' }]) {
      expect(driversOn(objects, labels)).toEqual(['quarry-node']);
    }
    const [big, small] = nodeGroups;
    const both = await render({ nodeGroups: [big, { ...small, nodeSelector: { other: 'yes' } }] });
    expect(driversOn(both, { disks: 'big', zone: 'a', other: 'yes' })).toEqual(['quarry-node-big']);
  });

  test("keep the nodes' own affinity and selector", async () => {
    const term = (value: string) => ({ matchExpressions: [{ key: 'arch', operator: 'In', values: [value] }] });
    const required = { nodeSelectorTerms: [term('amd64'), term('arm64')] };
    const node = {
      nodeSelector: { storage: 'yes' },
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: required } },
    };
    const objects = await render({ node });
    const labels = { storage: 'yes', arch: 'arm64' };
    expect(driversOn(objects, labels)).toEqual(['quarry-node']);
    expect(driversOn(objects, { ...labels, disks: 'small' })).toEqual(['quarry-node-small']);
    expect(driversOn(objects, { ...labels, disks: 'big', zone: 'a' })).toEqual(['quarry-node-big']);
    expect(driversOn(objects, { ...labels, arch: 'riscv64' })).toEqual([]);
    expect(driversOn(objects, { arch: 'arm64', disks: 'small' })).toEqual([]);
  });

  test('have their own pools, and a change of them restarts only their pods', async () => {
    const objects = await render();
    const groupsOf = (name: string) => {
      const text = findObject(objects, 'ConfigMap', name).data?.['config.yaml'] ?? '';
      return parseConfig(text, { hostname: 'node-1' }, 'node').pools.map(({ group }) => group);
    };
    expect(names.map(groupsOf)).toEqual([['group-rest'], ['group-big'], ['group-small']]);
    for (const name of names) {
      expect(podOf(objects, 'DaemonSet', name).volumes).toContainEqual({ name: 'config', configMap: { name } });
    }
    const [big, small] = nodeGroups;
    const changed = await render({ nodeGroups: [big, { ...small, pools: [pool('group-new')] }] });
    const differ = names.filter(
      (name) =>
        JSON.stringify(findObject(objects, 'DaemonSet', name)) !==
        JSON.stringify(findObject(changed, 'DaemonSet', name)),
    );
    expect(differ).toEqual(['quarry-node-small']);
  });

  test('select only their own pods', async () => {
    const selectors = names.map(async (name) => {
      const { spec } = findObject(await render(), 'DaemonSet', name);
      return (spec as unknown as { selector: { matchLabels: Labels } }).selector.matchLabels['quarry/group'];
    });
    expect(await Promise.all(selectors)).toEqual(['default', 'big', 'small']);
  });

  test('need different names', async () => {
    const [big] = nodeGroups;
    await expect(render({ nodeGroups: [big, big] })).rejects.toThrow('two have the name big');
  });
});
