import { readFile } from 'node:fs/promises';
import { ROOT } from './program.ts';

interface Instruction {
  /** `COPY`, `RUN` … */
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  readonly image: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** The stages of the example's Dockerfile. It has no continued lines. */
export async function readDockerfile(): Promise<Stage[]> {
  const text = await readFile(`${ROOT}/examples/cluster/Dockerfile`, 'utf8');
  const stages: { image: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of text.split('\n')) {
    const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (name === 'FROM') {
      const [image = '', , as] = rest.split(' ');
      stages.push({ image, name: as, instructions: [] });
    } else if (name !== '') stages.at(-1)?.instructions.push({ name, text: rest });
  }
  return stages;
}

/** The last stage's only instruction of this name. */
export function only(stages: readonly Stage[], name: string): string {
  const found = stages.at(-1)?.instructions.filter((one) => one.name === name) ?? [];
  if (found.length !== 1) throw new Error(`Expected one ${name}, got ${found.length}.`);
  return found[0]?.text ?? '';
}
