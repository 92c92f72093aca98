/** The one client of the native API: what other programs call, a page calls too. */

export const BASE = '/triops/v1';

/** What the server said was wrong, or that it could not be reached (`status` 0). */
export class ApiError extends Error {
  /** @param {number} status @param {{kind?: string, message?: string, field?: string, got?: any, expected?: any}} said */
  constructor(status, said) {
    super(said.message || `the server answered ${status}`);
    this.status = status;
    this.kind = said.kind || '';
    this.field = said.field;
    this.got = said.got;
    this.expected = said.expected;
  }
}

/** @typedef {{path: string, params?: Record<string, any>}} Call */

/** A call's address: empty values are left out. @param {Call} call */
export function urlOf({ path, params = {} }) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value === null || value === undefined || value === '') continue;
    for (const one of [value].flat()) query.append(key, typeof one === 'number' ? String(Math.round(one * 1000) / 1000) : String(one));
  }
  const tail = query.toString();
  return BASE + path + (tail ? '?' + tail : '');
}

/** The same as a line for a shell. @param {Call} call @param {boolean} withKey */
export function curlOf(call, withKey) {
  return `curl -s ${withKey ? '-H "Authorization: Bearer $TRIOPS_KEY" ' : ''}'${location.origin}${urlOf(call)}'`;
}

/**
 * @param {string} path
 * @param {Record<string, any>} [params]
 * @param {AbortSignal} [signal] the page's: leaving it ends the call
 * @returns {Promise<any>}
 */
export function get(path, params, signal) {
  return send('GET', urlOf({ path, params }), undefined, signal);
}

/** Whether whoever looks may administer the project. @param {AbortSignal} signal */
export async function isAdmin(signal) {
  return (await get('/session', {}, signal)).role === 'admin';
}

/** @param {string} path @param {any} [body] @returns {Promise<any>} */
export function post(path, body = {}) {
  return send('POST', BASE + path, body);
}

/** @param {string} path @param {any} [body] @returns {Promise<any>} */
export function put(path, body = {}) {
  return send('PUT', BASE + path, body);
}

/** @param {string} path @param {any} [body] @returns {Promise<any>} */
export function remove(path, body) {
  return send('DELETE', BASE + path, body);
}

/** @param {string} method @param {string} url @param {any} [body] @param {AbortSignal} [signal] */
async function send(method, url, body, signal) {
  let answer;
  try {
    answer = await fetch(url, {
      method,
      signal,
      credentials: 'same-origin',
      headers: body === undefined ? { accept: 'application/json' } : { accept: 'application/json', 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (/** @type {any} */ (error).name === 'AbortError') throw error;
    throw new ApiError(0, { kind: 'unreachable', message: 'Triops cannot be reached: is `triops up` still running?' });
  }
  let said = {};
  try {
    said = await answer.json();
  } catch (error) {
    if (signal?.aborted) throw signal.reason; // left while the answer was still coming
    if (answer.ok) throw new ApiError(0, { kind: 'unreachable', message: 'The answer of Triops broke off: is `triops up` still running?' });
  }
  if (answer.ok) return said;
  if (answer.status === 401 && !location.pathname.startsWith('/ui/login')) dispatchEvent(new CustomEvent('triops:login'));
  throw new ApiError(answer.status, /** @type {any} */ (said).error || {});
}

/** The beginning of a file, up to `most` bytes; the rest is not waited for. @param {string} path @param {Record<string, any>} params @param {number} most @param {AbortSignal} signal @returns {Promise<{bytes: Uint8Array, cut: boolean}>} */
export async function head(path, params, most, signal) {
  const answer = await fetch(urlOf({ path, params }), { signal, credentials: 'same-origin' });
  if (!answer.ok || !answer.body) throw new ApiError(answer.status, (await answer.json().catch(() => ({}))).error || {});
  const reader = answer.body.getReader();
  /** @type {Uint8Array[]} */ const chunks = [];
  let size = 0;
  while (size <= most) {
    const { value } = await reader.read();
    if (!value) break;
    chunks.push(value);
    size += value.length;
  }
  await reader.cancel();
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes: bytes.subarray(0, most), cut: size > most };
}

/** A reading that nobody waits for: leaving the page may end it, as may the login. @param {Promise<any>} reading */
export function inPassing(reading) {
  reading.catch((error) => {
    if (error.name !== 'AbortError' && error.status !== 401) console.error(error);
  });
}

/** Follows `next` up to `most` items. @param {string} path @param {Record<string, any>} params @param {number} most @param {AbortSignal} [signal] */
export async function all(path, params, most, signal) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { limit: 1000, ...params, cursor }, signal);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return { items, next: cursor };
}

/** A path segment of an id, with `:` left readable. @param {string} id */
export function seg(id) {
  return encodeURIComponent(id).replaceAll('%3A', ':').replaceAll('%2F', '/');
}
