/** What happened, in order, newest last. */

import { h } from '../dom.js';
import { clock, exact } from '../format.js';

/** @param {{at: number, kind: string, text: string, author?: string}[]} entries */
export function timeline(entries) {
  return h('ol', { class: 'timeline' }, entries.map((e) => h('li', { class: ['entry', e.kind] }, h('time', { class: 'muted', title: exact(e.at) }, clock(e.at)), h('div', { title: e.text.length > 160 ? e.text : null }, !e.text.toLowerCase().startsWith(e.kind) && [h('span', { class: 'kind' }, e.kind), ' '], h('span', { class: 'text' }, e.text), e.author && e.author !== 'triops' && h('span', { class: 'muted' }, ` · ${e.author}`)))));
}
