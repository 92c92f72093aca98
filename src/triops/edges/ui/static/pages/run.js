/** One run: how it went, what it was given, what it measured and left behind. */

import { get, post, seg } from '../api.js';
import { h, say, slot } from '../dom.js';
import { clock, count, exact, lasting, sentence } from '../format.js';
import { artifacts } from '../parts/artifacts.js';
import { ask } from '../parts/ask.js';
import { curveChart, curvesOf, knobs } from '../parts/curves.js';
import { empty } from '../parts/empty.js';
import { markdown } from '../parts/markdown.js';
import { provenance } from '../parts/provenance.js';
import { askReason } from '../parts/reason.js';
import { runFacts } from '../parts/runfacts.js';
import { metricsTable, paramsTable } from '../parts/runtables.js';
import { better, byWeight, experimentPath, lasted, metricText, nameOfRun, number, pairs, runState, userOf } from '../parts/runwords.js';
import { stat } from '../parts/stat.js';
import { link } from '../state.js';

const TABS = [['', 'Overview'], ['charts', 'Charts'], ['artifacts', 'Artifacts'], ['provenance', 'Provenance']];
const KEYS = 100; // metrics with curves
const FOLLOW_MS = 4000; // how often a running run is looked at

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const base = `/runs/${seg(ctx.params.id)}`;
  const tab = ctx.query.get('tab') || '';
  /** @type {import('../api.js').Call[]} */ const out = [{ path: base }];
  if (tab === 'artifacts') out.push({ path: `${base}/artifacts`, params: { path: '' } });
  if (tab === 'provenance') out.push({ path: `${base}/provenance` });
  return out;
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Run',
  question: 'How did it go, and what did it make?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const id = ctx.params.id;
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const stats = slot(h('div', { class: 'stats' }), (run) => statsOf(run));
    const tabs = slot(h('nav', { class: 'tabs', 'aria-label': 'Parts of the run' }), ({ tab }) => TABS.map(([name, title]) => h('a', { href: link(location.pathname, { tab: name }), 'aria-current': tab === name && 'true' }, title)));
    const body = h('div', { class: 'page' });
    root.append(answer.el, stats.el, tabs.el, body);
    /** @type {any[]} */ let leaving = [];
    /** @type {string|null} */ let built = null;
    /** @type {(run: any) => Promise<void>} */ let show = async () => {};
    let timer = 0;

    /** @type {Record<string, () => (run: any) => Promise<void>>} */
    const PARTS = { charts: buildCharts, artifacts: buildFiles, provenance: buildProvenance };

    /** @param {string} tab */
    function build(tab) {
      for (const one of leaving) one.leave();
      leaving = [];
      body.replaceChildren();
      show = (PARTS[tab] || buildOverview)();
      built = tab;
    }

    function buildOverview() {
      const note = slot(h('section', { class: 'card' }), ({ text }) => markdown(text));
      const metrics = metricsTable((key) => ctx.set({ tab: 'charts', q: key }));
      const params = paramsTable();
      const side = slot(h('div'), (run) => runFacts(run, tag));
      body.append(note.el, h('div', { class: 'columns' }, h('div', null, metrics.el, params.el), side.el));
      return async (/** @type {any} */ run) => {
        const text = run.tags['mlflow.note.content'] || '';
        note.el.hidden = !text;
        note.set({ text });
        params.set(run);
        side.set({ ...run, ...(await familyOfRun(run, ctx.signal)) });
        metrics.set(run, []);
        const keys = byWeight(Object.keys(run.metrics)).slice(0, KEYS);
        if (keys.length) metrics.set(run, await curvesOf([id], keys, ctx.signal, 100));
      };
    }

    function buildCharts() {
      const find = h('input', { type: 'search', placeholder: 'metric', 'aria-label': 'Only metrics with', on: { input: () => ctx.set({ q: find.value }, { replace: true }) } });
      const bar = knobs(ctx, h('label', null, 'Only', find));
      const place = h('div', { class: 'page' });
      /** @type {Map<string, any>} */ const charts = new Map();
      /** @type {any[]} */ let curves = [];
      /** @type {any} */ let of = null;
      const paint = () => of && charts.forEach((chart, key) => chart.set({ curves: curves.filter((c) => c.key === key), names: new Map([[id, nameOfRun(of)]]), color: new Map([[id, 0]]), knobs: bar.now() }));
      bar.onTurn(paint);
      leaving.push({ leave: () => charts.forEach((c) => c.leave()) });
      body.append(bar.el, place);
      let shape = '';
      return async (/** @type {any} */ run) => {
        of = run;
        bar.sync();
        const words = (ctx.query.get('q') || '').toLowerCase();
        if (document.activeElement !== find) find.value = ctx.query.get('q') || '';
        const all = byWeight(Object.keys(run.metrics)).filter((k) => k.toLowerCase().includes(words));
        const keys = all.slice(0, KEYS);
        if (shape !== keys.join('\n') || !place.childElementCount) {
          shape = keys.join('\n');
          for (const [key, chart] of charts) if (!keys.includes(key)) { chart.leave(); charts.delete(key); }
          for (const key of keys) if (!charts.has(key)) charts.set(key, curveChart(key, 200));
          const families = new Map();
          for (const key of keys) families.set(familyOf(key), [...(families.get(familyOf(key)) || []), key]);
          place.replaceChildren(...[...families].map(([name, members]) => h('section', { class: 'block' }, families.size > 1 && h('h2', null, name || 'metrics', ' ', h('span', { class: 'muted small' }, String(members.length))), h('div', { class: 'curves' }, members.map((/** @type {string} */ k) => charts.get(k).el)))),
            ...(all.length > KEYS ? [h('p', { class: 'muted' }, `and ${all.length - KEYS} more metrics: type to find them`)] : []), ...(all.length ? [] : [empty(words ? 'No metric by that name.' : 'No metric has been logged.')]));
        }
        curves = keys.length ? await curvesOf([id], keys, ctx.signal) : [];
        paint();
      };
    }

    function buildFiles() {
      const files = artifacts(ctx, id);
      body.append(files.el);
      return () => files.refresh();
    }

    function buildProvenance() {
      const place = slot(h('div'), (p) => provenance(p));
      body.append(place.el);
      return async () => place.set(await get(`/runs/${seg(id)}/provenance`, {}, ctx.signal));
    }

    function tag() {
      ask({ title: 'Tag this run', fields: [{ name: 'key', label: 'Tag', most: 250 }, { name: 'value', label: 'Value', kind: 'words', most: 5000, optional: true }], act: 'Tag', done: async (made) => {
        await post(`/runs/${seg(id)}/tags`, made);
        say('Tagged');
        await refresh();
      } });
    }

    /** @param {any} run */
    function headOf(run) {
      const gone = run.stage === 'deleted';
      ctx.head({ title: nameOfRun(run), question: [h('a', { href: experimentPath(run.experiment) }, run.experiment_name || `experiment ${run.experiment}`), ' · ', h('span', { class: 'mono small' }, run.id), gone ? ' · deleted' : ''], tools: [
        h('a', { class: 'button', href: pairs('/ui/compare', [['run', id], ...run.children.slice(0, 20).map((/** @type {string} */ c) => /** @type {[string, any]} */ (['run', c]))]) }, 'Compare'),
        gone ? h('button', { type: 'button', on: { click: () => act('restore') } }, 'Restore') : h('button', { type: 'button', class: 'ghost', on: { click: () => askReason({ title: `Delete “${nameOfRun(run)}”`, says: 'It leaves the lists. It can be restored until the server’s retention frees its space, artifacts included.', act: 'Delete', tone: 'danger', required: false, done: () => act('delete') }) } }, 'Delete …')] });
    }

    /** @param {string} verb */
    async function act(verb) {
      await post(`/runs/${seg(id)}/${verb}`);
      say('Done');
      await refresh();
    }

    async function refresh() {
      clearTimeout(timer);
      const run = await get(`/runs/${seg(id)}`, {}, ctx.signal);
      const tab = ctx.query.get('tab') || '';
      headOf(run);
      answer.set({ text: answerOf(run) });
      stats.set(run);
      tabs.set({ tab });
      if (tab !== built) build(tab);
      await show(run);
      if (run.status === 'RUNNING' && ctx.query.get('live') !== 'off') timer = setTimeout(() => refresh().catch(() => {}), FOLLOW_MS);
    }
    return {
      refresh,
      leave() {
        clearTimeout(timer);
        leaving.forEach((one) => one.leave());
      },
    };
  },
};

