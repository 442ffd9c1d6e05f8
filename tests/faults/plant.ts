/**
 * Puts a fault into the gateway's source as it is loaded, so that the product itself has no switch for
 * it. Preloaded with `--import`; `FAULT_PLANT` says which. Worker threads load it too.
 */
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { PLANTS, sow } from './plants.ts';

for (const name of (process.env.FAULT_PLANT ?? '').split(', ')) {
  const plant = PLANTS[name];
  if (!plant) throw new Error(`There is no fault ${name}; there are ${Object.keys(PLANTS)}.`);
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(plant.file)) return loaded;
      const source = sow(name, plant, String(loaded.source));
      // Not `console`: that of a worker thread would come later than the server is ready.
      writeSync(2, `planted ${name}\n`);
      return { ...loaded, source };
    },
  });
}
