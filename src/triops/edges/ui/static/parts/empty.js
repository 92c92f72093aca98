/** What would be here, and the one command that fills it. */

import { h } from '../dom.js';
import { code } from './code.js';

/** @param {string} what @param {{hint?: any, command?: string, link?: [string, string]}} [how] */
export function empty(what, { hint, command, link } = {}) {
  return h('div', { class: 'empty' }, h('p', { class: 'what' }, what), hint && h('p', { class: 'muted' }, hint), command && code(command), link && h('p', null, h('a', { href: link[1] }, link[0])));
}
