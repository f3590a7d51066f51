/**
 * Reads what the server says of a project's documents, chats and messages. Names and texts are whatever people put into
 * them: bounded here, and shown as text only.
 */

import { sentence } from './format.js';
import { readWords } from './payload.js';
import { isObject } from './wire.js';

/**
 * @typedef {'waiting' | 'processing' | 'completed' | 'failed'} DocumentStatus
 * @typedef {{id: number, filename: string, status: DocumentStatus, progress: number, bytes: number | null, error: string | null}} ProjectDocument
 *   `progress`: percent, whole; `error`: a sentence for people
 * @typedef {{id: number, title: string, updatedAt: number}} Chat `title` may be empty; `updatedAt`: epoch ms
 * @typedef {{filename: string, page: number | null, score: number | null, content: string}} Source `score`: percent, whole
 * @typedef {{id: number, role: 'user' | 'assistant', content: string, partial: boolean, sources: Source[], model: string | null}} Message
 */

/** Longer texts are cut: a page must not drown in one message. In characters. */
const LONGEST_TEXT = 200_000;
const MOST_SOURCES = 50;

/** @type {DocumentStatus[]} in the order in which they come */
const STATUSES = ['waiting', 'processing', 'completed', 'failed'];

/** @param {unknown} value @returns {number | null} an id of the chat's, which are whole numbers from 1 */
export function readNumber(value) {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** @param {DocumentStatus} status @returns {boolean} whether nothing more will change */
export function isFinished(status) {
  return status === 'completed' || status === 'failed';
}

/** @param {unknown} value @returns {ProjectDocument | null} */
export function readDocument(value) {
  const id = isObject(value) ? readNumber(value.id) : null;
  if (!isObject(value) || id === null) return null;
  const bytes = typeof value.bytes === 'number' && value.bytes >= 0 ? value.bytes : null;
  return { id, filename: readWords(value.filename) || `Document ${id}`, bytes, ...readProgress(value) };
}

/**
 * Reads how far a document is: a `document_status`, or the same fields of a document.
 *
 * @param {Record<string, unknown>} value
 * @returns {{status: DocumentStatus, progress: number, error: string | null}}
 */
export function readProgress(value) {
  const status = STATUSES.find((one) => one === value.status) ?? 'waiting';
  const told = typeof value.progress === 'number' && Number.isFinite(value.progress) ? value.progress : 0;
  const progress = status === 'completed' ? 100 : Math.round(Math.min(100, Math.max(0, told)));
  const error = readWords(value.error);
  return { status, progress, error: error === '' ? null : sentence(error) };
}

/** @param {ProjectDocument} one @param {ProjectDocument} other @returns {ProjectDocument} the one that is further */
export function later(one, other) {
  const steps = STATUSES.indexOf(one.status) - STATUSES.indexOf(other.status);
  return steps > 0 || (steps === 0 && one.progress > other.progress) ? one : other;
}

/** @param {unknown} value @returns {Chat | null} */
export function readChat(value) {
  const id = isObject(value) ? readNumber(value.id) : null;
  if (!isObject(value) || id === null) return null;
  return { id, title: readWords(value.title), updatedAt: typeof value.updated_at === 'number' ? value.updated_at : 0 };
}

/** @param {unknown} value @returns {Message | null} */
export function readMessage(value) {
  const id = isObject(value) ? readNumber(value.id) : null;
  if (!isObject(value) || id === null) return null;
  const role = value.role === 'assistant' ? 'assistant' : 'user';
  return { id, role, content: readContent(value.content), partial: value.partial === true, sources: readSources(value.sources), model: readModel(value.metadata) };
}

/** @param {unknown} metadata of an answer @returns {string | null} who wrote it */
export function readModel(metadata) {
  return (isObject(metadata) && readWords(metadata.model)) || null;
}

/** @param {unknown} value @returns {Source[]} */
export function readSources(value) {
  const sources = Array.isArray(value) ? value.slice(0, MOST_SOURCES) : [];
  return sources.filter(isObject).map(({ content, metadata, score }) => {
    const place = isObject(metadata) ? metadata : {};
    const percent = typeof score === 'number' && Number.isFinite(score) ? Math.round(Math.min(1, Math.max(0, score)) * 100) : null;
    return { filename: readWords(place.filename) || 'Document', page: readNumber(place.page), score: percent, content: readContent(content) };
  });
}

/** @param {unknown} value @returns {string} */
export function readContent(value) {
  if (typeof value !== 'string') return '';
  return value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
}
