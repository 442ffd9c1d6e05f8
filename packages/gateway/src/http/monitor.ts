/** What administrators see and do. */
import * as schema from './monitor-schemas.ts';
import { defineRoute, type Route } from './route.ts';

export const monitorRoutes: readonly Route[] = [
  defineRoute({
    method: 'GET',
    path: '/api/monitor',
    name: 'monitor',
    summary: 'What each node of the deployment says of itself.',
    access: 'admin',
    data: schema.monitorData,
    errors: [],
    async handle({ monitor }) {
      const nodes = await monitor.nodes();
      return {
        nodes: nodes.map(({ heardAt, ...report }) => ({ ...report, heard_at: iso(heardAt) })),
      };
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/api/monitor/connections',
    name: 'listConnections',
    summary: 'A page of the WebSocket connections of a node, by id.',
    access: 'admin',
    query: schema.connectionsQuery,
    data: schema.connectionsData,
    errors: ['INVALID_MESSAGE', 'NODE_NOT_FOUND'],
    async handle({ monitor }, { query: { node = monitor.node, ...query } }) {
      const { connections, total, hasMore } = await monitor.connections(node, query);
      return {
        node,
        connections: connections.map(({ since, behindBytes, ...connection }) => ({
          ...connection,
          since: iso(since),
          bytes_behind: behindBytes,
        })),
        total,
        has_more: hasMore,
      };
    },
  }),
  defineRoute({
    method: 'DELETE',
    path: '/api/monitor/connections/{connection}',
    name: 'cutConnection',
    summary: 'Ends a connection with 4410, on whatever node it is; its client may come back.',
    access: 'admin',
    params: schema.connectionParams,
    data: schema.cutData,
    errors: ['INVALID_MESSAGE', 'CONNECTION_NOT_FOUND'],
    async handle({ monitor }, { principal, params: { connection } }) {
      const node = await monitor.cut(connection, principal.id);
      return { id: connection, node, status: 'cut' as const };
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/api/monitor/nodes/{node}/drain',
    name: 'drainNode',
    summary:
      'Lets a node finish its answers, send its clients away, and end. The body may be left out.',
    access: 'admin',
    params: schema.nodeParams,
    body: schema.drainBody,
    data: schema.drainData,
    errors: ['INVALID_MESSAGE', 'NODE_NOT_FOUND', 'LAST_NODE'],
    async handle({ monitor }, { principal, params: { node }, body: { force } }) {
      await monitor.drain(node, { force, by: principal.id });
      return { node, status: 'draining' as const };
    },
  }),
];

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
