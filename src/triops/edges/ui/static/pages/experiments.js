/** Experiments: what is being tried, the last touched first. */

import { all, post } from '../api.js';
import { h, say, slot } from '../dom.js';
import { ago, count, sentence, when } from '../format.js';
import { ask } from '../parts/ask.js';
import { empty } from '../parts/empty.js';
import { filters } from '../parts/filters.js';
import { experimentPath } from '../parts/runwords.js';
import { table } from '../parts/table.js';
import { noRuns } from '../parts/tracking.js';

const MOST = 5000;

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: '/experiments', params: { q: ctx.query.get('q'), view: ctx.query.get('view') || 'active', limit: 1000 } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Experiments',
  question: 'What is being tried?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const bar = filters(ctx, [
      { name: 'q', label: 'Name', placeholder: 'part of a name', wide: true },
      { name: 'view', label: 'Show', kind: 'select', options: [['', 'active'], ['deleted', 'deleted'], ['all', 'all']] },
    ], h('button', { type: 'button', on: { click: create } }, 'New experiment …'));
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const nothing = h('div');
    const list = table({
      name: 'experiments', label: 'Experiments', key: (e) => e.id, href: (e) => experimentPath(e.id), sort: '-updated', empty: nothing, mark: (e) => e.stage === 'deleted' && 'gone',
      columns: [
        { id: 'name', label: 'Experiment', value: (e) => e.name, cell: (e) => h('span', null, e.name, e.stage === 'deleted' && h('span', { class: 'tag' }, 'deleted')), width: 'minmax(200px, 1.6fr)' },
        { id: 'runs', label: 'Runs', right: true, value: (e) => e.runs, cell: (e) => Number(e.runs || 0).toLocaleString('en') },
        { id: 'updated', label: 'Last change', value: (e) => e.updated_at, cell: (e) => when(e.updated_at) },
        { id: 'created', label: 'Created', value: (e) => e.created_at, cell: (e) => when(e.created_at) },
        { id: 'note', label: 'Note', value: (e) => e.tags['mlflow.note.content'] || '', width: 'minmax(140px, 1.4fr)' },
        { id: 'id', label: 'Id', value: (e) => e.id, off: true },
        { id: 'where', label: 'Artifacts at', value: (e) => e.artifact_location, off: true },
      ],
    });
    const card = h('section', { class: 'card flush', hidden: true }, list.el);
    root.append(answer.el, bar.el, card);

    function create() {
      ask({ title: 'New experiment', fields: [{ name: 'name', label: 'Name', most: 500 }], act: 'Create', done: async ({ name }) => {
        const made = await post('/experiments', { name });
        say('Created');
        ctx.go(experimentPath(made.id));
      } });
    }

    return {
      async refresh() {
        bar.sync();
        const [call] = calls(ctx);
        const { items, next } = await all(call.path, call.params, MOST, ctx.signal);
        const asked = ctx.query.get('q') || ctx.query.get('view');
        nothing.replaceChildren(asked ? empty('No experiment like this.') : noRuns('Nothing has been tried yet.'));
        list.set(items);
        card.hidden = false;
        answer.set({ text: answerOf(items, Boolean(next)) });
      },
    };
  },
};

/** @param {any[]} items @param {boolean} more */
function answerOf(items, more) {
  const busy = items.filter((e) => e.runs > 0);
  if (!busy.length) return items.length ? `${sentence(count(items.length, 'experiment'))}, and no run yet.` : 'Nothing has been tried yet.';
  const runs = busy.reduce((n, e) => n + e.runs, 0);
  const last = busy.reduce((a, b) => ((a.updated_at || 0) > (b.updated_at || 0) ? a : b));
  return `${more ? `The first ${items.length.toLocaleString('en')} experiments` : sentence(count(items.length, 'experiment'))} with ${runs.toLocaleString('en')} ${runs === 1 ? 'run' : 'runs'}; last touched ${last.updated_at ? ago(last.updated_at) : ''}: ${last.name}.`;
}
