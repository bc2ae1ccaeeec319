import type { NodeContext, NodePart } from '../../app/feature.ts';
import { messageOf } from '../../domain/errors.ts';
import { removeScratch, type ScratchPorts } from '../../lvm/scratch.ts';

type Given = Pick<NodeContext, 'log'> & {
  readonly config: Pick<NodeContext['config'], 'pools'>;
  readonly local: ScratchPorts;
};

/** Removes what a calibration that was killed has left. A calibration that runs keeps its scratch volume open, and so keeps it. */
export function createCalibrationPart({ config, local, log }: Given): NodePart {
  return {
    async ready() {
      for (const { name, group } of config.pools) {
        try {
          if (await removeScratch(local, group)) log.info({ pool: name }, 'left scratch volume removed');
        } catch (error) {
          log.warn({ pool: name, reason: messageOf(error) }, 'the scratch volume was not removed');
        }
      }
    },
  };
}
