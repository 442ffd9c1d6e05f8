/**
 * Parley beside the routes of a server that is there already: `npx node examples/embed.ts` (with npx
 * it runs on the Node that `npm ci` has brought, whatever Node the machine has). The server keeps its own routes; the chat, its API and `/ws` come on top.
 */
import { createServer } from 'node:http';
import { createGateway } from '@parley/gateway';

const gateway = await createGateway();
const server = createServer((request, response) => {
  if (request.url === '/hello') response.end('Hello from the server that was here before.\n');
  else gateway.handle(request, response);
});
gateway.attach(server);
server.listen(8080, '127.0.0.1', () => console.log('Listening', server.address()));

process.once('SIGTERM', async () => {
  server.close();
  // Everyone is told when to come back, and running answers may finish.
  await gateway.drain();
});
