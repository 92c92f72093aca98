/** One experiment: its runs, however many; filtered, ordered, grouped and chosen for comparing. */

import { ApiError, get, inPassing, post, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { count } from '../format.js';
import { icon } from '../icons.js';
import { ask } from '../parts/ask.js';
import { columnPicker } from '../parts/columnpicker.js';
import { empty } from '../parts/empty.js';
import { filterBox } from '../parts/filterbox.js';
import { longtable } from '../parts/longtable.js';
import { askReason } from '../parts/reason.js';
import { chosenBar } from '../parts/runchosen.js';
import { columnsOf, orderBy, usual } from '../parts/runcolumns.js';
import { familyName, groupsBy, rowsOfFamilies, rowsOfGroups } from '../parts/rungroups.js';
import { allRuns, RunSource } from '../parts/runsource.js';
import { better, byWeight, metricText, nameOfRun, number, pairs, runPath } from '../parts/runwords.js';
import { saveCsv } from '../parts/save.js';
import { noRuns } from '../parts/tracking.js';
import { views } from '../parts/views.js';
import { keep, kept, link } from '../state.js';

const GROUPED = 5000; // runs gathered into groups in the browser; more are said, not shown
const SAVED = 100000;
const NAME = 'attributes.run_name';

/** @param {import('../visit.js').Visit} ctx */
function wanted(ctx) {
  const q = (/** @type {string} */ n) => ctx.query.get(n) || '';
  return { experiment: ctx.params.id, filter: q('filter'), order_by: q('order') && orderBy(q('order')), view: q('view') || 'active' };
}

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: `/experiments/${seg(ctx.params.id)}` }, { path: '/runs', params: { ...wanted(ctx), limit: 100 } }, { path: '/runs/keys', params: { experiment: ctx.params.id } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Experiment',
  question: 'Which run is best, and why?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const id = ctx.params.id;
    /** @type {any} */ let experiment = null;
    let keys = { metrics: [], params: [], tags: [] };
    let columns = columnsOf(keys);
    /** @type {Map<string, any>} */ const picked = new Map();
    /** @type {any[]|null} */ let gathered = null; // rows of the grouped view; null shows the server's order
    /** @type {any[]} */ let rows = [];
    let cut = 0;
    const open = new Set();

    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const source = new RunSource(() => list.arrange(), (error) => box.complain(said(error)));
    const view = { size: () => (gathered ? rows.length : source.size()), at: (/** @type {number} */ i) => (gathered ? rows[i] : source.at(i)), want: (/** @type {number} */ a, /** @type {number} */ b) => { if (!gathered) source.want(a, b); } };
    const list = longtable({
      name: 'runs', label: 'Runs', source: view, key: (r) => r.id, href: (r) => runPath(r.id), sort: (c) => ctx.set({ order: nextOrder(c) }),
      chosen: (r) => picked.has(r.id), choose: (key, on) => choose(key, on), head: (r) => Boolean(r.group), flip: (r) => flip(r.key), mark: (r) => r.stage === 'deleted' && 'gone', tree: () => gathered !== null,
    });
    const bar = chosenBar({ picked, cleared: () => { list.draw(); bar.draw(); }, acted: () => inPassing(refresh('act')) });
    const box = filterBox({ apply: (text) => ctx.set({ filter: text }), keys: () => keys });
    const grouping = h('select', { 'aria-label': 'Group by', on: { change: (/** @type {any} */ e) => ctx.set({ group: e.target.value }) } });
    const stage = h('select', { 'aria-label': 'Show', on: { change: (/** @type {any} */ e) => ctx.set({ view: e.target.value }) } }, [['', 'active'], ['deleted', 'deleted'], ['all', 'all']].map(([value, name]) => h('option', { value }, name)));
    const csv = h('button', { class: 'ghost', type: 'button', title: 'Save as CSV', on: { click: save } }, icon('download', 16), h('span', { class: 'label' }, 'CSV'));
    const counted = h('span', { class: 'muted small', 'aria-live': 'polite' });
    const charts = h('a', { class: 'small', href: '#' }, 'Charts of all');
    const tools = h('div', { class: 'runs-tools' }, box.el, h('label', { class: 'filter' }, h('span', null, 'Group by'), grouping), h('label', { class: 'filter' }, h('span', null, 'Show'), stage));
    const tbar = h('div', { class: 'tbar' }, counted, h('span', { class: 'grow' }), charts,
      columnPicker({ all: () => columns, shown, set: setColumns, reset: () => setColumns(usual(keys)) }), views(ctx, `runs-${id}`), csv);
    const nothing = slot(h('div'), ({ kind }) => (kind === 'none' ? '' : kind === 'filter' ? empty('No run matches.', { hint: 'Loosen the filter, or show deleted runs too.' }) : noRuns('No run here yet.')));
    const card = h('section', { class: 'card flush', hidden: true }, tbar, list.el, nothing.el);
    root.append(answer.el, tools, bar.el, card);

    /** Which columns: the address, else what was chosen last for this experiment, else the usual. */
    function shown() {
      const asked = ctx.query.getAll('col');
      const ids = asked.length ? asked : kept(`runs.${id}`) ? JSON.parse(/** @type {string} */ (kept(`runs.${id}`))) : usual(keys);
      const known = ids.filter((/** @type {string} */ c) => columns.has(c));
      return [...new Set([NAME, ...known])];
    }

    /** @param {string[]} ids */
    function setColumns(ids) {
      keep(`runs.${id}`, JSON.stringify(ids));
      ctx.set({ col: ids }, { replace: true });
    }

    function layout() {
      const families = gathered && ctx.query.get('group') === 'parent';
      list.columns(shown().map((c) => /** @type {any} */ (columns.get(c))).map((c) => (families && c.id === NAME ? { ...c, cell: (/** @type {any} */ r) => familyName(r, flip) } : c)), ctx.query.get('order') || '-attributes.start_time');
    }

    /** @param {import('../parts/longtable.js').Column} c */
    function nextOrder(c) {
      const order = ctx.query.get('order') || '-attributes.start_time';
      return order === `-${c.id}` ? c.id : order === c.id ? `-${c.id}` : c.right && better(c.label) >= 0 ? `-${c.id}` : c.id;
    }

    /** @param {string} key @param {boolean} on */
    function choose(key, on) {
      if (!on) picked.delete(key);
      else {
        const run = gathered ? rows.find((r) => r.id === key) : source.held().find((r) => r.id === key);
        if (run) picked.set(key, run);
      }
      bar.draw();
    }

    /** @param {string} key */
    function flip(key) {
      open.has(key) ? open.delete(key) : open.add(key);
      arrange();
    }

    function arrange() {
      const group = ctx.query.get('group') || '';
      if (gathered && group === 'parent') rows = rowsOfFamilies(gathered, open);
      else if (gathered) {
        const column = columns.get(group);
        rows = column ? rowsOfGroups(groupsBy(gathered, column), open, column.label) : gathered;
      }
      list.arrange();
    }

    /** @param {string} why */
    async function refresh(why) {
      const query = wanted(ctx);
      if (!experiment || why !== 'poll') {
        [experiment, keys] = await Promise.all([get(`/experiments/${seg(id)}`, {}, ctx.signal), get('/runs/keys', { experiment: id }, ctx.signal)]);
        columns = columnsOf(keys);
        ctx.head({ title: experiment.name, question: experiment.tags['mlflow.note.content'] || 'Which run is best, and why?', tools: headTools() });
        drawGrouping();
      }
      box.set(query.filter);
      stage.value = ctx.query.get('view') || '';
      charts.href = pairs('/ui/compare', [['experiment', id], ['filter', query.filter], ['tab', 'parallel']]);
      try {
        if (ctx.query.get('group')) {
          const all = await allRuns(query, GROUPED, ctx.signal);
          gathered = all.items;
          cut = Math.max(0, all.total - all.items.length);
          source.total = all.total;
        } else {
          gathered = null;
          cut = 0;
          await source.set(query);
        }
        box.complain('');
      } catch (error) {
        if (!(error instanceof ApiError) || error.field !== 'filter') throw error;
        box.complain(said(error));
        answer.set({ text: 'The filter cannot be read; the field below says why.' });
        return;
      }
      if (why === 'url') list.top();
      layout();
      arrange();
      bar.draw();
      card.hidden = false;
      list.el.hidden = !source.total;
      counted.textContent = `${source.total.toLocaleString('en')} ${source.total === 1 ? 'run' : 'runs'}${cut ? `; the first ${GROUPED.toLocaleString('en')} of this order are grouped` : ''}`;
      nothing.set({ kind: source.total ? 'none' : query.filter || ctx.query.get('view') ? 'filter' : 'empty' });
      answer.set({ text: await answerOf(query) });
    }

    /** @param {any} query */
    async function answerOf(query) {
      if (!source.total) return query.filter ? 'No run matches the filter.' : 'No run has been logged here yet.';
      const key = byWeight(keys.metrics).find((k) => better(k));
      const and = (/** @type {string} */ more) => (query.filter ? `${query.filter} and ${more}` : more);
      const [best, running, failed] = await Promise.all([
        key ? get('/runs', { ...query, order_by: orderBy(`${better(key) > 0 ? '-' : ''}metrics.${key}`), limit: 1 }, ctx.signal) : { items: [] },
        get('/runs', { ...query, filter: and("attributes.status = 'RUNNING'"), limit: 1 }, ctx.signal),
        get('/runs', { ...query, filter: and("attributes.status = 'FAILED'"), limit: 1 }, ctx.signal)]);
      const first = best.items[0];
      const value = first?.metrics[/** @type {string} */ (key)]?.value;
      const many = source.total.toLocaleString('en');
      return [`${many} ${source.total === 1 ? 'run' : 'runs'}`, running.total ? `, ${running.total.toLocaleString('en')} running` : '', failed.total ? `, ${failed.total.toLocaleString('en')} failed` : '',
        first && Number.isFinite(number(value)) ? ['. ', better(/** @type {string} */ (key)) > 0 ? 'Highest ' : 'Lowest ', /** @type {string} */ (key), ': ', h('strong', null, metricText(value)), ' by ', h('a', { href: runPath(first.id) }, nameOfRun(first)), '.'] : '.'];
    }

    function drawGrouping() {
      const kinds = [...columns.values()].filter((c) => c.kind === 'param' || c.kind === 'tag' || ['attributes.status', 'attributes.user_id', 'tags.mlflow.source.name'].includes(c.id)).slice(0, 300);
      grouping.replaceChildren(h('option', { value: '' }, 'nothing'), h('option', { value: 'parent' }, 'parent run'), ...kinds.map((c) => h('option', { value: c.id }, c.title || c.label)));
      grouping.value = ctx.query.get('group') || '';
    }

    function headTools() {
      const gone = experiment.stage === 'deleted';
      return [h('button', { type: 'button', class: 'ghost', on: { click: rename } }, 'Rename …'), gone ? h('button', { type: 'button', on: { click: () => act('restore') } }, 'Restore') : h('button', { type: 'button', class: 'ghost', on: { click: erase } }, 'Delete …')];
    }

    function rename() {
      ask({ title: 'Rename the experiment', fields: [{ name: 'name', label: 'Name', value: experiment.name, most: 500 }], act: 'Rename', done: ({ name }) => act('rename', { name }) });
    }

    function erase() {
      askReason({ title: `Delete “${experiment.name}”`, says: `It and its ${count(experiment.runs, 'run')} leave the lists. They can be restored until the server’s retention frees their space.`, act: 'Delete', tone: 'danger', required: false, done: () => act('delete') });
    }

    /** @param {string} what @param {any} [body] */
    async function act(what, body) {
      await post(`/experiments/${seg(id)}/${what}`, body);
      say('Done');
      if (what === 'delete') ctx.go(link('/ui/experiments'));
      else await refresh('act');
    }

    async function save() {
      const label = csv.lastChild;
      csv.disabled = true;
      try {
        const cols = shown().map((c) => /** @type {any} */ (columns.get(c)));
        const { items } = await allRuns(wanted(ctx), SAVED, ctx.signal, (n, total) => { label.textContent = `${Math.round((100 * n) / Math.max(1, Math.min(total, SAVED)))} %`; });
        saveCsv(`runs-${experiment.name}`, [['run_id', ...cols.map((c) => c.label)], ...items.map((r) => [r.id, ...cols.map((c) => c.value(r))])]);
      } catch (error) {
        if (/** @type {any} */ (error).name !== 'AbortError') box.complain(said(error));
      } finally {
        csv.disabled = false;
        label.textContent = 'CSV';
      }
    }

    return { refresh, leave: () => { source.leave(); list.leave(); } };
  },
};

/** @param {any} error */
function said(error) {
  return error instanceof ApiError ? error.message : String(error?.message || error);
}
