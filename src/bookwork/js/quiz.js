// A quiz: questions with radio buttons, each checked by its own button, so that walking through the options with
// arrow keys gives nothing away. Questions, explanations and answers come from the state.
import { fill, html } from "bookwork/dom";
import { createExplorer } from "bookwork/explorer";

const LETTERS = "ABCDEFGH";

/** How many questions there are, were answered right, and were so at the first try: as QuizExplorer.result. */
function result(questions, tries) {
  const answers = questions.map(({ id, options }) => (tries[id] ?? []).map((k) => options[k].right));
  return {
    questions: questions.length,
    right: answers.filter((of) => of.includes(true)).length,
    first_try: answers.filter((of) => of[0] === true).length,
  };
}

/** One question; set(chosen, tries) shows what was answered. */
function createQuestion({ id, text, options }, number, labels, { onChoose, onCheck }) {
  const name = `rx-quiz-${Math.random().toString(36).slice(2, 9)}`;
  const inputs = options.map((_, k) => html("input", { type: "radio", name, value: k }));
  const marks = options.map(() => html("span", { class: "rx-answer-mark" }));
  const answers = options.map((option, k) => {
    const letter = html("b", {}, `${LETTERS[k]}.`);
    return html("label", { class: "rx-answer" }, inputs[k], letter, html("span", {}, option.text, marks[k]));
  });
  const which = `: ${labels.question} ${number}`; // buttons of the same text, told apart by their names
  const check = html("button", { type: "button", class: "rx-check", "aria-label": labels.check + which }, labels.check);
  const feedback = html("output", { class: "rx-feedback", "aria-live": "polite" });
  const others = html("dl", { class: "rx-others" });
  const summary = html("summary", {}, labels.others, html("span", { class: "rx-hidden" }, which));
  const more = html("details", { class: "rx-data", hidden: "" }, summary, others);
  const legend = html("legend", {}, html("span", {}, `${number}.`), " ", text);
  const element = html("fieldset", { class: "rx-question rx-wide" }, legend, ...answers, check, feedback, more);
  inputs.forEach((input, k) => input.addEventListener("change", () => onChoose(id, k)));
  check.addEventListener("click", () => {
    const k = inputs.findIndex((input) => input.checked);
    if (k >= 0) onCheck(id, k);
    else feedback.replaceChildren(labels.choose_first);
  });

  const verdict = (k) => {
    const said = fill(options[k].right ? labels.right : labels.wrong, { letter: LETTERS[k] });
    return [html("strong", {}, `${options[k].right ? "✓" : "✗"} ${said}`), ` ${options[k].explanation}`];
  };
  let shown = "";
  function set(chosen, tries) {
    inputs.forEach((input, k) => { input.checked = k === chosen; });
    if (tries.length === 0) feedback.replaceChildren();
    if (shown === tries.join()) return; // a live region is to speak of a new answer, not of a new choice
    shown = tries.join();
    marks.forEach((mark, k) => {
      const said = options[k].right ? labels.mark_right : labels.mark_wrong;
      const sign = html("span", { "aria-hidden": "true" }, options[k].right ? " ✓" : " ✗");
      mark.replaceChildren(...(tries.includes(k) ? [sign, html("span", { class: "rx-hidden" }, `(${said})`)] : []));
      answers[k].classList.toggle("rx-found", tries.includes(k) && options[k].right);
    });
    const last = tries.at(-1);
    feedback.replaceChildren(...(last === undefined ? [] : verdict(last)));
    feedback.classList.toggle("rx-found", last !== undefined && options[last].right);
    const solved = tries.some((k) => options[k].right);
    more.hidden = !solved;
    if (!solved) more.open = false;
    const rest = options.map((_, k) => k).filter((k) => solved && k !== last);
    const why = (k) => [html("dt", {}, `${LETTERS[k]}. ${options[k].text}`), html("dd", {}, options[k].explanation)];
    others.replaceChildren(...rest.flatMap(why));
  }
  return { id, element, set };
}

function render({ model, el }) {
  const labels = model.get("labels");
  const questions = model.get("questions");
  const explorer = createExplorer({ model, el, labels, settings: ["chosen", "tries"], draw });

  const put = (trait, id, value) => {
    model.set(trait, { ...model.get(trait), [id]: value });
    model.save_changes();
  };
  const onChoose = (id, k) => put("chosen", id, k);
  const onCheck = (id, k) => {
    const before = model.get("tries")[id] ?? [];
    if (before.at(-1) !== k) put("tries", id, [...before, k]); // the same answer again is no new try
  };
  const shown = questions.map((question, i) => createQuestion(question, i + 1, labels, { onChoose, onCheck }));
  el.querySelector(".rx-controls").append(html("p", { class: "rx-how" }, labels.how));
  el.querySelector(".rx-panels").append(...shown.map(({ element }) => element));
  explorer.addReset();

  let said = null;
  function draw() {
    const [chosen, tries] = [model.get("chosen"), model.get("tries")];
    for (const { id, set } of shown) set(chosen[id], tries[id] ?? []);
    const score = result(questions, tries);
    const template = Object.values(tries).every((of) => of.length === 0) ? labels.sentence_none : labels.sentence;
    if (said === fill(template, score)) return;
    said = fill(template, score);
    explorer.say(template, score);
  }
  return explorer.start();
}

export default { render, formulas: { result } };
