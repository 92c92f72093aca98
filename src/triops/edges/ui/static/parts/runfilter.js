/** What may come next in a filter of MLflow's language, from the text before the caret. Pure. */

import { quoted } from './runcolumns.js';

/** @typedef {{metrics: string[], params: string[], tags: string[]}} Keys */
/** @typedef {{text: string, note: string}} Offer */

const ATTRIBUTES = ['run_name', 'status', 'start_time', 'end_time', 'user_id', 'run_id', 'artifact_uri', 'created'];
const DATASETS = ['name', 'digest', 'context'];
const NUMERIC = ['>', '>=', '<', '<=', '=', '!='];
const LIKE = ['=', '!=', 'LIKE', 'ILIKE'];
const IN = ['IN', 'NOT IN'];
const NULL = ['IS NULL', 'IS NOT NULL'];
const STATUS = ["'FINISHED'", "'RUNNING'", "'FAILED'", "'KILLED'", "'SCHEDULED'"];
const NAME = '(?:metrics|metric|params|param|parameters|parameter|tags|tag|attributes|attribute|attr|run|datasets|dataset)';
const KEY = '(?:`[^`]*`|"[^"]*"|[\\w./-]+)';
const OPERATOR = '(?:>=|<=|!=|=|>|<|NOT\\s+IN|ILIKE|LIKE|IN|IS\\s+NOT\\s+NULL|IS\\s+NULL)';
const VALUE = "(?:'(?:[^'])*'|\"(?:[^\"])*\"|\\([^)]*\\)|[-+\\w.]+)";
const MOST = 12;

/**
 * @param {string} text @param {number} caret @param {Keys} keys
 * @returns {{from: number, to: number, offers: Offer[]}} what to put in place of text[from:to]
 */
export function offersAt(text, caret, keys) {
  const before = text.slice(0, caret);
  const clause = before.slice(startOfClause(before));
  const lead = clause.length - clause.trimStart().length;
  const at = before.length - clause.length + lead;
  const said = clause.slice(lead);
  const whole = new RegExp(`^(${NAME})\\.(${KEY})\\s*(${OPERATOR})\\s*(.*)$`, 'is').exec(said);
  if (whole) {
    const [, kind, key, operator, value] = whole;
    if (new RegExp(`^${VALUE}\\s+\\w*$`, 's').test(value)) {
      const word = /\w*$/.exec(value)?.[0] || '';
      return { from: caret - word.length, to: caret, offers: 'and'.startsWith(word.toLowerCase()) ? [{ text: 'and ', note: 'another condition' }] : [] };
    }
    const values = valuesFor(kind, key, operator).filter((v) => v.toLowerCase().startsWith(value.toLowerCase()) && v !== value);
    return { from: caret - value.length, to: caret, offers: values.map((v) => ({ text: v + ' ', note: '' })) };
  }
  const named = new RegExp(`^(${NAME})\\.(${KEY})\\s+(\\S*|IS|IS\\s+\\S*|NOT|NOT\\s+\\S*)$`, 'is').exec(said);
  if (named) {
    const [, kind, key, typed] = named;
    const all = operators(kind, key);
    return { from: caret - typed.length, to: caret, offers: all.filter((o) => o.toLowerCase().startsWith(typed.toLowerCase())).map((o) => ({ text: o + ' ', note: '' })) };
  }
  const typed = said.replace(/[`"]/g, '').toLowerCase();
  const found = namesOf(keys).filter((n) => n.plain.toLowerCase().includes(typed));
  found.sort((a, b) => Number(b.plain.toLowerCase().startsWith(typed)) - Number(a.plain.toLowerCase().startsWith(typed)));
  return { from: at, to: caret, offers: found.slice(0, MOST).map((n) => ({ text: n.text + ' ', note: n.note })) };
}

/** Where the clause under the caret begins: after the last `and` outside of quotes. @param {string} text */
function startOfClause(text) {
  let begin = 0;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quote) {
      if (c === quote) quote = '';
    } else if (c === "'" || c === '"' || c === '`') quote = c;
    else if (/\s/.test(c) && /^\sand\s/i.test(text.slice(i, i + 5))) begin = i + 4;
  }
  return begin;
}

/** @param {Keys} keys */
function namesOf(keys) {
  const all = [];
  for (const [kind, note] of /** @type {const} */ ([['metrics', 'metric'], ['params', 'parameter']])) for (const k of keys[kind]) all.push({ plain: `${kind}.${k}`, text: `${kind}.${quoted(k)}`, note });
  for (const k of ATTRIBUTES) all.push({ plain: `attributes.${k}`, text: `attributes.${k}`, note: 'run' });
  for (const k of keys.tags) all.push({ plain: `tags.${k}`, text: `tags.${quoted(k)}`, note: 'tag' });
  for (const k of DATASETS) all.push({ plain: `datasets.${k}`, text: `datasets.${k}`, note: 'dataset' });
  return all;
}

/** What MLflow's language compares each kind of thing by. @param {string} kind @param {string} key */
function operators(kind, key) {
  if (numeric(kind, key)) return NUMERIC;
  if (/^(param|tag)/i.test(kind)) return [...LIKE, ...NULL];
  return /^dataset/i.test(kind) || key === 'run_id' ? [...LIKE, ...IN] : LIKE;
}

/** @param {string} kind @param {string} key */
function numeric(kind, key) {
  return /^metric/i.test(kind) || (/^(attr|run)/i.test(kind) && /^(start_time|end_time|created|Created)$/.test(key));
}

/** @param {string} kind @param {string} key @param {string} operator */
function valuesFor(kind, key, operator) {
  if (!/^(attr|run)/i.test(kind) || key !== 'status') return [];
  return /^!?=$/.test(operator) ? STATUS : [];
}
