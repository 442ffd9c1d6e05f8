/** The API of the monitor, as an administrator asks it. */
import type * as z from 'zod';
import type * as schema from '../../packages/gateway/src/http/monitor-schemas.ts';

type Report = z.output<typeof schema.monitorData>;
type Connections = z.output<typeof schema.connectionsData>;

export function asking(http: string, headers: Readonly<Record<string, string>> = {}) {
  async function ask(method: string, path: string, body?: object) {
    const response = await fetch(http + path, {
      method,
      headers: { ...headers, ...(body ? { 'Content-Type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { response, body: (await response.json()) as { data: never; error?: { code: string } } };
  }
  async function done(method: string, path: string, body?: object) {
    const answer = await ask(method, path, body);
    if (!answer.response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`);
    return answer.body.data;
  }
  return {
    report: (): Promise<Report> => done('GET', '/api/monitor'),
    connections: (query: Readonly<Record<string, string>> = {}): Promise<Connections> =>
      done('GET', `/api/monitor/connections?${new URLSearchParams(query)}`),
    cut: (id: string): Promise<object> => done('DELETE', `/api/monitor/connections/${id}`),
    drain: (node: string, body?: object): Promise<object> =>
      done('POST', `/api/monitor/nodes/${node}/drain`, body),
    async refused(method: string, path: string) {
      const { response, body } = await ask(method, path);
      return { status: response.status, code: body.error?.code };
    },
  };
}
