/** The file MLmodel of a logged model, as far as people ask: its flavors, its signature. Pure but for elements. */

import { h } from '../dom.js';

/**
 * @typedef {{name: string, type: string, required: boolean}} Column
 * @typedef {{flavors: [string, string][], inputs: Column[], outputs: Column[], params: Column[], facts: [string, string][]}} MlModel
 */

/** @param {string} text YAML as MLflow writes it @returns {MlModel} */
export function readMlModel(text) {
  const tree = blocksOf(text);
  const signature = childrenOf(tree.get('signature')?.lines || []);
  const flavors = childrenOf(tree.get('flavors')?.lines || []);
  const scalar = (/** @type {string} */ name) => scalarOf(tree.get(name));
  return {
    flavors: [...flavors].map(([name, block]) => {
      const inner = childrenOf(block.lines);
      const version = [...inner].find(([k]) => /_version$/.test(k) && k !== 'python_version') || [...inner].find(([k]) => k === 'python_version');
      return [name, version ? `${version[0].replace(/_version$/, '')} ${scalarOf(version[1])}` : scalarOf(inner.get('loader_module'))];
    }),
    inputs: columnsOf(scalarOf(signature.get('inputs'))),
    outputs: columnsOf(scalarOf(signature.get('outputs'))),
    params: columnsOf(scalarOf(signature.get('params'))),
    facts: /** @type {[string, string][]} */ ([['model id', scalar('model_id')], ['run', scalar('run_id')], ['mlflow', scalar('mlflow_version')], ['written', scalar('utc_time_created')], ['size, bytes', scalar('model_size_bytes')]].filter(([, v]) => v && v !== 'null')),
  };
}

/** @typedef {{head: string, lines: string[]}} Block */

/** Keys at the left edge, each with the lines below it. @param {string} text @returns {Map<string, Block>} */
function blocksOf(text) {
  return childrenOf(text.split('\n'));
}

/** @param {string[]} lines @returns {Map<string, Block>} */
function childrenOf(lines) {
  const kept = lines.filter((l) => l.trim() && !l.trim().startsWith('#'));
  const indent = kept.length ? kept[0].length - kept[0].trimStart().length : 0;
  /** @type {Map<string, Block>} */ const out = new Map();
  /** @type {Block|null} */ let at = null;
  for (const line of kept) {
    const depth = line.length - line.trimStart().length;
    const found = depth === indent ? /^\s*([\w.-]+):(?:\s(.*))?$/.exec(line) : null;
    if (found) {
      at = { head: (found[2] || '').trim(), lines: [] };
      out.set(found[1], at);
    } else at?.lines.push(line);
  }
  return out;
}

/** A scalar that YAML may have folded over lines. @param {Block|undefined} block */
function scalarOf(block) {
  if (!block) return '';
  const whole = [block.head, ...block.lines.map((l) => l.trim())].join(' ').trim();
  if (whole.startsWith("'")) return whole.slice(1, whole.lastIndexOf("'")).replaceAll("''", "'");
  if (whole.startsWith('"')) {
    try {
      return String(JSON.parse(whole.replace(/\\\s+(\\ )?/g, (m) => (m.includes('\\ ') ? ' ' : ''))));
    } catch {
      return whole.slice(1, -1);
    }
  }
  return whole;
}

/** @param {string} json @returns {Column[]} */
function columnsOf(json) {
  let list;
  try {
    list = JSON.parse(json);
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.slice(0, 1000).map((c, i) => ({ name: String(c?.name ?? `#${i + 1}`), type: typeOf(c), required: c?.required !== false }));
}

/** @param {any} c @returns {string} */
function typeOf(c) {
  const tensor = c?.['tensor-spec'];
  if (tensor) return `${tensor.dtype} [${(tensor.shape || []).map((/** @type {number} */ n) => (n < 0 ? 'any' : n)).join(', ')}]`;
  if (c?.type === 'array') return `list of ${typeOf(c.items || {})}`;
  if (c?.type === 'object' || c?.type === 'map') return c.type;
  return String(c?.type ?? c?.dtype ?? 'any') + (c?.default !== undefined ? `, default ${JSON.stringify(c.default)}` : '');
}

/** @param {MlModel} model */
export function mlModelCard(model) {
  const part = (/** @type {string} */ title, /** @type {Column[]} */ list) => list.length > 0 && h('div', null, h('h3', null, title), h('table', { class: 'plain-table' }, h('tbody', null, list.map((c) => h('tr', null, h('td', { class: 'mono' }, c.name), h('td', { class: 'mono muted' }, c.type), h('td', { class: 'muted small' }, c.required ? '' : 'optional'))))));
  const signed = model.inputs.length + model.outputs.length > 0;
  return h('div', { class: 'page' }, h('dl', { class: 'facts' }, model.flavors.map(([name, version]) => [h('dt', null, name), h('dd', null, version)]), model.facts.map(([name, value]) => [h('dt', null, name), h('dd', { class: 'mono small' }, value)])),
    signed ? h('div', { class: 'relations' }, part('Takes', model.inputs), part('Gives', model.outputs), part('Parameters', model.params)) : h('p', { class: 'muted' }, 'The model was logged without a signature: what it takes and gives is not known.'));
}
