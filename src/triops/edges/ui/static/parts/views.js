/** Named views of a page: its query, kept on the server as documents of the kind View, so that a team shares them. */

import { get, post, remove, seg } from '../api.js';
import { h, say } from '../dom.js';
import { icon } from '../icons.js';
import { ask } from './ask.js';
import { popover } from './popover.js';
import { failure } from './failure.js';

const PASSING = ['from', 'to', 'live', 'theme', 'panel', 'format'];

/** @param {import('../visit.js').Visit} ctx @param {string} what names the page among others, as "runs-12" */
export function views(ctx, what) {
  const list = h('div', { class: 'chooser tall' });
  const button = h('button', { class: 'ghost', type: 'button', title: 'Saved views' }, icon('view', 16), h('span', { class: 'label' }, 'Views'));
  const { el, close } = popover(button, h('div', { class: 'picker' }, list, h('div', { class: 'buttons' }, h('button', { type: 'button', on: { click: () => { close(); save(); } } }, 'Save this view …'))), draw);

  async function draw() {
    list.replaceChildren(h('span', { class: 'muted small' }, '…'));
    try {
      const { items } = await get('/documents', { kind: 'View' }, ctx.signal);
      const mine = items.filter((/** @type {any} */ d) => d.kind === 'View' && d.spec.page === what);
      list.replaceChildren(...(mine.length ? mine.map(line) : [h('span', { class: 'muted small' }, 'None saved yet. A view is the filter, order, grouping and columns you see now.')]));
    } catch (error) {
      if (/** @type {any} */ (error).name !== 'AbortError') list.replaceChildren(failure(error));
    }
  }

  /** @param {any} d */
  function line(d) {
    return h('div', { class: 'view-line' }, h('button', { type: 'button', class: 'choice grow', on: { click: () => { close(); open(d.spec.query); } } }, d.spec.title),
      h('button', { type: 'button', class: 'ghost square', 'aria-label': `Delete the view ${d.spec.title}`, title: 'Delete', on: { click: () => remove(`/documents/View/${seg(d.name)}`).then(draw, (e) => list.prepend(failure(e))) } }, icon('close', 14)));
  }

  /** @param {string} query */
  function open(query) {
    const there = new URLSearchParams(query);
    for (const key of PASSING) {
      there.delete(key);
      const here = ctx.query.get(key);
      if (here !== null) there.set(key, here);
    }
    const tail = there.toString();
    ctx.go(location.pathname + (tail ? '?' + tail : ''));
  }

  function save() {
    ask({ title: 'Save this view', says: 'Everyone in the project will find it here.', fields: [{ name: 'title', label: 'Name', most: 80 }], act: 'Save', done: async ({ title }) => {
      const query = new URLSearchParams(location.search);
      for (const key of PASSING) query.delete(key);
      const slug = `${what}-${title}`.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 100).replace(/-+$/, '');
      await post('/documents', { documents: [{ kind: 'View', name: slug, spec: { title, page: what, query: query.toString() } }] });
      say('Saved');
    } });
  }
  return el;
}