/** The names of a run's parent and children; ids alone where they cannot be had. @param {any} run @param {AbortSignal} signal */
async function familyOfRun(run, signal) {
  if (!run.parent && !run.children.length) return {};
  const [parent, kids] = await Promise.all([
    run.parent ? get(`/runs/${seg(run.parent)}`, {}, signal).catch(orThrow(run.parent)) : null,
    run.children.length ? get('/runs', { experiment: run.experiment, filter: `tags.\`mlflow.parentRunId\` = '${run.id}'`, view: 'all', limit: 50 }, signal).catch(orThrow({ items: [] })) : { items: [] }]);
  const named = new Map(kids.items.map((/** @type {any} */ r) => [r.id, r]));
  return { parent, children: run.children.map((/** @type {string} */ id) => named.get(id) || id) };
}

/** @param {any} otherwise */
function orThrow(otherwise) {
  return (/** @type {any} */ error) => {
    if (error.name === 'AbortError') throw error;
    return otherwise;
  };
}

/** @param {any} run */
function statsOf(run) {
  const s = lasted(run);
  return [stat('Status', runState(run.status)), stat('Duration', s === null ? '–' : lasting(s)), stat('Started', run.start_at ? clock(run.start_at, { day: true }) : '–', { note: run.start_at ? exact(run.start_at) : '' }), stat('User', userOf(run) || '–'),
    stat('Parameters', Object.keys(run.params).length), stat('Metrics', Object.keys(run.metrics).length), stat('Traces', 'of this run', { href: link('/ui/traces', { from: run.start_at ? Math.floor(run.start_at - 60) : null, to: run.end_at ? Math.ceil(run.end_at + 60) : null }) })];
}

