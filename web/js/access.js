/**
 * Where the page learns which session to show and with which token: the address, the demo's list, the form.
 * Tokens live in the address's fragment for a moment and in sessionStorage afterwards, so that they reach no server log.
 */

import { readLanguage } from './payload.js';
import { isObject } from './wire.js';

/**
 * @typedef {{index: string, name: string, language: string | null}} Channel
 * @typedef {{id: string, name: string, description: string, channels: Channel[], token: string}} DemoSession
 * @typedef {{sessions: DemoSession[]}} Demo
 * @typedef {{id: string, name: string, channels: Channel[], token: string, renew: () => Promise<string | null>}} Access
 *   `renew` asks for a fresh token of the same reader; null where there is nobody to ask
 */

/** No session is shown with more channels than this: each has a connection of its own. */
export const MOST_CHANNELS = 12;

const STORAGE_PREFIX = 'switchboard.token.';

/** @param {string} session @param {string} token */
export function keepToken(session, token) {
  sessionStorage.setItem(STORAGE_PREFIX + session, token);
}

/** @param {string} session */
export function forgetToken(session) {
  sessionStorage.removeItem(STORAGE_PREFIX + session);
}

/** Moves `#token=…` from the address into sessionStorage, where neither history nor a shared screen shows it. */
export function takeTokenFromAddress() {
  const session = new URLSearchParams(location.search).get('session');
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  if (session !== null && token !== '') keepToken(session, token);
  history.replaceState(history.state, '', location.pathname + location.search);
}

/** @returns {Promise<Demo | null>} null where this server is no demo; rejects where it cannot be reached */
export async function loadDemo() {
  const response = await fetch('demo.json', { cache: 'no-store' });
  if (!response.ok) return null;
  const demo = await response.json().catch(() => null);
  if (!isObject(demo) || !Array.isArray(demo.sessions)) return null;
  return { sessions: demo.sessions.map(readSession).filter((session) => session !== null) };
}

/**
 * Finds the token for what the address asks for.
 *
 * @param {URLSearchParams} query `session`, and `channel` as often as wanted
 * @returns {Promise<Access | null>} null: somebody has to enter a token; rejects where the server cannot be reached
 */
export async function findAccess(query) {
  const id = query.get('session') ?? '';
  const wanted = [...new Set(query.getAll('channel'))].filter(isName).slice(0, MOST_CHANNELS);
  const kept = sessionStorage.getItem(STORAGE_PREFIX + id);
  if (kept !== null) {
    const known = await describe(id, kept);
    return { ...pick(known, wanted), token: kept, renew: async () => null };
  }
  const known = await findInDemo(id);
  if (known === null) return null;
  const renew = async () => (await findInDemo(id).catch(() => null))?.token ?? null;
  return { ...pick(known, wanted), token: known.token, renew };
}

/** @param {string} value @returns {boolean} whether it may be one level of a room's name */
export function isName(value) {
  return /^[^\s/+#$]{1,128}$/.test(value);
}

/** @param {string} id @returns {Promise<DemoSession | null>} */
async function findInDemo(id) {
  return (await loadDemo())?.sessions.find((session) => session.id === id) ?? null;
}

/**
 * Asks the server for the session's names. Only names: without an answer its captions still come.
 *
 * @param {string} id
 * @param {string} token
 * @returns {Promise<{id: string, name: string, channels: Channel[]}>}
 */
async function describe(id, token) {
  const unnamed = { id, name: id, channels: [] };
  try {
    const headers = { Authorization: `Bearer ${token}` };
    const response = await fetch(`api/v1/sessions/${encodeURIComponent(id)}`, { headers });
    return (response.ok && readSession(await response.json())) || unnamed;
  } catch {
    return unnamed;
  }
}

/**
 * The channels that were asked for, with the names that are known; all of them if none was asked for.
 *
 * @param {{id: string, name: string, channels: Channel[]}} known
 * @param {string[]} wanted
 * @returns {{id: string, name: string, channels: Channel[]}}
 */
function pick({ id, name, channels }, wanted) {
  if (wanted.length === 0 && channels.length > 0) return { id, name, channels };
  const indexes = wanted.length === 0 ? ['1'] : wanted;
  const picked = indexes.map((index) => channels.find((channel) => channel.index === index) ?? unnamedChannel(index));
  return { id, name, channels: picked };
}

/** @param {string} index @returns {Channel} */
function unnamedChannel(index) {
  return { index, name: `Channel ${index}`, language: null };
}

/** @param {unknown} value @returns {DemoSession | null} */
function readSession(value) {
  if (!isObject(value) || typeof value.id !== 'string' || !isName(value.id)) return null;
  const channels = Array.isArray(value.channels) ? value.channels.map(readChannel) : [];
  return {
    id: value.id,
    name: words(value.name) || value.id,
    description: words(value.description),
    channels: channels.filter((channel) => channel !== null).slice(0, MOST_CHANNELS),
    token: words(value.token),
  };
}

/** @param {unknown} value @returns {Channel | null} */
function readChannel(value) {
  if (!isObject(value)) return null;
  const index = String(value.index ?? '');
  if (!isName(index)) return null;
  return { index, name: words(value.name) || `Channel ${index}`, language: readLanguage(value.language) };
}

/** @param {unknown} value @returns {string} */
function words(value) {
  return typeof value === 'string' ? value.trim() : '';
}
