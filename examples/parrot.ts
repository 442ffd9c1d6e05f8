/**
 * The smallest agent: `npx node examples/parrot.ts`, then open http://localhost:8080. With npx it runs
 * on the Node that `npm ci` has brought, whatever Node the machine has.
 */
import { createGateway } from '@parley/gateway';

const gateway = await createGateway({
  agents: [{ name: 'parrot', run: ({ message }) => `${message}? ${message}!` }],
});
const { url } = await gateway.listen();
console.log(`A parrot listens at ${url}`);
