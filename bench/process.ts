/** What the kernel says of a process. */
import { readdirSync, readFileSync } from 'node:fs';

/** In which it counts processor time, milliseconds: USER_HZ is 100 on Linux. */
const TICK_MS = 10;
const PAGE_BYTES = 4_096;

/** Processor time of all its threads since it began, milliseconds. */
export function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Memory that it has, bytes. */
export function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
}

/** How many files and sockets it has open. */
export function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
