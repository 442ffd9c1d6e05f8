/** Everything that the page says, in English. Another language is a file of the same shape. */
import { pluralIn } from './plural.ts';

const plural = pluralIn('en');

export const en = {
  newChat: 'New chat',
  untitled: 'Untitled chat',
  loading: 'Loading…',
  cancel: 'Cancel',
  close: 'Close',
  undo: 'Undo',
  dismiss: 'Dismiss',
  openSidebar: 'Open the list of chats',
  closeSidebar: 'Close the list of chats',
  skipToMessage: 'Skip to the message field',

  chats: {
    label: 'Chats',
    empty: 'No chats yet. What you ask is kept here.',
    failed: 'The chats cannot be loaded now.',
    tryAgain: 'Try again',
    unread: 'unread',
    actionsHere: 'Actions for this chat',
    actions: (title: string) => `Actions for ${title}`,
    rename: 'Rename',
    renameLabel: 'Title of the chat',
    exportMarkdown: 'Export as Markdown',
    exportJson: 'Export as JSON',
    delete: 'Delete',
    deleted: (title: string) => `“${title}” is deleted.`,
    restored: (title: string) => `“${title}” is back.`,
    deleteFailed: (title: string) => `“${title}” could not be deleted. It is back in the list.`,
    deleteForbidden: (title: string) =>
      `“${title}” is not yours to delete. You can leave it: see “Share…” in its menu.`,
    renameFailed: (reason: string) => `The title was not changed: ${reason}`,
    today: 'Today',
    yesterday: 'Yesterday',
    week: 'Previous 7 days',
    older: 'Older',
  },

  search: {
    label: 'Search in all chats',
    placeholder: 'Search',
    clear: 'Clear the search',
    searching: 'Searching…',
    none: (words: string) => `Nothing found for “${words}”.`,
    failed: 'The search does not work now.',
    found: (count: number) => plural(count, { one: '# message found', other: '# messages found' }),
    by: { user: 'Question', assistant: 'Answer' },
  },

  conversation: {
    label: 'Conversation',
    you: 'You',
    agent: 'Agent',
    welcome: 'What would you like to know?',
    welcomeMore: 'Answers are written by an agent. They can be wrong.',
    examples: 'Examples',
    older: 'Loading earlier messages…',
    olderFailed: 'Earlier messages could not be loaded.',
    olderGone: 'Earlier messages are gone with the chat.',
    tryAgain: 'Try again',
    start: 'The beginning of this chat',
    toNewest: 'Jump to the newest',
    notFound: 'This message is not shown in the chat any more.',
    notLoaded: 'The message could not be loaded. Check the connection and open it again.',
    editing: 'Edit your question',
    askAgain: 'Ask again',
    newerMessages: 'There are newer messages. Asking again takes their place.',
    edit: 'Edit and ask again',
    copy: 'Copy',
    copied: 'Copied',
    copyFailed: 'The browser did not let the page copy this.',
    stop: 'Stop',
    stopAll: 'Stop answering',
    discard: 'Discard',
    sendAgain: 'Send again',
  },

  keptWords: {
    label: 'Your draft',
    inNewChat: 'Use it in a new chat',
  },

  message: {
    waiting: 'Waiting to be sent',
    takeBack: 'Take back',
    notKept: 'This browser keeps nothing: a message that waits is lost when you close the page.',
    failed: (reason: string) => `Not sent. ${reason}`,
  },

  answer: {
    queued: 'Waiting for its turn',
    queuedBehind: (count: number) =>
      plural(count, {
        one: 'Waits for # answer before it',
        other: 'Waits for # answers before it',
      }),
    starting: 'Waiting for the first words…',
    again: (attempt: number) => `Started again (attempt ${attempt})`,
    cancelled: 'Stopped.',
    empty: 'The agent had nothing to say.',
    announceStart: (agent: string) => `${agent} is answering.`,
    announceEnd: (agent: string, text: string) => `${agent} answered: ${text}`,
    announceStopped: (agent: string) => `${agent} was stopped.`,
    announceFailed: (agent: string) => `The answer of ${agent} did not finish.`,
  },

  steps: {
    arguments: 'Arguments',
    result: 'Result',
    working: 'running',
    done: 'done',
    failed: 'failed',
    unfinished: 'did not finish',
    asks: 'The agent asks to use',
    allow: 'Allow',
    deny: 'Deny',
    approved: 'Allowed to use',
    denied: 'Not allowed to use',
    undecided: 'Nobody decided before the answer ended:',
    sending: 'Sending your decision…',
    announce: (tool: string) => `The agent asks whether it may use ${tool}.`,
  },

  progress: {
    label: 'Progress of the agents',
    overall: 'All agents',
    states: { waiting: 'waiting', processing: 'working', complete: 'done', error: 'failed' },
  },

  composer: {
    label: 'Message',
    placeholder: 'Write a message',
    placeholderFor: (agent: string) => `Ask ${agent}`,
    send: 'Send',
    agent: 'Agent',
    agentNow: (agent: string) => `Agent: ${agent}`,
    agentsFailed: 'The agents cannot be loaded now.',
    agentMissing: (agent: string) => `${agent} (not available)`,
  },

  people: {
    typingOne: (name: string) => `${name} is writing…`,
    typingMany: (count: number) =>
      plural(count, { one: '# person is writing…', other: '# people are writing…' }),
    elsewhere: (count: number) =>
      plural(count, { one: 'Open in # other place', other: 'Open in # other places' }),
    somebody: 'Somebody',
  },

  connection: {
    connecting: 'Connecting…',
    offline: 'You are offline.',
    lost: 'The connection is lost.',
    retryIn: (seconds: number) =>
      plural(seconds, { one: 'Trying again in # second.', other: 'Trying again in # seconds.' }),
    tryNow: 'Try now',
    retrying: 'Trying again…',
    restarting: 'The server restarts.',
    resumed: 'Connected again. You are up to date.',
    waiting: (count: number) =>
      plural(count, {
        one: '# message waits and will be sent.',
        other: '# messages wait and will be sent.',
      }),
    closed: 'The connection was ended.',
    reload: 'Reload the page',
    closedBecause: {
      notAuthenticated: 'You are not signed in any more. Reload the page to sign in.',
      policy: 'The server does not let this page connect.',
      other: 'The server ended it and asked not to come back.',
    },
  },

  limits: {
    rate: 'Too much at once.',
    goesOn: (seconds: number) =>
      plural(seconds, { one: 'It goes on in # second.', other: 'It goes on in # seconds.' }),
    queue: 'Too many questions wait in this chat. Yours is sent when an answer has ended.',
    other: 'The server cannot take your message now. It is sent again until it does.',
    store: 'The server cannot save messages now. Yours is sent again until it can.',
  },

  /** Every code of the wire: what happened, and what to do. */
  errors: {
    INVALID_JSON: 'The server did not understand the page. Reload the page and try again.',
    INVALID_MESSAGE: 'The server does not take this as it is. Change it and try again.',
    UNKNOWN_MESSAGE_TYPE: 'The server does not know how to do this. Reload the page and try again.',
    MESSAGE_TOO_LARGE: 'It is longer than the server takes. Shorten it and send it again.',
    MESSAGE_CONFLICT: 'The server has another message under the same number. Send this one again.',
    NO_SESSION: 'The chat was not open any more. Open it again and try once more.',
    SESSION_NOT_FOUND: 'This chat is gone. Start a new one and ask there.',
    SESSION_LIMIT: 'You have as many chats as you may have. Delete one and try again.',
    UNAUTHORIZED: 'You are not signed in any more. Reload the page to sign in.',
    AUTH_UNAVAILABLE: 'Who you are cannot be checked now. Try again in a moment.',
    FORBIDDEN: 'You may not do this here. Ask the owner of the chat for it.',
    ORIGIN_NOT_ALLOWED: 'The server does not let this page in. Open the page by its usual address.',
    CONNECTION_LIMIT:
      'As many connections are open as the server takes. Close other tabs, or try again later.',
    AGENT_NOT_FOUND: 'The agent that you asked is not there any more. Choose another one.',
    AGENT_ERROR: 'The answer failed. Ask again, or ask another agent.',
    TIMEOUT: 'The agent did not finish in time. Ask again, perhaps for less at once.',
    INTERRUPTED: 'The server stopped while this was being written. Ask again.',
    ANSWER_TOO_LARGE:
      'The agent wrote more than an answer may hold. What fits is kept. Ask for the rest.',
    RUN_NOT_FOUND: 'This answer has ended already. You need do nothing.',
    APPROVAL_NOT_FOUND: 'This was decided already, or is not asked any more. You need do nothing.',
    CONNECTION_NOT_FOUND: 'This connection has ended already. You need do nothing.',
    NODE_NOT_FOUND: 'This node has ended, or does not answer. Look whether its process runs.',
    LAST_NODE: 'No other node can take over from this one. Start another one first.',
    QUEUE_FULL: 'Too many questions wait in this chat. Send it again when an answer has ended.',
    RATE_LIMITED: 'Too much at once. Wait a little and send it again.',
    STORE_UNAVAILABLE: 'The server cannot save anything now. Try again in a moment.',
    NOT_FOUND: 'The server does not know this address. Reload the page and try again.',
    METHOD_NOT_ALLOWED: 'The server does not do this. Reload the page and try again.',
    UPGRADE_REQUIRED: 'The server takes this only over a WebSocket. Reload the page and try again.',
    INTERNAL_ERROR: 'Something went wrong on the server. Try again in a moment.',
    UNREACHABLE: 'The server cannot be reached. Check the connection and try again.',
  },

  gone: {
    title: 'No such chat',
    deleted: 'This chat was deleted.',
    expired: 'This chat has expired and is not kept any more.',
    notFound: 'There is no such chat. It may have been deleted.',
    refused: 'This chat cannot be opened.',
    readable: 'What you see stays readable until you leave.',
  },

  account: {
    title: 'Sign in',
    explanation: 'This chat is for people whom it knows. Whoever runs it gives out the tokens.',
    token: 'Access token',
    signIn: 'Sign in',
    signOut: 'Sign out',
    signOutFailed: 'You could not be signed out: the server cannot be reached.',
    problems: {
      wrong: 'This token is not known here, or not any more.',
      tooMany: 'Too many tokens from here were wrong. Try again in a minute.',
      unreachable: 'The server cannot be reached. Try again.',
    },
  },

  share: {
    label: 'Share…',
    title: 'Share this chat',
    people: 'Who is in it',
    peopleFailed: 'Who is in this chat cannot be found out now. Try it again in a moment.',
    owner: 'Owner',
    access: { write: 'May read and write', read: 'May only read' },
    remove: 'Remove',
    removeOne: (name: string) => `Remove ${name}`,
    leave: 'Leave this chat',
    removeFailed: 'That did not work: nobody was taken out. Try it again in a moment.',
    invite: 'Invite somebody',
    explanation:
      'Whoever opens the link within 7 days comes in. Send it only to whom it is for. When you remove somebody, the links made until then let nobody in any more.',
    make: 'Make a link',
    link: 'Link',
    copied: 'The link was copied:',
    copyIt: 'Here is the link:',
    failed: 'No link was made. Only the owner of a chat may invite to it.',
    readOnly: 'You were invited to read this chat.',
    administrator:
      'This is somebody else’s chat. You see it as an administrator; what you do here, they see.',
    notAccepted: 'This invitation has expired, or is none. Ask for a new one.',
  },

  settings: {
    label: 'Settings',
    theme: 'Appearance',
    themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    language: 'Language',
    languages: { system: 'As the browser', en: 'English', de: 'Deutsch' },
    monitor: 'Monitor',
    shortcuts: 'Keyboard shortcuts',
  },

  shortcuts: {
    title: 'Keyboard shortcuts',
    anywhere: 'Anywhere',
    writing: 'While writing',
    list: {
      help: 'Show this sheet',
      newChat: 'New chat',
      search: 'Search in all chats',
      composer: 'Go to the message field',
      previous: 'Previous chat',
      next: 'Next chat',
      sidebar: 'Show or hide the list of chats',
      send: 'Send the message',
      newLine: 'New line',
      stop: 'Stop the answer',
      editLast: 'Edit your last question (in an empty field)',
    },
  },

  markdown: {
    code: 'Code',
    table: 'Table',
    taskDone: 'Done',
    taskOpen: 'To do',
    image: 'Image',
    opensOutside: 'opens another site in a new tab',
    footnote: (number: number) => `Footnote ${number}`,
    footnotes: 'Footnotes',
    tooComplex:
      'This part is too long or too deeply nested to be formatted. It is shown as it was written.',
    showDiagram: 'Show diagram',
    showCode: 'Show code',
    drawing: 'Drawing the diagram…',
    diagram: 'Diagram',
    diagramOf: (kind: string) => `Diagram (${kind}). Its source is there under “Show code”.`,
    diagramFailed: (reason: string | undefined) =>
      reason ? `The diagram cannot be drawn: ${reason}` : 'The diagram cannot be drawn.',
  },
};

/** The shape that each language has. */
export type Text = typeof en;
