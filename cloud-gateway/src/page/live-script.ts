/**
 * The page's script. Each second the gateway sends what now stands in `<main>`; only texts and attributes that differ are
 * changed, so that scrolling, focus, what is selected and open sections stay. Says so when the gateway is gone.
 */
export const LIVE_SCRIPT = `
const main = document.querySelector('main');
const state = main.parentNode.insertBefore(document.createElement('p'), main);
state.setAttribute('role', 'status');
state.style.cssText = 'position:sticky;top:0;margin:0;padding:.25rem 1rem;background:var(--band);z-index:1';
const say = (text) => { if (state.textContent !== text) state.textContent = text; };
const update = (to, from) => {
  if (to.nodeType !== from.nodeType || to.nodeName !== from.nodeName) return to.replaceWith(from.cloneNode(true));
  if (to.nodeType !== 1) { if (to.data !== from.data) to.data = from.data; return; }
  for (const { name, value } of from.attributes) if (to.getAttribute(name) !== value) to.setAttribute(name, value);
  for (const { name } of [...to.attributes]) if (!from.hasAttribute(name)) to.removeAttribute(name);
  while (to.childNodes.length > from.childNodes.length) to.lastChild.remove();
  from.childNodes.forEach((child, i) => to.childNodes[i] ? update(to.childNodes[i], child) : to.append(child.cloneNode(true)));
};
const next = document.createElement('main');
const source = new EventSource('live');
source.onopen = () => say('Live');
source.onerror = () => say('The gateway does not answer; trying again. What stands below is old.');
source.onmessage = ({ data }) => { next.innerHTML = JSON.parse(data); update(main, next); };
`;
