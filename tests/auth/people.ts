/** Gateways that ask who somebody is, and people with tokens for them. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newToken } from '../../packages/gateway/src/auth/token-file.ts';
import { echoAgent, type GatewayOptions } from '../../packages/gateway/src/index.ts';
import { startGateway, temporaryDirectory } from '../helpers/gateway.ts';
import { TestSocket } from '../helpers/socket.ts';

export interface Guarded {
  readonly http: string;
  readonly ws: string;
  readonly port: number;
  readonly tokensFile: string;
  /** By name. */
  readonly tokens: Readonly<Record<string, string>>;
  /** Writes the file of tokens anew, in one step: the lines of these people, and these lines. */
  rewrite(names: readonly string[], ...lines: string[]): Promise<void>;
}

/** A gateway whose file of tokens has these people in it. */
export async function startGuarded(
  names: readonly string[],
  options: GatewayOptions = {},
): Promise<Guarded> {
  const tokensFile = join(await temporaryDirectory(), 'tokens.txt');
  const made = Object.fromEntries(names.map((name) => [name, newToken(name)]));
  const rewrite: Guarded['rewrite'] = async (kept, ...lines) => {
    const text = ['# who may come in', ...kept.map((name) => made[name]?.line), ...lines, ''].join(
      '\n',
    );
    // The server may look at any time, and an empty file is one in which there is nobody.
    await writeFile(`${tokensFile}.new`, text);
    await rename(`${tokensFile}.new`, tokensFile);
  };
  await rewrite(names);
  const { http, ws } = await startGateway({
    agents: [echoAgent],
    auth: 'token',
    tokensFile,
    ...options,
  });
  const tokens = Object.fromEntries(names.map((name) => [name, made[name]?.token ?? '']));
  return { http, ws, port: Number(new URL(http).port), tokensFile, tokens, rewrite };
}

/** A connection of whoever has the token. */
export function connectAs(ws: string, token: string, options = {}): Promise<TestSocket> {
  return TestSocket.open(ws, { headers: { Authorization: `Bearer ${token}` }, ...options });
}

export function bearer(token: string): { readonly headers: { readonly Authorization: string } } {
  return { headers: { Authorization: `Bearer ${token}` } };
}
