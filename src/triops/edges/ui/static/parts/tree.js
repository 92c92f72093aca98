/** Spans as a tree in time order, and the path through it that decided how long the trace took. Pure. */

/**
 * @typedef {object} Node
 * @property {any} span
 * @property {number} depth
 * @property {Node[]} children
 * @property {Node|null} parent
 * @property {boolean} critical
 * @property {number} end unix seconds
 * @property {number} self_ms time not covered by children
 */

/** @param {any[]} spans @returns {{roots: Node[], start: number, end: number, size: number}} */
export function treeOf(spans) {
  /** @type {Map<string, Node>} */
  const byId = new Map();
  for (const span of spans) {
    if (!byId.has(span.span_id)) byId.set(span.span_id, { span, depth: 0, children: [], parent: null, critical: false, end: span.start + span.duration_ms / 1000, self_ms: span.duration_ms });
  }
  const roots = [];
  for (const node of byId.values()) {
    const parent = byId.get(node.span.parent_span_id);
    if (parent && parent !== node && !below(node, parent)) {
      node.parent = parent;
      parent.children.push(node);
    } else roots.push(node);
  }
  const byStart = (/** @type {Node} */ a, /** @type {Node} */ b) => a.span.start - b.span.start || b.span.duration_ms - a.span.duration_ms;
  roots.sort(byStart);
  const todo = [...roots];
  let [start, end] = [Infinity, -Infinity];
  while (todo.length) {
    const node = /** @type {Node} */ (todo.pop());
    node.children.sort(byStart);
    node.self_ms = selfTime(node);
    start = Math.min(start, node.span.start);
    end = Math.max(end, node.end);
    for (const child of node.children) {
      child.depth = node.depth + 1;
      todo.push(child);
    }
  }
  if (roots.length) critical(roots.reduce((a, b) => (b.end - b.span.start > a.end - a.span.start ? b : a)));
  return { roots, start: roots.length ? start : 0, end: roots.length ? end : 0, size: byId.size };
}

/** `parent` hangs below `node`: a cycle in hostile data, which must not loop. @param {Node} node @param {Node} parent */
function below(node, parent) {
  for (let at = /** @type {Node|null} */ (parent); at; at = at.parent) if (at === node) return true;
  return false;
}

/** @param {Node} node */
function selfTime(node) {
  let covered = 0;
  let until = node.span.start;
  for (const child of node.children) {
    const [a, b] = [Math.max(child.span.start, until), Math.min(child.end, node.end)];
    if (b > a) {
      covered += b - a;
      until = b;
    }
  }
  return Math.max(0, node.span.duration_ms - covered * 1000);
}

/** From the end backwards: at each moment, the child that finished last. @param {Node} root */
function critical(root) {
  const todo = [root];
  while (todo.length) {
    const node = /** @type {Node} */ (todo.pop());
    node.critical = true;
    let until = node.end + 1e-9;
    for (const child of [...node.children].sort((a, b) => b.end - a.end)) {
      if (child.end > until) continue;
      todo.push(child);
      until = child.span.start + 1e-9;
    }
  }
}

/** Rows in reading order, without what is folded away. @param {Node[]} roots @param {Set<string>} folded */
export function rowsOf(roots, folded) {
  /** @type {Node[]} */
  const out = [];
  const todo = [...roots].reverse();
  while (todo.length) {
    const node = /** @type {Node} */ (todo.pop());
    out.push(node);
    if (!folded.has(node.span.span_id)) for (let i = node.children.length - 1; i >= 0; i--) todo.push(node.children[i]);
  }
  return out;
}
