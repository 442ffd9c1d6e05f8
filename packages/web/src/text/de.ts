/** Everything that the page says, in German. */
import type { Text } from './en.ts';
import { pluralIn } from './plural.ts';

const plural = pluralIn('de');

export const de: Text = {
  newChat: 'Neuer Chat',
  untitled: 'Chat ohne Titel',
  loading: 'Wird geladen …',
  cancel: 'Abbrechen',
  close: 'Schließen',
  undo: 'Rückgängig',
  dismiss: 'Ausblenden',
  openSidebar: 'Liste der Chats öffnen',
  closeSidebar: 'Liste der Chats schließen',
  skipToMessage: 'Zum Nachrichtenfeld springen',

  chats: {
    label: 'Chats',
    empty: 'Noch keine Chats. Was Sie fragen, bleibt hier erhalten.',
    failed: 'Die Chats lassen sich gerade nicht laden.',
    tryAgain: 'Noch einmal versuchen',
    unread: 'ungelesen',
    actionsHere: 'Aktionen für diesen Chat',
    actions: (title) => `Aktionen für ${title}`,
    rename: 'Umbenennen',
    renameLabel: 'Titel des Chats',
    exportMarkdown: 'Als Markdown exportieren',
    exportJson: 'Als JSON exportieren',
    delete: 'Löschen',
    deleted: (title) => `„${title}“ ist gelöscht.`,
    restored: (title) => `„${title}“ ist wieder da.`,
    deleteFailed: (title) =>
      `„${title}“ konnte nicht gelöscht werden und steht wieder in der Liste.`,
    deleteForbidden: (title) =>
      `„${title}“ gehört Ihnen nicht. Sie können ihn verlassen: siehe „Teilen…“ in seinem Menü.`,
    renameFailed: (reason) => `Der Titel wurde nicht geändert: ${reason}`,
    today: 'Heute',
    yesterday: 'Gestern',
    week: 'Letzte 7 Tage',
    older: 'Älter',
  },

  search: {
    label: 'In allen Chats suchen',
    placeholder: 'Suchen',
    clear: 'Suche leeren',
    searching: 'Wird gesucht …',
    none: (words) => `Nichts gefunden zu „${words}“.`,
    failed: 'Die Suche geht gerade nicht.',
    found: (count) =>
      plural(count, { one: '# Nachricht gefunden', other: '# Nachrichten gefunden' }),
    by: { user: 'Frage', assistant: 'Antwort' },
  },

  conversation: {
    label: 'Unterhaltung',
    you: 'Sie',
    agent: 'Agent',
    welcome: 'Was möchten Sie wissen?',
    welcomeMore: 'Antworten schreibt ein Agent. Sie können falsch sein.',
    examples: 'Beispiele',
    older: 'Frühere Nachrichten werden geladen …',
    olderFailed: 'Frühere Nachrichten konnten nicht geladen werden.',
    olderGone: 'Frühere Nachrichten gibt es mit dem Chat nicht mehr.',
    tryAgain: 'Noch einmal versuchen',
    start: 'Der Anfang dieses Chats',
    toNewest: 'Zum Neuesten springen',
    notFound: 'Diese Nachricht wird im Chat nicht mehr gezeigt.',
    notLoaded:
      'Die Nachricht konnte nicht geladen werden. Prüfen Sie die Verbindung und öffnen Sie sie noch einmal.',
    editing: 'Ihre Frage bearbeiten',
    askAgain: 'Noch einmal fragen',
    newerMessages: 'Es gibt neuere Nachrichten. Noch einmal zu fragen tritt an ihre Stelle.',
    edit: 'Bearbeiten und noch einmal fragen',
    copy: 'Kopieren',
    copied: 'Kopiert',
    copyFailed: 'Der Browser hat das Kopieren nicht erlaubt.',
    stop: 'Anhalten',
    stopAll: 'Antwort anhalten',
    discard: 'Verwerfen',
    sendAgain: 'Noch einmal senden',
  },

  keptWords: {
    label: 'Ihr Entwurf',
    inNewChat: 'In einem neuen Chat verwenden',
  },

  message: {
    waiting: 'Wartet auf das Senden',
    takeBack: 'Zurücknehmen',
    notKept:
      'Dieser Browser behält nichts: Eine Nachricht, die wartet, geht verloren, wenn Sie die Seite schließen.',
    failed: (reason) => `Nicht gesendet. ${reason}`,
  },

  answer: {
    queued: 'Wartet, bis es an der Reihe ist',
    queuedBehind: (count) =>
      plural(count, { one: 'Wartet auf # Antwort davor', other: 'Wartet auf # Antworten davor' }),
    starting: 'Die ersten Worte kommen gleich …',
    again: (attempt) => `Neu begonnen (Versuch ${attempt})`,
    cancelled: 'Angehalten.',
    empty: 'Der Agent hatte nichts zu sagen.',
    announceStart: (agent) => `${agent} antwortet.`,
    announceEnd: (agent, words) => `${agent} hat geantwortet: ${words}`,
    announceStopped: (agent) => `${agent} wurde angehalten.`,
    announceFailed: (agent) => `Die Antwort von ${agent} wurde nicht fertig.`,
  },

  steps: {
    arguments: 'Argumente',
    result: 'Ergebnis',
    working: 'läuft',
    done: 'fertig',
    failed: 'fehlgeschlagen',
    unfinished: 'nicht fertig geworden',
    asks: 'Der Agent möchte benutzen:',
    allow: 'Erlauben',
    deny: 'Ablehnen',
    approved: 'Erlaubt:',
    denied: 'Nicht erlaubt:',
    undecided: 'Niemand entschied, bevor die Antwort endete:',
    sending: 'Ihre Entscheidung wird gesendet …',
    announce: (tool) => `Der Agent fragt, ob er ${tool} benutzen darf.`,
  },

  progress: {
    label: 'Fortschritt der Agenten',
    overall: 'Alle Agenten',
    states: {
      waiting: 'wartet',
      processing: 'arbeitet',
      complete: 'fertig',
      error: 'fehlgeschlagen',
    },
  },

  composer: {
    label: 'Nachricht',
    placeholder: 'Eine Nachricht schreiben',
    placeholderFor: (agent) => `${agent} fragen`,
    send: 'Senden',
    agent: 'Agent',
    agentNow: (agent) => `Agent: ${agent}`,
    agentsFailed: 'Die Agenten lassen sich gerade nicht laden.',
    agentMissing: (agent) => `${agent} (nicht verfügbar)`,
  },

  people: {
    typingOne: (name) => `${name} schreibt …`,
    typingMany: (count) =>
      plural(count, { one: '# Person schreibt …', other: '# Personen schreiben …' }),
    elsewhere: (count) =>
      plural(count, { one: 'An # weiterem Ort offen', other: 'An # weiteren Orten offen' }),
    somebody: 'Jemand',
  },

  connection: {
    connecting: 'Verbindung wird aufgebaut …',
    offline: 'Sie sind offline.',
    lost: 'Die Verbindung ist verloren.',
    retryIn: (seconds) =>
      plural(seconds, {
        one: 'Nächster Versuch in # Sekunde.',
        other: 'Nächster Versuch in # Sekunden.',
      }),
    tryNow: 'Jetzt versuchen',
    retrying: 'Neuer Versuch …',
    restarting: 'Der Server startet neu.',
    resumed: 'Wieder verbunden. Alles ist auf dem neuesten Stand.',
    waiting: (count) =>
      plural(count, {
        one: '# Nachricht wartet und wird gesendet.',
        other: '# Nachrichten warten und werden gesendet.',
      }),
    closed: 'Die Verbindung wurde beendet.',
    reload: 'Seite neu laden',
    closedBecause: {
      notAuthenticated:
        'Sie sind nicht mehr angemeldet. Laden Sie die Seite neu, um sich anzumelden.',
      policy: 'Der Server erlaubt dieser Seite keine Verbindung.',
      other: 'Der Server beendete sie und bat, nicht wiederzukommen.',
    },
  },

  limits: {
    rate: 'Zu viel auf einmal.',
    goesOn: (seconds) =>
      plural(seconds, {
        one: 'In # Sekunde geht es weiter.',
        other: 'In # Sekunden geht es weiter.',
      }),
    queue:
      'In diesem Chat warten zu viele Fragen. Ihre wird gesendet, sobald eine Antwort fertig ist.',
    other: 'Der Server kann Ihre Nachricht jetzt nicht annehmen. Sie wird gesendet, bis er es tut.',
    store:
      'Der Server kann gerade keine Nachrichten speichern. Ihre wird gesendet, sobald er es kann.',
  },

  errors: {
    INVALID_JSON:
      'Der Server hat die Seite nicht verstanden. Laden Sie sie neu und versuchen Sie es noch einmal.',
    INVALID_MESSAGE:
      'So nimmt der Server das nicht an. Ändern Sie es und versuchen Sie es noch einmal.',
    UNKNOWN_MESSAGE_TYPE:
      'Der Server kann das nicht. Laden Sie die Seite neu und versuchen Sie es noch einmal.',
    MESSAGE_TOO_LARGE:
      'Sie ist länger, als der Server annimmt. Kürzen Sie sie und senden Sie sie noch einmal.',
    MESSAGE_CONFLICT:
      'Der Server hat unter derselben Nummer eine andere Nachricht. Senden Sie diese noch einmal.',
    NO_SESSION: 'Der Chat war nicht mehr offen. Öffnen Sie ihn und versuchen Sie es noch einmal.',
    SESSION_NOT_FOUND: 'Diesen Chat gibt es nicht mehr. Fragen Sie in einem neuen.',
    SESSION_LIMIT:
      'Sie haben so viele Chats, wie Sie haben dürfen. Löschen Sie einen und versuchen Sie es noch einmal.',
    UNAUTHORIZED: 'Sie sind nicht mehr angemeldet. Laden Sie die Seite neu, um sich anzumelden.',
    AUTH_UNAVAILABLE:
      'Wer Sie sind, lässt sich gerade nicht prüfen. Versuchen Sie es gleich noch einmal.',
    FORBIDDEN: 'Das dürfen Sie hier nicht. Bitten Sie den darum, dem der Chat gehört.',
    ORIGIN_NOT_ALLOWED:
      'Der Server lässt diese Seite nicht herein. Öffnen Sie sie unter ihrer üblichen Adresse.',
    CONNECTION_LIMIT:
      'Es sind so viele Verbindungen offen, wie der Server annimmt. Schließen Sie andere Tabs, oder versuchen Sie es später.',
    AGENT_NOT_FOUND: 'Den gefragten Agenten gibt es nicht mehr. Wählen Sie einen anderen.',
    AGENT_ERROR:
      'Die Antwort ist fehlgeschlagen. Fragen Sie noch einmal oder einen anderen Agenten.',
    TIMEOUT:
      'Der Agent wurde nicht rechtzeitig fertig. Fragen Sie noch einmal, vielleicht nach weniger auf einmal.',
    INTERRUPTED: 'Der Server hielt an, während dies geschrieben wurde. Fragen Sie noch einmal.',
    ANSWER_TOO_LARGE:
      'Der Agent schrieb mehr, als eine Antwort fassen kann. Was hineinpasst, bleibt. Fragen Sie nach dem Rest.',
    RUN_NOT_FOUND: 'Diese Antwort ist schon zu Ende. Sie müssen nichts tun.',
    APPROVAL_NOT_FOUND:
      'Das ist schon entschieden oder wird nicht mehr gefragt. Sie müssen nichts tun.',
    CONNECTION_NOT_FOUND: 'Diese Verbindung ist schon beendet. Sie müssen nichts tun.',
    NODE_NOT_FOUND:
      'Dieser Knoten ist beendet oder antwortet nicht. Sehen Sie nach, ob sein Prozess läuft.',
    LAST_NODE: 'Kein anderer Knoten kann diesen ablösen. Starten Sie zuerst einen weiteren.',
    QUEUE_FULL:
      'In diesem Chat warten zu viele Fragen. Senden Sie sie noch einmal, wenn eine Antwort fertig ist.',
    RATE_LIMITED: 'Zu viel auf einmal. Warten Sie ein wenig und senden Sie es noch einmal.',
    STORE_UNAVAILABLE:
      'Der Server kann gerade nichts speichern. Versuchen Sie es gleich noch einmal.',
    NOT_FOUND:
      'Der Server kennt diese Adresse nicht. Laden Sie die Seite neu und versuchen Sie es noch einmal.',
    METHOD_NOT_ALLOWED:
      'Der Server tut das nicht. Laden Sie die Seite neu und versuchen Sie es noch einmal.',
    UPGRADE_REQUIRED:
      'Der Server nimmt das nur über einen WebSocket an. Laden Sie die Seite neu und versuchen Sie es noch einmal.',
    INTERNAL_ERROR: 'Auf dem Server ging etwas schief. Versuchen Sie es gleich noch einmal.',
    UNREACHABLE:
      'Der Server ist nicht erreichbar. Prüfen Sie die Verbindung und versuchen Sie es noch einmal.',
  },

  gone: {
    title: 'Kein solcher Chat',
    deleted: 'Dieser Chat wurde gelöscht.',
    expired: 'Dieser Chat ist abgelaufen und wird nicht mehr aufbewahrt.',
    notFound: 'Diesen Chat gibt es nicht. Vielleicht wurde er gelöscht.',
    refused: 'Dieser Chat lässt sich nicht öffnen.',
    readable: 'Was Sie sehen, bleibt lesbar, bis Sie gehen.',
  },

  account: {
    title: 'Anmelden',
    explanation:
      'Dieser Chat ist für Menschen, die er kennt. Wer ihn betreibt, vergibt die Zugangscodes.',
    token: 'Zugangscode',
    signIn: 'Anmelden',
    signOut: 'Abmelden',
    signOutFailed: 'Sie konnten nicht abgemeldet werden: Der Server ist nicht erreichbar.',
    problems: {
      wrong: 'Dieser Zugangscode ist hier nicht oder nicht mehr bekannt.',
      tooMany:
        'Von hier kamen zu viele falsche Zugangscodes. Versuchen Sie es in einer Minute noch einmal.',
      unreachable: 'Der Server ist nicht erreichbar. Versuchen Sie es noch einmal.',
    },
  },

  share: {
    label: 'Teilen…',
    title: 'Diesen Chat teilen',
    people: 'Wer darin ist',
    peopleFailed:
      'Wer in diesem Chat ist, lässt sich gerade nicht herausfinden. Versuchen Sie es gleich noch einmal.',
    owner: 'Gehört der Chat',
    access: { write: 'Darf lesen und schreiben', read: 'Darf nur lesen' },
    remove: 'Entfernen',
    removeOne: (name) => `${name} entfernen`,
    leave: 'Chat verlassen',
    removeFailed: 'Das ging nicht: Niemand wurde entfernt. Versuchen Sie es gleich noch einmal.',
    invite: 'Jemanden einladen',
    explanation:
      'Wer den Link innerhalb von 7 Tagen öffnet, kommt herein. Schicken Sie ihn nur denen, für die er ist. Wenn Sie jemanden entfernen, lassen die bis dahin erstellten Links niemanden mehr herein.',
    make: 'Link erstellen',
    link: 'Link',
    copied: 'Der Link wurde kopiert:',
    copyIt: 'Hier ist der Link:',
    failed: 'Es wurde kein Link erstellt. Nur wem ein Chat gehört, darf dazu einladen.',
    readOnly: 'Sie wurden eingeladen, diesen Chat zu lesen.',
    administrator:
      'Das ist der Chat von jemand anderem. Sie sehen ihn als Administrator; was Sie hier tun, wird dort gesehen.',
    notAccepted: 'Diese Einladung ist abgelaufen oder keine. Bitten Sie um eine neue.',
  },

  settings: {
    label: 'Einstellungen',
    theme: 'Darstellung',
    themes: { system: 'Wie das System', light: 'Hell', dark: 'Dunkel' },
    language: 'Sprache',
    languages: { system: 'Wie der Browser', en: 'English', de: 'Deutsch' },
    monitor: 'Monitor',
    shortcuts: 'Tastenkürzel',
  },

  shortcuts: {
    title: 'Tastenkürzel',
    anywhere: 'Überall',
    writing: 'Beim Schreiben',
    list: {
      help: 'Diese Übersicht zeigen',
      newChat: 'Neuer Chat',
      search: 'In allen Chats suchen',
      composer: 'Zum Nachrichtenfeld',
      previous: 'Voriger Chat',
      next: 'Nächster Chat',
      sidebar: 'Liste der Chats zeigen oder verbergen',
      send: 'Nachricht senden',
      newLine: 'Neue Zeile',
      stop: 'Antwort anhalten',
      editLast: 'Letzte Frage bearbeiten (im leeren Feld)',
    },
  },

  markdown: {
    code: 'Code',
    table: 'Tabelle',
    taskDone: 'Erledigt',
    taskOpen: 'Offen',
    image: 'Bild',
    opensOutside: 'öffnet eine andere Website in einem neuen Tab',
    footnote: (number: number) => `Fußnote ${number}`,
    footnotes: 'Fußnoten',
    tooComplex:
      'Dieser Teil ist zu lang oder zu tief verschachtelt, um gestaltet zu werden. Er steht so da, wie er geschrieben wurde.',
    showDiagram: 'Diagramm zeigen',
    showCode: 'Code zeigen',
    drawing: 'Das Diagramm wird gezeichnet …',
    diagram: 'Diagramm',
    diagramOf: (kind: string) => `Diagramm (${kind}). Sein Quelltext steht unter „Code zeigen“.`,
    diagramFailed: (reason: string | undefined) =>
      reason
        ? `Das Diagramm lässt sich nicht zeichnen: ${reason}`
        : 'Das Diagramm lässt sich nicht zeichnen.',
  },
};
