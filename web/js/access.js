/**
 * Where the page learns what to show and with which token: the address, the demo's list, the form.
 * Tokens live in the address's fragment for a moment and in sessionStorage afterwards, so that they reach no server log.
 */

import { readLanguage, readWords } from './payload.js';
import { readNumber } from './project.js';
import { isObject } from './wire.js';

/**
 * @typedef {{index: string, name: string, language: string | null}} Channel
 * @typedef {{id: string, name: string, description: string, channels: Channel[], token: string}} DemoSession
 * @typedef {{id: string, name: string, description: string, token: string}} DemoOrganization
 * @typedef {{id: number, name: string, description: string}} DemoProject opened with the token of the dashboard
 * @typedef {{sessions: DemoSession[], dashboard: DemoOrganization | null, projects: DemoProject[]}} Demo
 * @typedef {'session' | 'organization' | 'project'} Kind what a token is for
 * @typedef {{token: string, renew: () => Promise<string | null>, forget: () => void}} Credentials
 *   `renew` asks for a fresh token of the same reader, null where there is nobody to ask; `forget` gives the token up
 * @typedef {Credentials & {id: string, name: string, channels: Channel[]}} Access
 * @typedef {Credentials & {id: string, name: string}} OrganizationAccess
 * @typedef {Credentials & {id: number}} ProjectAccess
 */

/** No session is shown with more channels than this: each has a connection of its own. */
export const MOST_CHANNELS = 12;

/** @type {Record<Kind, string>} */
const STORAGE_PREFIX = { session: 'switchboard.token.', organization: 'switchboard.organization-token.', project: 'switchboard.project-token.' };

/** @param {Kind} kind @param {string} id @param {string} token */
export function keepToken(kind, id, token) {
  sessionStorage.setItem(STORAGE_PREFIX[kind] + id, token);
}

/** Moves `#token=…` from the address into sessionStorage, where neither history nor a shared screen shows it. */
export function takeTokenFromAddress() {
  const query = new URLSearchParams(location.search);
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return;
  /** @type {Kind} */
  const kind = query.has('session') ? 'session' : query.has('project') ? 'project' : 'organization';
  const id = query.get(kind);
  if (id !== null && token !== '') keepToken(kind, id, token);
  history.replaceState(history.state, '', location.pathname + location.search);
}

/** @returns {Promise<Demo | null>} null where this server is no demo; rejects where it cannot be reached */
export async function loadDemo() {
  const response = await fetch('demo.json', { cache: 'no-store' });
  if (!response.ok) return null;
  const demo = await response.json().catch(() => null);
  if (!isObject(demo) || !Array.isArray(demo.sessions)) return null;
  const sessions = demo.sessions.map(readSession).filter((session) => session !== null);
  const projects = (Array.isArray(demo.projects) ? demo.projects : []).map(readProject).filter((project) => project !== null);
  return { sessions, dashboard: readOrganization(demo.dashboard), projects };
}

/**
 * Finds the token for the session that the address asks for.
 *
 * @param {URLSearchParams} query `session`, `channel` as often as wanted, and the `organization` whose members' tokens will do
 * @returns {Promise<Access | null>} null: somebody has to enter a token; rejects where the server cannot be reached
 */
export async function findAccess(query) {
  const id = query.get('session') ?? '';
  const organization = query.get('organization') ?? '';
  const wanted = [...new Set(query.getAll('channel'))].filter(isName).slice(0, MOST_CHANNELS);
  const credentials = kept('session', id) ?? kept('organization', organization);
  if (credentials !== null) return { ...pick(await describe(id, credentials.token), wanted), ...credentials };
  const find = async () => {
    const demo = await loadDemo();
    const session = demo?.sessions.find((each) => each.id === id);
    if (session || demo?.dashboard?.id !== organization) return session ?? null;
    return { ...(await describe(id, demo.dashboard.token)), token: demo.dashboard.token };
  };
  const known = await find();
  return known && { ...pick(known, wanted), ...lent(known.token, find) };
}

/**
 * Finds the token for the organization that the address asks for.
 *
 * @param {URLSearchParams} query `organization`
 * @returns {Promise<OrganizationAccess | null>} as of `findAccess`
 */
export async function findOrganizationAccess(query) {
  const id = query.get('organization') ?? '';
  if (!isName(id)) return null;
  const credentials = kept('organization', id);
  if (credentials !== null) return { id, name: id, ...credentials };
  const find = async () => {
    const dashboard = (await loadDemo())?.dashboard ?? null;
    return dashboard?.id === id ? dashboard : null;
  };
  const known = await find();
  return known && { id, name: known.name, ...lent(known.token, find) };
}

/**
 * Finds the token for the project that the address asks for.
 *
 * @param {URLSearchParams} query `project`
 * @returns {Promise<ProjectAccess | null>} as of `findAccess`
 */
export async function findProjectAccess(query) {
  const id = readNumber(Number(query.get('project')));
  if (id === null) return null;
  const credentials = kept('project', String(id));
  if (credentials !== null) return { id, ...credentials };
  const find = async () => {
    const demo = await loadDemo();
    return demo?.projects.some((project) => project.id === id) ? demo.dashboard : null;
  };
  const known = await find();
  return known && { id, ...lent(known.token, find) };
}

/** @param {Kind} kind @param {string} id @returns {Credentials | null} what somebody brought for it */
function kept(kind, id) {
  const token = sessionStorage.getItem(STORAGE_PREFIX[kind] + id);
  return token === null ? null : { token, renew: async () => null, forget: () => sessionStorage.removeItem(STORAGE_PREFIX[kind] + id) };
}

/** @param {string} token @param {() => Promise<{token: string} | null>} find @returns {Credentials} what the demo gives */
function lent(token, find) {
  return { token, renew: async () => (await find().catch(() => null))?.token ?? null, forget: () => {} };
}

/** @param {string} value @returns {boolean} whether it may be one level of a room's name */
export function isName(value) {
  return /^[^\s/+#$]{1,128}$/.test(value);
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
    name: readWords(value.name) || value.id,
    description: readWords(value.description),
    channels: channels.filter((channel) => channel !== null).slice(0, MOST_CHANNELS),
    token: readToken(value.token),
  };
}

/** @param {unknown} value @returns {DemoOrganization | null} */
function readOrganization(value) {
  if (!isObject(value) || typeof value.id !== 'string' || !isName(value.id)) return null;
  return { id: value.id, name: readWords(value.name) || value.id, description: readWords(value.description), token: readToken(value.token) };
}

/** @param {unknown} value @returns {DemoProject | null} */
function readProject(value) {
  const id = isObject(value) ? readNumber(value.id) : null;
  if (!isObject(value) || id === null) return null;
  return { id, name: readWords(value.name) || `Project ${id}`, description: readWords(value.description) };
}

/** @param {unknown} value @returns {Channel | null} */
function readChannel(value) {
  if (!isObject(value)) return null;
  const index = String(value.index ?? '');
  if (!isName(index)) return null;
  return { index, name: readWords(value.name) || `Channel ${index}`, language: readLanguage(value.language) };
}

/** @param {unknown} value @returns {string} */
function readToken(value) {
  return typeof value === 'string' ? value.trim() : '';
}
