import type { HistoryEntry } from '@parley/protocol';

/** The log of a session from its first event on, as HTTP gives it; empty where there is no session. */
export async function readLog(port: number, session: string): Promise<HistoryEntry[]> {
  const log: HistoryEntry[] = [];
  for (let more = true; more; ) {
    const after = log.at(-1)?.seq ?? 0;
    const url = `http://127.0.0.1:${port}/api/sessions/${session}/messages`;
    const response = await fetch(`${url}?after_seq=${after}&limit=100`);
    // A session whose creation nobody was told of need not be there.
    if (response.status === 404) break;
    if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
    const { data } = (await response.json()) as {
      data: { messages: HistoryEntry[]; has_more: boolean };
    };
    log.push(...data.messages);
    more = data.has_more && data.messages.length > 0;
  }
  return log;
}
