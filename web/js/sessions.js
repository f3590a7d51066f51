/**
 * What is known of an organization's sessions: read from the server's picture and its changes.
 * Any service may publish a session, so every field but its id is optional and nothing is trusted.
 */

import { isName } from './access.js';
import { readLanguage, readWords } from './payload.js';
import { isObject } from './wire.js';

/**
 * @typedef {{index: string, name: string, streaming: boolean, languages: string[]}} SessionChannel
 * @typedef {{id: string, name: string, live: boolean, channels: SessionChannel[]}} SessionState `live`: a channel is streaming
 * @typedef {{added: SessionState[], updated: SessionState[], removed: SessionState[]}} SessionsChange
 */

/** More sessions are not kept: the page has to stay readable. */
export const MOST_SESSIONS = 1000;
/** No session shows more of them. */
const MOST_CHANNELS = 50;
const MOST_LANGUAGES = 10;

export class Sessions {
  /** @type {Map<string, SessionState>} by id, in the order in which they came */
  byId = new Map();
  /** How many were left out because there were too many. */
  left = 0;

  /** How many are live. */
  get live() {
    return [...this.byId.values()].filter(({ live }) => live).length;
  }

  /**
   * Takes the whole picture, at the start and after a reconnect.
   *
   * @param {unknown} list
   * @returns {SessionsChange} what it changed
   */
  replace(list) {
    const entries = asList(list);
    const present = new Set(entries.map((entry) => entry.id));
    const gone = [...this.byId.keys()].filter((id) => !present.has(id));
    const first = this.byId.size === 0;
    // The first time those who are live come first; later nobody changes places.
    const read = entries.map((entry) => readSession(entry, undefined));
    const sorted = first ? read.sort((a, b) => Number(b.live) - Number(a.live) || a.name.localeCompare(b.name, undefined, { numeric: true })) : read;
    this.left = Math.max(0, present.size - MOST_SESSIONS);
    return this.#change(sorted, gone);
  }

  /**
   * Takes a change: `{added, removed, updated}`.
   *
   * @param {unknown} change
   * @returns {SessionsChange} what it changed
   */
  apply(change) {
    if (!isObject(change)) return { added: [], updated: [], removed: [] };
    const entries = [...asList(change.added), ...asList(change.updated)];
    const gone = asList(change.removed).map(({ id }) => id);
    return this.#change(entries.map((entry) => readSession(entry, this.byId.get(entry.id))), gone);
  }

  /** @param {SessionState[]} present @param {string[]} gone @returns {SessionsChange} */
  #change(present, gone) {
    /** @type {SessionsChange} */
    const change = { added: [], updated: [], removed: [] };
    for (const id of gone) {
      const session = this.byId.get(id);
      if (session && this.byId.delete(id)) change.removed.push(session);
    }
    for (const session of present) {
      const known = this.byId.get(session.id);
      if (!known && this.byId.size >= MOST_SESSIONS) continue;
      if (known && JSON.stringify(known) === JSON.stringify(session)) continue;
      this.byId.set(session.id, session);
      (known ? change.updated : change.added).push(session);
    }
    return change;
  }
}

/** @param {unknown} value @returns {(Record<string, unknown> & {id: string})[]} its sound entries, the last one of each id */
function asList(value) {
  /** @type {Map<string, any>} */
  const entries = new Map();
  for (const entry of Array.isArray(value) ? value : []) {
    if (isObject(entry) && typeof entry.id === 'string' && isName(entry.id)) entries.set(entry.id, entry);
  }
  return [...entries.values()];
}

/**
 * @param {Record<string, unknown> & {id: string}} value
 * @param {SessionState | undefined} known what it had before: a change may leave fields out
 * @returns {SessionState}
 */
function readSession(value, known) {
  const listed = Array.isArray(value.channels) ? value.channels.slice(0, MOST_CHANNELS) : [];
  const read = listed.map((channel) => readChannel(channel, known?.channels ?? [])).filter((channel) => channel !== null);
  const channels = read.length > 0 ? read : (known?.channels ?? []);
  const live = channels.some(({ streaming }) => streaming);
  return { id: value.id, name: readWords(value.name) || known?.name || value.id, live, channels };
}

/** @param {unknown} value @param {SessionChannel[]} before @returns {SessionChannel | null} */
function readChannel(value, before) {
  if (!isObject(value)) return null;
  const index = String(value.index ?? value.id ?? '');
  if (!isName(index)) return null;
  const known = before.find((channel) => channel.index === index);
  const languages = readLanguages(value);
  return {
    index,
    name: readWords(value.name) || known?.name || `Channel ${index}`,
    streaming: value.streamStatus === undefined ? (known?.streaming ?? false) : value.streamStatus === 'active',
    languages: languages.length > 0 ? languages : (known?.languages ?? []),
  };
}

/**
 * Languages come as `language`, as `languages` or within the transcriber's profile, as tags or as objects with a tag.
 *
 * @param {Record<string, unknown>} channel
 * @returns {string[]}
 */
function readLanguages(channel) {
  const profile = isObject(channel.transcriberProfile) ? channel.transcriberProfile.config : undefined;
  const named = channel.languages ?? channel.language ?? (isObject(profile) ? profile.languages : undefined);
  const all = Array.isArray(named) ? named : [named];
  const tags = all.map((one) => readLanguage(isObject(one) ? one.candidate ?? one.code ?? one.language : one));
  return [...new Set(tags)].filter((tag) => tag !== null).slice(0, MOST_LANGUAGES);
}
