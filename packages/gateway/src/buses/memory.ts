import type { Bus, Delivery } from './bus.ts';

/** The bus of a single process: what is published has arrived when `publish` returns. */
export class MemoryBus implements Bus {
  #receive: (delivery: Delivery) => void = () => {};

  publish(delivery: Delivery): void {
    this.#receive(delivery);
  }

  subscribe(receive: (delivery: Delivery) => void): void {
    this.#receive = receive;
  }

  async close(): Promise<void> {
    this.#receive = () => {};
  }
}
