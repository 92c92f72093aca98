/**
 * Making and replacing elements. Text is always a text node, never markup: names, log lines and attributes come from
 * whoever sends telemetry, and are hostile until shown as plain text.
 */

/** @typedef {Node|string|number|null|undefined|false|Child[]} Child */

/**
 * An HTML element. `on` maps event names to listeners, `style` and `data` map names to values, `class` may hold falsy
 * parts; every other property is an attribute: true writes it empty, false/null leaves it out.
 * @param {string} tag
 * @param {Record<string, any>|null} [props]
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, props, ...children) {
  return filled(document.createElement(tag), props, children);
}

/** The same in the SVG namespace. @returns {any} */
export function svg(/** @type {string} */ tag, /** @type {Record<string, any>|null} */ props, /** @type {Child[]} */ ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children);
}

/** @param {any} el @param {Record<string, any>|null|undefined} props @param {Child[]} children */
function filled(el, props, children) {
  for (const [name, value] of Object.entries(props || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'on') for (const [event, fn] of Object.entries(value)) el.addEventListener(event, fn);
    else if (name === 'style') for (const [key, v] of Object.entries(value)) el.style.setProperty(key, String(v));
    else if (name === 'data') for (const [key, v] of Object.entries(value)) el.dataset[key] = v;
    else if (name === 'class') el.setAttribute('class', [value].flat(3).filter(Boolean).join(' '));
    else if (name === 'value') el.value = value;
    else el.setAttribute(name, value === true ? '' : value);
  }
  append(el, children);
  return el;
}

/** Appends children, flattening lists and leaving out empty ones. @param {Node} el @param {Child[]} children */
export function append(el, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(el, child);
    else el.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/**
 * A place whose content follows data. `set` draws again only when the data differ from what is shown, keeps opened
 * `<details>`, focus and half-typed text, so that a live page never moves what one reads or writes.
 * @template T
 * @param {any} el
 * @param {(data: T) => Child} draw
 * @returns {{el: any, set: (data: T) => void}}
 */
export function slot(el, draw) {
  let shown = '';
  let drawn = false;
  return {
    el,
    set(data) {
      const key = JSON.stringify(data, (_, v) => (v instanceof Element ? v.outerHTML : v));
      if (drawn && key === shown) return;
      if (writing(el)) return;
      const opened = new Set([...el.querySelectorAll('details[data-key][open]')].map((d) => d.dataset.key));
      const active = document.activeElement;
      const focused = active && el.contains(active) ? twin(active, el) : null;
      const fresh = document.createDocumentFragment();
      append(fresh, [draw(data)]);
      el.replaceChildren(fresh);
      for (const d of el.querySelectorAll('details[data-key]')) if (opened.has(d.dataset.key)) d.open = true;
      focused?.()?.focus();
      shown = key;
      drawn = true;
    },
  };
}

/**
 * How to find an element again after what is around it was drawn anew: by its `data-focus`, or by what it is called among
 * its like.
 * @param {any} el @param {Element} [root] what stays @returns {() => any}
 */
export function twin(el, root = document.body) {
  const { tagName, dataset } = el;
  if (dataset.focus) return () => root.querySelector(`[data-focus="${CSS.escape(dataset.focus)}"]`);
  const called = (/** @type {Element} */ e) => e.getAttribute('aria-label') || e.getAttribute('href') || e.textContent?.trim();
  const name = called(el);
  const alike = () => [...root.querySelectorAll(tagName)].filter((e) => called(e) === name);
  const at = alike().indexOf(el);
  return () => alike()[at];
}

/** Someone is typing inside `el`: it must not be replaced under their hands. @param {HTMLElement} el */
function writing(el) {
  const active = /** @type {any} */ (document.activeElement);
  return el.contains(active) && /^(INPUT|TEXTAREA|SELECT)$/.test(active.tagName) && !/^(checkbox|radio|range)$/.test(active.type) && Boolean(active.value);
}

/** Calls `fn` once things have been quiet for `ms`. @template {any[]} A @param {(...a: A) => void} fn @param {number} ms */
export function quiet(fn, ms) {
  let timer = 0;
  return (/** @type {A} */ ...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => fn(...args), ms);
  };
}

/** One on screen reader's attention, politely. @param {string} text */
export function say(text) {
  const el = document.getElementById('said');
  if (el) el.textContent = text;
}
