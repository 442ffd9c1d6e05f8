/** Everything that the monitor says, in German. */
import { pluralIn } from '../text/plural.ts';
import type { Words } from './words-en.ts';

const plural = pluralIn('de');

export const de: Words = {
  title: 'Monitor',
  toChat: 'Chat',
  views: { overview: 'Übersicht', connections: 'Verbindungen', session: 'Sitzungsprotokoll' },
  node: 'Knoten',
  allNodes: 'Alle Knoten',
  nodeOf: (id) => `Knoten ${id}`,
  perNode: 'Dieser Knoten',
  tryAgain: 'Noch einmal versuchen',
  refresh: 'Aktualisieren',
  cancel: 'Abbrechen',

  status: {
    loading: 'Der Server wird gefragt …',
    live: 'Live',
    noAnswer: 'Keine Antwort',
    away: (since) =>
      `Der Server antwortet nicht. Was Sie sehen, ist von ${since}; er wird alle 2 Sekunden wieder gefragt.`,
    neverThere: 'Der Server antwortet nicht. Er wird alle 2 Sekunden wieder gefragt.',
  },

  admission: {
    refusedTitle: 'Diese Seite ist für Administratoren',
    refused:
      'Sie sind hier bekannt, aber nicht als Administrator. Wer diesen Server betreibt, benennt sie mit der Einstellung „admins“.',
    unknownTitle: 'Wer sind Sie?',
    unknown: 'Diese Seite ist für Administratoren. Melden Sie sich mit einem ihrer Token an.',
    signIn: 'Als Administrator anmelden',
    toChat: 'Zurück zum Chat',
  },

  charts: {
    heading: 'Aktuelle Werte',
    connections: 'Verbindungen',
    messages: 'Nachrichten',
    traffic: 'Datenmenge',
    firstText: 'Zeit bis zum ersten Text',
    answers: 'Laufende Antworten',
    errors: 'Fehler',
    loop: 'Verzögerung der Ereignisschleife',
    memory: 'Speicher',
    commit: 'Schreiben auf die Platte',
    open: 'offen',
    sessions: 'verfolgte Sitzungen',
    received: 'empfangen',
    sent: 'gesendet',
    median: 'Median',
    p99: 'p99',
    running: 'werden geschrieben',
    waiting: 'warten',
    refused: 'abgelehnt',
    failed: 'Antworten gescheitert',
    longest: 'längste',
    longestWorst: 'längste, schlechtester Knoten',
    loopP99Worst: 'p99, schlechtester Knoten',
    resident: 'belegt',
    time: 'Zeit',
    ago: (minutes) => `vor ${minutes} min`,
    now: 'jetzt',
    nothing: 'Es wurde noch nichts gemessen.',
    noFirstText: 'In den letzten 30 Sekunden hat keine Antwort begonnen.',
    noCommit: 'In den letzten 30 Sekunden kam nichts auf die Platte.',
    empty: 'keine',
  },

  agents: {
    heading: 'Agenten, die langsamsten zuerst',
    none: 'Solange diese Seite offen war, hat in den letzten 5 Minuten kein Agent geantwortet.',
    agent: 'Agent',
    answers: 'Antworten (5 min)',
    failed: 'Gescheitert',
    firstText: 'Erster Text',
    length: 'Ganze Antwort',
  },

  nodes: {
    heading: 'Knoten',
    state: 'Zustand',
    states: { serving: 'in Betrieb', draining: 'läuft leer', silent: 'stumm' },
    notReady: (id) => `Knoten ${id} ist nicht bereit.`,
    silentSince: (ago) => `zuletzt gehört vor ${ago}`,
    role: 'Rolle',
    roles: { all: 'Verbindungen und Agenten', gateway: 'Verbindungen', worker: 'Agenten' },
    version: 'Version',
    uptime: 'Läuft seit',
    connections: 'Verbindungen',
    answers: 'Antworten',
    loop: 'Verzögerung',
    memory: 'Speicher',
    actions: 'Aktionen',
    drain: 'Leerlaufen …',
    drainOne: (id) => `Knoten ${id} leerlaufen lassen`,
    show: 'Zeigen',
    showConnections: (id) => `Verbindungen von Knoten ${id}`,
  },

  drain: {
    title: (id) => `Knoten ${id} leerlaufen lassen?`,
    closed: 'Er nimmt keine neuen Verbindungen an.',
    connections: (count) =>
      plural(count, {
        one: 'Seinem # Client wird gesagt, dass er zu einem anderen Knoten kommen soll; er verpasst nichts.',
        other:
          'Seinen # Clients wird gesagt, dass sie zu einem anderen Knoten kommen sollen; sie verpassen nichts.',
      }),
    answers: (count) =>
      plural(count, {
        one: '# Antwort wird dort geschrieben. Sie darf fertig werden, bis drainTimeout um ist (10 s, wenn nichts anderes eingestellt ist); dann übernimmt sie ein anderer Knoten, oder sie endet als unterbrochen, wie ihr Agent es sagt.',
        other:
          '# Antworten werden dort geschrieben. Sie dürfen fertig werden, bis drainTimeout um ist (10 s, wenn nichts anderes eingestellt ist); dann übernimmt sie ein anderer Knoten, oder sie enden als unterbrochen, wie ihr Agent es sagt.',
      }),
    end: 'Danach endet der Prozess mit Status 0. Ob er wieder startet, entscheidet, was ihn überwacht; von hier aus geht es nicht.',
    lastTitle: 'Kein anderer Knoten kann übernehmen',
    last: 'Es ist der letzte Knoten, der diese Arbeit tut: Bis ein anderer läuft, kann sich niemand verbinden, oder es wird nichts beantwortet. Bestätigte Nachrichten bleiben erhalten.',
    confirm: 'Leerlaufen lassen',
    confirmLast: 'Den letzten Knoten leerlaufen lassen',
    done: (id) => `Knoten ${id} läuft leer.`,
  },

  connections: {
    heading: (node) => `Verbindungen von Knoten ${node}`,
    find: 'Person, Adresse oder Id',
    findHint: 'beginnt mit …',
    total: (count) => plural(count, { one: '# Verbindung', other: '# Verbindungen' }),
    none: 'Mit diesem Knoten ist niemand verbunden.',
    noneMatch: (words) => `Keine Verbindung beginnt hier mit „${words}“.`,
    person: 'Person',
    unknown: 'noch nicht bekannt',
    address: 'Adresse',
    since: 'Seit',
    sessions: 'Sitzungen',
    behind: 'Rückstand',
    profile: 'Profil',
    id: 'Id',
    actions: 'Aktionen',
    cut: 'Trennen …',
    cutOne: (id) => `Verbindung ${id} trennen`,
    first: 'Erste Seite',
    next: 'Nächste Seite',
  },

  cut: {
    title: (person) => `Eine Verbindung von ${person} trennen?`,
    explanation:
      'Sie endet sofort, mit dem Code 4410. Ihr Client darf wiederkommen und tut das von selbst innerhalb von Sekunden; er macht weiter, wo er war, und verpasst nichts. Antworten werden weiter geschrieben.',
    forGood:
      'Um jemanden auszuschließen, widerrufen Sie das Token oder nehmen Sie es aus der Datei der Token: Trennen genügt dafür nicht.',
    confirm: 'Trennen',
    done: (id) => `Verbindung ${id} wurde getrennt.`,
  },

  log: {
    heading: 'Das Protokoll einer Sitzung',
    explanation:
      'Jedes Ereignis, das von einer Sitzung aufbewahrt ist, wie es auf der Platte steht. Die Id einer Sitzung steht in der Adresse ihres Chats: /s/ und dann die Id.',
    id: 'Id der Sitzung',
    show: 'Zeigen',
    loading: 'Das Protokoll wird gelesen …',
    missing: 'Eine Sitzung mit dieser Id gibt es nicht, oder nicht mehr.',
    again: 'Noch einmal versuchen',
    events: (first, last) => `Ereignisse ${first} bis ${last}`,
    created: (time) => `erstellt ${time}`,
    agent: (name) => `Agent ${name}`,
    none: 'Von dieser Sitzung ist kein Ereignis aufbewahrt.',
    seq: 'Seq',
    time: 'Zeit',
    type: 'Typ',
    from: 'Von',
    run: 'Lauf',
    attempt: (count) => `Versuch ${count}`,
    size: 'Größe',
    content: 'Inhalt',
    whole: 'Alle Felder',
    newest: 'Neueste',
    older: 'Ältere',
    newer: 'Neuere',
  },

  failed: (reason) => `Das hat nicht geklappt: ${reason}`,
};
