/** Compare: some runs, or all of an experiment, seen in five ways. */

import { get, seg } from '../api.js';
import { h, slot } from '../dom.js';
import { count } from '../format.js';
import { icon } from '../icons.js';
import { curveChart, curvesOf, knobs } from '../parts/curves.js';
import { colorAt } from '../parts/chart.js';
import { empty } from '../parts/empty.js';
import { importance } from '../parts/importance.js';
import { parallelChart } from '../parts/parallel.js';
import { rundiff } from '../parts/rundiff.js';
import { fieldsOf, firstFields, keysOf } from '../parts/runfields.js';
import { runScatter } from '../parts/runscatter.js';
import { allRuns } from '../parts/runsource.js';
import { better, byWeight, experimentPath, metricText, nameOfRun, number, runPath } from '../parts/runwords.js';
import { palette } from '../parts/timeseries.js';
import { link } from '../state.js';

const MOST = 2000; // runs drawn of a whole experiment
const CURVES = 30; // of them with curves
const CHARTS = 24;
const DIFFED = 10;
const TABS = [['', 'Curves'], ['parallel', 'Parallel coordinates'], ['scatter', 'Scatter'], ['importance', 'Importance'], ['diff', 'Differences']];

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  const runs = ctx.query.getAll('run');
  /** @type {import('../api.js').Call[]} */ const own = runs.length ? (runs.length >= 2 && runs.length <= DIFFED ? [{ path: '/runs/diff', params: { run: runs } }] : runs.map((r) => ({ path: `/runs/${seg(r)}` }))) : [{ path: '/runs', params: { experiment: ctx.query.getAll('experiment'), filter: ctx.query.get('filter'), limit: 1000 } }];
  const tab = ctx.query.get('tab') || '';
  if (tab === '' && runs.length) own.push({ path: '/runs/curves', params: { run: runs.slice(0, CURVES), key: ctx.query.getAll('metric'), points: 1000 } });
  return own.slice(0, 12);
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Compare',
  question: 'What made the difference?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const tabs = slot(h('nav', { class: 'tabs', 'aria-label': 'Ways to compare' }), ({ tab, query }) => TABS.map(([id, name]) => h('a', { href: tabPath(query, id), 'aria-current': tab === id && 'true' }, name)));
    const legend = h('div', { class: 'run-keys', role: 'group', 'aria-label': 'Runs and their colours' });
    const body = h('div', { class: 'page' });
    root.append(answer.el, legend, tabs.el, body);
    /** @type {any[]} */ let leaving = [];
    let built = '';
    /** @type {(runs: any[]) => Promise<void>} */ let show = async () => {};

    /** @type {Record<string, () => (runs: any[]) => Promise<void>>} */
    const WAYS = { parallel: buildParallel, scatter: buildScatter, importance: buildImportance, diff: buildDiff };

    /** @param {string} tab */
    function build(tab) {
      for (const one of leaving) one.leave();
      leaving = [];
      body.replaceChildren();
      show = (WAYS[tab] || buildCurves)();
      built = tab;
    }

    function buildCurves() {
      const which = h('span', { class: 'many-select' });
      const bar = knobs(ctx, which);
      const grid = h('div', { class: 'curves' });
      /** @type {Map<string, any>} */ const charts = new Map();
      /** @type {any} */ let last = null;
      const paint = () => last && [...charts].forEach(([key, chart]) => chart.set({ curves: last.curves.filter((/** @type {any} */ c) => c.key === key), names: last.names, color: last.color, knobs: bar.now() }));
      bar.onTurn(paint);
      leaving.push({ leave: () => [...charts.values()].forEach((c) => c.leave()) });
      body.append(bar.el, grid);
      return async (/** @type {any[]} */ runs) => {
        bar.sync();
        const some = runs.slice(0, CURVES);
        const keys = byWeight(keysOf(some, 'metrics'));
        const asked = ctx.query.getAll('metric').filter((k) => keys.includes(k));
        const chosen = (asked.length ? asked : keys.filter((k) => !k.startsWith('system/')).slice(0, 6)).slice(0, CHARTS);
        which.replaceChildren(...chosen.map((k) => h('button', { type: 'button', class: 'chip', title: `Take ${k} away`, on: { click: () => ctx.set({ metric: chosen.filter((c) => c !== k) }) } }, k, ' ✕')),
          h('select', { 'aria-label': 'Add a metric', on: { change: (/** @type {any} */ e) => ctx.set({ metric: [...chosen, e.target.value] }) } }, h('option', { value: '' }, 'add a metric …'), keys.filter((k) => !chosen.includes(k)).map((k) => h('option', { value: k }, k))));
        if (!keys.length) return grid.replaceChildren(empty('These runs have logged no metric.'));
        for (const [key, chart] of charts) if (!chosen.includes(key)) { chart.leave(); charts.delete(key); }
        for (const key of chosen) if (!charts.has(key)) charts.set(key, curveChart(key));
        const wantedEls = chosen.map((k) => charts.get(k).el);
        if (wantedEls.some((el, i) => grid.children[i] !== el) || grid.children.length !== wantedEls.length) grid.replaceChildren(...wantedEls);
        last = { curves: await curvesOf(some.map((r) => r.id), chosen, ctx.signal), names: namesOf(some), color: new Map(some.map((r, i) => [r.id, i])) };
        paint();
      };
    }

    function buildParallel() {
      const picks = h('span', { class: 'many-select' });
      const color = h('select', { 'aria-label': 'Colour', on: { change: () => ctx.set({ color: color.value }) } });
      const chart = parallelChart({ kept: () => {} });
      leaving.push(chart);
      body.append(h('div', { class: 'knobs' }, h('label', null, 'Colour', color), picks), chart.el);
      return async (/** @type {any[]} */ runs) => {
        const fields = fieldsOf(runs);
        const asked = ctx.query.getAll('axis');
        const chosen = asked.length ? fields.filter((f) => asked.includes(f.id)) : firstFields(fields, 8);
        const shade = fields.find((f) => f.id === ctx.query.get('color') && f.numeric) || chosen.filter((f) => f.kind === 'metric')[0] || null;
        fill(color, fields.filter((f) => f.numeric), shade?.id || '');
        const set = (/** @type {string[]} */ ids) => ctx.set({ axis: ids });
        picks.replaceChildren(...chosen.map((f) => h('button', { type: 'button', class: 'chip', title: `Take ${f.label} away`, on: { click: () => set(chosen.filter((c) => c !== f).map((c) => c.id)) } }, f.label, ' ✕')),
          h('select', { 'aria-label': 'Add an axis', on: { change: (/** @type {any} */ e) => set([...chosen.map((c) => c.id), e.target.value]) } }, h('option', { value: '' }, 'add an axis …'), fields.filter((f) => !chosen.includes(f)).slice(0, 500).map((f) => h('option', { value: f.id }, f.id))));
        chart.set({ runs, fields: chosen, color: shade });
      };
    }

    function buildScatter() {
      const pick = (/** @type {string} */ name) => h('select', { 'aria-label': { sx: 'Across', sy: 'Up', color: 'Colour' }[name], on: { change: (/** @type {any} */ e) => ctx.set({ [name]: e.target.value }) } });
      const [x, y, color] = [pick('sx'), pick('sy'), pick('color')];
      const chart = runScatter({ open: (r) => ctx.go(runPath(r.id)) });
      leaving.push(chart);
      body.append(h('div', { class: 'knobs' }, h('label', null, 'Across', x), h('label', null, 'Up', y), h('label', null, 'Colour', color)), chart.el);
      return async (/** @type {any[]} */ runs) => {
        const fields = fieldsOf(runs);
        const of = (/** @type {string} */ name) => fields.find((f) => f.id === ctx.query.get(name));
        const across = of('sx') || fields.find((f) => f.kind === 'param') || fields[0];
        const up = of('sy') || fields.find((f) => f.kind === 'metric') || fields[fields.length - 1];
        const tint = of('color') || fields.find((f) => f.kind === 'param' && f !== across) || null;
        fill(x, fields, across.id);
        fill(y, fields, up.id);
        fill(color, fields, tint?.id || '');
        chart.set({ runs, x: across, y: up, color: tint });
      };
    }

    function buildImportance() {
      const metric = h('select', { 'aria-label': 'Metric', on: { change: () => ctx.set({ metric: metric.value }) } });
      const place = slot(h('div'), ({ data, key }) => (data.items.length ? importance(data, key) : empty('Too few runs tell.', { hint: 'At least a handful of runs with this metric and parameters that differ are needed.' })));
      body.append(h('div', { class: 'knobs' }, h('label', null, 'Of', metric)), place.el);
      return async (/** @type {any[]} */ runs) => {
        const keys = byWeight(keysOf(runs, 'metrics'));
        const key = keys.find((k) => k === ctx.query.get('metric')) || keys[0];
        if (!key) return place.set({ data: { items: [] }, key: '' });
        metric.replaceChildren(...keys.map((k) => h('option', { value: k }, k)));
        metric.value = key;
        const experiments = [...new Set(runs.map((r) => r.experiment))];
        place.set({ key, data: await get('/runs/importance', { experiment: experiments[0], metric: key, filter: ctx.query.get('filter') }, ctx.signal) });
      };
    }

    function buildDiff() {
      const place = slot(h('div'), ({ data, only }) => rundiff(data, only, (on) => ctx.set({ all: on ? null : 'yes' }, { replace: true })));
      const note = h('p', { class: 'muted small' });
      body.append(note, place.el);
      return async (/** @type {any[]} */ runs) => {
        if (runs.length < 2) return note.replaceChildren('Two runs at least are needed to tell a difference.');
        note.textContent = runs.length > DIFFED ? `The first ${DIFFED} of ${runs.length.toLocaleString('en')} runs.` : '';
        place.set({ data: await get('/runs/diff', { run: runs.slice(0, DIFFED).map((r) => r.id) }, ctx.signal), only: ctx.query.get('all') !== 'yes' });
      };
    }

    return {
      async refresh() {
        const tab = ctx.query.get('tab') || '';
        tabs.set({ tab, query: ctx.query.toString() });
        const { runs, total } = await runsOf(ctx);
        if (tab !== built || !body.childElementCount) build(tab);
        answer.set({ text: answerOf(runs, total) });
        drawLegend(legend, runs, tab, ctx);
        if (!runs.length) return body.replaceChildren(empty('No run to compare.', { hint: 'Choose some in the table of an experiment.', link: ['Experiments', link('/ui/experiments')] }));
        await show(runs);
      },
      leave: () => leaving.forEach((one) => one.leave()),
    };
  },
};

