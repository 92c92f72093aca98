/** One model: its versions and their names, what waits, who moved what and why, where it came from, its card. */

import { all, get, inPassing, put, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { count, sentence, when } from '../format.js';
import { aliasCards, historyList } from '../parts/aliases.js';
import { inbox } from '../parts/approvals.js';
import { empty } from '../parts/empty.js';
import { failure } from '../parts/failure.js';
import { health } from '../parts/health.js';
import { lineage } from '../parts/lineage.js';
import { markdown } from '../parts/markdown.js';
import { dropAlias, promote, undoAlias } from '../parts/promote.js';
import { aliasBadge, runPath } from '../parts/runwords.js';
import { table } from '../parts/table.js';
import { link } from '../state.js';

const MOST = 2000;
const TABS = [['', 'Versions'], ['history', 'History'], ['lineage', 'Lineage'], ['card', 'Card']];

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const base = `/models/${encodeURIComponent(ctx.params.name)}`;
  const tab = ctx.query.get('tab') || '';
  const v = ctx.query.get('v');
  /** @type {import('../api.js').Call[]} */ const out = [{ path: base }, { path: `${base}/versions`, params: { limit: 1000 } }, { path: '/approvals', params: { model: ctx.params.name, state: 'waiting' } }];
  if (tab === 'history') out.push({ path: `${base}/history` });
  if (v && (tab === 'lineage' || tab === 'card')) out.push({ path: `${base}/versions/${seg(v)}/${tab}` });
  return out;
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Model',
  question: 'What is live, who approved it, is it still right?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const name = ctx.params.name;
    const base = `/models/${encodeURIComponent(name)}`;
    const again = () => inPassing(refresh());
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const waits = inbox(again, { named: false, chosen: () => ctx.query.get('approval') });
    /** @type {any[]} */ let versions = [];
    /** @type {any} */ let model = null;
    const names = slot(h('div', { class: 'alias-cards' }), ({ model, versions, history }) => aliasCards(model, versions, history, {
      undo: (alias) => undoAlias(name, alias, again), drop: (alias) => dropAlias(name, alias, again), move: (alias) => promoteTo(String(model.latest), alias), open: (v) => ctx.set({ v, tab: 'lineage' }) }));
    const tabs = slot(h('nav', { class: 'tabs', 'aria-label': 'Parts of the model' }), ({ tab, v }) => TABS.map(([id, title]) => h('a', { href: link(location.pathname, { tab: id, v }), 'aria-current': tab === id && 'true' }, title)));
    const list = table({
      name: 'versions', label: 'Versions', key: (v) => String(v.version), open: (v) => ctx.set({ v: v.version, tab: 'lineage' }), sort: '-version', empty: empty('No version yet.'),
      columns: [
        { id: 'version', label: 'Version', value: (v) => Number(v.version), cell: (v) => `version ${v.version}`, width: 'minmax(96px, 0.6fr)' },
        { id: 'aliases', label: 'Live as', value: (v) => v.aliases.join(' '), cell: (v) => (v.aliases.length ? h('span', { class: 'aliases' }, v.aliases.map((/** @type {string} */ a) => aliasBadge(a))) : h('span', { class: 'muted' }, '–')), width: 'minmax(140px, 1.2fr)' },
        { id: 'status', label: 'Status', value: (v) => v.status, cell: (v) => health(v.status === 'READY' ? 'ok' : v.status === 'FAILED_REGISTRATION' ? 'failed' : 'running', String(v.status).toLowerCase().replaceAll('_', ' ')) },
        { id: 'created', label: 'Registered', value: (v) => v.created_at, cell: (v) => when(v.created_at) },
        { id: 'user', label: 'By', value: (v) => v.user || '' },
        { id: 'run', label: 'Run', value: (v) => v.run || '', cell: (v) => (v.run ? h('a', { href: runPath(v.run) }, v.run.slice(0, 8)) : h('span', { class: 'muted' }, '–')) },
        { id: 'tags', label: 'Tags', value: (v) => tagWords(v.tags), width: 'minmax(120px, 1fr)' },
        { id: 'stage', label: 'Stage', value: (v) => v.stage, off: true },
        { id: 'source', label: 'Source', value: (v) => v.source, off: true, width: 'minmax(180px, 1fr)' },
        { id: 'act', label: 'Action', value: () => '', cell: (v) => h('button', { type: 'button', class: 'small', 'aria-label': `Promote version ${v.version}`, on: { click: () => promoteTo(String(v.version)) } }, 'Promote …'), width: '100px' },
      ],
    });
    const body = h('div', { class: 'page' });
    root.append(answer.el, waits.el, names.el, tabs.el, body);
    const versionCard = h('section', { class: 'card flush' }, list.el);
    const history = slot(h('section', { class: 'card' }), ({ items }) => historyList(items));
    const chooser = h('select', { 'aria-label': 'Version', on: { change: () => ctx.set({ v: chooser.value }) } });
    const chosen = h('div', { class: 'knobs' }, h('label', null, 'Version', chooser));
    const drawn = slot(h('section', { class: 'card' }), ({ graph }) => (graph.nodes.length ? lineage(graph, (path) => ctx.go(path)) : empty('Nothing is known of where this version came from.')));
    const card = slot(h('section', { class: 'card' }), ({ v, text, generated, by, at }) => cardView(v, text, generated, by, at));

    /** @param {string} version @param {string} [alias] */
    function promoteTo(version, alias) {
      promote({ model: name, version, versions, aliases: Object.keys(model.aliases), alias, done: again });
    }

    /** @param {string} v @param {string} text @param {boolean} generated @param {string|null} by @param {number|null} at */
    function cardView(v, text, generated, by, at) {
      const place = h('div', null, h('div', { class: 'card-head' }, h('span', { class: 'muted small' }, generated ? 'Written from its run; edit it to say what a run cannot know.' : ['Edited', by && ` by ${by}`, ' ', at ? when(at) : '']), h('button', { type: 'button', class: 'ghost', on: { click: edit } }, 'Edit')), markdown(text));
      function edit() {
        const area = h('textarea', { 'aria-label': 'Card, as Markdown', value: text, maxlength: 200000, on: { input: () => seen.replaceChildren(markdown(area.value)) } });
        const seen = h('div', null, markdown(text));
        const wrong = h('div');
        const save = h('button', { type: 'button', class: 'primary', on: { click: async () => {
          try {
            const saved = await put(`${base}/versions/${seg(v)}/card`, { text: area.value });
            say('Saved');
            area.blur();
            place.replaceWith(cardView(v, saved.text, saved.generated, saved.edited_by, saved.edited_at));
          } catch (error) {
            wrong.replaceChildren(failure(error));
          }
        } } }, 'Save');
        place.replaceChildren(h('div', { class: 'card-edit' }, area, seen), wrong, h('div', { class: 'buttons' }, save, h('button', { type: 'button', on: { click: () => { area.blur(); place.replaceWith(cardView(v, text, generated, by, at)); } } }, 'Cancel')));
        area.focus();
      }
      return place;
    }

    async function refresh() {
      const tab = ctx.query.get('tab') || '';
      const [found, all_, waiting, moves] = await Promise.all([get(base, {}, ctx.signal), all(`${base}/versions`, {}, MOST, ctx.signal), get('/approvals', { model: name, state: 'waiting' }, ctx.signal), get(`${base}/history`, { limit: 200 }, ctx.signal)]);
      model = found;
      versions = [...all_.items].sort((a, b) => Number(b.version) - Number(a.version));
      const v = ctx.query.get('v') || String(model.latest ?? '');
      ctx.head({ title: name, question: model.description || 'What is live, who approved it, is it still right?', tools: versions.length ? [h('button', { type: 'button', class: waiting.items.length ? null : 'primary', on: { click: () => promoteTo(String(model.latest)) } }, 'Promote …')] : null });
      answer.set({ text: answerOf(model, versions, waiting.items, moves.items) });
      waits.set(waiting.items);
      names.set({ model, versions, history: moves.items });
      tabs.set({ tab, v: ctx.query.get('v') });
      if (tab === 'history') {
        history.set({ items: moves.items });
        swap(history.el);
      } else if ((tab === 'lineage' || tab === 'card') && v) {
        const options = versions.map((one) => `version ${one.version}${one.aliases.length ? ` @${one.aliases.join(' @')}` : ''}`);
        if (chooser.textContent !== options.join('')) chooser.replaceChildren(...versions.map((one, i) => h('option', { value: String(one.version) }, options[i])));
        chooser.value = v;
        const made = await get(`${base}/versions/${seg(v)}/${tab}`, {}, ctx.signal);
        if (tab === 'lineage') drawn.set({ graph: made });
        else card.set({ v, text: made.text || '', generated: made.generated, by: made.edited_by, at: made.edited_at });
        swap(chosen, tab === 'lineage' ? drawn.el : card.el);
      } else {
        list.set(versions);
        swap(versionCard);
      }
    }

    /** @param {...any} els */
    function swap(...els) {
      if (els.some((el, i) => body.children[i] !== el) || body.children.length !== els.length) body.replaceChildren(...els);
    }
    return { refresh };
  },
};

