/**
 * An agent that asks before it acts: `npx node examples/tools-and-approval.ts`, then write "a berth in
 * Bergen" at http://localhost:8080 and allow it, or do not. With npx it runs on the Node that `npm ci`
 * has brought, whatever Node the machine has.
 */
import { createGateway, defineAgent } from '@parley/gateway';

const harbourMaster = defineAgent({
  name: 'harbour-master',
  description: 'Books a berth, if you let it.',
  // An agent with tools is not called a second time if the server stops while it works.
  tools: ['book_berth'],
  async *run({ message }, { approve }) {
    const harbour = /\bin (\w+)/.exec(message)?.[1];
    if (!harbour) {
      yield 'Where to? Say "a berth in Bergen".';
      return;
    }
    yield `A berth in ${harbour}. `;
    const { approved, reason } = await approve({ tool: 'book_berth', arguments: { harbour } });
    if (!approved) {
      yield reason ? `Not booked: ${reason}` : 'Then I leave it.';
      return;
    }
    const call = { id: crypto.randomUUID(), name: 'book_berth' };
    // The call is on disk before the next line runs: if the server dies in it, people can see why.
    yield { type: 'tool_call', ...call, arguments: { harbour } };
    const result = { berth: 1 + (harbour.length % 20) };
    yield { type: 'tool_result', ...call, result };
    yield `Berth ${result.berth} is yours.`;
  },
});

const gateway = await createGateway({ agents: [harbourMaster] });
const { url } = await gateway.listen();
console.log(`The harbour master listens at ${url}`);
