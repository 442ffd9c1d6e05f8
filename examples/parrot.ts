/** The smallest agent: `node examples/parrot.ts`, then open http://localhost:8080. */
import { createGateway } from '@parley/gateway';

const gateway = await createGateway({
  agents: [{ name: 'parrot', run: ({ message }) => `${message}? ${message}!` }],
});
const { url } = await gateway.listen();
console.log(`A parrot listens at ${url}`);
