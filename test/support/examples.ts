import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IMAGES } from '../../lab/kubernetes/recipe.ts';
import { EXAMPLE_VALUES } from '../../deploy/render.ts';

/** The text of a file of deploy/examples. */
export function example(name: string): string {
  return readFileSync(join(dirname(EXAMPLE_VALUES), `${name}.yaml`), 'utf8');
}

/** Replaces an image of a registry, which the lab cannot reach, with the image of the tests. */
export function withImage(text: string, image: string): string {
  return replaceOnce(text, `image: ${image}\n`, `image: ${IMAGES.workload}\n`);
}

/** Does the work of the image's entry point with the programs of Debian's packages. */
export function withProgram(text: string, image: string, script: string): string {
  const command = JSON.stringify(['bash', '-euc', script]);
  return replaceOnce(text, `image: ${image}\n`, `image: ${IMAGES.workload}\n          command: ${command}\n`);
}

export function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`not once: ${from}`);
  return text.replace(from, () => to);
}