/** @param {import('../visit.js').Visit} ctx */
async function runsOf(ctx) {
  const found = await chosenRuns(ctx);
  const nameless = [...new Set(found.runs.filter((r) => !r.experiment_name).map((r) => r.experiment))].slice(0, 3);
  const names = new Map(await Promise.all(nameless.map(async (id) => /** @type {[string, string]} */ ([id, (await get(`/experiments/${seg(id)}`, {}, ctx.signal)).name]))));
  for (const run of found.runs) run.experiment_name ||= names.get(run.experiment) || `experiment ${run.experiment}`;
  return found;
}

/** @param {import('../visit.js').Visit} ctx @returns {Promise<{runs: any[], total: number}>} */
async function chosenRuns(ctx) {
  const ids = [...new Set(ctx.query.getAll('run'))].slice(0, 100);
  if (!ids.length) {
    const experiment = ctx.query.getAll('experiment');
    if (!experiment.length) return { runs: [], total: 0 };
    const { items, total } = await allRuns({ experiment, filter: ctx.query.get('filter') }, MOST, ctx.signal);
    return { runs: items, total };
  }
  if (ids.length === 1) return { runs: [await get(`/runs/${seg(ids[0])}`, {}, ctx.signal)], total: 1 };
  const runs = ids.length <= DIFFED ? (await get('/runs/diff', { run: ids }, ctx.signal)).runs : await Promise.all(ids.map((id) => get(`/runs/${seg(id)}`, {}, ctx.signal)));
  return { runs, total: runs.length };
}

