// The page can be read without this. It adds what needs a program: moving between steps, consoles
// that follow, the search and the filters.
(() => {
  'use strict';

  const root = document.documentElement;
  const find = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const number = (element, key) => Number(element.dataset[key]);

  // ---- dark and light ----

  const stored = (value) => {
    try { // some browsers have no storage for files
      if (value !== undefined) localStorage.setItem('ntd-theme', value);
      return localStorage.getItem('ntd-theme');
    } catch { return null; }
  };
  const isDark = () => root.classList.contains('dark') ||
    (!root.classList.contains('light') && matchMedia('(prefers-color-scheme: dark)').matches);
  const setTheme = (theme) => {
    root.classList.remove('dark', 'light');
    root.classList.add(theme);
  };
  const nameTheme = () => { find('#theme').textContent = isDark() ? 'Light' : 'Dark'; };
  const switchTheme = () => {
    setTheme(isDark() ? 'light' : 'dark');
    stored(isDark() ? 'dark' : 'light');
    nameTheme();
  };

  root.classList.add('js');
  if (['dark', 'light'].includes(stored())) setTheme(stored());

  // ---- steps ----

  let steps = [];
  let current = null;
  let selectedTime = 0;

  const outerStep = (element) => element.parentElement.closest('.step');
  const rowOf = (step) => (step.tagName === 'DETAILS' ? step.firstElementChild : step);
  const isVisible = (step) => {
    if (step.hidden) return false;
    for (let outer = outerStep(step); outer; outer = outerStep(outer))
      if (outer.hidden || !outer.open) return false;
    return true;
  };
  const isFailure = (step) =>
    step.matches('.failed, .stuck') && !step.hidden && !find('.failed.step, .stuck.step', step);

  // Twice, because what has not been on the screen before has only an estimated height.
  const bringIntoView = (element, again = true) => {
    const box = element.getBoundingClientRect();
    if (box.top >= 60 && box.bottom <= innerHeight - 40) return;
    element.scrollIntoView({ block: 'center' });
    if (again) requestAnimationFrame(() => bringIntoView(element, false));
  };

  const markCurrent = (step) => {
    if (current) {
      current.classList.remove('current');
      rowOf(current).removeAttribute('aria-current');
    }
    current = step;
    step.classList.add('current');
    rowOf(step).setAttribute('aria-current', 'true');
    for (const bar of all('.lane a.current')) bar.classList.remove('current');
    find(`.lane a[href="#${step.id}"]`)?.classList.add('current');
    for (const line of all('.source li.current')) line.classList.remove('current');
    if (step.dataset.line) find('#L' + step.dataset.line)?.classList.add('current');
  };

  // Of a failed step, the end is what people want to see.
  const timeOf = (step) => number(step, step.matches('.failed, .stuck') ? 'end' : 'at');

  const select = (step, { move = true, address = true } = {}) => {
    for (let outer = outerStep(step); outer; outer = outerStep(outer)) {
      outer.hidden = false;
      outer.open = true;
    }
    step.hidden = false;
    markCurrent(step);
    if (move) {
      rowOf(step).focus({ preventScroll: true });
      bringIntoView(rowOf(step));
    }
    if (address) history.replaceState(null, '', '#' + step.id);
    const shown = find('.panel.shown');
    if (step.dataset.machine && shown && shown.dataset.machine !== undefined)
      showPanel(find('#console-' + step.dataset.machine));
    setTime(timeOf(step));
  };

  const move = (by, fits) => {
    let index = current ? steps.indexOf(current) : by > 0 ? -1 : steps.length;
    for (index += by; index >= 0 && index < steps.length; index += by)
      if (fits(steps[index])) return select(steps[index]);
  };

  // ---- time ----

  const cursor = document.createElement('div');
  cursor.className = 'cursor';

  const setTime = (time) => {
    selectedTime = time;
    const end = number(find('#timeline'), 'end');
    cursor.style.left = Math.min(100, time / end * 100) + '%';
    follow();
  };

  // ---- zoom of the time line ----

  let zoom = 1;

  const setZoom = (to) => {
    zoom = Math.min(64, Math.max(1, to));
    const lanes = find('.lanes');
    lanes.style.width = zoom * 100 + '%';
    const place = cursor.getBoundingClientRect().left - lanes.getBoundingClientRect().left;
    find('#timeline').scrollLeft = place - innerWidth / 2;
  };

  // ---- consoles ----

  // The index of the last element whose time is not later; 0 if all are.
  const lastUntil = (elements, time, timeOfOne) => {
    let low = 0;
    for (let high = elements.length; high - low > 1;) {
      const middle = (low + high) >> 1;
      if (timeOfOne(elements[middle]) <= time) low = middle; else high = middle;
    }
    return low;
  };

  // The innermost step at that time, of that machine or of none.
  const stepAt = (time, machine) => steps.filter((step) => !step.hidden &&
    number(step, 'at') <= time && number(step, 'end') >= time &&
    (step.dataset.machine ?? machine) === machine).at(-1);

  const goToConsoleTime = (element) => {
    const time = parseFloat(element.textContent);
    const step = stepAt(time, element.closest('.panel').dataset.machine);
    if (step) select(step);
    setTime(time);
  };

  // Shows the part of the console that belongs to the selected time.
  const follow = () => {
    const panel = find('.panel.shown');
    if (!panel) return;
    if (panel.id === 'script') {
      const line = find('li.current', panel) || find('li.failed', panel);
      if (line) showWithin(find('.source', panel), line);
      return;
    }
    const chunks = all('.chunk', panel);
    if (!chunks.length) return;
    const chunk = chunks[lastUntil(chunks, selectedTime, (each) => number(each, 'at'))];
    const times = all('b', chunk);
    const time = times[lastUntil(times, selectedTime + 0.0005, (each) => parseFloat(each.textContent))];
    for (const old of all('b.now', panel)) old.classList.remove('now');
    time.classList.add('now');
    showWithin(find('.console', panel), time);
  };

  const showWithin = (box, element, again = true) => {
    const offset = element.getBoundingClientRect().top - box.getBoundingClientRect().top;
    box.scrollTop += offset - box.clientHeight * 0.6;
    if (again) requestAnimationFrame(() => showWithin(box, element, false));
  };

  // ---- tabs ----

  let panels = [];
  const tabOf = (panel) => find(`[aria-controls="${panel.id}"]`);

  const showPanel = (panel) => {
    if (panel.matches('.shown')) return;
    for (const each of panels) {
      const shown = each === panel;
      each.classList.toggle('shown', shown);
      tabOf(each).setAttribute('aria-selected', shown);
      tabOf(each).tabIndex = shown ? 0 : -1;
    }
    const tabs = find('.tabs');
    tabs.scrollLeft = tabOf(panel).offsetLeft - tabs.offsetLeft - tabs.clientWidth / 3;
    follow();
  };

  const nextPanel = (by) => {
    const shown = panels.findIndex((panel) => panel.matches('.shown'));
    const panel = panels[(shown + by + panels.length) % panels.length];
    showPanel(panel);
    return tabOf(panel);
  };

  const makeTabs = () => {
    panels = all('.panel');
    const tabs = document.createElement('div');
    tabs.className = 'tabs';
    tabs.setAttribute('role', 'tablist');
    for (const panel of panels) {
      const tab = document.createElement('button');
      tab.type = 'button';
      const machine = panel.dataset.machine;
      const name = panel.firstElementChild.textContent;
      tab.append(machine === undefined ? 'Script' : name);
      if (machine !== undefined) {
        tab.className = `who m${machine % 8}`;
        tab.title = `Console of ${name}`;
      }
      tab.setAttribute('role', 'tab');
      tab.setAttribute('aria-controls', panel.id);
      tab.addEventListener('click', () => showPanel(panel));
      panel.setAttribute('role', 'tabpanel');
      panel.setAttribute('aria-label', tab.title || 'Script');
      panel.open = true;
      panel.lastElementChild.tabIndex = 0;
      tabs.append(tab);
    }
    tabs.addEventListener('keydown', (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) nextPanel(by).focus();
    });
    find('.side').prepend(tabs);
  };

  // ---- filters ----

  const filter = () => {
    const machine = find('#machine').value;
    const level = Number(find('#level').value);
    const needed = new Set(); // they contain a step that is shown
    for (const step of [...steps].reverse()) {
      const wanted = number(step, 'level') >= level &&
        (machine === '' || (step.dataset.machine ?? machine) === machine);
      step.hidden = !wanted && !needed.has(step);
      if (!step.hidden && outerStep(step)) needed.add(outerStep(step));
    }
    if (machine !== '' && find('.panel.shown')?.id !== 'script') showPanel(find('#console-' + machine));
    search();
  };

  const makeFilters = () => {
    for (const panel of panels.filter((each) => each.id !== 'script'))
      find('#machine').append(new Option(panel.firstElementChild.textContent, panel.dataset.machine));
    find('#machine').addEventListener('change', filter);
    find('#level').addEventListener('change', filter);
    filter();
  };

  // ---- search ----

  const mostHits = 2000;
  let hits = [];
  let hitIndex = -1;

  const textNodes = function* (element) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) yield walker.currentNode;
  };

  const findHits = (words) => {
    const found = [];
    for (const place of [find('#steps'), ...panels]) {
      for (const node of textNodes(place)) {
        const text = node.data.toLowerCase();
        for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + words.length)) {
          if (node.parentElement.closest('[hidden], .panel > summary')) break;
          if (found.push({ node, at, length: words.length }) >= mostHits) return found;
        }
      }
    }
    return found;
  };

  const rangeOf = ({ node, at, length }) => {
    const range = new Range();
    range.setStart(node, at);
    range.setEnd(node, Math.min(at + length, node.length));
    return range;
  };

  const highlight = (name, ranges) => {
    if (window.Highlight && CSS.highlights) CSS.highlights.set(name, new Highlight(...ranges));
  };

  const sayHits = () => {
    const most = hits.length >= mostHits ? mostHits + ' or more' : hits.length;
    find('#hits').textContent = !find('#search').value.trim() ? '' :
      !hits.length ? 'no hits' : hitIndex >= 0 ? `${hitIndex + 1} of ${most}` :
        hits.length === 1 ? '1 hit' : `${most} hits`;
    for (const button of ['#previous-hit', '#next-hit']) find(button).hidden = !hits.length;
  };

  const search = () => {
    const words = find('#search').value.trim().toLowerCase();
    hits = words ? findHits(words) : [];
    hitIndex = -1;
    highlight('hit', hits.map(rangeOf));
    highlight('this-hit', []);
    sayHits();
  };

  const goToHit = (by) => {
    if (!hits.length) return;
    hitIndex = (hitIndex + by + hits.length + (hitIndex < 0 && by < 0 ? 1 : 0)) % hits.length;
    const { node } = hits[hitIndex];
    const panel = node.parentElement.closest('.panel');
    const step = node.parentElement.closest('.step');
    if (step) {
      step.open = true;
      select(step, { move: false });
      bringIntoView(node.parentElement.closest('pre, .what') || step);
    } else if (panel) {
      showPanel(panel);
      const time = node.parentElement.tagName === 'B' ? node.parentElement : node.previousSibling;
      showWithin(panel.lastElementChild, time instanceof Element ? time : node.parentElement);
    }
    highlight('this-hit', [rangeOf(hits[hitIndex])]);
    sayHits();
  };

  const makeSearch = () => {
    const input = find('#search');
    let timer = 0;
    input.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(search, 150);
    });
    input.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') {
        clearTimeout(timer);
        if (hitIndex < 0) search();
        goToHit(event.shiftKey ? -1 : 1);
      } else if (event.key === 'Escape') {
        input.value = '';
        search();
        input.blur();
      }
    });
    find('#next-hit').addEventListener('click', () => goToHit(1));
    find('#previous-hit').addEventListener('click', () => goToHit(-1));
  };

  // ---- keys and links ----

  const keys = {
    j: () => move(1, isVisible),
    k: () => move(-1, isVisible),
    n: () => move(1, isFailure),
    p: () => move(-1, isFailure),
    o: () => { if (current?.tagName === 'DETAILS') current.open = !current.open; },
    c: () => nextPanel(1),
    d: switchTheme,
    g: () => scrollTo({ top: 0 }),
    '+': () => setZoom(zoom * 2),
    '-': () => setZoom(zoom / 2),
    '/': () => find('#search').select(),
    '?': () => find('#help').showModal(),
  };

  const onKey = (event) => {
    const typing = event.target.closest?.('input, select, textarea, dialog');
    if (typing || event.ctrlKey || event.altKey || event.metaKey || !(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  };

  // Follows a link within the page. Returns whether it did.
  const goTo = (anchor) => {
    const target = anchor && document.getElementById(anchor);
    if (!target) return false;
    if (target.matches('.step')) {
      if (target.tagName === 'DETAILS') target.open = true;
      select(target);
      return true;
    }
    const panel = target.closest('.panel');
    if (!panel) return false;
    history.replaceState(null, '', '#' + anchor);
    showPanel(panel);
    if (target.matches('li')) {
      for (const line of all('.source li.current')) line.classList.remove('current');
      target.classList.add('current');
      showWithin(find('.source', panel), target);
    }
    bringIntoView(find('.tabs'));
    return true;
  };

  const onClick = (event) => {
    const link = event.target.closest('a[href]');
    const href = link?.getAttribute('href');
    if (href?.startsWith('#') && !event.ctrlKey && !event.metaKey) {
      if (goTo(href.slice(1))) event.preventDefault();
      return;
    }
    if (event.target.matches('.inner > img')) event.target.classList.toggle('large');
    const copy = event.target.closest('[data-copy]');
    if (copy) copyText(copy, find('#' + copy.dataset.copy));
    const row = event.target.closest('.step > summary, div.step');
    if (row && !link) select(row.closest('.step'), { move: false });
    if (event.target.matches('.chunk b')) goToConsoleTime(event.target);
    const lane = event.target.closest('.lane');
    if (lane && !link) {
      const box = lane.getBoundingClientRect();
      setTime((event.clientX - box.left) / box.width * number(find('#timeline'), 'end'));
    }
  };

  const copyText = (button, element) => {
    getSelection().selectAllChildren(element);
    document.execCommand('copy'); // navigator.clipboard does not exist for files
    button.textContent = 'Copied';
    setTimeout(() => { button.textContent = 'Copy'; }, 1500);
  };

  addEventListener('DOMContentLoaded', () => {
    steps = all('.step');
    find('.over').append(cursor);
    nameTheme();
    makeTabs();
    const culprit = find('.culprit a[href^="#s"], .culprit a[href^="#e"]')?.getAttribute('href').slice(1);
    const first = (culprit && document.getElementById(culprit)) || steps.at(-1);
    showPanel(find('#console-' + (first?.dataset.machine ?? '0')) || panels[0]);
    makeFilters();
    makeSearch();
    if (first) select(first, { move: false, address: false });
    find('#theme').addEventListener('click', switchTheme);
    find('#show-help').addEventListener('click', keys['?']);
    addEventListener('keydown', onKey);
    addEventListener('click', onClick);
    addEventListener('hashchange', () => goTo(location.hash.slice(1)));
    goTo(location.hash.slice(1));
  });
})();
