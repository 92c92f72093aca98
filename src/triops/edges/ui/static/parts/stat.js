/** One number that answers something, with its name and where it comes from. */

import { h } from '../dom.js';

/** @param {string} label @param {any} value @param {{note?: any, href?: string, tone?: string}} [how] */
export function stat(label, value, { note, href, tone } = {}) {
  const inner = [h('div', { class: 'stat-label' }, label), h('div', { class: ['stat-value', tone] }, value), note && h('div', { class: 'stat-note' }, note)];
  return href ? h('a', { class: 'stat', href }, inner) : h('div', { class: 'stat' }, inner);
}
