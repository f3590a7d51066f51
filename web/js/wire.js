/**
 * Engine.IO 4 and Socket.IO 5 as text frames, for the root namespace: encoding and decoding, nothing else.
 * Decoding never throws; what it does not understand is `unknown`.
 */

/**
 * @typedef {{kind: 'open', pingInterval: number, pingTimeout: number}
 *   | {kind: 'ping'} | {kind: 'closing'} | {kind: 'connected'} | {kind: 'disconnected'} | {kind: 'unknown'}
 *   | {kind: 'refused', message: string}
 *   | {kind: 'event', name: string, args: unknown[]}
 *   | {kind: 'ack', id: number, args: unknown[]}} Frame
 */

/** The figures of a server that names none (Engine.IO's defaults), in ms. */
const DEFAULT_PING_INTERVAL = 25000;
const DEFAULT_PING_TIMEOUT = 20000;

/** Type, namespace (absent: root), ack id (may be empty), JSON (may be empty). */
const SOCKET_PACKET = /^4([0-4])(?:(\/[^,[{]*),)?(\d*)([^]*)$/;

const UNKNOWN = /** @type {Frame} */ ({ kind: 'unknown' });

/** The answer to a ping. */
export const PONG = '3';

/** @param {string} token @returns {string} the frame that enters the root namespace */
export function encodeConnect(token) {
  return `40${JSON.stringify({ token })}`;
}

/**
 * @param {number} ackId what the server's ack will carry
 * @param {string} name
 * @param {unknown[]} args
 * @returns {string}
 */
export function encodeEvent(ackId, name, args) {
  return `42${ackId}${JSON.stringify([name, ...args])}`;
}

/** @param {unknown} data what the WebSocket delivered @returns {Frame} */
export function decode(data) {
  if (typeof data !== 'string') return UNKNOWN;
  switch (data[0]) {
    case '0':
      return decodeOpen(data.slice(1));
    case '1':
      return { kind: 'closing' };
    case '2':
      return { kind: 'ping' };
    case '4':
      return decodePacket(data);
    default:
      return UNKNOWN;
  }
}

/** @param {string} json @returns {Frame} */
function decodeOpen(json) {
  const figures = parse(json);
  if (!isObject(figures)) return UNKNOWN;
  return {
    kind: 'open',
    pingInterval: positive(figures.pingInterval, DEFAULT_PING_INTERVAL),
    pingTimeout: positive(figures.pingTimeout, DEFAULT_PING_TIMEOUT),
  };
}

/** @param {string} data @returns {Frame} */
function decodePacket(data) {
  const match = SOCKET_PACKET.exec(data);
  if (!match) return UNKNOWN;
  const [, type, namespace, id, json] = match;
  if (namespace !== undefined && namespace !== '/') return UNKNOWN;
  const body = parse(json);
  switch (type) {
    case '0':
      return { kind: 'connected' };
    case '1':
      return { kind: 'disconnected' };
    case '2':
      if (!Array.isArray(body) || typeof body[0] !== 'string') return UNKNOWN;
      return { kind: 'event', name: body[0], args: body.slice(1) };
    case '3':
      if (!Array.isArray(body) || id === '') return UNKNOWN;
      return { kind: 'ack', id: Number(id), args: body };
    default:
      return { kind: 'refused', message: isObject(body) && typeof body.message === 'string' ? body.message : '' };
  }
}

/** @param {string} json @returns {unknown} */
function parse(json) {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** @param {unknown} value @returns {value is Record<string, unknown>} */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @param {unknown} value @param {number} fallback @returns {number} */
function positive(value, fallback) {
  return typeof value === 'number' && value > 0 && Number.isFinite(value) ? value : fallback;
}