/** @param {any} run */
function answerOf(run) {
  const s = lasted(run);
  /** @type {Record<string, string>} */
  const words = { RUNNING: `is running${s === null ? '' : ` for ${lasting(s)}`}`, FINISHED: `finished${s === null ? '' : ` after ${lasting(s)}`}`, FAILED: `failed${s === null ? '' : ` after ${lasting(s)}`}`, KILLED: `was killed${s === null ? '' : ` after ${lasting(s)}`}`, SCHEDULED: 'waits to begin' };
  const told = byWeight(Object.keys(run.metrics)).filter((k) => better(k)).slice(0, 3);
  const bad = Object.entries(run.metrics).filter(([, m]) => !Number.isFinite(number(m.value))).map(([k]) => k);
  return [sentence(words[run.status] || String(run.status).toLowerCase()), told.length ? [': ', told.map((k, i) => [i ? ', ' : '', k, ' ', h('strong', null, metricText(run.metrics[k].value))])] : Object.keys(run.metrics).length ? '' : ', and logged no metric', '.',
    bad.length ? [' ', h('span', { class: 'warning' }, `${sentence(bad.slice(0, 3).join(', '))} ended without a finite value.`)] : '', run.children.length ? ` It began ${count(run.children.length, 'other run')}.` : ''];
}

/** Metrics of a family share what stands before the first slash. @param {string} key */
function familyOf(key) {
  const at = key.indexOf('/');
  return at > 0 ? key.slice(0, at) : '';
}
