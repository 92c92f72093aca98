/** An error as what to do about it. */

import { ApiError } from '../api.js';
import { h } from '../dom.js';

/** @type {Record<number, string>} */
const ADVICE = {
  0: 'Check the process and the network between; the page keeps trying.',
  403: 'Your key’s role does not allow this. Ask an admin of the project, or log in with another key.',
  404: 'It may have aged out of retention, or belong to another project.',
  429: 'The server is busy. Try again in a moment.',
  503: 'A part of the server is down or starting. Try again in a moment.',
  507: 'The disk of the server is full. Stored data stay readable; free some space to go on.',
};

/** @param {any} error @param {() => void} [retry] */
export function failure(error, retry) {
  const known = error instanceof ApiError;
  const detail = known && (error.field || error.expected) ? [error.field && `${error.field}: `, error.got !== undefined && `got ${JSON.stringify(error.got)}`, error.expected && `, expected ${typeof error.expected === 'string' ? error.expected : JSON.stringify(error.expected)}`] : null;
  return h('div', { class: 'failure' },
    h('div', null, h('strong', null, known ? error.message : 'This page could not be drawn.'),
      detail && h('div', { class: 'mono small' }, detail),
      h('div', { class: 'muted' }, known ? ADVICE[error.status] || '' : String(error?.message || error))),
    retry && h('button', { type: 'button', on: { click: retry } }, 'Try again'));
}
