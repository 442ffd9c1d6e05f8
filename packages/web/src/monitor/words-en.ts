/** Everything that the monitor says, in English; apart from the chat's, which loads none of it. */
import { pluralIn } from '../text/plural.ts';

const plural = pluralIn('en');

export const en = {
  title: 'Monitor',
  toChat: 'Chat',
  views: { overview: 'Overview', connections: 'Connections', session: 'Session log' },
  node: 'Node',
  allNodes: 'All nodes',
  nodeOf: (id: string) => `Node ${id}`,
  perNode: 'This node',
  tryAgain: 'Try again',
  refresh: 'Refresh',
  cancel: 'Cancel',

  status: {
    loading: 'Asking the server…',
    live: 'Live',
    noAnswer: 'No answer',
    away: (since: string) =>
      `The server does not answer. What you see is from ${since}; it is asked again every 2 seconds.`,
    neverThere: 'The server does not answer. It is asked again every 2 seconds.',
  },

  admission: {
    refusedTitle: 'This page is for administrators',
    refused:
      'You are known here, and not as an administrator. Whoever runs this server names them with the setting “admins”.',
    unknownTitle: 'Who are you?',
    unknown: 'This page is for administrators. Sign in with the token of one.',
    signIn: 'Sign in as an administrator',
    toChat: 'Back to the chat',
  },

  charts: {
    heading: 'Live figures',
    connections: 'Connections',
    messages: 'Messages',
    traffic: 'Traffic',
    firstText: 'Time to first text',
    answers: 'Answers under way',
    errors: 'Errors',
    loop: 'Event-loop delay',
    memory: 'Memory',
    commit: 'Commit to disk',
    open: 'open',
    sessions: 'sessions followed',
    received: 'received',
    sent: 'sent',
    median: 'median',
    p99: 'p99',
    running: 'being written',
    waiting: 'waiting',
    refused: 'refused',
    failed: 'answers failed',
    longest: 'longest',
    longestWorst: 'longest, worst node',
    loopP99Worst: 'p99, worst node',
    resident: 'resident',
    time: 'Time',
    ago: (minutes: number) => `${minutes} min ago`,
    now: 'now',
    nothing: 'Nothing was measured yet.',
    noFirstText: 'No answer has begun in the last 30 seconds.',
    noCommit: 'Nothing was put on disk in the last 30 seconds.',
    empty: 'none',
  },

  agents: {
    heading: 'Agents, the slowest first',
    none: 'No agent has answered while this page was open, in the last 5 minutes.',
    agent: 'Agent',
    answers: 'Answers (5 min)',
    failed: 'Failed',
    firstText: 'First text',
    length: 'Whole answer',
  },

  nodes: {
    heading: 'Nodes',
    state: 'State',
    states: { serving: 'serving', draining: 'draining', silent: 'silent' },
    notReady: (id: string) => `Node ${id} is not ready.`,
    silentSince: (ago: string) => `last heard ${ago} ago`,
    role: 'Role',
    roles: { all: 'connections and agents', gateway: 'connections', worker: 'agents' },
    version: 'Version',
    uptime: 'Up for',
    connections: 'Connections',
    answers: 'Answers',
    loop: 'Loop delay',
    memory: 'Memory',
    actions: 'Actions',
    drain: 'Drain…',
    drainOne: (id: string) => `Drain node ${id}`,
    show: 'Show',
    showConnections: (id: string) => `Connections of node ${id}`,
  },

  drain: {
    title: (id: string) => `Drain node ${id}?`,
    closed: 'It takes no new connections.',
    connections: (count: number) =>
      plural(count, {
        one: 'Its # client is told to come back to another node and misses nothing.',
        other: 'Its # clients are told to come back to another node and miss nothing.',
      }),
    answers: (count: number) =>
      plural(count, {
        one: '# answer is being written there. It may finish until drainTimeout is over (10 s unless set); then another node takes it up, or it ends as interrupted, as its agent says.',
        other:
          '# answers are being written there. They may finish until drainTimeout is over (10 s unless set); then another node takes them up, or they end as interrupted, as their agent says.',
      }),
    end: 'Then the process ends with status 0. Whether it starts again is for what supervises it; from here it cannot be started.',
    lastTitle: 'No other node can take over',
    last: 'This is the last node that does its work: until another one runs, nobody can connect, or nothing is answered. Messages that were acknowledged are kept.',
    confirm: 'Drain',
    confirmLast: 'Drain the last node',
    done: (id: string) => `Node ${id} drains.`,
  },

  connections: {
    heading: (node: string) => `Connections of node ${node}`,
    find: 'Person, address or id',
    findHint: 'begins with…',
    total: (count: number) => plural(count, { one: '# connection', other: '# connections' }),
    none: 'Nobody is connected to this node.',
    noneMatch: (words: string) => `No connection here begins with “${words}”.`,
    person: 'Person',
    unknown: 'not known yet',
    address: 'Address',
    since: 'For',
    sessions: 'Sessions',
    behind: 'Behind',
    profile: 'Profile',
    id: 'Id',
    actions: 'Actions',
    cut: 'Cut…',
    cutOne: (id: string) => `Cut connection ${id}`,
    first: 'First page',
    next: 'Next page',
  },

  cut: {
    title: (person: string) => `Cut a connection of ${person}?`,
    explanation:
      'It ends at once, with close code 4410. Its client may come back, and does so by itself within seconds; it resumes where it was and misses nothing. Answers go on being written.',
    forGood:
      'To keep somebody out, revoke their token or take them out of the file of tokens: cutting does not.',
    confirm: 'Cut',
    done: (id: string) => `Connection ${id} was cut.`,
  },

  log: {
    heading: 'The log of a session',
    explanation:
      'Every event that is kept of a session, as it is on disk. The id of a session stands in the address of its chat: /s/ and then the id.',
    id: 'Session id',
    show: 'Show',
    loading: 'Reading the log…',
    missing: 'There is no session of this id, or not any more.',
    again: 'Try again',
    events: (first: string, last: string) => `Events ${first} to ${last}`,
    created: (time: string) => `created ${time}`,
    agent: (name: string) => `agent ${name}`,
    none: 'No event of this session is kept.',
    seq: 'Seq',
    time: 'Time',
    type: 'Type',
    from: 'From',
    run: 'Run',
    attempt: (count: number) => `attempt ${count}`,
    size: 'Size',
    content: 'Content',
    whole: 'All fields',
    newest: 'Newest',
    older: 'Older',
    newer: 'Newer',
  },

  failed: (reason: string) => `That did not work: ${reason}`,
};

/** The shape that each language has. */
export type Words = typeof en;
