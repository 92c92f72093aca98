/** Models: what is registered, what is live under which name, and what waits for an approval. */

import { all, get, inPassing } from '../api.js';
import { h, slot } from '../dom.js';
import { count, sentence, when } from '../format.js';
import { inbox } from '../parts/approvals.js';
import { empty } from '../parts/empty.js';
import { filters } from '../parts/filters.js';
import { aliasBadge, modelPath } from '../parts/runwords.js';
import { table } from '../parts/table.js';

const MOST = 5000;

/** @param {import('../visit.js').Visit} ctx */
function calls(ctx) {
  return [{ path: '/models', params: { q: ctx.query.get('q'), limit: 1000 } }, { path: '/approvals', params: { state: 'waiting', kind: 'model' } }];
}

/** @type {import('../routes.js').Page} */
export default {
  title: 'Models',
  question: 'What is live, and who approved it?',
  timeless: true,
  calls,
  mount(ctx, root) {
    const bar = filters(ctx, [{ name: 'q', label: 'Name', placeholder: 'part of a name', wide: true }]);
    const answer = slot(h('p', { class: 'answer' }), ({ text }) => text);
    const waits = inbox(() => inPassing(refresh()));
    const nothing = h('div');
    const list = table({
      name: 'models', label: 'Models', key: (m) => m.name, href: (m) => modelPath(m.name), sort: '-updated', empty: nothing,
      columns: [
        { id: 'name', label: 'Model', value: (m) => m.name, width: 'minmax(180px, 1.4fr)' },
        { id: 'aliases', label: 'Live as', value: (m) => Object.keys(m.aliases).join(' '), cell: (m) => badges(m.aliases), width: 'minmax(180px, 1.6fr)' },
        { id: 'latest', label: 'Latest', right: true, value: (m) => Number(m.latest) || 0, cell: (m) => (m.latest ? `version ${m.latest}` : '–') },
        { id: 'versions', label: 'Versions', right: true, value: (m) => m.versions },
        { id: 'updated', label: 'Last change', value: (m) => m.updated_at, cell: (m) => when(m.updated_at) },
        { id: 'description', label: 'Description', value: (m) => m.description || '', width: 'minmax(140px, 1.4fr)' },
      ],
    });
    const card = h('section', { class: 'card flush', hidden: true }, list.el);
    root.append(answer.el, waits.el, bar.el, card);

    async function refresh() {
      bar.sync();
      const [{ items, next }, waiting] = await Promise.all([all('/models', calls(ctx)[0].params, MOST, ctx.signal), get('/approvals', calls(ctx)[1].params, ctx.signal)]);
      const asked = ctx.query.get('q');
      nothing.replaceChildren(asked ? empty('No model like this.') : empty('No model is registered yet.', { hint: 'Log a model and give it a name in one go:', command: `export MLFLOW_TRACKING_URI=${location.origin}\npython -c 'import mlflow; mlflow.autolog()  # then: mlflow.sklearn.log_model(model, name="model", registered_model_name="my-model")'` }));
      list.set(items);
      card.hidden = false;
      waits.set(waiting.items);
      const live = items.filter((m) => Object.keys(m.aliases).length).length;
      answer.set({ text: !items.length ? (asked ? 'No model matches.' : 'No model is registered yet.') : `${next ? 'More than ' : ''}${sentence(count(items.length, 'model'))}, ${live ? `${live === items.length ? 'all' : live} with a live version` : 'none live under an alias'}; ${waiting.items.length ? `${count(waiting.items.length, 'promotion')} ${waiting.items.length === 1 ? 'waits' : 'wait'} for an approval` : 'nothing waits for an approval'}.` });
    }
    return { refresh };
  },
};

/** @param {Record<string, string>} aliases */
function badges(aliases) {
  const list = Object.entries(aliases);
  return list.length ? h('span', { class: 'aliases' }, list.slice(0, 4).map(([alias, version]) => aliasBadge(alias, String(version))), list.length > 4 && h('span', { class: 'muted small' }, `+${list.length - 4}`)) : h('span', { class: 'muted' }, '–');
}
