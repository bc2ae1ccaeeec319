import type { NodeContext, NodePart } from '../../app/feature.ts';
import { messageOf } from '../../domain/errors.ts';
import { removeScratch, type ScratchPorts } from '../../lvm/scratch.ts';

type Given = Pick<NodeContext, 'log'> & {
  readonly config: Pick<NodeContext['config'], 'pools'>;
  readonly local: ScratchPorts;
};

/** Removes the scratch volume of a killed calibration. A running one keeps its scratch volume open, so that it stays. */
export function createCalibrationPart({ config, local, log }: Given): NodePart {
  return {
    async ready() {
      for (const { name, group } of config.pools) {
        try {
          if (await removeScratch(local, group)) log.info({ pool: name }, 'left-over scratch volume removed');
        } catch (error) {
          log.warn({ pool: name, reason: messageOf(error) }, 'the scratch volume was not removed');
        }
      }
    },
  };
}
