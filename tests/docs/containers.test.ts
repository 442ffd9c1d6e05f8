/** Dockerfile and compose.yaml of the example, held against what they speak of. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { resolveConfig } from '../../packages/gateway/src/cli/sources.ts';
import { only, readDockerfile } from './dockerfile.ts';
import { ROOT } from './program.ts';

interface Service {
  readonly image: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly healthcheck?: unknown;
  readonly networks: Record<string, { readonly ipv4_address: string }>;
  readonly stop_grace_period?: string;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
}

const DIRECTORY = `${ROOT}/examples/cluster`;
const text = await readFile(`${DIRECTORY}/compose.yaml`, 'utf8');
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
const stages = await readDockerfile();
const secret = 'a'.repeat(64);

function service(name: string): Service {
  const found = services[name];
  if (!found) throw new Error(`There is no service ${name}.`);
  return found;
}

/** As compose fills them in. */
function environmentOf(name: string): Record<string, string> {
  const entries = Object.entries(service(name).environment ?? {});
  return Object.fromEntries(
    entries.map(([key, value]) => [key, value.replace(/\$\{.*?\}/g, secret)]),
  );
}

const addressOf = (name: string) => service(name).networks.inside?.ipv4_address;

test.each(['node1', 'node2', 'node3'])(
  '[R10] the settings of %s are some that there are, and fit together',
  (name) => {
    const { config } = resolveConfig({
      flags: new Map(),
      env: environmentOf(name),
      file: undefined,
    });
    expect(config).toMatchObject({ auth: 'anonymous', signingKeys: [secret] });
    expect(new URL(config.store)).toMatchObject({ hostname: 'postgres', password: secret });
    expect(new URL(config.bus)).toMatchObject({ hostname: 'redis', password: secret });
    expect(config.trustedProxies).toEqual([addressOf('balancer')]);
    expect(environmentOf('balancer')[name.toUpperCase()]).toBe(`${addressOf(name)}:${config.port}`);
    expect(Number.parseInt(service(name).stop_grace_period ?? '', 10) * 1_000).toBeGreaterThan(
      config.drainTimeout,
    );
    expect(only(stages, 'EXPOSE')).toBe(`${config.port}`);
  },
);

test('what waits for a service waits for one that says how it is', () => {
  const conditions = Object.values(services).flatMap(({ depends_on = {} }) =>
    Object.entries(depends_on),
  );
  expect(conditions.length).toBeGreaterThan(0);
  for (const [name, { condition }] of conditions) {
    expect(condition).toBe('service_healthy');
    // A node's is in its image.
    expect(service(name).healthcheck ?? only(stages, 'HEALTHCHECK'), name).toBeTruthy();
  }
});

test('nobody but this machine reaches it, and no secret is in the repository', async () => {
  const ports = Object.values(services).flatMap((one) => one.ports ?? []);
  expect(ports).toEqual(['127.0.0.1:8080:8080']);
  // Whatever is called so is filled in from .env.
  for (const name of Object.keys(services)) {
    for (const [key, value] of Object.entries(service(name).environment ?? {})) {
      if (/PASSWORD|AUTH$|KEY|STORE|BUS/.test(key) && key !== 'PARLEY_AUTH') {
        expect(value, key).toMatch(/\$\{[A-Z_]+/);
      }
    }
  }
  await promisify(execFile)('git', ['check-ignore', '-q', 'examples/cluster/.env'], { cwd: ROOT });
});

test('the variables that haproxy.cfg asks for are those that it is given', async () => {
  const config = await readFile(`${DIRECTORY}/haproxy.cfg`, 'utf8');
  const asked = [...config.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
  expect([...new Set(asked)].sort()).toEqual(Object.keys(environmentOf('balancer')).sort());
  expect(only(stages, 'CMD')).toContain('serve');
});

test('the image copies what is there, is of the Node that Parley needs, and is not root', async () => {
  const { engines } = JSON.parse(await readFile(`${ROOT}/packages/gateway/package.json`, 'utf8'));
  for (const { image } of stages) expect(image).toMatch(/^node:24-/);
  expect(engines.node).toContain('>=24');
  const copied = stages.flatMap(({ instructions }) =>
    instructions
      .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from'))
      .flatMap(({ text }) => text.split(' ').slice(0, -1)),
  );
  expect(copied.filter((path) => !existsSync(`${ROOT}/${path}`))).toEqual([]);
  const ignored = await readFile(`${DIRECTORY}/Dockerfile.dockerignore`, 'utf8');
  const allowed = [...ignored.matchAll(/^!(.*)$/gm)].map(([, path]) => path);
  const missing = copied.filter((path) => !allowed.includes(path) && !/^\w+\.md$/.test(path));
  expect(missing).toEqual([]);
  expect(only(stages, 'USER')).toBe('node');
});