/** @param {string} query @param {string} tab */
function tabPath(query, tab) {
  const next = new URLSearchParams(query);
  for (const key of ['tab', 'metric', 'axis', 'color']) next.delete(key);
  if (tab) next.set('tab', tab);
  return `/ui/compare?${next}`;
}

/** @param {any[]} runs */
function namesOf(runs) {
  const seen = new Map();
  for (const r of runs) seen.set(nameOfRun(r), (seen.get(nameOfRun(r)) || 0) + 1);
  return new Map(runs.map((r) => [r.id, seen.get(nameOfRun(r)) > 1 ? `${nameOfRun(r)} ${r.id.slice(0, 6)}` : nameOfRun(r)]));
}

/** @param {any} select @param {import('../parts/runfields.js').Field[]} fields @param {string} value */
function fill(select, fields, value) {
  select.replaceChildren(...fields.slice(0, 500).map((f) => h('option', { value: f.id }, f.id === 'start' || f.id === 'duration' ? f.label : f.id)));
  select.value = value;
}

/** @param {any} el @param {any[]} runs @param {string} tab @param {import('../visit.js').Visit} ctx */
function drawLegend(el, runs, tab, ctx) {
  const asked = ctx.query.getAll('run');
  const curves = tab === '';
  if (!asked.length && !curves) return el.replaceChildren();
  const colors = palette();
  const names = namesOf(runs);
  el.replaceChildren(...runs.slice(0, curves ? CURVES : 100).map((r, i) => h('span', null, curves && h('i', { style: { background: colorAt(colors, i) } }), h('a', { href: runPath(r.id) }, names.get(r.id)), asked.length > 1 && h('button', { type: 'button', class: 'ghost', 'aria-label': `Take ${names.get(r.id)} away`, title: 'Take away', on: { click: () => ctx.set({ run: asked.filter((id) => id !== r.id) }) } }, icon('close', 12)))),
    curves && runs.length > CURVES ? h('span', { class: 'muted' }, `and ${(runs.length - CURVES).toLocaleString('en')} more without curves`) : '');
}

