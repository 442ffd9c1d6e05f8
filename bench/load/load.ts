/** The load, in a process and on a processor of its own: does one work on one peer, and says what came of it. */
import { once } from 'node:events';
import { BURST, FAN, PIECE, PIECES, TURNS } from '../peers/work.ts';
import { DIALECTS, question, type Room, type Seat } from './dialects.ts';
import { join } from './join.ts';
import { percentile } from './percentile.ts';
import { processorShare, stayAwake } from './processor.ts';
import type { Done, Work, WorkOf } from './work.ts';

/** Until V8 has compiled what is called often, which for the gateway takes the longest. */
const WARM_UP_MS = 5_000;
const MEASURE_MS = 2_500;
/** For what was asked to be answered when nothing more is. */
const REST_MS = 20_000;
const STREAM_TEXT = PIECES * PIECE.length;
/** Connections that are being opened at once: as many as a server's backlog takes without a word. */
const OPENING = 64;

async function run(work: Work): Promise<Done> {
  switch (work.what) {
    case 'fan-out':
      return fanOut(work);
    case 'pace':
      return pace(work);
    case 'idle':
      return idle(work);
    case 'join':
      return join(work, begin);
    default:
      return askAgain(work);
  }
}

async function open({ port, dialect, connections }: Work, room?: Room): Promise<Seat[]> {
  const seats: Seat[] = [];
  let left = connections;
  const openSome = async () => {
    while (left > 0) {
      left -= 1;
      seats.push(await DIALECTS[dialect].open(port, room));
    }
  };
  await Promise.all(Array.from({ length: OPENING }, openSome));
  return seats;
}

/** Says that from now on it counts, and resolves when the other side is ready for that. */
async function begin(): Promise<void> {
  const ready = once(process, 'message');
  process.send?.('begun');
  await ready;
}

/** Lets it run for a while, and then says by how much `count` grows a second, and what the load takes. */
async function growth(count: () => number): Promise<Done> {
  await wait(WARM_UP_MS / 2);
  const share = processorShare();
  await wait(WARM_UP_MS / 2);
  const load = share();
  await begin();
  const letSleep = stayAwake();
  const [before, began] = [count(), performance.now()];
  await wait(MEASURE_MS);
  const elapsed = performance.now() - began;
  letSleep();
  return { figures: { rate: ((count() - before) / elapsed) * 1_000 }, load };
}

/** @throws where something that was asked for does not come. */
async function allAnswered(seats: readonly Seat[]): Promise<void> {
  const until = performance.now() + REST_MS;
  for (;;) {
    const waiting = seats.filter(({ ledger }) => ledger.isOwed).length;
    if (waiting === 0) return;
    if (performance.now() > until)
      throw new Error(`${waiting} of ${seats.length} connections still lack what they asked for.`);
    await wait(10);
  }
}

async function askAgain(work: WorkOf<'answers' | 'burst' | 'turns'>): Promise<Done> {
  const isAnswers = work.what === 'answers';
  const text = isAnswers ? question(work.dialect) : work.what === 'burst' ? BURST : TURNS;
  const seats = await open(work);
  const stops = seats.map((seat) => drive(seat, text, work.inFlight));
  const done = await growth(() =>
    seats.reduce((sum, { ledger }) => sum + (isAnswers ? ledger.answers : ledger.text), 0),
  );
  for (const stop of stops) stop();
  await allAnswered(seats);
  return done;
}

/** Asks as long as less than `inFlight` is without its end, until it is told to stop. */
function drive(seat: Seat, text: string, inFlight: number): () => void {
  const { socket, ledger } = seat;
  let asked = 0;
  const askMore = () => {
    const frames: Buffer[] = [];
    for (const until = ledger.answers + inFlight; asked < until; asked += 1)
      frames.push(seat.ask(text));
    if (frames.length > 0)
      socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  };
  socket.onTurn = askMore;
  askMore();
  return () => {
    socket.onTurn = () => {};
  };
}

async function fanOut(work: WorkOf<'fan-out'>): Promise<Done> {
  const room: Room = {};
  const [speaker] = (await open({ ...work, connections: 1 }, room)) as [Seat];
  const others = await open({ ...work, connections: work.connections - 1 }, room);
  const seats = [speaker, ...others];
  const text = () => seats.reduce((sum, { ledger }) => sum + ledger.text, 0);
  let asked = 0;
  let isStopped = false;
  // The last one that hears a stream is any of them: looked at once a turn.
  const look = () => {
    if (isStopped) return;
    if (
      text() >= asked * STREAM_TEXT * seats.length &&
      !seats.some(({ ledger }) => ledger.isOwed)
    ) {
      asked += 1;
      speaker.socket.write(speaker.ask(FAN));
      for (const seat of others) seat.overhear(speaker, FAN);
    }
    setTimeout(look, 1);
  };
  look();
  const done = await growth(text);
  isStopped = true;
  await allAnswered(seats);
  return done;
}

async function pace(work: WorkOf<'pace'>): Promise<Done> {
  const seats = await open(work);
  const text = question(work.dialect);
  const delays: number[] = [];
  let isMeasured = false;
  const waiting = seats.map(({ socket, ledger }) => {
    const sent: number[] = [];
    let had = 0;
    socket.onTurn = () => {
      const now = performance.now();
      for (; had < ledger.begun; had += 1) {
        const at = sent.shift();
        if (at !== undefined && isMeasured) delays.push(now - at);
      }
    };
    return sent;
  });
  const began = performance.now();
  let asked = 0;
  let isStopped = false;
  const tick = () => {
    if (isStopped) return;
    const now = performance.now();
    for (const due = ((now - began) * work.rate) / 1_000; asked < due; asked += 1) {
      const place = asked % seats.length;
      const seat = seats[place] as Seat;
      // When it was due, not when this process came to it.
      waiting[place]?.push(began + (asked / work.rate) * 1_000);
      seat.socket.write(seat.ask(text));
    }
    setTimeout(tick, 1);
  };
  tick();
  await wait(WARM_UP_MS);
  isMeasured = true;
  const { figures, load } = await growth(() => delays.length);
  isStopped = true;
  await allAnswered(seats);
  const [p50, p99] = [percentile(delays, 0.5), percentile(delays, 0.99)];
  return { figures: { rate: figures.rate ?? 0, p50, p99 }, load };
}

async function idle(work: WorkOf<'idle'>): Promise<Done> {
  await open({ ...work, connections: work.before });
  await begin();
  const [share, began] = [processorShare(), performance.now()];
  const seats = await open({ ...work, connections: work.connections - work.before });
  const elapsed = performance.now() - began;
  return { figures: { rate: (seats.length / elapsed) * 1_000 }, load: share() };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

process.once('message', (work: Work) => {
  run(work).then(
    (done) => process.send?.(done),
    (error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
