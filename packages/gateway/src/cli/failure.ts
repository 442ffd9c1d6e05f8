import { ConfigError } from '../config.ts';
import { UsageError } from './arguments.ts';

/** What to tell a person whose command failed: sentences, never a stack trace. */
export function explain(error: unknown): { lines: readonly string[]; status: 1 | 2 } {
  if (error instanceof UsageError || error instanceof ConfigError) {
    return { lines: error.message.split('\n'), status: 2 };
  }
  return { lines: [sentence(error)], status: 1 };
}

function sentence(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port, hostname } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
    hostname?: string;
  };
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${port} on ${address} is taken by another program: stop that one, or choose another port with --port (0 takes a free one).`;
    case 'EADDRNOTAVAIL':
      return `${address} is no address of this machine: choose another with --host.`;
    case 'ENOTFOUND':
      return `No address was found for ${hostname}: choose another with --host.`;
    default:
      break;
  }
  if (code === 'EACCES' && port !== undefined) {
    return `Port ${port} on ${address} is not open to this user: choose one above 1023 with --port.`;
  }
  return error.message.split('\n', 1)[0] || error.name;
}
