/** The load, in a process and on a processor of its own: does one work on one peer, and says what came of it. */
import { BURST, FAN, PIECE, PIECES, TURNS } from '../peers/work.ts';
import { DIALECTS, question, type Room, type Seat } from './dialects.ts';
import type { Asking, Done, FanningOut, Idling, Pacing, Work } from './work.ts';

const WARM_UP_MS = 1_500;
const MEASURE_MS = 2_500;
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
      const seat = await DIALECTS[dialect].open(port, room);
      seat.socket.onMessage = seat.read;
      seats.push(seat);
    }
  };
  await Promise.all(Array.from({ length: OPENING }, openSome));
  return seats;
}

/** Lets it run for a while, and then says by how much `count` grows a second, and what the load takes. */
async function growth(count: () => number): Promise<Done> {
  await wait(WARM_UP_MS);
  process.send?.('begun');
  const [before, spent, began] = [count(), process.cpuUsage(), performance.now()];
  await wait(MEASURE_MS);
  const elapsed = performance.now() - began;
  return {
    figures: { rate: ((count() - before) / elapsed) * 1_000 },
    load: loadSince(spent, elapsed),
  };
}

function loadSince(spent: NodeJS.CpuUsage, elapsed: number): number {
  const { user, system } = process.cpuUsage(spent);
  return (user + system) / 1_000 / elapsed;
}

async function askAgain(work: Asking): Promise<Done> {
  const isAnswers = work.what === 'answers';
  const text = isAnswers ? question(work.dialect) : work.what === 'burst' ? BURST : TURNS;
  const seats = await open(work);
  for (const seat of seats) {
    const { heard } = seat;
    drive(seat, text, work.inFlight, () =>
      isAnswers ? heard.answers : Math.floor(heard.text / STREAM_TEXT),
    );
  }
  return growth(() =>
    seats.reduce((sum, { heard }) => sum + (isAnswers ? heard.answers : heard.text), 0),
  );
}

/** Asks as long as less than `inFlight` is without its end. */
function drive(
  { socket, message }: Seat,
  text: string,
  inFlight: number,
  ended: () => number,
): void {
  let asked = 0;
  const ask = () => {
    const frames: Buffer[] = [];
    for (const until = ended() + inFlight; asked < until; asked += 1) frames.push(message(text));
    if (frames.length > 0)
      socket.write(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  };
  socket.onTurn = ask;
  ask();
}

async function fanOut(work: FanningOut): Promise<Done> {
  const room: Room = {};
  const [speaker] = await open({ ...work, connections: 1 }, room);
  const seats = [
    speaker as Seat,
    ...(await open({ ...work, connections: work.connections - 1 }, room)),
  ];
  const text = () => seats.reduce((sum, { heard }) => sum + heard.text, 0);
  const whole = STREAM_TEXT * seats.length;
  let asked = 0;
  let done = 0;
  // The last one that hears a stream is any of them: looked at once a turn.
  const look = () => {
    done = text();
    if (done >= asked * whole) {
      asked += 1;
      speaker?.socket.write(speaker.message(FAN));
    }
    setTimeout(look, 1);
  };
  look();
  return growth(text);
}

async function pace(work: Pacing): Promise<Done> {
  const seats = await open(work);
  const text = question(work.dialect);
  const delays: number[] = [];
  let isMeasured = false;
  const waiting = seats.map((seat) => {
    const sent: number[] = [];
    let had = 0;
    seat.socket.onTurn = () => {
      const now = performance.now();
      // The first piece of an answer is what people wait for; where there are none, the answer is.
      const has = Math.max(seat.heard.pieces, seat.heard.answers);
      for (; had < has; had += 1) {
        const at = sent.shift();
        if (at !== undefined && isMeasured) delays.push(now - at);
      }
    };
    return sent;
  });
  const began = performance.now();
  let asked = 0;
  const tick = () => {
    const now = performance.now();
    for (const due = ((now - began) * work.rate) / 1_000; asked < due; asked += 1) {
      const place = asked % seats.length;
      const seat = seats[place] as Seat;
      // When it was due, not when this process came to it.
      waiting[place]?.push(began + (asked / work.rate) * 1_000);
      seat.socket.write(seat.message(text));
    }
    setTimeout(tick, 1);
  };
  tick();
  await wait(WARM_UP_MS);
  isMeasured = true;
  const { figures, load } = await growth(() => delays.length);
  delays.sort((a, b) => a - b);
  const at = (part: number) => delays[Math.floor(delays.length * part)] ?? Number.NaN;
  return { figures: { rate: figures.rate ?? 0, p50: at(0.5), p99: at(0.99) }, load };
}

async function idle(work: Idling): Promise<Done> {
  process.send?.('begun');
  const [spent, began] = [process.cpuUsage(), performance.now()];
  const seats = await open(work);
  const elapsed = performance.now() - began;
  return { figures: { rate: (seats.length / elapsed) * 1_000 }, load: loadSince(spent, elapsed) };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

process.on('message', (work: Work) => {
  run(work).then(
    (done) => process.send?.(done),
    (error) => {
      process.stderr.write(`${error.stack}\n`);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