/** @param {Record<string, string>} tags */
function tagWords(tags) {
  return Object.entries(tags || {}).map(([k, v]) => `${k}=${v}`).join(' ').slice(0, 200);
}

/** @param {any} model @param {any[]} versions @param {any[]} waiting @param {any[]} moves */
function answerOf(model, versions, waiting, moves) {
  if (!versions.length) return 'It has no version yet.';
  const live = Object.entries(model.aliases);
  const newer = live.length ? versions.filter((v) => Number(v.version) > Math.max(...live.map(([, n]) => Number(n)))).length : 0;
  const [alias, version] = live.find(([a]) => /champion|prod/i.test(a)) || live[0] || [];
  const move = moves.find((m) => m.alias === alias && String(m.to) === String(version));
  return [alias ? [aliasBadge(alias), ` is version ${version}`, move ? [', moved by ', move.who || 'someone', ' ', when(move.at), move.why ? ` (“${String(move.why).slice(0, 160)}”)` : ''] : '', live.length > 1 ? `; ${count(live.length - 1, 'other alias', 'other aliases')}` : ''] : `${sentence(count(versions.length, 'version'))}, none live under an alias`, '. ',
    newer ? `${sentence(count(newer, 'version'))} ${newer === 1 ? 'is' : 'are'} newer than any live one. ` : '', waiting.length ? `${sentence(count(waiting.length, 'promotion'))} ${waiting.length === 1 ? 'waits' : 'wait'} for an approval.` : ''];
}
