/** JSON to read: a tree that opens, and the page that shows any page's API calls. */

import { curlOf, get, urlOf } from '../api.js';
import { h } from '../dom.js';
import { code, copyButton } from './code.js';

const MOST = 200; // children drawn of one node; the rest is counted, the copy button has all

/** @param {any} value @param {{open?: number, label?: string}} [how] `open`: levels shown at first */
export function json(value, { open = 1, label = '' } = {}) {
  return h('div', { class: 'json mono' }, node(value, open, label));
}

/** @param {any} value @param {number} open @param {string} label */
function node(value, open, label) {
  const name = label !== '' && h('span', { class: 'json-key' }, label, ': ');
  if (value === null || typeof value !== 'object') return h('div', { class: 'json-leaf' }, name, h('span', { class: `json-${value === null ? 'null' : typeof value}` }, typeof value === 'string' ? JSON.stringify(value) : String(value)));
  const entries = Object.entries(value);
  const list = Array.isArray(value);
  if (!entries.length) return h('div', { class: 'json-leaf' }, name, list ? '[]' : '{}');
  const box = h('details', { open: open > 0 }, h('summary', null, name, h('span', { class: 'muted' }, list ? `[${entries.length}]` : `{${entries.length}}`)));
  const fill = () => {
    if (box.childElementCount > 1) return;
    box.append(...entries.slice(0, MOST).map(([k, v]) => node(v, open - 1, k)));
    if (entries.length > MOST) box.append(h('div', { class: 'muted' }, `… ${entries.length - MOST} more`));
  };
  if (open > 0) fill();
  else box.addEventListener('toggle', fill, { once: true });
  return box;
}

/** @param {import('../routes.js').Page} page @returns {Pick<import('../routes.js').Page, 'mount'>} */
export function jsonPage(page) {
  return {
    mount(ctx, root) {
      return {
        async refresh(why) {
          if (!['open', 'url', 'retry'].includes(why)) return;
          const calls = page.calls(ctx);
          const answers = await Promise.all(calls.map((c) => get(c.path, c.params, ctx.signal).catch((e) => ({ error: { kind: e.kind, message: e.message } }))));
          root.replaceChildren(
            h('p', { class: 'answer' }, calls.length ? `This page is ${calls.length === 1 ? 'one API call' : calls.length + ' API calls'}.` : 'This page makes no API call of its own.'),
            ...calls.map((call, at) => h('section', { class: 'card' }, h('div', { class: 'card-head' }, h('h2', { class: 'mono' }, 'GET ', urlOf(call).split('?')[0]), copyButton(JSON.stringify(answers[at], null, 2))), code(curlOf(call, true)), json(answers[at], { open: 2 }))));
        },
      };
    },
  };
}
