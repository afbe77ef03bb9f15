// The search page: finds sections by all words of a question, in titles before headings before text.
"use strict";
(() => {
  const { pages, stopwords } = globalThis.bookSections;
  const WEIGHTS = { title: 14, heading: 8, prose: 1, code: 0.4, page: 0.5 };
  const MOST = 50; // results shown
  const AROUND = [70, 170]; // characters of an excerpt before and after what was found
  const WRITTEN_TOGETHER = "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}"; // words without blanks
  const WORDS = new RegExp(`[${WRITTEN_TOGETHER}]+|(?:(?![${WRITTEN_TOGETHER}])[\\p{L}\\p{N}])+`, "gu");
  const FUNCTION = /^\w+(\.\w+)+$/; // an anchor: what a word means comes before what code does about it
  const TOGETHER = new RegExp(`^[${WRITTEN_TOGETHER}]`, "u");

  const stemmer = typeof Stemmer === "undefined" ? null : new Stemmer();
  const stems = new Map();

  function stemOf(word) {
    if (!stems.has(word)) stems.set(word, stemmer ? stemmer.stemWord(word) : word);
    return stems.get(word);
  }

  const wordsOf = (text) => text.toLowerCase().match(WORDS) ?? [];

  /** Sections with the counts of their stems, of the pages that have been counted. */
  const counted = [];
  let next = 0;

  function countPage() {
    const { uri, title, sections: own } = pages[next++];
    const inTitle = countsOf(title);
    counted.push(...own.map(([anchor, heading, prose, code], i) => ({
      uri, title, anchor, heading, prose, code, first: i === 0,
      counts: { heading: countsOf(heading), prose: countsOf(prose), code: countsOf(code), page: inTitle },
      low: { heading: heading.toLowerCase(), prose: prose.toLowerCase(), code: code.toLowerCase(), page: title.toLowerCase() },
    })));
  }

  function sections() {
    while (next < pages.length) countPage();
    return counted;
  }

  /** Count page by page, so that the reader can type meanwhile. */
  function prepare(then) {
    if (next === pages.length) then();
    else {
      countPage();
      setTimeout(prepare, 0, then);
    }
  }

  function countsOf(text) {
    const counts = new Map();
    for (const word of wordsOf(text)) {
      const stem = stemOf(word);
      counts.set(stem, (counts.get(stem) ?? 0) + 1);
    }
    return counts;
  }

  /** What is looked for: a word with its stem and with the longer words that it begins, or a piece of Chinese. */
  function termsOf(query) {
    const words = [...new Set(wordsOf(query))];
    const meant = words.filter((word) => !stopwords.includes(word));
    return (meant.length ? meant : words).flatMap((word) => {
      if (!TOGETHER.test(word)) return [termOf(word)];
      const whole = { word, together: true };
      if ([...word].length < 3 || sections().some((section) => occurrences(section, whole))) return [whole];
      return [...word].slice(1).map((_, i) => ({ word: [...word].slice(i, i + 2).join(""), together: true }));
    });
  }

  function termOf(word) {
    sections(); // so that all words are known
    const begun = word.length < 3 ? [] : [...stems].filter(([known]) => known.startsWith(word)).map(([, stem]) => stem);
    return { word, stem: stemOf(word), begun: new Set(begun) };
  }

  /** How often a field of a section holds a term; words that only begin with it count half. */
  function count(section, field, { word, stem, begun, together }) {
    if (together) return section.low[field].split(word).length - 1;
    const counts = section.counts[field];
    let sum = counts.get(stem) ?? 0;
    for (const other of begun) if (other !== stem) sum += (counts.get(other) ?? 0) / 2;
    return sum;
  }

  /** What a term is worth in a section, 0 where it is not there. */
  function occurrences(section, term) {
    let sum = 0;
    for (const [field, weight] of Object.entries(WEIGHTS)) {
      if (field === "title" || (field === "page" && section.first)) continue;
      const found = count(section, field, term);
      if (found) sum += (field === "heading" && section.first ? WEIGHTS.title : weight) * (0.5 + Math.log2(1 + Math.min(found, 8)));
    }
    return sum;
  }

  /** What a heading is worth that says what is looked for and no more, but for what it says in another script:
   * most where it is written alike, less where only its stems are. */
  function nameWorth(heading, terms) {
    const together = Boolean(terms[0].together);
    const words = wordsOf(heading).filter((word) => TOGETHER.test(word) === together);
    if (words.length === 0 || words.length > terms.length) return 1;
    if (words.every((word) => terms.some((term) => term.word === word))) return 4;
    return !together && words.every((word) => terms.some((term) => term.stem === stemOf(word))) ? 2 : 1;
  }

  /** Sections for a question, the best first: those with all words, or with some where none has all. */
  function find(query) {
    const terms = termsOf(query);
    if (!terms.length) return { results: [], terms, all: true };
    const worth = terms.map((term) => sections().map((section) => occurrences(section, term)));
    const rarity = worth.map((column) => Math.log(1 + column.length / (1 + column.filter(Boolean).length)));
    const asked = query.toLowerCase().trim();
    const found = sections().map((section, i) => {
      const parts = worth.map((column, t) => column[i] * rarity[t]);
      const held = parts.filter(Boolean).length;
      const exact = nameWorth(section.heading, terms) * (FUNCTION.test(section.anchor) ? 0.5 : 1);
      const together = terms.length > 1 && (section.low.heading.includes(asked) || section.low.prose.includes(asked)) ? 1.5 : 1;
      return { section, held, score: parts.reduce((sum, part) => sum + part, 0) * exact * together };
    }).filter(({ held }) => held);
    const most = Math.max(0, ...found.map(({ held }) => held));
    const results = found.filter(({ held }) => held === most).sort((a, b) => b.score - a.score);
    return { results: results.map(({ section }) => section), terms, all: most === terms.length };
  }

  /** Where terms stand in a text: [from, to] of each. */
  function places(text, terms) {
    const found = [];
    const low = text.toLowerCase();
    for (const { word } of terms.filter(({ together }) => together)) {
      for (let at = low.indexOf(word); at >= 0; at = low.indexOf(word, at + word.length)) found.push([at, at + word.length]);
    }
    const others = terms.filter(({ together }) => !together);
    for (const match of others.length ? low.matchAll(WORDS) : []) {
      const stem = stemOf(match[0]);
      if (others.some((term) => term.stem === stem || term.begun.has(stem))) found.push([match.index, match.index + match[0].length]);
    }
    return found.sort((a, b) => a[0] - b[0]);
  }

  /** A piece of text with what was found in it marked. */
  function marked(element, text, terms, around) {
    const found = places(text, terms);
    let [from, to] = [0, text.length];
    if (around) {
      const first = found[0]?.[0] ?? 0;
      const blank = text.lastIndexOf(" ", first - AROUND[0]) + 1; // 0: where the text begins
      from = first < AROUND[0] ? 0 : first - blank <= 2 * AROUND[0] ? blank : first - AROUND[0];
      to = Math.min(text.length, first + AROUND[1]);
      if (to < text.length) to = Math.max(text.lastIndexOf(" ", to), first + AROUND[1] / 2);
    }
    let at = from;
    if (from > 0) element.append("… ");
    for (const [start, end] of found) {
      if (start < at || end > to) continue;
      const mark = document.createElement("mark");
      mark.textContent = text.slice(start, end);
      element.append(text.slice(at, start), mark);
      at = end;
    }
    element.append(text.slice(at, to), to < text.length ? " …" : "");
    return element;
  }

  function address(root, { uri, anchor, heading, prose, code }, terms) {
    const text = `${heading}\n${prose}\n${code}`;
    const words = [...new Set(places(text, terms).map(([from, to]) => text.slice(from, to).toLowerCase()))].slice(0, 8);
    const query = words.length ? `?found=${encodeURIComponent(words.join(" "))}` : "";
    return `${root}${uri}${query}${anchor ? `#${anchor}` : ""}`;
  }

  function item(root, section, terms) {
    const result = document.createElement("li");
    const link = marked(document.createElement("a"), section.heading, terms);
    link.href = address(root, section, terms);
    const head = document.createElement("p");
    head.className = "ranking-hit";
    head.append(link);
    if (!section.first) {
      const page = document.createElement("span");
      page.textContent = section.title;
      head.append(" ", page);
    }
    const inProse = places(section.prose, terms).length || !places(section.code, terms).length;
    const text = inProse ? section.prose : section.code;
    result.append(head);
    if (text) {
      const excerpt = marked(document.createElement(inProse ? "p" : "code"), text, terms, true);
      result.append(excerpt);
    }
    return result;
  }

  function told({ results, all }) {
    if (!results.length) return "Nothing found.";
    const number = results.length === 1 ? "1 section" : `${results.length} sections`;
    const which = all ? "" : " with some of these words; none has all";
    return `${number}${which}${results.length > MOST ? `, the first ${MOST} shown` : ""}`;
  }

  const list = document.getElementById("search-results");
  const field = document.querySelector(".ranking-search input");
  const status = document.querySelector(".ranking-count");

  function show() {
    const query = field.value.trim();
    const found = find(query);
    status.textContent = query ? told(found) : "";
    list.replaceChildren(...found.results.slice(0, MOST).map((section) => item(list.dataset.root, section, found.terms)));
  }

  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const query = field.value.trim();
      history.replaceState(null, "", query ? `?q=${encodeURIComponent(query)}` : location.pathname);
      show();
    }, 200);
  });
  field.form.addEventListener("submit", (event) => {
    event.preventDefault();
    show();
  });
  field.value = new URLSearchParams(location.search).get("q") ?? "";
  field.focus();
  prepare(() => field.value && show());

  globalThis.bookSearch = { find };
})();
