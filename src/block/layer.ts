import type { Secrets } from '../domain/devices.ts';
import type { Volume } from '../domain/volume.ts';

/** What a layer is opened with. */
export interface Opening {
  readonly secrets: Secrets;
  readonly signal: AbortSignal;
}

/** The place of a layer in a volume's stack. */
export interface LayerPlace {
  /** The name of the layer's device. The stack derives it from the volume's id alone. */
  readonly name: string;
  /** The path of the device that the layer is built on. */
  readonly below: string;
}

export type LayerState =
  | { readonly open: false }
  | {
      readonly open: true;
      /** The path of the layer's device. */
      readonly device: string;
    };

/**
 * A kind of device between a logical volume and the device that is mounted or handed out. Every method can be repeated, also after a
 * crash at any point. A layer has no memory: it reads its state from the kernel.
 */
export interface Layer {
  /** Part of its devices' names: short, lower case, and never changed. */
  readonly kind: string;
  /** Whether the volume has this layer, according to its tags. */
  appliesTo(volume: Volume): boolean;
  /** Reads the state from the kernel. Throws `unavailable` if it cannot be read. */
  state(name: string): Promise<LayerState>;
  /** Not called while the layer is open. Throws `bad-secret` for a secret that does not open it. */
  open(volume: Volume, place: LayerPlace, opening: Opening): Promise<void>;
  /** Grows the layer to the device below. Not called while the layer is closed. */
  resize(place: LayerPlace): Promise<void>;
  /** Throws `unavailable` while something uses the device. Not called while the layer is closed. */
  close(name: string): Promise<void>;
  /** Closes what an opening or a closing that was cut off has left. Not called while the layer is open. Throws `unavailable` while something uses it. */
  closeRemains(name: string): Promise<void>;
}