/** @param {any[]} runs @param {number} total */
function answerOf(runs, total) {
  if (!runs.length) return 'No run is chosen.';
  const key = byWeight(keysOf(runs, 'metrics')).find((k) => better(k));
  const experiments = [...new Map(runs.map((r) => [r.experiment, r.experiment_name]))];
  const where = experiments.slice(0, 3).flatMap(([id, name], i) => [i ? ', ' : '', h('a', { href: experimentPath(id) }, name)]);
  const words = [total > runs.length ? `The latest ${runs.length.toLocaleString('en')} of ${total.toLocaleString('en')} runs` : count(runs.length, 'run'), ' of ', ...where, experiments.length > 3 ? ` and ${experiments.length - 3} more` : ''];
  const scored = key ? runs.filter((r) => Number.isFinite(number(r.metrics[key]?.value))) : [];
  if (!key || scored.length < 2) return [...words, '.'];
  const sign = better(key);
  const order = [...scored].sort((a, b) => sign * (number(b.metrics[key].value) - number(a.metrics[key].value)));
  const [best, worst] = [order[0], order[order.length - 1]];
  const apart = runs.length <= 100 ? differing(best, worst) : '';
  return [...words, `. ${key} goes from `, h('strong', null, metricText(best.metrics[key].value)), ' (', h('a', { href: runPath(best.id) }, nameOfRun(best)), ') to ', metricText(worst.metrics[key].value), ' (', h('a', { href: runPath(worst.id) }, nameOfRun(worst)), ')', apart ? `; they differ in ${apart}.` : '.'];
}

/** @param {any} a @param {any} b */
function differing(a, b) {
  const keys = keysOf([a, b], 'params').filter((k) => a.params[k] !== b.params[k]);
  return keys.length ? `${keys.slice(0, 4).join(', ')}${keys.length > 4 ? ` and ${keys.length - 4} more parameters` : ''}` : '';
}
