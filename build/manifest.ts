/** The package.json of a workspace, and what it becomes where the package is published. */

export interface Manifest {
  readonly name: string;
  readonly version: string;
  /** Keeps a workspace, whose entries are TypeScript, from being published instead of its build. */
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** Where the compiled code lies in a published package. */
export const CODE_DIRECTORY = 'lib';

const SOURCE = /^\.\/src\/(.+)\.tsx?$/;

/**
 * @param extras what the package has beside its code, README and licence.
 * @throws where an entry is not a TypeScript file under `./src`.
 */
export function publishedManifest(source: Manifest, extras: readonly string[]): object {
  const { private: _, exports = {}, bin, ...kept } = source;
  return {
    ...kept,
    ...(bin && { bin: mapValues(bin, (entry) => compiled(entry, 'js').slice('./'.length)) }),
    exports: mapValues(exports, (entry) => ({
      types: compiled(entry, 'd.ts'),
      default: compiled(entry, 'js'),
    })),
    files: [CODE_DIRECTORY, ...extras],
  };
}

function compiled(entry: string, extension: 'js' | 'd.ts'): string {
  const name = SOURCE.exec(entry)?.[1];
  if (name === undefined) throw new Error(`${entry}: expected a TypeScript file under ./src.`);
  return `./${CODE_DIRECTORY}/${name}.${extension}`;
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  map: (value: From) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value)]));
}
