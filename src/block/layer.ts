import type { Volume } from '../domain/volume.ts';

/** Where a layer of a volume belongs. */
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
 * A kind of device between a logical volume and the device that is mounted or handed out. Every method may be repeated, also after
 * one that was cut off anywhere, and works from what the kernel says: a layer remembers nothing.
 */
export interface Layer {
  /** Part of the names of its devices: short, lower case, and never changed. */
  readonly kind: string;
  /** Whether the volume has this layer, as its tags say. */
  appliesTo(volume: Volume): boolean;
  /** From the kernel. Throws `unavailable` when the kernel does not say. */
  state(name: string): Promise<LayerState>;
  /** Not called while the layer is open. */
  open(volume: Volume, place: LayerPlace, signal: AbortSignal): Promise<void>;
  /** Follows a device below that has grown. Not called while the layer is closed. */
  resize(place: LayerPlace): Promise<void>;
  /** Throws `unavailable` while something uses the device. Not called while the layer is closed. */
  close(name: string): Promise<void>;
}
