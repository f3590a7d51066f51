/** Tokens as any issuer that knows the key would make them (HS256). */

import { createHmac } from 'node:crypto';

/** The key of the servers under test. */
export const SECRET = 'a key for end-to-end tests only, 32+ bytes';

/** @param {unknown} value */
const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

/**
 * @param {Record<string, unknown>} claims `exp` is an hour from now unless given (epoch seconds)
 * @param {{secret?: string, alg?: 'HS256' | 'none'}} [options]
 * @returns {string} a JWT
 */
export function mint(claims, { secret = SECRET, alg = 'HS256' } = {}) {
  const body = `${encode({ alg, typ: 'JWT' })}.${encode({ exp: inSeconds(3600), ...claims })}`;
  const signature = alg === 'none' ? '' : createHmac('sha256', secret).update(body).digest('base64url');
  return `${body}.${signature}`;
}

/** @param {number} seconds from now @returns {number} epoch seconds */
export function inSeconds(seconds) {
  return Math.floor(Date.now() / 1000) + seconds;
}

/** @param {string} id @returns {string} */
export const userToken = (id) => mint({ sub: id });

/** @returns {string} */
export const adminToken = () => mint({ sub: 'root', role: 'admin' });
